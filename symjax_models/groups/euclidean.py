"""Affine groups E(n), SE(n) and SIM(n), in homogeneous coordinates."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from symjax_models.groups import base, orthogonal, translation


class _Affine(base.Group):
    """Share what the matrices ``[[r, t], [0, 1]]`` have in common, whatever ``r`` is."""

    dimension: int

    def __post_init__(self) -> None:
        name = f"{type(self).__name__}(n)"
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name=name))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension + 1

    def _make_lie_algebra(self) -> np.ndarray:
        shifts = translation.T(self.dimension).lie_algebra
        return np.concatenate([_embed(self._make_linear_algebra()), shifts])

    def _make_linear_algebra(self) -> np.ndarray:
        return orthogonal.SO(self.dimension).lie_algebra

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        linear_key, shift_key = jax.random.split(key)
        shift = translation.T(self.dimension)._sample(shift_key, shape, dtype)
        return shift.at[..., :-1, :-1].set(self._sample_linear(linear_key, shape, dtype))

    def _sample_linear(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return orthogonal.SO(self.dimension)._sample(key, shape, dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        bottom = np.abs(matrix[..., -1, :] - np.eye(self.n)[-1]).max(axis=-1)
        return np.maximum(bottom, self._linear_residual(matrix[..., :-1, :-1]))

    def _linear_residual(self, linear: np.ndarray) -> np.ndarray:
        return orthogonal.SO(self.dimension)._residual(linear)

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        size = np.abs(np.linalg.det(matrix)) ** (1.0 / self.dimension)
        if size == 0.0:
            return np.zeros_like(matrix)
        linear = orthogonal.rotation_logarithm(matrix[:-1, :-1] / size)
        linear += np.log(size) * np.eye(self.dimension)
        # exp [[a, u], [0, 0]] moves the origin to V u, with V the mean of exp(s a), 0 <= s <= 1.
        one, zero = np.eye(self.dimension), np.zeros((self.dimension, self.dimension))
        mean = scipy.linalg.expm(np.block([[linear, one], [zero, zero]]))
        result = np.zeros_like(matrix)
        result[:-1, :-1] = linear
        V = mean[: self.dimension, self.dimension :]
        result[:-1, -1] = np.linalg.lstsq(V, matrix[:-1, -1], rcond=None)[0]
        return result


@dataclasses.dataclass(frozen=True, repr=False)
class E(_Affine):
    """State the Euclidean group: rotations, reflections and translations of n-dimensional space.

    The element ``x -> r x + t`` is the matrix ``[[r, t], [0, 1]]``, which acts on columns
    ``(x, 1)``; so the defining matrices have one row more than the space has dimensions. The Lie
    algebra is that of ``O(n)`` and then the unit translations. There are two components; the
    discrete generator is the reflection of the first axis.

    The group is not compact. Samples have ``r`` Haar distributed in O(n) and ``t`` uniform in the
    ball of radius 1.

    Args:
      dimension: the dimension of the space, one less than the group's ``n``.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> E(3), E(3).n, E(3).lie_algebra.shape, E(3).discrete_generators.shape
    (E(3), 4, (6, 4, 4), (1, 4, 4))
    """

    dimension: int

    def _make_discrete_generators(self) -> np.ndarray:
        reflection = np.eye(self.n)
        reflection[0, 0] = -1.0
        return reflection[None]

    def _sample_linear(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return orthogonal.O(self.dimension)._sample(key, shape, dtype)

    def _linear_residual(self, linear: np.ndarray) -> np.ndarray:
        return orthogonal.O(self.dimension)._residual(linear)


@dataclasses.dataclass(frozen=True, repr=False)
class SE(_Affine):
    """State the special Euclidean group: rotations and translations of n-dimensional space.

    Matrices, Lie algebra and law of samples are those of ``E(n)`` without the reflections. The
    group is connected, so it has no discrete generators.

    Args:
      dimension: the dimension of the space, one less than the group's ``n``.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> SE(3), SE(3).lie_algebra.shape, SE(3).discrete_generators.shape
    (SE(3), (6, 4, 4), (0, 4, 4))
    """

    dimension: int


@dataclasses.dataclass(frozen=True, repr=False)
class SIM(_Affine):
    """State the proper similarity group: rotations, positive scalings and translations.

    The element ``x -> s r x + t``, ``s > 0``, is the matrix ``[[s r, t], [0, 1]]``. The Lie algebra
    is that of ``SO(n)``, then the scaling, then the unit translations. The group is connected, so
    it has no discrete generators. It is not compact: samples are those of ``SE(n)`` with ``log s``
    uniform in ``[-1, 1]``.

    Args:
      dimension: the dimension of the space, one less than the group's ``n``.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> SIM(2).contains(np.diag([2.0, 2.0, 1.0])), SIM(2).lie_algebra.shape
    (array(True), (4, 3, 3))
    """

    dimension: int

    def _make_linear_algebra(self) -> np.ndarray:
        return np.concatenate([super()._make_linear_algebra(), np.eye(self.dimension)[None]])

    def _sample_linear(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        rotation_key, size_key = jax.random.split(key)
        size = jnp.exp(jax.random.uniform(size_key, (*shape, 1, 1), dtype, -1.0, 1.0))
        return size * super()._sample_linear(rotation_key, shape, dtype)

    def _linear_residual(self, linear: np.ndarray) -> np.ndarray:
        gram = linear.swapaxes(-2, -1) @ linear
        square = np.trace(gram, axis1=-2, axis2=-1) / self.dimension
        deviation = gram - square[..., None, None] * np.eye(self.dimension)
        is_proper = np.linalg.slogdet(linear).sign > 0
        return np.where(is_proper, np.abs(deviation).max(axis=(-2, -1)), np.inf)


def _embed(linear: np.ndarray) -> np.ndarray:
    return np.pad(linear, [(0, 0), (0, 1), (0, 1)])
