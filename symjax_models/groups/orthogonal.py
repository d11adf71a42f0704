"""Orthogonal groups O(n) and SO(n): rotations, with and without reflections."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class O(base.Group):
    """State the orthogonal group: real matrices with ``g^T g = 1``.

    The Lie algebra is the antisymmetric matrices; its basis element for axes ``i < j``, in
    lexicographic order, turns axis ``i`` towards axis ``j``. The discrete generator is the
    reflection of the first axis. Samples are Haar distributed, half of them improper.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    Source:
      Haar samples: F. Mezzadri, "How to generate random matrices from the classical compact
      groups", 2007, arXiv:math-ph/0609050, section 5.

    >>> O(3)
    O(3)
    >>> O(3).lie_algebra.shape, O(3).discrete_generators.shape
    ((3, 3, 3), (1, 3, 3))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="O(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        return _antisymmetric_basis(self.n)

    def _make_discrete_generators(self) -> np.ndarray:
        reflection = np.eye(self.n)
        reflection[0, 0] = -1.0
        return reflection[None]

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _haar(key, (*shape, self.n, self.n), dtype, special=False)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return _orthogonality_residual(matrix)

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        return rotation_logarithm(matrix)


@dataclasses.dataclass(frozen=True, repr=False)
class SO(base.Group):
    """State the special orthogonal group: ``g^T g = 1`` and ``det g = 1``.

    The Lie algebra is that of ``O(n)``, with the same basis. The group is connected, so it has no
    discrete generators. Samples are Haar distributed.

    Args:
      dimension: ``n``, the dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> SO(3).contains(-np.eye(3)), O(3).contains(-np.eye(3))
    (array(False), array(True))
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="SO(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        return _antisymmetric_basis(self.n)

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _haar(key, (*shape, self.n, self.n), dtype, special=True)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        volume = np.abs(np.linalg.det(matrix) - 1.0)
        return np.maximum(_orthogonality_residual(matrix), volume)

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        return rotation_logarithm(matrix)


def rotation_logarithm(matrix: np.ndarray) -> np.ndarray:
    """Take an antisymmetric logarithm ``[n, n]`` of a rotation, also of one by half a turn."""
    block, basis = scipy.linalg.schur(matrix)[:2]
    result = np.zeros_like(block)
    halves = []  # axes that are reversed; two of them make half a turn
    i = 0
    while i < len(block):
        if i + 1 < len(block) and block[i + 1, i] != 0.0:
            angle = np.arctan2(block[i + 1, i], block[i, i])
            result[i + 1, i], result[i, i + 1] = angle, -angle
            i += 1
        elif block[i, i] < 0.0:
            halves.append(i)
        i += 1
    for i, j in zip(halves[::2], halves[1::2], strict=False):
        result[j, i], result[i, j] = np.pi, -np.pi
    return basis @ result @ basis.T


def _antisymmetric_basis(n: int) -> np.ndarray:
    source, target = np.triu_indices(n, k=1)
    basis = np.zeros((len(source), n, n))
    index = np.arange(len(source))
    basis[index, target, source] = 1.0
    basis[index, source, target] = -1.0
    return basis


def _haar(key: jax.Array, shape: tuple[int, ...], dtype: np.dtype, *, special: bool) -> jax.Array:
    with jax.default_matmul_precision("highest"):
        q, r = jnp.linalg.qr(jax.random.normal(key, shape, dtype))
        # Q alone is not Haar: its signs are the algorithm's. Those of diag(R) undo that.
        q *= _signs(jnp.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
        if special:
            q = q.at[..., 0].multiply(_signs(jnp.linalg.det(q))[..., None])
    return q


def _signs(x: jax.Array) -> jax.Array:
    # Not jnp.sign, which would put a column of zeros into an element.
    return jnp.where(x < 0, -1.0, 1.0).astype(x.dtype)


def _orthogonality_residual(matrix: np.ndarray) -> np.ndarray:
    gram = np.einsum("...ki,...kj->...ij", matrix, matrix)
    return np.abs(gram - np.eye(matrix.shape[-1])).max(axis=(-2, -1))
