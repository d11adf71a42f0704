"""Real symplectic groups Sp(n), n even."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base, unitary


@dataclasses.dataclass(frozen=True, repr=False)
class Sp(base.Group):
    """State the symplectic group: real matrices with ``g^T w g = w``, ``w = [[0, 1], [-1, 0]]``.

    With columns ``(q, p)`` of ``n / 2`` positions and momenta these are the linear canonical
    transformations. The Lie algebra is the matrices ``[[a, b], [c, -a^T]]`` with symmetric ``b``
    and ``c``: first those of ``a``, entry by entry, then of ``b``, then of ``c``, upper triangles
    row by row. The group is connected, so it has no discrete generators.

    The group is not compact. Samples are ``k diag(exp(d), exp(-d)) k'`` with ``k``, ``k'`` Haar
    distributed over the orthogonal symplectic matrices and ``d`` uniform in ``[-1, 1]^(n / 2)``.

    Args:
      dimension: ``n``, the even dimension of the space.

    Raises:
      ValueError: if ``dimension`` is not an even whole number of at least 2.

    >>> Sp(4), Sp(4).n, Sp(4).lie_algebra.shape
    (Sp(4), 4, (10, 4, 4))
    """

    dimension: int

    def __post_init__(self) -> None:
        size = base.check_size(self.dimension, name="Sp(n)")
        if size % 2:
            raise ValueError(f"Sp(n) needs an even n, got {size}: take Sp({size + 1})")
        object.__setattr__(self, "dimension", size)

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    @property
    def form(self) -> np.ndarray:
        """The antisymmetric form ``w`` that elements preserve, ``[n, n]`` float64."""
        half = np.eye(self.n // 2)
        return np.block([[0.0 * half, half], [-half, 0.0 * half]])

    def _make_lie_algebra(self) -> np.ndarray:
        m = self.n // 2
        units = np.eye(m * m).reshape(m * m, m, m)
        row, column = np.triu_indices(m)
        symmetric = np.zeros((len(row), m, m))
        symmetric[np.arange(len(row)), row, column] = 1.0
        symmetric[np.arange(len(row)), column, row] = 1.0
        basis = np.zeros((m * m + 2 * len(row), self.n, self.n))
        basis[: m * m, :m, :m] = units
        basis[: m * m, m:, m:] = -units.swapaxes(-2, -1)
        basis[m * m : m * m + len(row), :m, m:] = symmetric
        basis[m * m + len(row) :, m:, :m] = symmetric
        return basis

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        m = self.n // 2
        rotation_key, squeeze_key = jax.random.split(key)
        k = unitary.U(m)._sample(rotation_key, (2, *shape), dtype)
        rotation = jnp.block([[k.real, -k.imag], [k.imag, k.real]]).astype(dtype)
        d = jax.random.uniform(squeeze_key, (*shape, m), dtype, -1.0, 1.0)
        squeeze = jnp.exp(jnp.concatenate([d, -d], axis=-1))
        return (rotation[0] * squeeze[..., None, :]) @ rotation[1]

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        moved = matrix.swapaxes(-2, -1) @ self.form @ matrix
        return np.abs(moved - self.form).max(axis=(-2, -1))
