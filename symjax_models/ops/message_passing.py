"""Gather from nodes to edges and reduce from edges to nodes, on either graph layout."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.masking import mask_padding
from symjax_models.typing import Array


def gather_senders(graph: Graph, values: Array) -> Array:
    """Bring node values to the edges that leave the nodes.

    Args:
        graph: The graph.
        values: Node values, `[*batch, N, ...]`.

    Returns:
        `[*batch, N, N-1, ...]` (dense) or `[E, ...]` (sparse).
    """
    if not graph.is_dense:
        return values[graph.senders]
    axis = graph.node_axis
    # Rolls fuse into their consumers; on CPU a gather with constant indices does not always.
    shifted = [jnp.roll(values, -k, axis=axis) for k in range(1, values.shape[axis])]
    if not shifted:  # a graph of one node has no neighbours
        return jnp.zeros((*values.shape[: axis + 1], 0, *values.shape[axis + 1 :]), values.dtype)
    return jnp.stack(shifted, axis=axis + 1)


def gather_receivers(graph: Graph, values: Array) -> Array:
    """Bring node values to the edges that enter the nodes.

    Args:
        graph: The graph.
        values: Node values, `[*batch, N, ...]`.

    Returns:
        `[*batch, N, 1, ...]` (dense: broadcasts against edge arrays) or `[E, ...]` (sparse).
    """
    if graph.is_dense:
        return jnp.expand_dims(values, graph.node_axis + 1)
    return values[graph.receivers]


def gather_graphs(graph: Graph, values: Array) -> Array:
    """Bring one value per graph to the nodes of the graph.

    Args:
        graph: The graph. On the sparse layout nodes lie graph after graph, `n_node` of each.
        values: `[*batch, ...]` (dense) or `[G, ...]` (sparse), as `pooling.pool_nodes` gives them.

    Returns:
        `[*batch, 1, ...]` (dense: broadcasts against node arrays) or `[N, ...]` (sparse; nodes
        beyond the last graph get its value).
    """
    if graph.is_dense:
        return jnp.expand_dims(values, graph.node_axis)
    num_nodes = jax.tree.leaves(graph.nodes)[0].shape[0]
    return jnp.repeat(values, graph.n_node, axis=0, total_repeat_length=num_nodes)


def displacements(graph: Graph, positions: Array) -> Array:
    """Subtract the sender's position from the receiver's, x_i - x_j, on every edge.

    Args:
        graph: The graph.
        positions: `[*batch, N, d]`.

    Returns:
        `[*batch, N, N-1, d]` (dense) or `[E, d]` (sparse).

    Equivariance:
        Rotations: equivariant; translations: invariant; permutations of nodes: equivariant.
    """
    return gather_receivers(graph, positions) - gather_senders(graph, positions)


def mask_edges(graph: Graph, values: Array) -> Array:
    """Set edge values to zero on padding edges.

    Args:
        graph: The graph.
        values: Edge values.

    Returns:
        The same array with padding replaced by zero, also where it was NaN.
    """
    return mask_padding(graph.edge_mask, values)


def sum_messages(graph: Graph, messages: Array) -> Array:
    """Sum messages over the edges that enter each node.

    Args:
        graph: The graph.
        messages: `[*batch, N, N-1, ...]` (dense) or `[E, ...]` (sparse). On the dense layout the
            neighbour axis may have length one, as `gather_receivers` leaves it: the same message
            then comes from every neighbour.

    Returns:
        `[*batch, N, ...]`; padding edges add nothing.

    Equivariance:
        Permutations of nodes: equivariant; permutations of edges: invariant.
    """
    if graph.receivers is None:
        messages = mask_edges(graph, _to_every_neighbour(graph, messages))
        return jnp.sum(messages, axis=graph.node_axis + 1)
    messages = mask_edges(graph, messages)
    num_nodes = jax.tree.leaves(graph.nodes)[0].shape[0]
    return jax.ops.segment_sum(messages, graph.receivers, num_segments=num_nodes)


def mean_messages(graph: Graph, messages: Array) -> Array:
    """Average messages over the edges that enter each node; zero where none enters.

    Args:
        graph: The graph.
        messages: As `sum_messages` takes them.

    Returns:
        `[*batch, N, ...]`.

    Equivariance:
        Permutations of nodes: equivariant; permutations of edges: invariant.
    """
    total = sum_messages(graph, messages)
    if graph.is_dense and graph.edge_mask is None:
        return total / max(total.shape[graph.node_axis] - 1, 1)
    edge_shape = messages.shape[: graph.node_axis + 2] if graph.is_dense else messages.shape[:1]
    degree = sum_messages(graph, jnp.ones(edge_shape, messages.dtype))
    return safe.divide(total, degree.reshape(degree.shape + (1,) * (total.ndim - degree.ndim)))


def _to_every_neighbour(graph: Graph, messages: Array) -> Array:
    axis = graph.node_axis + 1
    shape = list(messages.shape)
    shape[axis] = shape[axis - 1] - 1
    return jnp.broadcast_to(messages, shape)
