"""Padding, which may hold anything, replaced before it is read."""

import jax.numpy as jnp

from symjax_models.typing import Array


def mask_padding(mask: Array | None, values: Array, *, fill: float = 0) -> Array:
    """Replace the entries of padding.

    Args:
        mask: True for real entries, `[*batch]`; all are if None.
        values: `[*batch, ...]`.
        fill: What padding holds afterwards.

    Returns:
        The same array with padding replaced, also where it was NaN.

    >>> mask_padding(jnp.array([True, False]), jnp.array([[1.0, 2.0], [jnp.nan, 3.0]])).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """
    if mask is None:
        return values
    trailing = (1,) * (values.ndim - mask.ndim)
    return jnp.where(mask.reshape(mask.shape + trailing), values, fill)
