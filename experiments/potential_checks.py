"""Checks of the physics of a trained potential, in one table."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.data.structures import Structures
from symjax_models.dynamics import Settings, System, Trajectory, observables, simulate
from symjax_models.dynamics.calculator import make_graph
from symjax_models.dynamics.skin import SkinList
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.progress import ProgressLine

_SAMPLES, _STEP = 5, 1e-4


@dataclasses.dataclass(frozen=True)
class Check:
    """One measured number and what it may be.

    Attributes:
        name: What was measured.
        value: The number.
        limit: What it must stay below.
        unit: Of both; empty for relative errors.
    """

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def is_passed(self) -> bool:
        """Whether the number is finite and below the limit."""
        return bool(self.value < self.limit)

    def describe(self) -> str:
        """Write one line."""
        verdict = "ok  " if self.is_passed else "FAIL"
        return f"{verdict}  {self.name}: {self.value:.1e} (below {self.limit:.0e}) {self.unit}"


def run_checks(
    saved: SavedPotential,
    structures: Structures,
    *,
    picoseconds: float = 2.0,
    timestep: float = 0.5,
    temperature: float = 300.0,
    seed: int = 0,
) -> list[Check]:
    """Check symmetry, derivatives, smoothness and conservation of energy.

    Args:
        saved: The potential.
        structures: The first configuration is used.
        picoseconds: Of dynamics at constant energy.
        timestep: fs.
        temperature: Of the velocities at the start, kelvin.
        seed: Of all random draws.

    Returns:
        The checks.
    """
    rng = np.random.default_rng(seed)
    frame = structures.frame(0)
    checks = []
    for dtype, limit in ((np.float32, 1e-4), (np.float64, 1e-10)):
        with jax.enable_x64(True):
            energies_and_forces = _evaluator(saved, frame, dtype)
            checks.append(
                Check(
                    f"energy and forces under E(3) and permutations, {np.dtype(dtype).name}",
                    _symmetry_error(energies_and_forces, frame, rng),
                    limit,
                )
            )
    with jax.enable_x64(True):
        energies_and_forces = _evaluator(saved, frame, np.float64)
        checks += [
            Check(
                "forces against finite differences, float64",
                _finite_difference_error(energies_and_forces, frame["positions"], rng),
                1e-6,
            ),
            Check(
                "jump of the second derivative of the energy at the cutoff",
                _jump_at_the_cutoff(saved, int(frame["numbers"][0])),
                1e-3,
                "of its largest value",
            ),
        ]
    checks.append(_conservation(saved, frame, picoseconds, timestep, temperature, seed))
    return checks


def system_of(frame: dict[str, np.ndarray]) -> System:
    """Make what `dynamics.simulate` moves from one configuration of `Structures.frame`."""
    from ase.data import atomic_masses

    return System(
        numbers=frame["numbers"],
        masses=atomic_masses[frame["numbers"]],
        positions=frame["positions"],
        cell=frame.get("cell"),
        pbc=frame.get("pbc"),
    )


def move(
    saved: SavedPotential,
    frame: dict[str, np.ndarray],
    settings: Settings,
    *,
    report: Callable[[str], None] | None = None,
) -> Trajectory:
    """Run dynamics from one configuration of `Structures.frame`, with a progress line."""
    line = ProgressLine("dynamics", total=settings.num_steps, unit="steps", report=report)
    done = 0

    def count(step: int) -> None:
        nonlocal done
        line.advance(step - done)
        done = step

    trajectory = simulate(saved, system_of(frame), settings, report=count)
    line.finish()
    return trajectory


_Evaluate = Callable[..., tuple[float, np.ndarray, float]]


def _evaluator(saved: SavedPotential, frame: dict[str, np.ndarray], dtype: type) -> _Evaluate:
    """Return a function to the energy, the forces and the size of the energies of atoms.

    It takes positions, the order of the atoms, and how the cell is rotated.
    """
    lists = SkinList(cutoff=saved.cutoff)
    potential = saved.potential
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), saved.params)
    predict = jax.jit(potential.predict)
    cell, pbc = frame.get("cell"), frame.get("pbc")

    def evaluate(positions: np.ndarray, order: np.ndarray | None = None, rotation=None):
        turned = cell if cell is None or rotation is None else cell @ rotation.T
        numbers = frame["numbers"] if order is None else frame["numbers"][order]
        edges = lists.edges(positions, cell=turned, pbc=pbc)
        graph = make_graph(numbers, positions, edges, cell=turned, dtype=dtype)
        predicted = jax.device_get(predict(params, graph))
        size = float(np.abs(predicted.site_energies).sum())
        return float(predicted.energies[0]), np.asarray(predicted.forces, np.float64), size

    return evaluate


def _symmetry_error(evaluate, frame: dict[str, np.ndarray], rng: np.random.Generator) -> float:
    positions = frame["positions"]
    # Contributions of atoms may cancel, and their rounding does not.
    energy, forces, size = evaluate(positions)
    scale_energy, scale_forces = size + 1e-3, np.abs(forces).max() + 1e-3
    worst = 0.0
    for index in range(_SAMPLES):
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        if index % 2:
            rotation = -rotation
        order = rng.permutation(len(positions))
        moved = (positions @ rotation.T + rng.normal(size=3))[order]
        found_energy, found_forces, _ = evaluate(moved, order, rotation)
        worst = max(
            worst,
            abs(found_energy - energy) / scale_energy,
            np.abs(found_forces - (forces @ rotation.T)[order]).max() / scale_forces,
        )
    return float(worst)


def _finite_difference_error(evaluate, positions: np.ndarray, rng: np.random.Generator) -> float:
    _, forces, _ = evaluate(positions)
    worst = 0.0
    for _ in range(_SAMPLES):
        along = rng.normal(size=positions.shape)
        along /= np.linalg.norm(along)
        # The fourth order rule: its error is far below that of rounding.
        values = {k: evaluate(positions + k * _STEP * along)[0] for k in (-2, -1, 1, 2)}
        slope = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * _STEP)
        worst = max(worst, abs(slope + np.vdot(forces, along)))
    return float(worst / (np.abs(forces).max() + 1e-3))


def _jump_at_the_cutoff(saved: SavedPotential, number: int) -> float:
    """Return the jump of E'' of two atoms at the cutoff, over its largest value within it."""
    frame = {"numbers": np.array([number, number])}
    lists = SkinList(cutoff=saved.cutoff, skin=1.0)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, np.float64), saved.params)
    edges = lists.edges(np.array([[0.0, 0, 0], [0, 0, saved.cutoff]]))

    def energy(distance):
        positions = jnp.array([[0.0, 0, 0], [0, 0, 0]]).at[1, 2].set(distance)
        graph = make_graph(frame["numbers"], np.zeros((2, 3)), edges, cell=None, dtype=np.float64)
        graph = graph.replace(nodes=graph.nodes | {"positions": positions})
        return saved.potential.predict(params, graph).energies[0]

    curvature = jax.jit(jax.vmap(jax.grad(jax.grad(energy))))
    inside = np.asarray(curvature(jnp.linspace(0.6, 1, 60) * saved.cutoff))
    beside = np.asarray(curvature(saved.cutoff * (1 + jnp.array([-1e-7, 1e-7]))))
    return float(np.abs(beside[1] - beside[0]) / max(np.abs(inside).max(), 1e-9))


def _conservation(
    saved: SavedPotential,
    frame: dict[str, np.ndarray],
    picoseconds: float,
    timestep: float,
    temperature: float,
    seed: int,
) -> Check:
    steps = max(20, round(1000 * picoseconds / timestep) // 20 * 20)
    settings = Settings(
        timestep=timestep, num_steps=steps, sample_every=20, temperature=temperature, seed=seed
    )
    try:
        drift = observables.energy_drift(move(saved, frame, settings))
    except FloatingPointError:
        drift = np.inf  # it blew up
    return Check(
        f"drift of the energy in {steps * timestep / 1000:g} ps", 1000 * abs(drift), 0.1,
        "meV/atom/ps",
    )  # fmt: skip
