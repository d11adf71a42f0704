"""General and special linear groups: GL(n), GL(n)+ and SL(n) over the reals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base, orthogonal


@dataclasses.dataclass(frozen=True, repr=False)
class GL(base.Group):
    """State the general linear group: real invertible matrices.

    The Lie algebra is all matrices, spanned by the unit matrices row by row. There are two
    components, told apart by the sign of the determinant; the discrete generator is the reflection
    of the first axis.

    The group is not compact. Samples are ``q diag(exp(d)) q'`` with ``q`` Haar distributed in O(n),
    ``q'`` in SO(n) and ``d`` uniform in ``[-1, 1]^n``: half of them have negative determinant.

    Numerics:
      ``residual`` is 0 for matrices that are invertible in float64 and infinite for others.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> GL(2), GL(2).lie_algebra.shape, GL(2).discrete_generators.shape
    (GL(2), (4, 2, 2), (1, 2, 2))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="GL(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        return np.eye(self.n**2).reshape(-1, self.n, self.n)

    def _make_discrete_generators(self) -> np.ndarray:
        return orthogonal.O(self.n).discrete_generators

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        stretch_key, sign_key = jax.random.split(key)
        sign = jax.random.rademacher(sign_key, (*shape, 1), dtype)
        return _stretch(stretch_key, shape, dtype, self.n).at[..., 0, :].multiply(sign)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return np.where(_is_invertible(matrix), 0.0, np.inf)


@dataclasses.dataclass(frozen=True, repr=False)
class GLPlus(base.Group):
    """State the connected part of GL(n): real matrices with ``det g > 0``.

    The Lie algebra is that of ``GL(n)``; there are no discrete generators. Samples are
    ``q diag(exp(d)) q'`` with ``q``, ``q'`` Haar distributed in SO(n) and ``d`` uniform in
    ``[-1, 1]^n``.

    Numerics:
      ``residual`` is 0 inside the group and infinite outside.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> GLPlus(2).contains(np.diag([-1.0, 2.0])), GL(2).contains(np.diag([-1.0, 2.0]))
    (array(False), array(True))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="GLPlus(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        return np.eye(self.n**2).reshape(-1, self.n, self.n)

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _stretch(key, shape, dtype, self.n)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        positive = np.linalg.slogdet(matrix).sign > 0
        return np.where(_is_invertible(matrix) & positive, 0.0, np.inf)


@dataclasses.dataclass(frozen=True, repr=False)
class SL(base.Group):
    """State the special linear group: real matrices with ``det g = 1``.

    The Lie algebra is the traceless matrices: the unit matrices off the diagonal row by row, then
    the difference of each diagonal entry and the next. The group is connected, so it has no
    discrete generators. It is not compact: samples are those of ``GLPlus(n)`` with the mean of
    ``d`` taken off.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> SL(3), SL(3).lie_algebra.shape
    (SL(3), (8, 3, 3))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="SL(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        units = np.eye(self.n**2).reshape(self.n, self.n, self.n, self.n)
        axes = np.arange(self.n - 1)
        diagonal = units[axes, axes] - units[axes + 1, axes + 1]
        return np.concatenate([units[~np.eye(self.n, dtype=bool)], diagonal])

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _stretch(key, shape, dtype, self.n, keep_volume=True)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return np.abs(np.linalg.det(matrix) - 1.0)


def _stretch(
    key: jax.Array,
    shape: tuple[int, ...],
    dtype: np.dtype,
    n: int,
    *,
    keep_volume: bool = False,
) -> jax.Array:
    """Draw ``q diag(exp(d)) q'`` of positive determinant."""
    rotation_key, stretch_key = jax.random.split(key)
    d = jax.random.uniform(stretch_key, (*shape, n), dtype, -1.0, 1.0)
    if keep_volume:
        d -= d.mean(axis=-1, keepdims=True)
    after, before = orthogonal.SO(n)._sample(rotation_key, (2, *shape), dtype)
    return (after * jnp.exp(d)[..., None, :]) @ before


def _is_invertible(matrix: np.ndarray) -> np.ndarray:
    sizes = np.linalg.svd(matrix, compute_uv=False)
    return sizes[..., -1] > matrix.shape[-1] * np.finfo(np.float64).eps * sizes[..., 0]
