"""Unitary groups U(n) and SU(n)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class U(base.Group):
    """State the unitary group: complex matrices with ``g^H g = 1``.

    The Lie algebra is the anti-Hermitian matrices, a real space of dimension ``n^2``: for axes
    ``i < j`` in lexicographic order the real antisymmetric elements, then the imaginary symmetric
    ones, then ``i`` times each diagonal entry. The group is connected, so it has no discrete
    generators. Samples are Haar distributed.

    Args:
      dimension: ``n``, the dimension of the complex space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    Source:
      Haar samples: F. Mezzadri, "How to generate random matrices from the classical compact
      groups", 2007, arXiv:math-ph/0609050, section 5.

    >>> U(2), U(2).lie_algebra.shape, U(2).lie_algebra.dtype
    (U(2), (4, 2, 2), dtype('complex128'))
    """

    dimension: int

    is_complex = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="U(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        axes = np.arange(self.n)
        phases = np.zeros((self.n, self.n, self.n), complex)
        phases[axes, axes, axes] = 1j
        return np.concatenate([_off_diagonal_basis(self.n), phases])

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return _haar(key, (*shape, self.n, self.n), dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return _unitarity_residual(matrix)


@dataclasses.dataclass(frozen=True, repr=False)
class SU(base.Group):
    """State the special unitary group: ``g^H g = 1`` and ``det g = 1``.

    The Lie algebra is the traceless anti-Hermitian matrices, a real space of dimension
    ``n^2 - 1``: the off-diagonal elements of ``U(n)``, then ``i`` times the difference of each
    diagonal entry and the next. The group is connected, so it has no discrete generators. Samples
    are Haar distributed.

    Args:
      dimension: ``n``, the dimension of the complex space.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> SU(2).contains(-np.eye(2)), SU(3).contains(-np.eye(3))
    (array(True), array(False))
    """

    dimension: int

    is_complex = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="SU(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    def _make_lie_algebra(self) -> np.ndarray:
        axes = np.arange(self.n - 1)
        phases = np.zeros((self.n - 1, self.n, self.n), complex)
        phases[axes, axes, axes] = 1j
        phases[axes, axes + 1, axes + 1] = -1j
        return np.concatenate([_off_diagonal_basis(self.n), phases])

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        g = _haar(key, (*shape, self.n, self.n), dtype)
        # Left multiplication by SU(n) leaves the determinant alone, so this keeps the measure.
        return g.at[..., 0].multiply(jnp.linalg.det(g).conj()[..., None])

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        volume = np.abs(np.linalg.det(matrix) - 1.0)
        return np.maximum(_unitarity_residual(matrix), volume)

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        # Of a unitary matrix the triangular factor is diagonal, up to rounding.
        triangle, basis = scipy.linalg.schur(matrix, output="complex")[:2]
        phases = np.angle(np.diagonal(triangle))
        # The principal phases add up to a multiple of 2 pi; the largest ones give it back.
        turns = round(phases.sum() / (2 * np.pi))
        largest = np.argsort(-np.sign(turns) * phases)[: abs(turns)]
        phases[largest] -= np.sign(turns) * 2 * np.pi
        return (basis * (1j * phases)) @ basis.conj().T


def _off_diagonal_basis(n: int) -> np.ndarray:
    row, column = np.triu_indices(n, k=1)
    index = np.arange(len(row))
    real, imaginary = np.zeros((2, len(row), n, n), complex)
    real[index, column, row], real[index, row, column] = 1.0, -1.0
    imaginary[index, column, row] = imaginary[index, row, column] = 1j
    return np.concatenate([real, imaginary])


def _haar(key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
    q, r = jnp.linalg.qr(jax.random.normal(key, shape, jnp.promote_types(dtype, jnp.complex64)))
    # Q alone is not Haar: its phases are the algorithm's. Those of diag(R) undo that.
    diagonal = jnp.diagonal(r, axis1=-2, axis2=-1)
    size = jnp.abs(diagonal)
    phases = jnp.where(size > 0, diagonal / jnp.where(size > 0, size, 1.0), 1.0)
    return q * phases[..., None, :]


def _unitarity_residual(matrix: np.ndarray) -> np.ndarray:
    gram = np.einsum("...ki,...kj->...ij", matrix.conj(), matrix)
    return np.abs(gram - np.eye(matrix.shape[-1])).max(axis=(-2, -1))
