"""The exponential map of a Lie algebra, and its inverse."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
import scipy.linalg
from jax.typing import ArrayLike

# Elements in float32 satisfy their group's equations to about 1e-6 only.
_TOLERANCE = 1e-5


def exp(coordinates: ArrayLike, algebra: np.ndarray, *, owner: str) -> jax.Array:
    """Exponentiate combinations ``[..., D]`` of an algebra ``[D, n, n]``, see ``Group.exp``."""
    c = jnp.asarray(coordinates)
    if c.shape[-1:] != algebra.shape[:1]:
        raise ValueError(f"{owner} has coordinates of shape [..., {len(algebra)}], got {c.shape}")
    dtype = jnp.promote_types(c.dtype, jnp.float32)
    if np.iscomplexobj(algebra):
        dtype = jnp.promote_types(dtype, jnp.complex64)
    with jax.default_matmul_precision("highest"):
        combination = jnp.einsum("...d,dij->...ij", c.astype(dtype), jnp.asarray(algebra, dtype))
        return jax.scipy.linalg.expm(combination)


def log(
    matrix: np.ndarray,
    algebra: np.ndarray,
    logarithm: Callable[[np.ndarray], np.ndarray],
    *,
    owner: str,
) -> np.ndarray:
    """Find coordinates ``[..., D]`` of logarithms of ``[..., n, n]``, see ``Group.log``."""
    n = matrix.shape[-1]
    basis = _as_real(algebra.reshape(len(algebra), n * n))
    coordinates = np.zeros((*matrix.shape[:-2], len(algebra)))
    for index in np.ndindex(matrix.shape[:-2]):
        g = matrix[index]
        if not np.isfinite(g).all():
            raise ValueError(f"element {index} of {owner} is not finite")
        target = _as_real(logarithm(g).reshape(n * n))
        c = np.linalg.lstsq(basis.T, target, rcond=None)[0]
        found = np.einsum("d,dij->ij", c, algebra)
        # The power series of a logarithm that is far off may overflow.
        miss = np.abs(scipy.linalg.expm(found) - g).max() if np.isfinite(found).all() else np.inf
        if not miss <= _TOLERANCE * max(1.0, np.abs(g).max()):
            raise ValueError(
                f"expected elements with a logarithm in the Lie algebra of {owner}, got element "
                f"{index}, which exp(log(g)) misses by {miss:.3g}"
            )
        coordinates[index] = c
    return coordinates


def principal_logarithm(matrix: np.ndarray) -> np.ndarray:
    """Take the logarithm ``[n, n]`` whose eigenvalues have imaginary part in ``(-pi, pi]``."""
    if np.linalg.matrix_rank(matrix) < len(matrix):
        return np.zeros_like(matrix)
    return np.asarray(scipy.linalg.logm(matrix))


def _as_real(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([np.real(rows), np.imag(rows)], axis=-1)
