"""Cyclic and dihedral groups: shifts Z(n), rotations of the plane C(n), with a reflection D(n)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class Z(base.Group):
    """State the cyclic group of shifts of n places in a ring, as permutation matrices.

    The discrete generator takes the basis column ``e_j`` to ``e_{j+1}``, the last to the first;
    there is none for ``n = 1``. Samples are uniform.

    Args:
      length: ``n``, the number of places.

    Raises:
      ValueError: if ``length`` is not a whole number of at least 1.

    >>> Z(3).discrete_generators @ np.array([1.0, 2.0, 3.0])
    array([[3., 1., 2.]])
    """

    length: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", base.check_size(self.length, name="Z(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.length

    @property
    def order(self) -> int:
        """The number of elements, ``n``."""
        return self.length

    def _make_discrete_generators(self) -> np.ndarray:
        return np.roll(np.eye(self.n), 1, axis=0)[None][: self.n - 1]

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        shift = jax.random.randint(key, (*shape, 1), 0, self.n, dtype=jnp.int32)
        targets = (np.arange(self.n, dtype=np.int32) + shift) % self.n
        return jax.nn.one_hot(targets, self.n, dtype=dtype, axis=-2)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        shift = matrix[..., 0].argmax(axis=-1)[..., None]
        nearest = np.eye(self.n)[(np.arange(self.n) - shift) % self.n]
        return np.abs(matrix - nearest).max(axis=(-2, -1))


@dataclasses.dataclass(frozen=True, repr=False)
class C(base.Group):
    """State the cyclic group of rotations of the plane by multiples of ``2 pi / n``.

    The defining matrices are 2 x 2 for every ``n``. The discrete generator is the rotation by
    ``2 pi / n``, from the first axis towards the second; there is none for ``n = 1``. Samples are
    uniform.

    Args:
      folds: ``n``, the number of rotations.

    Raises:
      ValueError: if ``folds`` is not a whole number of at least 1.

    >>> C(4), C(4).n, C(4).order, C(4).contains([[0.0, -1.0], [1.0, 0.0]])
    (C(4), 2, 4, array(True))
    """

    folds: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "folds", base.check_size(self.folds, name="C(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return 2

    @property
    def order(self) -> int:
        """The number of elements, ``n``."""
        return self.folds

    def _make_discrete_generators(self) -> np.ndarray:
        return _rotations(self.folds)[1:2]

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        index = jax.random.randint(key, shape, 0, self.folds, dtype=jnp.int32)
        return jnp.asarray(_rotations(self.folds), dtype)[index]

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return _distance_to_rotation(matrix, self.folds)


@dataclasses.dataclass(frozen=True, repr=False)
class D(base.Group):
    """State the dihedral group: ``n`` rotations of the plane and ``n`` reflections.

    The discrete generators are those of ``C(n)`` and then the reflection that reverses the second
    axis, so one axis of symmetry is the first axis. Samples are uniform.

    Args:
      folds: ``n``, the number of rotations, half of the order.

    Raises:
      ValueError: if ``folds`` is not a whole number of at least 1.

    >>> D(3), D(3).n, D(3).order
    (D(3), 2, 6)
    """

    folds: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "folds", base.check_size(self.folds, name="D(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return 2

    @property
    def order(self) -> int:
        """The number of elements, ``2 n``."""
        return 2 * self.folds

    def _make_discrete_generators(self) -> np.ndarray:
        return np.concatenate([_rotations(self.folds)[1:2], [_MIRROR]])

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        index = jax.random.randint(key, shape, 0, self.order, dtype=jnp.int32)
        rotations = _rotations(self.folds)
        return jnp.asarray(np.concatenate([rotations, rotations @ _MIRROR]), dtype)[index]

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        direct = _distance_to_rotation(matrix, self.folds)
        return np.minimum(direct, _distance_to_rotation(matrix @ _MIRROR, self.folds))


_MIRROR = np.diag([1.0, -1.0])


def _rotations(folds: int) -> np.ndarray:
    angles = 2 * np.pi * np.arange(folds) / folds
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.stack([cosine, -sine, sine, cosine], axis=-1).reshape(folds, 2, 2)


def _distance_to_rotation(matrix: np.ndarray, folds: int) -> np.ndarray:
    angle = np.arctan2(matrix[..., 1, 0] - matrix[..., 0, 1], matrix[..., 0, 0] + matrix[..., 1, 1])
    nearest = _rotations(folds)[np.rint(angle * folds / (2 * np.pi)).astype(int) % folds]
    return np.abs(matrix - nearest).max(axis=(-2, -1))
