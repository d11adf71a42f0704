"""Molecular dynamics of a trained potential, compiled as a whole."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.dynamics.integrators import (
    BOLTZMANN,
    FEMTOSECOND,
    MDState,
    kinetic_energy,
    langevin,
    thermal_velocities,
    velocity_verlet,
)
from symjax_models.dynamics.skin import Edges, SkinList
from symjax_models.models.potential import Potential
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.models.species import check_species
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array, PRNGKey, PyTree

_BLOWN_UP = 1.0  # angstrom in one step, which no sensible time step allows


@dataclasses.dataclass(frozen=True)
class System:
    """What moves.

    Attributes:
        numbers: Atomic numbers, `[N]`.
        masses: `[N]`, u.
        positions: Of the start, `[N, 3]`, angstrom.
        velocities: Of the start, `[N, 3]`, angstrom/fs; drawn at the temperature if None.
        cell: Lattice vectors as rows, `[3, 3]`; None for molecules.
        pbc: Whether each of them is periodic, `[3]`.
    """

    numbers: np.ndarray
    masses: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray | None = None
    cell: np.ndarray | None = None
    pbc: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """How it moves.

    Attributes:
        timestep: fs.
        num_steps: Steps; a multiple of `sample_every`.
        sample_every: Steps between stored configurations.
        temperature: Of the start, and of the heat bath if there is one, kelvin.
        friction: Of the heat bath, 1/ps; None for dynamics at constant energy.
        skin: Of the neighbour list, angstrom.
        seed: Of velocities and noise.
    """

    timestep: float = 0.5
    num_steps: int = 1000
    sample_every: int = 10
    temperature: float = 300.0
    friction: float | None = None
    skin: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: If a number is out of its range.
        """
        for name in ("timestep", "num_steps", "sample_every", "skin"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.num_steps % self.sample_every:
            nearest = max(1, round(self.num_steps / self.sample_every)) * self.sample_every
            raise ValueError(
                f"num_steps must be a multiple of sample_every ({self.sample_every}), got "
                f"{self.num_steps}; the nearest is {nearest}"
            )
        if self.temperature < 0 or (self.friction is not None and self.friction <= 0):
            raise ValueError(
                "expected a temperature that is not negative and a positive friction or None, got "
                f"{self.temperature} and {self.friction}"
            )


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What a simulation gave, at its start and every `sample_every` steps.

    Attributes:
        times: `[T]`, fs.
        positions: `[T, N, 3]`, angstrom.
        velocities: `[T, N, 3]`, angstrom/fs.
        potential: Potential energy with that of free atoms, `[T]`, eV.
        kinetic: Kinetic energy, `[T]`, eV.
        masses: `[N]`, u.
        num_lists: Neighbour lists that were made.
    """

    times: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    potential: np.ndarray
    kinetic: np.ndarray
    masses: np.ndarray
    num_lists: int

    @property
    def temperature(self) -> np.ndarray:
        """Kinetic temperature of all but the motion of the whole, `[T]`, kelvin."""
        momenta = np.einsum("n,tnd->td", self.masses, self.velocities) / FEMTOSECOND
        of_whole = np.sum(np.square(momenta), axis=1) / (2 * self.masses.sum())
        count = self.positions.shape[1]
        return 2 * (self.kinetic - of_whole) / (max(1, 3 * count - 3) * BOLTZMANN)


def simulate(
    saved: SavedPotential,
    system: System,
    settings: Settings,
    *,
    report: Callable[[int], None] = lambda _: None,
) -> Trajectory:
    """Run molecular dynamics.

    Positions, velocities and sums are in double precision, the network in that of its parameters.
    Neighbours are listed with a skin; steps in which an atom has left it are done again with a new
    list, so a trajectory does not depend on when lists were made.

    Args:
        saved: The potential.
        system: The configuration of the start.
        settings: Time step, length and heat bath.
        report: Called with the number of steps done, after every stored configuration.

    Returns:
        The trajectory.

    Raises:
        ValueError: If there are atoms that the potential does not know, or the skin is too small
            for the time step.
        FloatingPointError: If the dynamics blows up; says at which step.
    """
    check_species(system.numbers, saved.species)
    with jax.enable_x64(True):
        return _simulate(saved, system, settings, report)


def _simulate(
    saved: SavedPotential, system: System, settings: Settings, report: Callable[[int], None]
) -> Trajectory:
    masses = jnp.asarray(system.masses, float)
    key, velocity_key = jax.random.split(jax.random.key(settings.seed))
    if system.velocities is None:
        velocities = thermal_velocities(velocity_key, masses, temperature=settings.temperature)
    else:
        velocities = jnp.asarray(system.velocities, float) / FEMTOSECOND
    params = jax.tree.map(jnp.asarray, saved.params)
    lists = SkinList(cutoff=saved.cutoff, skin=settings.skin)
    bath = None if settings.friction is None else (settings.temperature, settings.friction)
    run = functools.partial(_run_steps, saved.potential, bath, params, masses, key)
    timestep = settings.timestep * FEMTOSECOND
    positions = np.asarray(system.positions, float)
    graph = _graph(system, lists.edges(positions, cell=system.cell, pbc=system.pbc))
    nothing = jnp.zeros_like(velocities)
    state = MDState(jnp.asarray(positions), velocities, jnp.zeros(()), nothing, jnp.zeros((), int))
    # A step of no length gives energy and forces; a function of its own would be compiled anew.
    state, _ = run(state, graph, jnp.asarray(positions), 1, 0.0)
    state = state._replace(step=jnp.zeros((), int))
    samples, listed = [jax.device_get(state)], positions
    for _ in range(settings.num_steps // settings.sample_every):
        left, steps = settings.sample_every, settings.sample_every
        while left:
            following, moved = run(state, graph, jnp.asarray(listed), min(steps, left), timestep)
            if not np.isfinite(moved):
                raise FloatingPointError(
                    f"the dynamics blew up after step {int(state.step):,}: positions are not "
                    "finite; try a shorter time step or a better trained potential"
                )
            if _is_complete(graph) or moved <= (settings.skin / 2) ** 2:
                left -= min(steps, left)
                state = following
                continue
            now = np.asarray(state.positions)
            if np.array_equal(now, listed):  # the list is new: fewer steps at a time
                if steps == 1:
                    _refuse(float(moved) ** 0.5, int(state.step), settings)
                steps = max(1, steps // 2)
            graph = _graph(system, lists.edges(now, cell=system.cell, pbc=system.pbc, anew=True))
            listed = now
        samples.append(jax.device_get(state))
        report(int(state.step))
    return _trajectory(samples, saved, system, settings, lists.num_lists)


def _refuse(moved: float, step: int, settings: Settings) -> None:
    if moved > _BLOWN_UP:
        raise FloatingPointError(
            f"the dynamics blew up after step {step:,}: an atom moved by {moved:.1f} angstrom in "
            "one step; try a shorter time step or a better trained potential"
        )
    raise ValueError(
        f"an atom moved by {moved:.3f} angstrom in one step, more than half the skin of "
        f"{settings.skin} angstrom; {4 * moved:.1g} fits"
    )


def _graph(system: System, edges: Edges) -> Graph:
    return Graph(
        nodes={"numbers": jnp.asarray(system.numbers, jnp.int32)},
        edges={},
        senders=jnp.asarray(edges.senders),
        receivers=jnp.asarray(edges.receivers),
        n_node=jnp.array([len(system.numbers)], jnp.int32),
        n_edge=jnp.array([edges.mask.sum()], jnp.int32),
        edge_mask=jnp.asarray(edges.mask),
        cell=None if system.cell is None else jnp.asarray(system.cell, float)[None],
        shifts=None if system.cell is None else jnp.asarray(edges.shifts, float),
    )


def _is_complete(graph: Graph) -> bool:
    """Return whether all pairs of a molecule are listed, so that no list ever is outdated."""
    count = graph.nodes["numbers"].shape[0]
    return graph.cell is None and int(graph.n_edge[0]) == count * (count - 1)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _run_steps(
    potential: Potential,
    bath: tuple[float, float] | None,
    params: PyTree,
    masses: Array,
    key: PRNGKey,
    state: MDState,
    graph: Graph,
    listed: Array,
    num_steps: Array,
    timestep: Array,
) -> tuple[MDState, Array]:
    """Do steps; also return the largest square of a distance from where atoms were listed."""

    def forces(positions: Array) -> tuple[Array, Array]:
        nodes = graph.nodes | {"positions": positions}
        predicted = potential.predict(params, dataclasses.replace(graph, nodes=nodes))
        return predicted.energies[0], predicted.forces

    def step(_: int, carry: tuple[MDState, Array]) -> tuple[MDState, Array]:
        state, moved = carry
        if bath is None:
            state = velocity_verlet(state, forces, masses=masses, timestep=timestep)
        else:
            temperature, friction = bath
            state = langevin(
                state, forces, masses=masses, timestep=timestep, temperature=temperature,
                friction=friction / (1000 * FEMTOSECOND), key=key,
            )  # fmt: skip
        distance = jnp.max(jnp.sum(jnp.square(state.positions - listed), axis=-1))
        return state, jnp.maximum(moved, distance)

    return jax.lax.fori_loop(0, num_steps, step, (state, jnp.zeros(())))


def _trajectory(
    samples: list[MDState],
    saved: SavedPotential,
    system: System,
    settings: Settings,
    num_lists: int,
) -> Trajectory:
    states = jax.tree.map(lambda *leaves: np.stack(leaves), *samples)
    return Trajectory(
        times=settings.timestep * states.step,
        positions=states.positions,
        velocities=states.velocities * FEMTOSECOND,
        potential=saved.add_reference(states.energy, system.numbers),
        kinetic=np.asarray(kinetic_energy(states.velocities, jnp.asarray(system.masses))),
        masses=np.asarray(system.masses, float),
        num_lists=num_lists,
    )
