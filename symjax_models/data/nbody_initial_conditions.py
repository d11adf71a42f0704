"""Draw the initial conditions of n-body data sets from the legacy NumPy random stream.

The published generators call the global `numpy.random` in a fixed order, one simulation after the
other. Repeating that order on a local `RandomState` repeats the initial conditions; NumPy keeps
this stream frozen. Draws that a source throws away are drawn here too, since they move the stream.
"""

import dataclasses

import numpy as np

from symjax_models.data.nbody_simulator import System

Array = np.ndarray

_HALF_HALF = (0.5, 0.0, 0.5)


@dataclasses.dataclass(frozen=True)
class InitialConditions:
    """Hold what M simulations start from; all units are dimensionless.

    Attributes:
      positions: `[M, N, 3]`.
      velocities: `[M, N, 3]`.
      charges: `[M, N, 1]`; charge (coulomb), 1 (spring) or mass (gravity).
      interactions: `[M, N, N]`; see `interactions_of`.
    """

    positions: Array
    velocities: Array
    charges: Array
    interactions: Array


def draw(system: System, *, counts: tuple[int, int, int]) -> InitialConditions:
    """Draw all simulations of a system and keep the first ones of each split.

    Per simulation the stream gives, in this order,

    - `"coulomb"`: N charges from {-1, 0, 1} with probabilities 1/2, 0, 1/2; positions `[3, N]`;
      velocities `[3, N]`; noise;
    - `"spring"`: weights `[N, N]` from {0, 1/2, 1} with the same probabilities, of which the lower
      triangle counts; positions `[3, N]`; velocities `[3, N]`; noise;
    - `"gravity"`: positions `[N, 3]`; velocities `[N, 3]`; noise.

    Args:
      system: The constants.
      counts: How many simulations to keep of train, valid and test.

    Returns:
      The kept simulations, train first, then valid, then test.

    Raises:
      ValueError: If more are asked for than the system draws.

    Source: the order of calls is that of the generators published with Satorras et al. 2021 (arXiv
    2102.09844; coulomb, spring) and Brandstetter et al. 2022 (arXiv 2110.02905; gravity).
    """
    if any(kept > drawn for kept, drawn in zip(counts, system.num_drawn, strict=True)):
        raise ValueError(
            f"expected at most {system.num_drawn} simulations (train, valid, test), got {counts}"
        )
    stream = np.random.RandomState(system.seed)
    noise = system.noise_draws * system.num_frames * 3 * system.num_bodies
    last_split = max((i for i, kept in enumerate(counts) if kept), default=-1)
    kept_draws = []
    for kept, drawn in zip(counts[: last_split + 1], system.num_drawn, strict=False):
        for index in range(drawn):
            one = _draw_one(stream, system)
            stream.randn(noise)
            if index < kept:
                kept_draws.append(one)
    return _conditions(kept_draws, system)


def interactions_of(charges: Array) -> Array:
    """Return the products of charges (or masses) of all pairs, `[M, N, N]`.

    The diagonal is q_i^2, as in the published files. Equal entries, such as unit masses, come as a
    read-only view of one number.
    """
    if charges.size and np.all(charges == charges.flat[0]):
        shape = (*charges.shape[:2], charges.shape[1])
        return np.broadcast_to(charges.flat[0] ** 2, shape)
    return charges * charges.transpose(0, 2, 1)


def _draw_one(stream: np.random.RandomState, system: System) -> tuple[Array, Array, Array | None]:
    """Return positions and velocities `[N, 3]`, and charges `[N, 1]` or weights `[N, N]`."""
    n = system.num_bodies
    if system.force == "gravity":
        return stream.randn(n, 3), stream.randn(n, 3), None
    if system.force == "spring":
        drawn = np.tril(stream.choice((0.0, 0.5, 1.0), size=(n, n), p=_HALF_HALF), -1)
        pairs = drawn + drawn.T
    else:
        pairs = stream.choice((-1.0, 0.0, 1.0), size=(n, 1), p=_HALF_HALF)
    return stream.randn(3, n).T, stream.randn(3, n).T, pairs


def _conditions(draws: list, system: System) -> InitialConditions:
    n = system.num_bodies
    positions, velocities = np.empty((len(draws), n, 3)), np.empty((len(draws), n, 3))
    charges = np.ones((len(draws), n, 1))
    weights = np.zeros((len(draws), n, n))
    for row, (x, v, pairs) in enumerate(draws):
        positions[row], velocities[row] = x, v
        if system.force == "spring":
            weights[row] = pairs
        elif system.force == "coulomb":
            charges[row] = pairs
    positions *= system.position_std
    if system.speed is None:
        velocities -= velocities.mean(axis=1, keepdims=True)
    else:
        lengths = np.sqrt((velocities**2).sum(axis=2, keepdims=True))
        velocities = velocities * system.speed / lengths
    if system.box is not None:
        _reflect(positions, velocities, box=system.box)
    interactions = weights if system.force == "spring" else interactions_of(charges)
    return InitialConditions(positions, velocities, charges, interactions)


def _reflect(positions: Array, velocities: Array, *, box: float) -> None:
    """Mirror bodies outside the box back into it, in place, and turn them inwards."""
    for side in (1.0, -1.0):
        outside = side * positions > box
        positions[outside] = side * 2 * box - positions[outside]
        velocities[outside] = -side * np.abs(velocities[outside])
