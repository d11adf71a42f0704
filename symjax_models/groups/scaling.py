"""Scaling groups: positive multiples of the identity."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class Scaling(base.Group):
    """State the group of changes of unit: ``s`` times the identity, ``s > 0``.

    The Lie algebra is spanned by the identity. The group is connected, so it has no discrete
    generators. It is not compact: samples have ``log s`` uniform in ``[-1, 1]``.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> Scaling(3).contains(2.0 * np.eye(3)), Scaling(3).contains(-np.eye(3))
    (array(True), array(False))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="Scaling(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        return np.eye(self.n)[None]

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        size = jnp.exp(jax.random.uniform(key, (*shape, 1, 1), dtype, -1.0, 1.0))
        return size * jnp.eye(self.n, dtype=dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        size = np.trace(matrix, axis1=-2, axis2=-1) / self.n
        deviation = np.abs(matrix - size[..., None, None] * np.eye(self.n)).max(axis=(-2, -1))
        return np.where(size > 0, deviation, np.inf)
