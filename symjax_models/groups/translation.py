"""Translation groups T(n), in homogeneous coordinates."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class T(base.Group):
    """State the group of translations of n-dimensional space.

    A translation by ``t`` is the ``(n + 1) x (n + 1)`` matrix ``[[1, t], [0, 1]]``, which takes the
    column ``(x, 1)`` to ``(x + t, 1)``; so the defining matrices have one row more than the space
    has dimensions. The Lie algebra is spanned by the unit translations; there are no discrete
    generators.

    The group is not compact and has no Haar probability. Samples have ``t`` uniform in the ball of
    radius 1, a law that every rotation and reflection leaves as it is.

    Args:
      dimension: the dimension of the space, one less than the group's ``n``.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> T(3), T(3).n, T(3).lie_algebra.shape
    (T(3), 4, (3, 4, 4))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="T(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension + 1

    def _make_lie_algebra(self) -> np.ndarray:
        axes = np.arange(self.dimension)
        basis = np.zeros((self.dimension, self.n, self.n))
        basis[axes, axes, -1] = 1.0
        return basis

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        direction_key, radius_key = jax.random.split(key)
        gaussian = jax.random.normal(direction_key, (*shape, self.dimension), dtype)
        length = jnp.linalg.norm(gaussian, axis=-1, keepdims=True)
        # The volume within radius r grows as r^dimension.
        radius = jax.random.uniform(radius_key, (*shape, 1), dtype) ** (1.0 / self.dimension)
        shift = radius * gaussian / jnp.maximum(length, jnp.finfo(dtype).tiny)
        identity = jnp.broadcast_to(jnp.eye(self.n, dtype=dtype), (*shape, self.n, self.n))
        return identity.at[..., :-1, -1].set(shift)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        deviation = np.abs(matrix - np.eye(self.n))
        deviation[..., :-1, -1] = 0.0
        return deviation.max(axis=(-2, -1))
