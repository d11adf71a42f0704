"""Reduce node values to one value per graph, on either graph layout."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.masking import mask_padding
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PyTree


def pool_nodes(graph: Graph, values: PyTree, *, how: str) -> PyTree:
    """Add up or average node values over the nodes of each graph.

    `y_g = sum over nodes n of graph g of x_n`, divided by their number for the mean.

    Args:
        graph: The graph. On the sparse layout nodes lie graph after graph, `n_node` of each.
        values: Node values x, `[*batch, N, ...]`; an array, a `reps.RepArray` or any pytree.
        how: "sum" or "mean".

    Returns:
        y, `[*batch, ...]` (dense) or `[G, ...]` (sparse), in the structure of `values`. Zero for
        graphs without nodes.

    Raises:
        ValueError: If `how` is unknown, or values have not as many nodes as the graph.

    Equivariance:
        Permutations of the nodes of a graph: invariant. Linear, so features transform as before.

    Numerics:
        Padding nodes, and nodes beyond the last graph, are not read and may hold anything. Half
        precision is summed in single.

    >>> import numpy as np
    >>> from symjax_models.ops.graph import complete
    >>> graph = complete({"mass": np.array([[[1.0], [3.0]], [[5.0], [6.0]]])})
    >>> pool_nodes(graph, graph.nodes["mass"], how="mean").tolist()
    [[2.0], [5.5]]
    """
    is_mean = look_up(how, {"sum": False, "mean": True}, what="way of pooling")
    reduce = _reduce_dense if graph.is_dense else _reduce_segments

    def pool(x: Array) -> Array:
        x = jnp.asarray(x)
        dtype = jnp.result_type(float, x.dtype)
        x = x.astype(jnp.promote_types(dtype, jnp.float32))
        total = reduce(graph, mask_padding(graph.node_mask, x))
        if is_mean:
            ones = jnp.ones(x.shape[: graph.node_axis + 1])
            count = reduce(graph, mask_padding(graph.node_mask, ones))
            trailing = (1,) * (total.ndim - count.ndim)
            total = safe.divide(total, count.reshape(count.shape + trailing).astype(x.dtype))
        return total.astype(dtype)

    _check_nodes(graph, values)
    return jax.tree.map(pool, values)


def _reduce_dense(graph: Graph, x: Array) -> Array:
    return jnp.sum(x, axis=graph.node_axis)


def _reduce_segments(graph: Graph, x: Array) -> Array:
    # Nodes beyond the last graph get an index out of bounds, which the sum leaves out.
    ends = jnp.cumsum(graph.n_node)
    is_first = jnp.zeros(x.shape[0], ends.dtype).at[ends].add(1, mode="drop")
    segment_ids = jnp.cumsum(is_first)
    return jax.ops.segment_sum(
        x, segment_ids, num_segments=graph.n_node.shape[0], indices_are_sorted=True
    )


def _check_nodes(graph: Graph, values: PyTree) -> None:
    axes = graph.node_axis + 1
    expected = jax.tree.leaves(graph.nodes)[0].shape[:axes]
    for leaf in jax.tree.leaves(values):
        if jnp.shape(leaf)[:axes] != expected:
            raise ValueError(
                f"node values of this graph have shape [{', '.join(map(str, expected))}, ...], "
                f"got {list(jnp.shape(leaf))}"
            )
