"""Rotations from vectors: Gram-Schmidt, with a defined answer where the vectors do not span."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def gram_schmidt(vectors: Array, *, special: bool = False) -> Array:
    """Turn vectors into an orthonormal frame that rotates with them.

    Column k of the result is `v_k` less its components along the columns before, normalized. With
    d - 1 vectors, or with `special`, the last column is the one that makes the determinant 1 (for
    d = 3 the cross product of the first two).

    Args:
        vectors: v_1, v_2, ... as columns, `[*batch, d, K]` with K = d - 1 or d.
        special: Use the first d - 1 alone and return a rotation.

    Returns:
        Orthogonal matrices `[*batch, d, d]` whose columns are the frame: in O(d) for d vectors, in
        SO(d) otherwise.

    Raises:
        ValueError: If there are not d - 1 or d vectors.

    Equivariance:
        `gram_schmidt(r @ v) == r @ gram_schmidt(v)` for r in O(d), or in SO(d) for `special`, as
        long as the vectors that are used are linearly independent. Where they are not, no
        continuous choice is equivariant: the missing columns are then those of the standard basis
        that are least along the others, orthogonalized.

    Numerics:
        Every column is orthogonalized twice, so that nearly parallel vectors still give an
        orthogonal matrix to rounding. Gradients of missing columns are zero.

    >>> gram_schmidt(jnp.array([[2.0, 1.0], [0.0, 3.0], [0.0, 0.0]])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    d, count = vectors.shape[-2:]
    if count not in (d - 1, d):
        raise ValueError(
            f"expected {d - 1} or {d} vectors of {d} components, [..., {d}, {d - 1} or {d}], got "
            f"shape {tuple(vectors.shape)}"
        )
    is_special = special or count == d - 1
    # Their lengths do not matter; tiny ones would underflow in the derivatives.
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(vectors), axis=-2, keepdims=True))
    vectors = vectors / jnp.where(scale == 0, 1, scale)
    frame = vectors[..., :0]
    for index in range(d - 1 if is_special else d):
        vector = vectors[..., index]
        rest = reject(reject(vector[..., None], frame), frame)[..., 0]
        length = safe.norm(rest, keepdims=True)
        threshold = 32 * jnp.finfo(vectors.dtype).eps * safe.norm(vector, keepdims=True)
        # NaN is not below the threshold, so that it is seen in the result.
        is_dependent = length <= threshold
        unit = rest / jnp.where(is_dependent, 1, length)
        column = jnp.where(is_dependent, _least_along(frame), unit)
        frame = jnp.concatenate([frame, column[..., None]], axis=-1)
    if is_special:
        last = _last_of_rotation(frame)
        frame = jnp.concatenate([frame, last[..., None]], axis=-1)
    return frame


def reject(vectors: Array, frame: Array) -> Array:
    """Take the components along orthonormal columns off vectors.

    Args:
        vectors: Columns `[*batch, d, J]`.
        frame: Orthonormal columns `[*batch, d, K]`; columns of zeros take nothing off.

    Returns:
        What is left, `[*batch, d, J]`.
    """
    if not frame.shape[-1]:
        return vectors
    along = jnp.einsum("...ik,...ij->...kj", frame, vectors, precision=_HIGHEST)
    return vectors - jnp.einsum("...ik,...kj->...ij", frame, along, precision=_HIGHEST)


def _least_along(frame: Array) -> Array:
    """Return the unit vector of the axis that is least along the columns, rejected from them."""
    frame = jax.lax.stop_gradient(frame)
    d = frame.shape[-2]
    axes = jnp.broadcast_to(jnp.eye(d, dtype=frame.dtype), (*frame.shape[:-2], d, d))
    axes = reject(reject(axes, frame), frame)
    squares = jnp.sum(jnp.square(axes), axis=-2)
    best = jnp.argmax(squares, axis=-1)[..., None]
    chosen = jnp.take_along_axis(axes, best[..., None, :], axis=-1)[..., 0]
    return chosen / jnp.sqrt(jnp.take_along_axis(squares, best, axis=-1))


def _last_of_rotation(columns: Array) -> Array:
    """Return the vector of cofactors of d - 1 orthonormal columns `[*batch, d, d - 1]`."""
    d = columns.shape[-2]
    if d == 3:
        return jnp.cross(columns[..., 0], columns[..., 1])
    minors = [
        (-1) ** (row + d - 1) * jnp.linalg.det(jnp.delete(columns, row, axis=-2)) if d > 1 else 1.0
        for row in range(d)
    ]
    ones = jnp.ones(columns.shape[:-2], columns.dtype)
    return jnp.stack([minor * ones for minor in minors], axis=-1)
