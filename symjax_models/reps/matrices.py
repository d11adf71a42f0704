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


def matmul(a: Any, b: Any) -> Any:
    """Multiply matrices without loss of precision on accelerators."""
    return np.matmul(a, b) if namespace(a) is np else jnp.matmul(a, b, precision=_HIGHEST)
