"""The k nearest points of a cloud by brute force, and linear maps on the edges to them."""

import jax
import jax.numpy as jnp

from symjax_models.typing import Array


def nearest_neighbours(
    points: Array,
    *,
    k: int,
    queries: Array | None = None,
    mask: Array | None = None,
    exclude_self: bool = False,
) -> Array:
    """Find the k nearest points of every query.

    Args:
        points: The cloud, or features of its points, `[*batch, N, C]`.
        k: How many neighbours; at most N, or N - 1 others.
        queries: Where to look from, `[*batch, M, C]`; None looks from every point, which is then
            its own first neighbour, unless another point lies in the same place.
        mask: True for real points, `[*batch, N]`; padding is nobody's neighbour as long as k real
            points are there. None if there is no padding.
        exclude_self: Whether a point is none of its own neighbours; without queries only.

    Returns:
        Indices into the cloud `[*batch, M, k]`, nearest first; of points at equal distance the one
        with the smaller index comes first.

    Raises:
        ValueError: If the shapes do not fit, there are too few points for k, or there are queries
            with `exclude_self`.

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
    if exclude_self and queries is not None:
        raise ValueError("exclude_self is for points among themselves, without queries")
    count = points.shape[-2]
    most = count - exclude_self
    if not 1 <= k <= most:
        raise ValueError(f"k nearest of {count} points needs k between 1 and {most}, got {k}")
    points = jax.lax.stop_gradient(points)
    queries = points if queries is None else jax.lax.stop_gradient(queries)
    # Component by component: the array [M, N, C] never exists.
    squares = sum(
        jnp.square(queries[..., :, None, c] - points[..., None, :, c])
        for c in range(points.shape[-1])
    )
    if mask is not None:
        squares = jnp.where(mask[..., None, :], squares, jnp.inf)
    if exclude_self:
        squares = jnp.where(jnp.eye(count, dtype=bool), jnp.inf, squares)
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


def map_edges(
    x: Array, indices: Array, kernel: Array, *, precision: jax.lax.PrecisionLike = None
) -> Array:
    """Apply a linear map to the features of the edges from every point to its neighbours.

    [x_j - x_i, x_i] W = x_j W_1 + x_i (W_2 - W_1),  W = [W_1; W_2]

    Args:
        x: Features of the points, `[*batch, N, *rest, C]`.
        indices: Neighbours j of every point i, `[*batch, N, k]`.
        kernel: W, `[2 C, F]`.
        precision: Of the matrix products.

    Returns:
        `[*batch, N, k, *rest, F]`.

    Equivariance:
        Permutations of the points, and whatever acts on the axes `rest`.

    Numerics:
        Points are mapped before they meet on edges, so that there are N products instead of N k and
        nothing is concatenated. The difference is rounded after it is mapped, which far from the
        origin costs digits: centre the clouds.

    Source:
        The edges are those of Y. Wang et al. 2019, equation 7, arXiv:1801.07829.

    >>> x, indices = jnp.array([[1.0], [3.0]]), jnp.array([[1], [0]])
    >>> map_edges(x, indices, jnp.eye(2))[:, 0].tolist()
    [[2.0, 1.0], [-2.0, 3.0]]
    """
    of_difference, of_centre = jnp.split(kernel, 2)
    sent = jnp.matmul(x, of_difference, precision=precision)
    own = jnp.matmul(x, of_centre - of_difference, precision=precision)
    return gather_neighbours(sent, indices) + jnp.expand_dims(own, indices.ndim - 1)
