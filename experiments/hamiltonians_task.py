"""Data, model, loss and errors of Hamiltonians of water."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from scipy.spatial.transform import Rotation

from symjax_models.data import kohn_sham, orbital_energies, water_hamiltonians
from symjax_models.data.atomic_orbitals import OrbitalLayout
from symjax_models.data.structures import Structures
from symjax_models.models import registry
from symjax_models.ops import graph, message_passing
from symjax_models.typing import Array, PRNGKey, PyTree

_EVAL_BATCH = 50
# What `generate_water` returns.
_NUMBERS = np.array([8, 1, 1])
Split = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Problem:
    """Everything that training and test need.

    Attributes:
        network: The model.
        numbers: Atomic numbers of the molecule, `[N]`.
        layout: Its orbitals, in the order of PySCF.
        shift: What is taken off the Hamiltonians, `[B, B]`; see `invariant_mean`.
        train: `positions` `[F, N, 3]` in angstrom and `targets` `[F, B, B]`, hartree, between
            orbitals in this library's order, both float32.
        valid: The same for the choice of the parameters.
        test: `positions`, and `hamiltonians` and `overlaps` `[F, B, B]` as PySCF gives them.
    """

    network: registry.Model
    numbers: np.ndarray
    layout: OrbitalLayout
    shift: np.ndarray
    train: Split
    valid: Split
    test: Split


def make_problem(config: ml_collections.ConfigDict) -> Problem:
    """Generate or load the frames of a config, split them at random, build the model.

    Generating takes long, and nothing is checked here: call `check_model` first.
    """
    data = config.data
    counts = [data.num_train, data.num_valid, data.num_test]
    frames = water_hamiltonians.generate_water(num_frames=sum(counts), seed=data.seed)
    parts = np.split(np.random.default_rng(data.seed).permutation(sum(counts)), np.cumsum(counts))
    numbers = frames.numbers[: frames.num_atoms[0]]
    layout = kohn_sham.orbital_layout(numbers, basis=water_hamiltonians.BASIS)
    change = layout.from_harmonics()
    hamiltonians = change.T @ frames.properties["hamiltonians"] @ change
    shift = invariant_mean(hamiltonians[parts[0]], layout, numbers)
    positions = frames.positions.reshape(len(frames), -1, 3)
    train, valid = (
        {
            "positions": positions[part].astype(np.float32),
            "targets": (hamiltonians[part] - shift).astype(np.float32),
        }
        for part in parts[:2]
    )
    return Problem(
        network=make_model(config, layout, numbers),
        numbers=numbers,
        layout=layout,
        shift=shift,
        train=train,
        valid=valid,
        test=_test_split(frames, positions, parts[2]),
    )


def make_model(
    config: ml_collections.ConfigDict, layout: OrbitalLayout, numbers: np.ndarray
) -> registry.Model:
    """Build the model of a config for a molecule."""
    fields = {
        "atoms": tuple(int(number) for number in numbers),
        "orbitals": tuple(layout.irreps(atom) for atom in range(len(numbers))),
    }
    return registry.make_model(config.row, fields | dict(config.model))


def check_model(config: ml_collections.ConfigDict) -> None:
    """Check that a config has frames for every split and a model that can be built for water.

    Nothing is generated or compiled: the parameters are only traced.

    Raises:
        ValueError: If a split is empty, or a field of the model is unknown or does not fit.
        ImportError: If pyscf is not installed.
    """
    data = config.data
    counts = [data.num_train, data.num_valid, data.num_test]
    if min(counts) < 1:
        raise ValueError(f"data.num_train, num_valid and num_test are at least 1, got {counts}")
    layout = kohn_sham.orbital_layout(_NUMBERS, basis=water_hamiltonians.BASIS)
    init = functools.partial(_init, make_model(config, layout, _NUMBERS))
    positions = jax.ShapeDtypeStruct((1, len(_NUMBERS), 3), np.float32)
    jax.eval_shape(init, jax.random.key(0), positions)


def invariant_mean(
    hamiltonians: np.ndarray, layout: OrbitalLayout, numbers: np.ndarray
) -> np.ndarray:
    """Average Hamiltonians over configurations, rotations and permutations of equal atoms.

    By Schur's lemma the block between two shells of degree l becomes `trace / (2 l + 1)` times the
    identity, and one of unequal degrees zero. What is left, the same matrix however the molecule is
    turned, may be taken off labels and added to predictions of an equivariant model.

    Args:
        hamiltonians: `[F, B, B]`, between orbitals m = -l..l in one order for all shells.
        layout: The orbitals.
        numbers: Atomic numbers, `[N]`.

    Returns:
        `[B, B]`.
    """
    shells, start = [], 0
    ranks: dict[tuple[int, int], int] = {}
    for atom, degree in layout.shells:
        rank = ranks[atom, degree] = ranks.get((atom, degree), -1) + 1
        shells.append((slice(start, start + 2 * degree + 1), atom, degree, rank))
        start += 2 * degree + 1
    mean = hamiltonians.mean(axis=0)
    found: dict[tuple[object, ...], list[tuple[slice, slice]]] = {}
    for rows, atom, degree, rank in shells:
        for columns, other, degree2, rank2 in shells:
            if degree == degree2:
                key = (numbers[atom], rank, numbers[other], rank2, degree, atom == other)
                found.setdefault(key, []).append((rows, columns))
    result = np.zeros_like(mean)
    for places in found.values():
        value = np.mean([np.trace(mean[place]) / len(mean[place]) for place in places])
        for place in places:
            result[place] = value * np.eye(len(mean[place]))
    return result


def predict(network: registry.Model, params: PyTree, positions: Array) -> Array:
    """Evaluate the model on configurations `[F, N, 3]`, angstrom: `[F, B, B]` without the shift."""
    return network.apply(params, _make_graph(positions))


def init_params(problem: Problem, key: PRNGKey) -> PyTree:
    """Draw the parameters."""
    return _init(problem.network, key, jnp.asarray(problem.train["positions"][:1]))


def make_loss(network: registry.Model) -> Callable[[PyTree, PyTree, PRNGKey | None], Array]:
    """Make the published loss: mean square plus mean absolute error of all entries, hartree."""

    def loss(params: PyTree, batch: PyTree, _: PRNGKey | None) -> Array:
        errors = predict(network, params, batch["positions"]) - batch["targets"]
        return jnp.mean(jnp.square(errors) + jnp.abs(errors), axis=(1, 2))

    return loss


def measure(problem: Problem, params: PyTree) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Measure the errors of trained parameters on the test split.

    Returns:
        `hamiltonian_mae` and `energy_mae` of occupied orbitals (1e-6 hartree), `similarity` of
        their coefficients (percent), standard errors `.._se` over frames, the largest relative
        `equivariance_error` under a rotation and a reflection; and the arrays that figures need.
    """
    positions = problem.test["positions"].astype(np.float32)
    evaluate = jax.jit(predict, static_argnums=0)
    size = min(_EVAL_BATCH, len(positions))
    rows = np.arange(-(-len(positions) // size) * size) % len(positions)
    found = np.concatenate(
        [evaluate(problem.network, params, positions[some]) for some in rows.reshape(-1, size)]
    )[: len(positions)]
    change = problem.layout.from_harmonics()
    predicted = change @ (found + problem.shift) @ change.T
    hamiltonians, overlaps = problem.test["hamiltonians"], problem.test["overlaps"]
    occupied = int(problem.numbers.sum()) // 2
    errors = orbital_energies.compare_hamiltonians(
        predicted, hamiltonians, overlaps, num_occupied=occupied
    )
    metrics = {}
    for name, values, factor in (
        ("hamiltonian_mae", errors.hamiltonian, 1e6),
        ("energy_mae", errors.energy, 1e6),
        ("similarity", errors.similarity, 1e2),
    ):
        metrics[name] = float(factor * values.mean())
        metrics[f"{name}_se"] = float(factor * values.std() / np.sqrt(len(values)))

    turn = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
    differences = []
    for g in (turn, -turn):
        matrix = change.T @ problem.layout.rotation(g) @ change
        turned = positions[:size] @ g.T.astype(np.float32)
        expected = matrix @ found[:size] @ matrix.T
        difference = np.abs(evaluate(problem.network, params, turned) - expected).max()
        differences.append(difference / np.abs(expected).max())
    metrics["equivariance_error"] = float(max(differences))
    energies = [
        orbital_energies.solve_orbitals(h, overlaps)[0][:, :occupied]
        for h in (predicted, hamiltonians)
    ]
    return metrics, {
        "entry_errors": 1e6 * np.abs(predicted - hamiltonians).mean(axis=0),
        "energies": energies[0],
        "reference_energies": energies[1],
        "numbers": problem.numbers,
        "shells": np.array(problem.layout.shells),
    }


def _init(network: registry.Model, key: PRNGKey, positions: Array) -> PyTree:
    return network.init(key, _make_graph(positions))


def _make_graph(positions: Array) -> graph.Graph:
    complete = graph.complete({"positions": positions})
    displacements = message_passing.displacements(complete, positions)
    return complete.replace(edges={"displacements": displacements})


def _test_split(frames: Structures, positions: np.ndarray, part: np.ndarray) -> Split:
    names = ("hamiltonians", "overlaps")
    return {"positions": positions[part]} | {name: frames.properties[name][part] for name in names}
