"""Point-pair features: how two oriented points lie to each other, whatever the pose."""

import math

import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.nearest_neighbours import gather_neighbours
from symjax_models.typing import Array


def angle(a: Array, b: Array) -> Array:
    """Measure the angle between vectors, atan2(|a x b|, <a, b>).

    Args:
        a: Vectors of any length, `[..., 3]`.
        b: Vectors whose shape broadcasts with that of `a`.

    Returns:
        Angles in [0, pi], `[...]`; 0 where one vector is zero.

    Equivariance:
        Invariant under O(3) acting on both.

    Numerics:
        All angles keep their digits, where those of an arc cosine lose half near 0 and pi. The
        derivative is zero at parallel vectors, where the angle has a corner, and at zero vectors.

    >>> jnp.rad2deg(angle(jnp.array([2.0, 0.0, 0.0]), jnp.array([0.0, 3.0, 0.0]))).item()
    90.0
    """
    # Unit vectors, so that the products neither under- nor overflow.
    a, b = safe.unit(a), safe.unit(b)
    sine, cosine = safe.norm(jnp.cross(a, b)), jnp.sum(a * b, axis=-1)
    is_defined = (sine != 0) | (cosine != 0)
    return jnp.where(is_defined, jnp.arctan2(sine, jnp.where(is_defined, cosine, 1)), 0)


def pair_features(
    points: Array,
    normals: Array,
    other_points: Array,
    other_normals: Array,
    *,
    scale: float = 1.0,
) -> Array:
    """Describe pairs of oriented points by a distance and three angles.

    (|d| / scale, angle(n_i, d) / pi, angle(n_j, d) / pi, angle(n_i, n_j) / pi),  d = x_j - x_i

    Args:
        points: x_i, `[..., 3]`.
        normals: n_i, of any length, `[..., 3]`.
        other_points: x_j, `[..., 3]`; shapes broadcast.
        other_normals: n_j, `[..., 3]`.
        scale: Length that distances are measured in.

    Returns:
        The features, `[..., 4]`.

    Equivariance:
        Invariant under E(3), exact. Flipping a normal changes them: the signs must move with the
        cloud, see `normals.estimate_normals`.

    Numerics:
        Coincident points have distance 0 and angles 0 to d, with derivative zero. See `angle`.

    Source:
        B. Drost et al. 2010 (CVPR), equation 1; angles over pi as in H. Yu et al. 2023 (RoITr),
        arXiv:2303.08231, section 3.1.

    >>> up = jnp.array([0.0, 0.0, 1.0])
    >>> pair_features(jnp.zeros(3), up, jnp.array([2.0, 0.0, 0.0]), -up).tolist()
    [2.0, 0.5, 0.5, 1.0]
    """
    d = other_points - points
    distances = safe.norm(d) / scale
    angles = (angle(normals, d), angle(other_normals, d), angle(normals, other_normals))
    return jnp.stack(
        jnp.broadcast_arrays(distances, *(values / math.pi for values in angles)), axis=-1
    )


def neighbour_pair_features(
    points: Array, normals: Array, indices: Array, *, scale: float = 1.0
) -> Array:
    """Compute the features of every point with each of its neighbours.

    Args:
        points: `[*batch, N, 3]`.
        normals: `[*batch, N, 3]`.
        indices: Neighbours `[*batch, N, K]`.
        scale: Length that distances are measured in.

    Returns:
        The features `[*batch, N, K, 4]`, see `pair_features`.

    >>> x = jnp.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    >>> neighbour_pair_features(x, jnp.eye(3)[:2], jnp.array([[1], [0]]))[:, 0, 0].tolist()
    [2.0, 2.0]
    """
    return pair_features(
        points[..., :, None, :],
        normals[..., :, None, :],
        gather_neighbours(points, indices),
        gather_neighbours(normals, indices),
        scale=scale,
    )
