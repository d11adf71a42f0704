"""Groups from generators that a user gives."""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from symjax_models.groups import base, enumeration

_LONGEST_WORD = 8


@dataclasses.dataclass(frozen=True, repr=False, init=False)
class MatrixGroup(base.Group):
    """State the group that matrices generate: given ones, and exponentials of given ones.

    The group consists of the products of ``discrete_generators``, their inverses and
    ``exp(t A)`` for the ``A`` of ``lie_algebra``, which is taken as given: brackets are not added,
    as what commutes with the generators commutes with their brackets.

    If there is no Lie algebra and at most ``enumeration.LIMIT`` elements, these are listed, and
    samples are uniform. Otherwise the order counts as infinite, and a sample is an exponential with
    coordinates uniform in ``[-1, 1] / sqrt(D)`` times a word in the discrete generators and their
    inverses, whose length is uniform from 0 to 8: no Haar measure, even if the group is compact.

    Numerics:
      Elements are listed by closure; equal up to 1e-7 is equal. ``residual`` is the distance to the
      nearest element.

    Args:
      discrete_generators: invertible real or complex matrices, each ``[n, n]``.
      lie_algebra: real or complex matrices, each ``[n, n]``, linearly independent over the reals.
      name: what ``repr`` says instead of the class and sizes.
      tolerance: how exact the generators are, relative to their norm. Equivariant maps are solved
        for at it: learned generators with noise of 1e-4 need some 1e-3, exact ones in coordinates
        that are stretched several times some 1e-12. The solver refuses what is not clear. Up to it,
        too, determinants are one and the group counts as a subgroup of another.

    Raises:
      ValueError: if there are no generators, or one is not a square matrix, not of the size of the
        others, not finite or not invertible; if the Lie algebra is not independent; or if the
        tolerance is not between 0 and 1.
        ``residual`` and ``contains`` raise it for a group that is not listed: whether a matrix
        belongs to it is undecidable in general.

    >>> klein = MatrixGroup([np.diag([-1.0, 1.0]), np.diag([1.0, -1.0])], name="V4")
    >>> klein, klein.order, klein.contains(-np.eye(2))
    (V4, 4, array(True))
    """

    size: int
    is_complex: bool
    discrete: tuple[tuple[complex, ...], ...]
    algebra: tuple[tuple[complex, ...], ...]
    name: str | None
    tolerance: float

    def __init__(
        self,
        discrete_generators: Sequence[ArrayLike] = (),
        lie_algebra: Sequence[ArrayLike] = (),
        name: str | None = None,
        *,
        tolerance: float = base.Group.tolerance,
    ) -> None:
        if not 0.0 < tolerance < 1.0:
            raise ValueError(
                f"MatrixGroup needs a tolerance between 0 and 1, such as 1e-3 for generators with "
                f"noise of 1e-4, got {tolerance}"
            )
        discrete = [_matrix(g, "discrete generator", i) for i, g in enumerate(discrete_generators)]
        algebra = [_matrix(a, "Lie algebra element", i) for i, a in enumerate(lie_algebra)]
        if not discrete and not algebra:
            raise ValueError(
                "MatrixGroup needs at least one generator, got none; "
                "the group of the identity is Trivial(n)"
            )
        size = len((discrete + algebra)[0])
        _check_sizes(discrete, size, "discrete generator")
        _check_sizes(algebra, size, "Lie algebra element")
        _check_generators(discrete, algebra)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "is_complex", any(map(np.iscomplexobj, discrete + algebra)))
        object.__setattr__(self, "discrete", tuple(tuple(g.ravel().tolist()) for g in discrete))
        object.__setattr__(self, "algebra", tuple(tuple(a.ravel().tolist()) for a in algebra))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "tolerance", float(tolerance))

    def __repr__(self) -> str:
        if self.name is not None:
            return self.name
        return (
            f"MatrixGroup({len(self.discrete)} discrete generators, "
            f"{len(self.algebra)} of the Lie algebra, n = {self.size})"
        )

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.size

    def _make_lie_algebra(self) -> np.ndarray:
        return np.reshape(self.algebra, (-1, self.n, self.n))

    def _make_discrete_generators(self) -> np.ndarray:
        return np.reshape(self.discrete, (-1, self.n, self.n))

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        if self.order < math.inf:
            return enumeration.draw(self.elements, key, shape, dtype)
        coordinate_key, length_key, letter_key = jax.random.split(key, 3)
        dimension = len(self.lie_algebra)
        c = jax.random.uniform(coordinate_key, (*shape, dimension), dtype, -1.0, 1.0)
        g = self.exp(c / math.sqrt(max(1, dimension)))
        generators = self.discrete_generators
        if not len(generators):
            return g
        letters = jnp.asarray(np.concatenate([generators, np.linalg.inv(generators)]), g.dtype)
        length = jax.random.randint(length_key, (*shape, 1, 1), 0, _LONGEST_WORD + 1)
        index = jax.random.randint(letter_key, (_LONGEST_WORD, *shape), 0, len(letters))
        for place in range(_LONGEST_WORD):
            g = jnp.where(place < length, g @ letters[index[place]], g)
        return g

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        if self.order == math.inf:
            raise ValueError(
                f"{self!r} is an infinite group known by generators, "
                "and whether a matrix belongs to such a group is undecidable in general"
            )
        return enumeration.distance_to_nearest(self.elements, matrix)


def _matrix(value: ArrayLike, kind: str, index: int) -> np.ndarray:
    array = np.asarray(value)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise ValueError(
            f"MatrixGroup needs square matrices, got shape {array.shape} for {kind} {index}"
        )
    array = array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"MatrixGroup needs finite matrices, got infinite or undefined entries in {kind} "
            f"{index} of shape {array.shape}"
        )
    return array


def _check_sizes(matrices: list[np.ndarray], size: int, kind: str) -> None:
    for index, matrix in enumerate(matrices):
        if len(matrix) != size:
            raise ValueError(
                f"MatrixGroup needs matrices of one size, got shape {matrix.shape} for {kind} "
                f"{index} after shape {(size, size)}"
            )


def _check_generators(discrete: list[np.ndarray], algebra: list[np.ndarray]) -> None:
    for index, g in enumerate(discrete):
        if np.linalg.matrix_rank(g) < len(g):
            raise ValueError(
                f"MatrixGroup needs invertible generators, got a singular discrete generator "
                f"{index} of shape {g.shape}"
            )
    if algebra:
        rows = np.array([np.concatenate([np.real(a), np.imag(a)]).ravel() for a in algebra])
        rank = np.linalg.matrix_rank(rows)
        if rank < len(algebra):
            raise ValueError(
                "MatrixGroup needs a linearly independent Lie algebra, got "
                f"{len(algebra)} elements that span {rank} dimensions"
            )
