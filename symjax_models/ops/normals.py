"""Normals of point clouds by local principal components, with a sign that turns with the cloud."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.nearest_neighbours import gather_neighbours, nearest_neighbours
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def estimate_normals(points: Array, *, k: int, viewpoint: Array | None = None) -> Array:
    """Estimate the unit normal of the surface at every point.

    The direction in which the k nearest points spread least: the eigenvector of the smallest
    eigenvalue of their covariance. It points towards `viewpoint`; without one, away from the
    centroid of the cloud.

    Args:
        points: `[*batch, N, 3]`.
        k: How many neighbours, the point itself among them; at least 3.
        viewpoint: Where the cloud was seen from, `[*batch, 3]`.

    Returns:
        Unit vectors `[*batch, N, 3]`.

    Raises:
        ValueError: If k is not one of 3, ..., N.

    Equivariance:
        O(3) and translations, acting on the points and the viewpoint; permutations of the points.
        Exact where the normal is unique: not where neighbours are collinear or spread equally in
        two or three directions, nor, for the sign, where the normal is orthogonal to the line of
        sight (a plane through the centroid or the viewpoint).

    Numerics:
        No gradient passes: that of an eigenvector grows without bound as two eigenvalues meet.

    Source:
        H. Hoppe et al. 1992 (SIGGRAPH), section 3.2. Signs by the sum of the components, as some
        codes have, do not turn with the cloud.

    >>> x = jnp.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 3.0, 0.0]])
    >>> estimate_normals(x, k=3, viewpoint=jnp.array([0.0, 0.0, 9.0])).tolist()[0]
    [0.0, 0.0, 1.0]
    """
    if k < 3:
        raise ValueError(f"a plane through neighbours needs k of at least 3, got {k}")
    points = jax.lax.stop_gradient(points)
    near = gather_neighbours(points, nearest_neighbours(points, k=k)) - points[..., None, :]
    central = near - jnp.mean(near, axis=-2, keepdims=True)
    covariance = jnp.einsum("...ki,...kj->...ij", central, central, precision=_HIGHEST)
    normals = jnp.linalg.eigh(covariance)[1][..., :, 0]
    if viewpoint is None:
        outward = points - jnp.mean(points, axis=-2, keepdims=True)
    else:
        outward = jax.lax.stop_gradient(viewpoint)[..., None, :] - points
    # Unit lengths, so that the sign of a tiny cloud does not underflow to zero.
    outward = safe.divide(outward, safe.norm(outward, keepdims=True))
    is_inward = jnp.sum(normals * outward, axis=-1, keepdims=True) < 0
    return jnp.where(is_inward, -normals, normals)
