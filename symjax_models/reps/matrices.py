"""Products and sums of matrices, for NumPy and JAX arrays alike."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# A transform must not lose bits to an accelerator's matmul units.
_HIGHEST = jax.lax.Precision.HIGHEST


def namespace(array: Any) -> Any:
    """Return the module whose functions take this array: NumPy or `jax.numpy`."""
    return np if isinstance(array, np.ndarray) else jnp


def kron(a: Any, b: Any) -> Any:
    """Return the Kronecker product of matrices `[..., A, A]` and `[..., B, B]`, over batches."""
    product = a[..., :, None, :, None] * b[..., None, :, None, :]
    size = a.shape[-1] * b.shape[-1]
    return product.reshape(*product.shape[:-4], size, size)


def block_diagonal(like: Any, blocks: list[Any]) -> Any:
    """Place square matrices `[..., d, d]` along a diagonal, with the batch axes of `like`."""
    xp = namespace(like)
    batch, size = like.shape[:-2], sum(block.shape[-1] for block in blocks)
    rows, start = [], 0
    for block in blocks:
        width = block.shape[-1]
        left = xp.zeros((*batch, width, start), block.dtype)
        right = xp.zeros((*batch, width, size - start - width), block.dtype)
        rows.append(xp.concatenate([left, block, right], axis=-1))
        start += width
    return xp.concatenate(rows, axis=-2) if rows else xp.zeros((*batch, 0, 0), like.dtype)


def maps_of(basis: Any) -> np.ndarray:
    """Return basis maps as matrices, `[K, D_out, D_in]`, by applying each to all unit vectors.

    Args:
        basis: What has `rep_in`, `size` and `apply`.
    """
    identity = np.eye(basis.rep_in.dim)[:, :, None]
    maps = basis.apply(np.eye(basis.size)[:, None, :], identity)
    return np.ascontiguousarray(maps.transpose(2, 1, 0))


def mix_channels(matrix: Any, x: Any) -> Any:
    """Multiply components `[..., D_in, C_in]` by a matrix for every pair of channels.

    Args:
        matrix: Matrices `[D_out, D_in, C_in, C_out]`.
        x: The components.

    Returns:
        Components `[..., D_out, C_out]`.
    """
    outputs, inputs, channels_in, channels_out = matrix.shape
    rows, columns = inputs * channels_in, outputs * channels_out
    flat = matrix.transpose(1, 2, 0, 3).reshape(rows, columns)
    y = matmul(x.reshape(*x.shape[:-2], rows), flat)
    return y.reshape(*x.shape[:-2], outputs, channels_out)


def matmul(a: Any, b: Any) -> Any:
    """Multiply matrices without loss of precision on accelerators."""
    return np.matmul(a, b) if namespace(a) is np else jnp.matmul(a, b, precision=_HIGHEST)
