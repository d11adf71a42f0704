"""Integrate many small n-body systems at once, in float64 NumPy.

The published data sets were made one simulation at a time by Python loops. Here all simulations
of a chunk advance together: arrays are `[3, N, C]` with the simulations last, so that every
operation is one long contiguous loop. Close encounters make the trajectories chaotic, hence the
arithmetic is part of the protocol: float64, differences of positions taken directly, forces added
over j in index order, cubes as r^2 sqrt(r^2). Only operations that IEEE 754 rounds correctly are
used, so that equal initial conditions give equal bits on every machine and for every chunk size.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from symjax_models.suggestion import nearest_of

# Part of every cache key: raise it when a change of the arithmetic changes a bit of the result.
ARITHMETIC_VERSION = 1

# Bodies advanced together. Fewer waste time in calls, many more fall out of the caches.
_BODIES_PER_CHUNK = 16384

_FORCES = ("coulomb", "spring", "gravity")
_INTEGRATORS = ("kick_drift", "kick_drift_kick")

Array = np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class System:
    """Hold every constant that decides the simulations; all units are dimensionless.

    Bodies have unit mass. With s = `strength`, w_ij the interaction of a pair, r = x_i - x_j and
    d^2 = |r|^2 + `softening`^2, the force on body i is the sum over j != i of

    - `"coulomb"`: s w_ij r / d^3, with w_ij = q_i q_j and charges -1 or 1;
    - `"gravity"`: -s w_ij r / d^3, with w_ij = m_i m_j = 1;
    - `"spring"`: -s w_ij r, with w_ij in {0, 1} symmetric and w_ii = 0;

    plus `acceleration` plus q_i v_i x `magnetic_field`; then every component is clipped to
    [-`force_clip`, `force_clip`].

    Integrators, with their frames (`sample_every` steps apart):

    - `"kick_drift"`, semi-implicit Euler: v += dt F(x, v), x += dt v. Frame k is the state after
      (k + 1) `sample_every` of the `num_steps` - 1 steps; its velocity is the one that made the
      last drift, so that kick and drift from a frame continue the trajectory exactly.
    - `"kick_drift_kick"`, leapfrog: frame k is the state after k `sample_every` of `num_steps`
      steps, so that frame 0 is the initial state.

    Attributes:
      force: `"coulomb"`, `"spring"` or `"gravity"`.
      num_bodies: N.
      num_steps: length of the trajectory, in steps.
      sample_every: steps between two stored frames.
      position_std: standard deviation of every initial coordinate.
      speed: length of every initial velocity; None keeps normal velocities and takes away their
        mean, so that the centre of mass rests.
      seed: of the legacy NumPy stream that all initial conditions come from.
      num_drawn: simulations drawn for train, valid and test, in this order, used or not.
      noise_draws: arrays of one normal number per frame and coordinate that the source draws after
        each simulation, for a noise of variance zero; they move the stream on.
      integrator: `"kick_drift"` or `"kick_drift_kick"`.
      dt: time step.
      strength: s above.
      softening: length added to distances, in quadrature.
      force_clip: largest component of a force; None for no bound.
      box: half width of a box that reflects the initial state, and only that; None for no box.
      acceleration: constant force on every body.
      magnetic_field: constant field of the Lorentz force.
    """

    force: str
    num_bodies: int
    num_steps: int
    sample_every: int
    position_std: float
    speed: float | None
    seed: int
    num_drawn: tuple[int, int, int]
    noise_draws: int
    integrator: str = "kick_drift"
    dt: float = 0.001
    strength: float = 1.0
    softening: float = 0.0
    force_clip: float | None = None
    box: float | None = None
    acceleration: tuple[float, float, float] = (0.0, 0.0, 0.0)
    magnetic_field: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self):
        _check_known("force", self.force, _FORCES)
        _check_known("integrator", self.integrator, _INTEGRATORS)

    @property
    def num_frames(self) -> int:
        """Number of stored frames F of a trajectory."""
        return len(self.frame_steps)

    @property
    def frame_steps(self) -> range:
        """Number of steps that lie before each stored frame."""
        first = self.sample_every if self.integrator == "kick_drift" else 0
        return range(first, self.num_steps, self.sample_every)


def forces(
    positions: Array, velocities: Array, charges: Array, interactions: Array, *, system: System
) -> Array:
    """Return the force on every body, as `System` defines it.

    Args:
      positions: `[M, N, 3]`.
      velocities: `[M, N, 3]`; only a magnetic field looks at them.
      charges: `[M, N, 1]`; only a magnetic field looks at them.
      interactions: `[M, N, N]`, symmetric; the diagonal is not read.
      system: the constants.

    Returns:
      Forces `[M, N, 3]`, float64.

    Equivariance: E(3) and permutations for a system without acceleration and magnetic field, up to
    rounding (the order of the sum over j).
    """
    field = _ForceField(charges, interactions, system=system)
    result = field(_bodies_last(positions), _bodies_last(velocities))
    return _bodies_first(result)[: len(positions)].copy()


def simulate(
    positions: Array,
    velocities: Array,
    charges: Array,
    interactions: Array,
    *,
    system: System,
    chunk_size: int | None = None,
    advance: Callable[[float], None] | None = None,
) -> tuple[Array, Array]:
    """Integrate the equations of motion of M independent systems.

    Args:
      positions: initial positions `[M, N, 3]`.
      velocities: initial velocities `[M, N, 3]`.
      charges: `[M, N, 1]`.
      interactions: `[M, N, N]`, symmetric; the diagonal is not read.
      system: the constants; its seed and its numbers of simulations are not read.
      chunk_size: simulations advanced together; the result does not depend on it.
      advance: called at every stored frame with the number of simulations (a fraction counts)
        finished since the last call.

    Returns:
      Positions and velocities of the stored frames, each `[M, F, N, 3]`, float64.

    Numerics: cost M num_steps N^2 / 2 pairs; two bodies at the same place give NaN unless the
    system is softened.
    """
    count, num_bodies, _ = positions.shape
    size = chunk_size or max(1, _BODIES_PER_CHUNK // num_bodies)
    shape = (count, system.num_frames, num_bodies, 3)
    out_positions, out_velocities = np.empty(shape), np.empty(shape)
    # Equal chunks: a short last one would waste the advantage of long loops.
    for rows in np.array_split(np.arange(count), -(-count // size)) if count else ():
        chunk = slice(rows[0], rows[-1] + 1)
        field = _ForceField(charges[chunk], interactions[chunk], system=system)
        states = _trajectory(_bodies_last(positions[chunk]), _bodies_last(velocities[chunk]), field)
        for frame, (x, v) in enumerate(states):
            out_positions[chunk, frame] = _bodies_first(x)[: len(rows)]
            out_velocities[chunk, frame] = _bodies_first(v)[: len(rows)]
            if advance is not None:
                advance(len(rows) / system.num_frames)
    return out_positions, out_velocities


class _ForceField:
    """Evaluate the forces of one chunk, in scratch arrays made once."""

    def __init__(self, charges: Array, interactions: Array, *, system: System):
        self.system = system
        self._charges = np.ascontiguousarray(_twice_if_single(charges)[..., 0].T)
        sign = 1.0 if system.force == "coulomb" else -1.0
        weights = sign * system.strength * _twice_if_single(interactions).transpose(1, 2, 0)
        num_bodies, width = self._charges.shape
        # Row i holds the pairs (i, j > i): slot 0 is for the force from the bodies before i.
        self._weights = [weights[i, i + 1 :].copy() for i in range(num_bodies - 1)]
        self._terms = [np.empty((3, num_bodies - i, width)) for i in range(num_bodies - 1)]
        self._squares = [np.empty((3, num_bodies - 1 - i, width)) for i in range(num_bodies - 1)]
        self._factors = [np.empty((num_bodies - 1 - i, width)) for i in range(num_bodies - 1)]
        self._total = np.empty((3, num_bodies, width))
        self._products = np.empty((2, num_bodies, width))

    def __call__(self, x: Array, v: Array) -> Array:
        """Return the forces `[3, N, C]`; the next call overwrites them."""
        total = self._total
        total.fill(0.0)
        for i, terms in enumerate(self._terms):
            pairs = terms[:, 1:]
            np.subtract(x[:, i, None], x[:, i + 1 :], out=pairs)
            np.multiply(pairs, self._factor(i, pairs), out=pairs)
            # One reduction adds the pairs in index order, behind what bodies j < i left in slot 0.
            terms[:, 0] = total[:, i]
            np.add.reduce(terms, axis=1, out=total[:, i])
            np.subtract(total[:, i + 1 :], pairs, out=total[:, i + 1 :])
        self._add_fields(v)
        if self.system.force_clip is not None:
            np.clip(total, -self.system.force_clip, self.system.force_clip, out=total)
        return total

    def _factor(self, i: int, pairs: Array) -> Array:
        """Return f such that the force of j on i is f (x_i - x_j), for the pairs of row i."""
        if self.system.force == "spring":
            return self._weights[i]
        squares, factor = self._squares[i], self._factors[i]
        np.multiply(pairs, pairs, out=squares)
        square = np.add(squares[0], squares[1], out=squares[0])
        np.add(square, squares[2], out=square)
        if self.system.softening:
            np.add(square, self.system.softening**2, out=square)
        np.multiply(square, np.sqrt(square, out=factor), out=factor)
        return np.divide(self._weights[i], factor, out=factor)

    def _add_fields(self, v: Array) -> None:
        """Add the constant force and the Lorentz force to the total."""
        field = self.system.magnetic_field
        left, right = self._products
        for a in range(3):
            b, c = (a + 1) % 3, (a + 2) % 3
            if any(field):
                np.multiply(v[b], field[c], out=left)
                np.multiply(v[c], field[b], out=right)
                np.subtract(left, right, out=left)
                np.multiply(left, self._charges, out=left)
                np.add(self._total[a], left, out=self._total[a])
            if self.system.acceleration[a]:
                np.add(self._total[a], self.system.acceleration[a], out=self._total[a])


def _trajectory(x: Array, v: Array, field: _ForceField) -> Iterator[tuple[Array, Array]]:
    """Advance the state in place, yielding it at every stored frame."""
    system = field.system
    change = np.empty_like(x)

    def move(target, rate, dt):
        np.add(target, np.multiply(rate, dt, out=change), out=target)

    if system.integrator == "kick_drift":
        for step in range(1, system.num_steps):
            move(v, field(x, v), system.dt)
            move(x, v, system.dt)
            if step % system.sample_every == 0:
                yield x, v
    else:
        force = field(x, v)
        for step in range(system.num_steps):
            if step % system.sample_every == 0:
                yield x, v
            move(v, force, system.dt / 2)
            move(x, v, system.dt)
            force = field(x, v)
            move(v, force, system.dt / 2)


def _check_known(field: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"unknown {field} {value!r}; {nearest_of(value, known)}")


def _twice_if_single(array: Array) -> Array:
    # NumPy adds a lone column pairwise and a wide one row by row, in another order of rounding: a
    # single simulation runs beside a copy of itself.
    return np.repeat(array, 2, axis=0) if len(array) == 1 else array


def _bodies_last(vectors: Array) -> Array:
    """Lay `[C, N, 3]` out as `[3, N, C]`."""
    return np.array(_twice_if_single(vectors).transpose(2, 1, 0), dtype=np.float64, order="C")


def _bodies_first(vectors: Array) -> Array:
    return vectors.transpose(2, 1, 0)
