"""Steps of molecular dynamics: velocity Verlet, and Langevin dynamics split symmetrically."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import scipy.constants

from symjax_models.typing import Array, PRNGKey

# With lengths in angstrom, masses in unified atomic mass units and energies in eV, the unit of time
# is angstrom sqrt(u / eV).
FEMTOSECOND = (
    1e-15 / scipy.constants.angstrom * (scipy.constants.e / scipy.constants.atomic_mass) ** 0.5
)
BOLTZMANN = scipy.constants.k / scipy.constants.e  # eV / K

# Maps positions [N, 3] to the potential energy [] and forces [N, 3].
Forces = Callable[[Array], tuple[Array, Array]]


class MDState(NamedTuple):
    """State of a configuration of N atoms.

    Attributes:
        positions: `[N, 3]`, angstrom.
        velocities: `[N, 3]`, angstrom per `angstrom sqrt(u / eV)`.
        energy: Potential energy, eV.
        forces: `[N, 3]`, eV/angstrom.
        step: Number of steps done.
    """

    positions: Array
    velocities: Array
    energy: Array
    forces: Array
    step: Array


def kinetic_energy(velocities: Array, masses: Array) -> Array:
    """Compute `sum_i m_i v_i^2 / 2`, eV, of velocities `[..., N, 3]` and masses `[N]`, u."""
    return 0.5 * jnp.sum(masses[:, None] * jnp.square(velocities), axis=(-2, -1))


def velocity_verlet(
    state: MDState, forces: Forces, *, masses: Array, timestep: float | Array
) -> MDState:
    """Do one step at constant energy.

    `v += dt F / (2 m); x += dt v; F = F(x); v += dt F / (2 m)`.

    Args:
        state: The state.
        forces: The potential.
        masses: `[N]`, u.
        timestep: dt, in angstrom sqrt(u / eV).

    Returns:
        The next state.

    Source: Swope et al. 1982, J. Chem. Phys. 76, 637, equation 3.
    """
    half = 0.5 * timestep / masses[:, None]
    velocities = state.velocities + half * state.forces
    positions = state.positions + timestep * velocities
    energy, new_forces = forces(positions)
    return MDState(positions, velocities + half * new_forces, energy, new_forces, state.step + 1)


def langevin(
    state: MDState,
    forces: Forces,
    *,
    masses: Array,
    timestep: float | Array,
    temperature: float,
    friction: float,
    key: PRNGKey,
) -> MDState:
    """Do one step in a heat bath, in the order B A O A B.

    Half a step of velocities (B) and of positions (A), a whole one of friction and noise,
    `v = c v + sqrt((1 - c^2) k T / m) xi` with `c = exp(-friction dt)` (O), then A and B again.

    Args:
        state: The state.
        forces: The potential.
        masses: `[N]`, u.
        timestep: dt, in angstrom sqrt(u / eV).
        temperature: T, kelvin.
        friction: Per unit of time.
        key: Key of the run; noise is a function of it and of the step.

    Returns:
        The next state.

    Source: Leimkuhler, Matthews 2013, arXiv:1203.5428, section 2 (BAOAB).
    """
    half = 0.5 * timestep / masses[:, None]
    velocities = state.velocities + half * state.forces
    positions = state.positions + 0.5 * timestep * velocities
    damping = jnp.exp(-friction * timestep)
    noise = jax.random.normal(jax.random.fold_in(key, state.step), positions.shape, positions.dtype)
    width = jnp.sqrt((1 - damping**2) * BOLTZMANN * temperature / masses)[:, None]
    velocities = damping * velocities + width * noise
    positions = positions + 0.5 * timestep * velocities
    energy, new_forces = forces(positions)
    return MDState(positions, velocities + half * new_forces, energy, new_forces, state.step + 1)


def thermal_velocities(key: PRNGKey, masses: Array, *, temperature: float) -> Array:
    """Draw velocities of a temperature, without motion of the whole.

    Args:
        key: Random key.
        masses: `[N]`, u.
        temperature: Kelvin.

    Returns:
        `[N, 3]`, of zero total momentum.
    """
    width = jnp.sqrt(BOLTZMANN * temperature / masses)[:, None]
    velocities = width * jax.random.normal(key, (len(masses), 3), width.dtype)
    return velocities - jnp.sum(masses[:, None] * velocities, axis=0) / jnp.sum(masses)
