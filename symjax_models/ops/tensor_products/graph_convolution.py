"""Tensor products on the edges of a graph, in either layout."""

import jax.numpy as jnp

from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.ops.tensor_products.convolution import convolution, multiply_edges
from symjax_models.ops.tensor_products.plan import TensorProductPlan
from symjax_models.reps.arrays import RepArray
from symjax_models.typing import Array


def edge_products(
    plan: TensorProductPlan,
    graph: Graph,
    x: RepArray,
    displacements: Array,
    weights: Array,
    *,
    backend: str = "auto",
) -> RepArray:
    """Multiply the features of every edge's sender by the harmonics of the edge.

    Args:
        plan: The product, whose `rep2` is made of irreps of harmonics.
        graph: The graph, read for its connectivity only.
        x: Features of the nodes, of `plan.rep1`, batch `[*batch, N]`.
        displacements: r, in the edge layout, `[..., 3]`.
        weights: w, in the edge layout, `[..., P, C]`.
        backend: `"so2"`, `"dense"`, `"sparse"`, or `"auto"`: so2.

    Returns:
        Features of `plan.rep_out` in the edge layout; of padding edges zero.

    Raises:
        ValueError: If `rep2` has other irreps, or a type, shape or backend does not fit.

    Equivariance: O(3) or SO(3) on x and displacements; permutations of nodes. Exact up to rounding.
    """
    # Inputs are masked, and not messages: what padding holds enters no product at all.
    sent = x.map(
        lambda block: message_passing.mask_edges(
            graph, message_passing.gather_senders(graph, jnp.asarray(block))
        )
    )
    displacements = message_passing.mask_edges(graph, jnp.asarray(displacements))
    weights = message_passing.mask_edges(graph, jnp.asarray(weights))
    return multiply_edges(plan, sent, displacements, weights, backend=backend)


def graph_convolution(
    plan: TensorProductPlan,
    graph: Graph,
    x: RepArray,
    displacements: Array,
    weights: Array,
    *,
    backend: str = "auto",
) -> RepArray:
    """Sum `edge_products` over the edges that enter each node.

    On the sparse layout this is `convolution`.

    Args:
        plan: The product, whose `rep2` is made of irreps of harmonics.
        graph: The graph, read for its connectivity only.
        x: Features of the nodes, of `plan.rep1`, batch `[*batch, N]`.
        displacements: r, in the edge layout, `[..., 3]`.
        weights: w, in the edge layout, `[..., P, C]`.
        backend: `"so2"`, `"dense"`, `"sparse"`, or `"auto"`: so2.

    Returns:
        Features of `plan.rep_out`, batch `[*batch, N]`.

    Raises:
        ValueError: If `rep2` has other irreps, or a type, shape or backend does not fit.

    Equivariance: O(3) or SO(3) on x and displacements; permutations of nodes. Exact up to rounding.
    """
    if graph.senders is None or graph.receivers is None:
        messages = edge_products(plan, graph, x, displacements, weights, backend=backend)
        return RepArray(
            plan.rep_out, [message_passing.sum_messages(graph, m) for m in messages.blocks]
        )
    return convolution(
        plan,
        x,
        displacements,
        weights,
        senders=graph.senders,
        receivers=graph.receivers,
        num_nodes=x.shape[0],
        edge_mask=graph.edge_mask,
        backend=backend,
    )
