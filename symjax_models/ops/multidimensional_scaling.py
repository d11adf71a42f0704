"""Coordinates from distances."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def mds_coordinates(distances: Array, *, d: int) -> Array:
    """Find points with given distances, centred, by classical multidimensional scaling.

    With J = 1 - 11^T / N and the double centring B = -J D^2 J / 2, the coordinates are
    `V sqrt(lambda)` for the d largest eigenvalues lambda of B, at least 0, and their eigenvectors.

    Args:
        distances: D, symmetric with zeros on the diagonal, `[*batch, N, N]`.
        d: The number of coordinates, at most N.

    Returns:
        Points `[*batch, N, d]` in the order of falling eigenvalues: with the distances D if points
        of at most d dimensions have them, else the best in the sense of B.

    Raises:
        ValueError: If the shape is not square or d does not fit.

    Equivariance:
        Permutes with the points. Made of distances between points, the result does not depend on
        their pose, but it is only known up to O(d): the signs of the columns, and the basis where
        eigenvalues repeat, are arbitrary. Put a frame of O(d) on top:
        `symmetrize(f, source=MinimalFrames(O(d)), ...)`.

    Numerics:
        Derivatives are those of `(1 - V V^T / 2) B V / sqrt(lambda)` with V and lambda constant:
        finite also where eigenvalues repeat, and, for distances in d dimensions, the true first
        derivatives up to a rotation of all points. Second derivatives leave that of V out.
        Coordinates of eigenvalues that are zero up to rounding are zero, with derivative zero.

    Source:
        W. S. Torgerson, "Multidimensional scaling: I. Theory and method", 1952; as the first layer
        of a transformation-invariant network in TinvNN.

    >>> points = mds_coordinates(jnp.array([[0.0, 2.0], [2.0, 0.0]]), d=1)
    >>> [round(abs(x), 3) for x in points[:, 0].tolist()]
    [1.0, 1.0]
    """
    count = distances.shape[-1]
    if distances.ndim < 2 or distances.shape[-2] != count:
        raise ValueError(f"expected distances [..., N, N], got {distances.shape}")
    if not 1 <= d <= count:
        raise ValueError(f"expected between 1 and {count} coordinates, got {d}")
    squares = jnp.square(distances)
    rows = squares - squares.mean(-1, keepdims=True)
    inner = -(rows - rows.mean(-2, keepdims=True)) / 2
    values, vectors = jnp.linalg.eigh(jax.lax.stop_gradient(inner))
    rounding = count * jnp.finfo(inner.dtype).eps * jnp.max(jnp.abs(values), -1, keepdims=True)
    values = values[..., : -d - 1 : -1]
    vectors = vectors[..., : -d - 1 : -1]
    lengths = safe.sqrt(jnp.where(values > rounding, values, 0))[..., None, :]
    vectors = jnp.where(lengths > 0, vectors, 0)
    scaled = safe.divide(vectors, lengths)
    moved = jnp.einsum("...ij,...jk->...ik", inner, scaled, precision=_HIGHEST)
    inside = jnp.einsum("...ji,...jk->...ik", vectors, moved, precision=_HIGHEST)
    half = jnp.einsum("...ij,...jk->...ik", vectors, inside, precision=_HIGHEST) / 2
    return moved - half + vectors * lengths / 2
