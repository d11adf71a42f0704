"""Wreath products: a group for each of several parts, and permutations of the parts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from symjax_models.groups import products, symmetric
from symjax_models.groups.base import Group


@dataclasses.dataclass(frozen=True, repr=False)
class WreathProduct(Group):
    """State the wreath product of a group ``K`` with a group ``H`` of permutations of ``m`` parts.

    Elements are ``blockdiag(k_1, ..., k_m) (h kron 1)``: ``h`` permutes the parts, each of which is
    a copy of the space of ``K``, and then each part ``i`` is moved by its own ``k_i``. Sets of sets
    have the symmetry of ``WreathProduct(S(a), S(b))``; the signed permutations ``B(n)`` are
    ``WreathProduct(O(1), S(n))``.

    The Lie algebra is that of ``K`` in each part in turn. The discrete generators are those of
    ``K`` in one part of each orbit of ``H``, which moves them to the others, and then those of
    ``H``. Samples have independent ``h`` and ``k_i`` by the laws of ``H`` and ``K``.

    Args:
      base: ``K``, any group; its matrices may be complex.
      top: ``H``, a group whose generators are permutation matrices.

    Raises:
      ValueError: if ``base`` or ``top`` is not a group, or ``top`` is not one of permutations.

    >>> from symjax_models import groups
    >>> pairs = WreathProduct(groups.S(2), groups.S(3))
    >>> pairs, pairs.n, pairs.order
    (WreathProduct(S(2), S(3)), 6, 48)
    """

    base: Group
    top: Group

    def __post_init__(self) -> None:
        for name in ("base", "top"):
            if not isinstance(getattr(self, name), Group):
                raise ValueError(
                    f"WreathProduct needs a group as {name}, got {getattr(self, name)!r}"
                )
        permutations = symmetric.S(self.top.n)
        if (
            self.top.is_complex
            or len(self.top.lie_algebra)
            or not permutations.contains(self.top.discrete_generators, tolerance=0.0).all()
        ):
            raise ValueError(
                f"WreathProduct needs a group of permutation matrices as top, got {self.top!r}; "
                "such are S(n), A(n), Z(n) and PermutationGroup(...)"
            )

    @property
    def is_complex(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the matrices of ``base`` are complex."""
        return self.base.is_complex

    @property
    def tolerance(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the base: permutations are exact."""
        return self.base.tolerance

    @property
    def n(self) -> int:
        """Size of the defining matrices, ``base.n * top.n``."""
        return self.base.n * self.top.n

    @property
    def order(self) -> int | float:
        """The number of elements, ``|K|^m |H|``."""
        return products.product_of_orders(*[self.base.order] * self.top.n, self.top.order)

    def _make_lie_algebra(self) -> np.ndarray:
        parts = range(self.top.n)
        return np.concatenate([self._in_part(i, self.base.lie_algebra, 0.0) for i in parts])

    def _make_discrete_generators(self) -> np.ndarray:
        own = self.base.discrete_generators
        moves = np.kron(self.top.discrete_generators, np.eye(self.base.n))
        parts = _orbit_representatives(self.top.discrete_generators)
        return np.concatenate([*(self._in_part(i, own, 1.0) for i in parts), moves])

    def _in_part(self, part: int, blocks: np.ndarray, others: float) -> np.ndarray:
        rows = np.zeros((len(blocks), self.n, self.n), blocks.dtype)
        rows[:] = others * np.eye(self.n)
        place = slice(part * self.base.n, (part + 1) * self.base.n)
        rows[:, place, place] = blocks
        return rows

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        base_key, top_key = jax.random.split(key)
        k = self.base._sample(base_key, (*shape, self.top.n), dtype)
        h = self.top._sample(top_key, shape, dtype)
        return jnp.einsum("...iab,...ij->...iajb", k, h).reshape(*shape, self.n, self.n)

    def _blocks(self, matrix: np.ndarray) -> np.ndarray:
        """Return the blocks ``[..., i, j, a, b]`` of ``[..., n, n]``."""
        m, d = self.top.n, self.base.n
        return matrix.reshape(*matrix.shape[:-2], m, d, m, d).swapaxes(-3, -2)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        blocks = self._blocks(matrix)
        size = np.abs(blocks).max(axis=(-2, -1))
        source = size.argmax(axis=-1)[..., None]
        k = np.take_along_axis(blocks, source[..., None, None], axis=-3)[..., 0, :, :]
        h = (source == np.arange(self.top.n)).astype(np.float64)
        outside = (size * (1.0 - h)).max(axis=(-2, -1))
        inside = np.maximum(self.base._residual(k).max(axis=-1), self.top._residual(h))
        return np.maximum(outside, inside)

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        # An element that permutes parts is not in the connected part, and is missed.
        blocks = self._blocks(matrix)
        parts = [self.base._logarithm(blocks[i, i]) for i in range(self.top.n)]
        return np.asarray(scipy.linalg.block_diag(*parts))


def _orbit_representatives(permutations: np.ndarray) -> list[int]:
    """Return the least point of each orbit of permutation matrices ``[M, m, m]``."""
    joined = np.eye(permutations.shape[-1]) + permutations.sum(axis=0)
    least = np.arange(len(joined))
    while True:
        # Row i tells where i can come from in one step.
        below = np.where(joined > 0, least, len(joined)).min(axis=-1)
        if np.array_equal(below, least):
            return np.unique(least).tolist()
        least = below
