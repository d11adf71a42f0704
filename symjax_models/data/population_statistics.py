"""Make sets of points of normal laws, whose statistics are to be predicted from the points.

    from symjax_models.data import population_statistics

    sets, targets = population_statistics.make_population("rotation", num_sets=1024, seed=0)
    sets.shape      # (1024, 512, 2)

Every set is drawn from a law of its own, N(0, covariance), and its target is an exact statistic of
that law, so that no finite set determines it. The tasks are listed in `TASKS`.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from symjax_models.suggestion import look_up

Array = np.ndarray

# What all sets of a task share is the same for every seed: splits differ in their seed only.
_SHARED_SEED = 3
_LAW_STREAM, _POINT_STREAM = 0, 1
_MAX_CORRELATION = 0.99
_HALF = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class PopulationTask:
    """State a task: which law a set has, and which statistic of it is the target.

    Attributes:
      name: Name in the registry.
      dimension: d, the dimension of the points.
      draw_law: Random generator -> (covariance `[d, d]` in float64, target).
      notes: The law, the target, and what differs from the source.
    """

    name: str
    dimension: int
    draw_law: Callable[[np.random.Generator], tuple[Array, float]]
    notes: str


def get_task(name: str) -> PopulationTask:
    """Return a registered task.

    Args:
      name: One of `TASKS`.

    Returns:
      The task.

    Raises:
      ValueError: If the name is unknown; the nearest one is named.

    >>> get_task("rank1").dimension
    32
    """
    return look_up(name, TASKS, what="population task")


def make_population(
    task: str, *, num_sets: int, set_size: int = 512, seed: int
) -> tuple[Array, Array]:
    """Draw sets of points and the statistics of their laws.

    A smaller number of sets gives the beginning of a larger one. The laws of a seed do not depend
    on `set_size`. Give train, valid and test seeds of their own.

    Args:
      task: One of `TASKS`.
      num_sets: M, the number of sets.
      set_size: N, the number of points of a set.
      seed: Seed of the laws and of the points, at least 0.

    Returns:
      Sets `[M, N, d]` and targets `[M]` in nats, both read-only float32.

    Raises:
      ValueError: If the task is unknown, or a number is below 1.

    Equivariance: The target is invariant under permutations of a set's points.

    Source: Zaheer, Kottur, Ravanbakhsh, Poczos, Salakhutdinov, Smola 2017, Deep Sets, section
    4.1.1, arXiv 1703.06114. Laws and the 512 points are those of the published code, except that
    parameters which it takes from a grid are drawn at random, and that random numbers are NumPy's,
    not MATLAB's. Each task's notes state further deviations.

    >>> sets, targets = make_population("correlation", num_sets=3, set_size=5, seed=0)
    >>> sets.shape, targets.shape
    ((3, 5, 32), (3,))
    """
    stated = get_task(task)
    for name, number in (("num_sets", num_sets), ("set_size", set_size)):
        if number < 1:
            raise ValueError(f"expected {name} of at least 1, got {number}")
    law_stream, point_stream = (
        np.random.default_rng([*task.encode(), stream, seed])
        for stream in (_LAW_STREAM, _POINT_STREAM)
    )
    sets = np.empty((num_sets, set_size, stated.dimension), np.float32)
    targets = np.empty(num_sets, np.float32)
    # One set after the other: all sets of the largest training set take 17 GB in float64.
    for index in range(num_sets):
        covariance, targets[index] = stated.draw_law(law_stream)
        points = point_stream.standard_normal((set_size, stated.dimension))
        sets[index] = points @ np.linalg.cholesky(covariance).T
    sets.flags.writeable = targets.flags.writeable = False
    return sets, targets


def marginal_entropy(variance: float) -> float:
    """Return the entropy of a normal law on the line, log(2 pi e variance) / 2, in nats.

    >>> round(marginal_entropy(1.0), 4)
    1.4189
    """
    return float(0.5 * np.log(2.0 * np.pi * np.e * variance))


def correlation_information(correlation: float, *, dimension: int) -> float:
    """Return I(X; Y) of normal X, Y with covariances S, S and cross-covariance correlation * S.

    Whitening both with S leaves independent pairs, each of this correlation, so that
    I = -dimension / 2 * log(1 - correlation^2), in nats, whatever S.

    >>> round(correlation_information(0.5, dimension=16), 4)
    2.3015
    """
    return float(-0.5 * dimension * np.log1p(-(correlation**2)))


def rank1_information(strength: float, direction: Array) -> float:
    """Return the information between the halves of a vector of law N(0, 1 + strength v v^T).

    I = [log(1 + strength |a|^2) + log(1 + strength |b|^2) - log(1 + strength |v|^2)] / 2 in nats,
    with the halves a and b of the direction v, `[d]`; by the determinant lemma.

    >>> rank1_information(1.0, np.eye(32)[0])
    0.0
    """
    half = len(direction) // 2
    a, b = np.square(direction[:half]).sum(), np.square(direction[half:]).sum()
    first, second, whole = np.log1p(strength * np.array([a, b, a + b]))
    return float(0.5 * (first + second - whole))


def halves_information(covariance: Array) -> float:
    """Return the information between the halves of a normal vector of this covariance, `[d, d]`.

    I = log(det A det B / det covariance) / 2 in nats, with the diagonal blocks A and B.

    >>> halves_information(np.eye(32))
    0.0
    """
    half = len(covariance) // 2
    blocks = covariance[:half, :half], covariance[half:, half:], covariance
    first, second, whole = (np.linalg.slogdet(block).logabsdet for block in blocks)
    return float(0.5 * (first + second - whole))


def _random_covariance(rng: np.random.Generator, dimension: int) -> Array:
    """Return (A A^T + 1) / |A|^2 for A uniform in [0, 1); the 1 bounds its condition number."""
    factor = rng.random((dimension, dimension))
    return (factor @ factor.T + np.eye(dimension)) / np.square(factor).sum()


@functools.lru_cache
def _shared_plane_covariance() -> Array:
    factor = np.random.default_rng(_SHARED_SEED).random((2, 2))
    return factor @ factor.T


@functools.lru_cache
def _shared_block_covariance() -> Array:
    return _random_covariance(np.random.default_rng(_SHARED_SEED), _HALF)


@functools.lru_cache
def _shared_direction() -> Array:
    direction = np.random.default_rng(_SHARED_SEED).random(2 * _HALF)
    return direction / np.linalg.norm(direction)


def _draw_rotation(rng: np.random.Generator) -> tuple[Array, float]:
    angle = rng.uniform(0.0, np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    covariance = rotation @ _shared_plane_covariance() @ rotation.T
    return covariance, marginal_entropy(covariance[0, 0])


def _draw_correlation(rng: np.random.Generator) -> tuple[Array, float]:
    correlation = rng.uniform(-_MAX_CORRELATION, _MAX_CORRELATION)
    pair = np.array([[1.0, correlation], [correlation, 1.0]])
    target = correlation_information(correlation, dimension=_HALF)
    return np.kron(pair, _shared_block_covariance()), target


def _draw_rank1(rng: np.random.Generator) -> tuple[Array, float]:
    strength, direction = rng.uniform(0.0, 1.0), _shared_direction()
    covariance = np.eye(2 * _HALF) + strength * np.outer(direction, direction)
    return covariance, rank1_information(strength, direction)


def _draw_random(rng: np.random.Generator) -> tuple[Array, float]:
    covariance = _random_covariance(rng, 2 * _HALF)
    return covariance, halves_information(covariance)


_ROTATION = PopulationTask(
    name="rotation",
    dimension=2,
    draw_law=_draw_rotation,
    notes=(
        "One covariance A A^T, A uniform in [0, 1), turned by an angle uniform in [0, pi]; target "
        "the entropy of the first coordinate. The published code squares the variance once more "
        "in its label; here the entropy is right, log(2 pi e variance) / 2."
    ),
)

_CORRELATION = PopulationTask(
    name="correlation",
    dimension=2 * _HALF,
    draw_law=_draw_correlation,
    notes=(
        "Points (X, Y) with covariance [[S, a S], [a S, S]], S (A A^T + 1) / |A|^2 of 16 "
        "dimensions, A uniform in [0, 1), the same for all sets; a uniform in [-0.99, 0.99), since "
        "the target, -8 log(1 - a^2), the information between X and Y, has no bound on (-1, 1). "
        "The published code has X and Y of 8 dimensions, the target of one of them, "
        "-log(1 - a^2) / 2, and multiplies by MATLAB's upper Cholesky factor, which gives points "
        "of another covariance."
    ),
)

_RANK1 = PopulationTask(
    name="rank1",
    dimension=2 * _HALF,
    draw_law=_draw_rank1,
    notes=(
        "Covariance 1 + s v v^T, v uniform in [0, 1)^32 and then of length 1, the same for all "
        "sets; s uniform in [0, 1); target the information between the first 16 dimensions and "
        "the last. The published code's target is that among all 32 dimensions."
    ),
)

_RANDOM = PopulationTask(
    name="random",
    dimension=2 * _HALF,
    draw_law=_draw_random,
    notes=(
        "Covariance (A A^T + 1) / |A|^2, A uniform in [0, 1), another for every set; target the "
        "information between the first 16 dimensions and the last. The published code's target "
        "is that among all 32 dimensions, and its sets are sorted by it."
    ),
)

TASKS: dict[str, PopulationTask] = {
    task.name: task for task in (_ROTATION, _CORRELATION, _RANK1, _RANDOM)
}
