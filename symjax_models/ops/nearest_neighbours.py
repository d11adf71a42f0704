"""The k nearest points of every point of a cloud, by brute force with static shapes."""

import jax
import jax.numpy as jnp

from symjax_models.typing import Array


def nearest_neighbours(
    points: Array, *, k: int, queries: Array | None = None, mask: Array | None = None
) -> Array:
    """Find the k nearest points of every query.

    Args:
        points: The cloud, or features of its points, `[*batch, N, C]`.
        k: How many neighbours; at most N.
        queries: Where to look from, `[*batch, M, C]`; None looks from every point, which is then
            its own first neighbour.
        mask: True for real points, `[*batch, N]`; padding is nobody's neighbour as long as k real
            points are there. None if there is no padding.

    Returns:
        Indices into the cloud `[*batch, M, k]`, nearest first; of points at equal distance the one
        with the smaller index comes first.

    Raises:
        ValueError: If k is not one of 1, ..., N.

    Equivariance:
        Invariant under isometries, and permutes with the queries, as long as no two distances tie
        up to rounding.

    Numerics:
        Distances are sums of squared differences, not of products, so that they keep their digits
        far from the origin; memory is `[*batch, M, N]`. No gradient passes.

    >>> nearest_neighbours(jnp.array([[0.0], [1.0], [5.0]]), k=2).tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    others = points.shape if queries is None else queries.shape
    if points.ndim < 2 or points.shape[-1] != others[-1] or points.shape[:-2] != others[:-2]:
        raise ValueError(
            f"expected a cloud [*batch, N, C] and queries [*batch, M, C], got {list(points.shape)} "
            f"and {list(others)}"
        )
    count = points.shape[-2]
    if not 1 <= k <= count:
        raise ValueError(f"k nearest of {count} points needs k between 1 and {count}, got {k}")
    points = jax.lax.stop_gradient(points)
    queries = points if queries is None else jax.lax.stop_gradient(queries)
    # Component by component: the array [M, N, C] never exists.
    squares = sum(
        jnp.square(queries[..., :, None, c] - points[..., None, :, c])
        for c in range(points.shape[-1])
    )
    if mask is not None:
        squares = jnp.where(mask[..., None, :], squares, jnp.inf)
    return jax.lax.top_k(-squares, k)[1]


def gather_neighbours(values: Array, indices: Array) -> Array:
    """Take the values of every neighbour.

    Args:
        values: One entry per point, `[*batch, N, *rest]`.
        indices: Neighbours `[*batch, M, k]`, as `nearest_neighbours` finds them.

    Returns:
        The values `[*batch, M, k, *rest]`.

    >>> gather_neighbours(jnp.array([[10.0], [20.0]]), jnp.array([[1, 0]])).tolist()
    [[[20.0], [10.0]]]
    """
    # The indices are valid; clipping spares the check, and the NaN that would mark a bad one.
    take = lambda values, indices: jnp.take(values, indices, axis=0, mode="clip")  # noqa: E731
    for _ in range(indices.ndim - 2):
        take = jax.vmap(take)
    return take(values, indices)
