"""Orthonormal frames that move with the input, one per node or per cloud."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.orthogonalization import gram_schmidt
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def frames_from_vectors(vectors: Array) -> Array:
    """Make a frame of the first vectors that span, out of more than are needed.

    The first axis is the direction of the first vector that is not zero. For d = 3 the second is
    that of the first vector that is not parallel to it, less its part along the first, and the
    third is their cross product.

    Args:
        vectors: Candidates in order of preference, as columns, `[*batch, d, K]`, d = 2 or 3.

    Returns:
        Rotations `[*batch, d, d]` whose columns are the axes.

    Raises:
        ValueError: If d is not 2 or 3, or there are fewer than d - 1 candidates.

    Equivariance:
        `frames_from_vectors(r @ v) == r @ frames_from_vectors(v)` for rotations r, exact as long as
        the candidates span d - 1 dimensions. Where they do not, the missing axes are those of
        `gram_schmidt`: equivariant no more, but orthonormal, and what rotations about the axes that
        are there leave as it is stays exact. A reflection of the vectors does not reflect the
        frame, whose determinant is 1.

    Numerics:
        A vector counts as parallel where its rejection is below 100 eps of its length. Derivatives
        are finite everywhere; they grow as 1 / sin of the angle between the vectors in use.

    >>> candidates = jnp.array([[0.0, 0.0, 2.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    >>> frames_from_vectors(candidates).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]
    """
    d, count = vectors.shape[-2:]
    if d not in (2, 3) or count < d - 1:
        raise ValueError(
            f"expected at least d - 1 candidates of d = 2 or 3 components, [..., d, K], got shape "
            f"{tuple(vectors.shape)}"
        )
    lengths = safe.norm(vectors, axis=-2)
    chosen = [_take_first(vectors, lengths > 0)]
    if d == 3:
        first = chosen[0] / _nonzero(safe.norm(chosen[0], keepdims=True))
        along = jnp.einsum("...d,...dk->...k", first, vectors, precision=_HIGHEST)
        across = safe.norm(vectors - along[..., None, :] * first[..., None], axis=-2)
        chosen.append(_take_first(vectors, across > 100 * jnp.finfo(vectors.dtype).eps * lengths))
    return gram_schmidt(jnp.stack(chosen, axis=-1))


def velocity_frames(velocities: Array) -> Array:
    """Make frames of directions of motion alone: yaw and pitch, no roll.

    The first axis is the direction of v. For d = 3 the second is horizontal, `z x v / |z x v|`.

    Args:
        velocities: v, `[*batch, d]`, d = 2 or 3.

    Returns:
        Rotations `[*batch, d, d]` whose columns are the axes.

    Raises:
        ValueError: If d is not 2 or 3.

    Equivariance:
        For d = 2 all rotations, for d = 3 rotations about z alone; exact as long as v is not zero
        and, for d = 3, not along z. At v = 0 the frame is the identity: relations between positions
        are then seen from the fixed axes.

    Source:
        M. Kofinas, N. S. Nagaraja, E. Gavves 2021, section 3.1, arXiv:2110.14961.

    >>> velocity_frames(jnp.array([0.0, 2.0])).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    d = velocities.shape[-1]
    if d not in (2, 3):
        raise ValueError(f"expected velocities of 2 or 3 components, got {d}")
    if d == 2:
        return frames_from_vectors(velocities[..., None])
    x, y, z = (velocities[..., axis] for axis in range(3))
    zero = jnp.zeros_like(x)
    level = jnp.stack([-y, x, zero], axis=-1)
    # Yaw is zero where it is not defined, as atan2(0, 0) is.
    is_vertical = (x == 0) & (y == 0)
    level = jnp.where(is_vertical[..., None], jnp.array([0.0, 1.0, 0.0], x.dtype), level)
    is_still = is_vertical & (z == 0)
    east = jnp.array([1.0, 0.0, 0.0], x.dtype)
    direction = jnp.where(is_still[..., None], east, velocities)
    return gram_schmidt(jnp.stack([direction, level], axis=-1))


def neighbourhood_frames(displacements: Array) -> Array:
    """Make frames of the principal axes of neighbours, each turned to where more of them lie.

    Axes are eigenvectors of `sum_j d_j d_j^T`, the largest spread first, with the sign that makes
    `sum_j (d_j . axis)^3` positive; the last is the cross product.

    Args:
        displacements: d_j, from a point to its neighbours, `[*batch, k, d]`, d = 2 or 3.

    Returns:
        Rotations `[*batch, d, d]` whose columns are the axes.

    Equivariance:
        Rotations of the displacements, permutations of neighbours; exact as long as eigenvalues are
        distinct and the third moments of the axes in use not zero. Neighbourhoods that are
        symmetric have no such frame.

    Numerics:
        No gradient passes, for that of eigenvectors is infinite where eigenvalues meet.

    >>> frame = neighbourhood_frames(jnp.array([[3.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]))
    >>> (frame.round(6) + 0).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    displacements = jax.lax.stop_gradient(displacements)
    moments = jnp.einsum("...ki,...kj->...ij", displacements, displacements, precision=_HIGHEST)
    axes = principal_axes(moments)[..., :-1]
    along = jnp.einsum("...ki,...ij->...kj", displacements, axes, precision=_HIGHEST)
    signs = jnp.where(jnp.sum(along**3, axis=-2) < 0, -1, 1).astype(axes.dtype)
    return gram_schmidt(axes * signs[..., None, :])


def principal_axes(covariance: Array) -> Array:
    """Return eigenvectors of symmetric matrices as rotations, the largest eigenvalue first.

    Args:
        covariance: Symmetric matrices `[*batch, d, d]`.

    Returns:
        Rotations `[*batch, d, d]` whose columns are the axes.

    Equivariance:
        Covariances of turned points have turned axes up to the signs of the columns, as long as
        eigenvalues are distinct: what reads the axes must not depend on signs.

    Numerics:
        No gradient passes. The rounding of the axes is some eps over the relative gap of the
        eigenvalues.

    >>> abs(principal_axes(jnp.diag(jnp.array([1.0, 4.0])))).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    covariance = jax.lax.stop_gradient(covariance)
    axes = jnp.linalg.eigh(covariance)[1][..., ::-1]
    # Again, for the rounding of eigh is larger than that of a rotation needs to be.
    return gram_schmidt(axes, special=True)


def to_local(frames: Array, vectors: Array) -> Array:
    """See vectors from frames, `R^T v`.

    Args:
        frames: R, `[*batch, d, d]`.
        vectors: v, channels last, `[*batch, d, C]`.

    Returns:
        Components along the axes, `[*batch, d, C]`; invariant if R turns with v.
    """
    return jnp.einsum("...ji,...jc->...ic", frames, vectors, precision=_HIGHEST)


def to_global(frames: Array, components: Array) -> Array:
    """Undo `to_local`, `R u`.

    Args:
        frames: R, `[*batch, d, d]`.
        components: u, channels last, `[*batch, d, C]`.

    Returns:
        Vectors `[*batch, d, C]`.
    """
    return jnp.einsum("...ij,...jc->...ic", frames, components, precision=_HIGHEST)


def _take_first(vectors: Array, is_fit: Array) -> Array:
    """Return the first fitting column; the first where none fits."""
    index = jnp.argmax(is_fit, axis=-1)[..., None, None]
    return jnp.take_along_axis(vectors, index, axis=-1)[..., 0]


def _nonzero(lengths: Array) -> Array:
    return jnp.where(lengths == 0, 1, lengths)
