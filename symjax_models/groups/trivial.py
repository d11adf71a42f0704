"""Trivial groups: the identity alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class Trivial(base.Group):
    """State the group of the identity matrix alone.

    It has no generators; every sample is the identity. As a factor of a direct product it leaves
    coordinates alone.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> Trivial(2).elements
    array([[[1., 0.],
            [0., 1.]]])
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="Trivial(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    @property
    def order(self) -> int:
        """The number of elements."""
        return 1

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        del key
        return jnp.broadcast_to(jnp.eye(self.n, dtype=dtype), (*shape, self.n, self.n))

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return np.abs(matrix - np.eye(self.n)).max(axis=(-2, -1))
