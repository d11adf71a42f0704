"""What the benchmarks of potentials share: sizes, frames, our side, and what a side must pass."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax_models
from symjax_models.data import structure_graphs
from symjax_models.data.structures import Structures
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.training import energy_force_loss
from symjax_models.typing import Array, PyTree

ENERGY_WEIGHT, FORCE_WEIGHT = 1.0, 100.0
_NOISE = 0.05  # angstrom; what is computed does not change the time of a step
_SHIFT, _STEP = 2.0, 1e-2  # angstrom
_TOLERANCE = 1e-2  # relative; finite differences of energies in float32 give no more digits

# Maps positions [N, 3] of one molecule to its energy and forces.
Evaluate = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Case:
    """Sizes of a MACE, and of a batch.

    Attributes:
        num_channels: Copies of every irrep.
        max_degree: Highest degree of harmonics and messages.
        correlation: Highest number of factors in a message.
        batch_size: Molecules per step.
        hidden_degree: Highest degree of features between layers.
        num_layers: Layers.
        num_radial: Radial functions.
        cutoff: Angstrom.
    """

    num_channels: int = 64
    max_degree: int = 2
    correlation: int = 3
    batch_size: int = 5
    hidden_degree: int = 1
    num_layers: int = 2
    num_radial: int = 8
    cutoff: float = 5.0


@dataclasses.dataclass(frozen=True, eq=False)
class Frames:
    """Displaced copies of a molecule with random labels.

    Attributes:
        molecule: The molecule, as `ase.Atoms`.
        positions: `[B, N, 3]`, angstrom.
        energies: `[B]`, eV.
        forces: `[B, N, 3]`, eV/angstrom.
        num_edges: Most pairs within the cutoff that a frame has.
    """

    molecule: Any
    positions: np.ndarray
    energies: np.ndarray
    forces: np.ndarray
    num_edges: int

    @property
    def species(self) -> tuple[int, ...]:
        """The atomic numbers that occur."""
        return tuple(np.unique(self.molecule.numbers).tolist())

    @property
    def slots(self) -> tuple[int, int]:
        """Slots of a batch for nodes and edges, of which one node is padding, as peers ask for."""
        return self.positions[..., 0].size + 1, self.num_edges * len(self.energies)


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
    """A potential of somebody, with a batch of frames in its own form.

    Attributes:
        name: Its name and version.
        params: Parameters.
        batch: All frames.
        loss: Maps parameters and a batch to the loss.
        evaluate: Energy and forces of one molecule.
    """

    name: str
    params: PyTree
    batch: PyTree
    loss: Callable[[PyTree, PyTree], Array]
    evaluate: Evaluate

    @property
    def num_params(self) -> int:
        """Number of parameters."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.params))


def make_frames(case: Case) -> Frames:
    """Make the frames of a case: of ethanol, which ASE knows.

    Args:
        case: The sizes.

    Returns:
        The frames.

    Raises:
        ImportError: If ASE is missing.
    """
    try:
        from ase.build import molecule
    except ImportError as error:
        raise ImportError("benchmarks of potentials need ASE: pip install .[molecules]") from error
    ethanol, rng = molecule("CH3CH2OH"), np.random.default_rng(0)
    shape = case.batch_size, len(ethanol), 3
    positions = ethanol.positions + _NOISE * rng.normal(size=shape)
    distances = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    pairs = np.sum((distances < case.cutoff) & (distances > 0), axis=(1, 2))
    return Frames(
        molecule=ethanol,
        positions=positions,
        energies=rng.normal(size=case.batch_size),
        forces=rng.normal(size=shape),
        num_edges=int(pairs.max()),
    )


def make_ours(case: Case, frames: Frames) -> Side:
    """Build our MACE.

    Args:
        case: The sizes.
        frames: The frames.

    Returns:
        Our side.
    """
    potential = make_saved(case, frames).potential
    nodes, edges = frames.slots
    store = structure_graphs.make_store(
        Structures(
            numbers=np.tile(frames.molecule.numbers, len(frames.energies)),
            positions=frames.positions.reshape(-1, 3),
            num_atoms=np.full(len(frames.energies), len(frames.molecule)),
            energies=frames.energies,
            forces=frames.forces.reshape(-1, 3),
        ),
        cutoff=case.cutoff,
    )
    batch = structure_graphs.gather_batch(
        store, jnp.arange(len(frames.energies)), num_nodes=nodes, num_edges=edges
    )
    params = potential.init(jax.random.key(0), batch[0])
    weights = energy_force_loss.LossWeights(energy=ENERGY_WEIGHT, forces=FORCE_WEIGHT)

    def loss(params: PyTree, batch: PyTree) -> Array:
        graph, labels = batch
        prediction = potential.predict(params, graph)
        return jnp.mean(
            energy_force_loss.energy_force_loss(prediction, graph, labels, weights=weights)
        )

    from symjax_models.dynamics.calculator import PotentialCalculator

    saved = make_saved(case, frames, params=params)
    name = f"symjax_models {symjax_models.__version__}"
    evaluate = evaluate_by(PotentialCalculator(saved), frames)
    return Side(name, params, batch, loss, evaluate)


def make_saved(
    case: Case, frames: Frames, *, params: PyTree = None, scale: float = 1.0
) -> SavedPotential:
    """Put our MACE into the form in which potentials are stored.

    Args:
        case: The sizes.
        frames: Whose species it knows.
        params: Parameters.
        scale: Multiplies energies.

    Returns:
        The potential.
    """
    count = len(frames.species)
    names = (
        "num_channels", "max_degree", "hidden_degree", "correlation", "num_layers", "num_radial",
        "cutoff",
    )  # fmt: skip
    return SavedPotential(
        model="mace",
        hyperparameters={
            "species": list(frames.species),
            "num_neighbours": float(num_neighbours(frames)),
            **{name: getattr(case, name) for name in names},
        },
        scale=(scale,) * count,
        shift=(0.0,) * count,
        reference_energies=(0.0,) * count,
        cutoff=case.cutoff,
        params=params,
        provenance={},
    )


def num_neighbours(frames: Frames) -> float:
    """Return how many neighbours an atom has at most on average."""
    return frames.num_edges / len(frames.molecule)


def evaluate_by(calculator: Any, frames: Frames) -> Evaluate:
    """Let an ASE calculator give energy and forces of the molecule."""
    atoms = frames.molecule.copy()
    atoms.calc = calculator

    def evaluate(positions: np.ndarray) -> tuple[float, np.ndarray]:
        atoms.positions = positions
        return float(atoms.get_potential_energy()), np.asarray(atoms.get_forces(), np.float64)

    return evaluate


def check_potential(name: str, evaluate: Evaluate, positions: np.ndarray) -> None:
    """Check that energies are invariant, that forces turn and are derivatives, and are not zero.

    Parameters cannot be carried from one library to another, so this is what all have in common.

    Args:
        name: Of the side.
        evaluate: Its energy and forces.
        positions: Of the molecule, `[N, 3]`.

    Raises:
        ValueError: If one of them is not so: the time of that side means nothing.
    """
    rng = np.random.default_rng(1)
    turn = -np.linalg.qr(rng.normal(size=(3, 3)))[0]
    direction = rng.normal(size=positions.shape)
    direction /= np.linalg.norm(direction)
    energy, forces = evaluate(positions)
    turned, turned_forces = evaluate(positions @ turn.T + _SHIFT)
    ahead, behind = (evaluate(positions + sign * _STEP * direction)[0] for sign in (1, -1))
    size = float(np.linalg.norm(forces))
    errors = {
        "its energy is not invariant": abs(turned - energy) / _STEP,
        "its forces do not turn with the molecule": np.linalg.norm(turned_forces - forces @ turn.T),
        "its forces are not the derivative of its energy": abs(
            (ahead - behind) / (2 * _STEP) + np.sum(forces * direction)
        ),
    }
    for fault, error in errors.items():
        if not error <= _TOLERANCE * size or size == 0:
            raise ValueError(
                f"{name}: {fault} (error {error:.2g} eV/A of forces {size:.2g} eV/A), so its time "
                "means nothing"
            )
