"""Attention weights: a softmax over the edges that enter each node, on either graph layout."""

import jax
import jax.numpy as jnp

from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.masking import mask_padding
from symjax_models.typing import Array


def softmax_messages(graph: Graph, logits: Array, envelope: Array | None = None) -> Array:
    """Turn a number per edge into weights that add up to one at every receiver.

    `a_ij = u_ij exp(f_ij) / sum_k u_ik exp(f_ik)`, the sum over all edges that enter node i.

    Args:
        graph: The graph, read for its connectivity only.
        logits: f, `[*batch, N, N-1, ...]` (dense) or `[E, ...]` (sparse); trailing axes, such as
            heads, are independent.
        envelope: u, not negative, one number per edge, `[*batch, N, N-1]` or `[E]`; 1 if None. A
            cutoff of the distance makes an edge come and go smoothly.

    Returns:
        a, of the shape of `logits`, zero on padding edges.

    Raises:
        ValueError: If `logits` is not in the layout of the edges.

    Equivariance:
        Permutations of nodes and of edges: equivariant. Adding a number per receiver changes
        nothing.

    Numerics:
        The largest number of every receiver is subtracted first, so nothing overflows and the
        largest weight is never lost. Padding edges are not read, in values and gradients, whatever
        they hold. A node that no edge enters has no weights, and its messages add up to zero;
        so it is where all numbers are minus infinity.

    >>> from symjax_models.ops import graph
    >>> three = graph.complete({"x": jnp.zeros((3, 1))})
    >>> softmax_messages(three, jnp.log(jnp.array([[1.0, 3.0]] * 3))).round(4).tolist()
    [[0.25, 0.75], [0.25, 0.75], [0.25, 0.75]]
    """
    logits = jnp.asarray(logits)
    _check_layout(graph, logits)
    # A number added to all logits of a receiver has no effect, so it needs no derivative.
    largest = jax.lax.stop_gradient(_largest(graph, logits))
    largest = jnp.where(largest == -jnp.inf, 0, largest)
    # Masked before and after: the exponential of padding must be finite in the gradient as well.
    shifted = logits - message_passing.gather_receivers(graph, largest)
    powers = jnp.exp(message_passing.mask_edges(graph, shifted))
    if envelope is not None:
        powers = powers * envelope.reshape(envelope.shape + (1,) * (powers.ndim - envelope.ndim))
    powers = message_passing.mask_edges(graph, powers)
    total = message_passing.sum_messages(graph, powers)
    return safe.divide(powers, message_passing.gather_receivers(graph, total))


def _largest(graph: Graph, logits: Array) -> Array:
    """Return the largest number that enters each node, `[*batch, N, ...]`; of none, -infinity."""
    logits = mask_padding(graph.edge_mask, logits, fill=-jnp.inf)
    if graph.receivers is None:
        return jnp.max(logits, axis=graph.node_axis + 1, initial=-jnp.inf)
    num_nodes = jax.tree.leaves(graph.nodes)[0].shape[0]
    return jax.ops.segment_max(logits, graph.receivers, num_segments=num_nodes)


def _check_layout(graph: Graph, logits: Array) -> None:
    if graph.receivers is not None:
        expected, given = graph.receivers.shape, logits.shape[:1]
    else:
        axis = graph.node_axis
        *batch, count = jax.tree.leaves(graph.nodes)[0].shape[: axis + 1]
        expected, given = (*batch, count, count - 1), logits.shape[: axis + 2]
    if given != expected:
        raise ValueError(
            f"expected one number per edge, {[*expected, '...']}, got shape {list(logits.shape)}"
        )
