"""What layers on the edges of a graph read of them, with padding replaced by zeros."""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp

from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.suggestion import nearest_of
from symjax_models.typing import Array


class EdgeGeometry(NamedTuple):
    """Where the neighbours are, in the edge layout.

    Attributes:
        displacements: r = x_i - x_j, `[..., 3]`.
        distances: |r|, `[...]`.
        features: Invariant features, `[..., F]`; None if there are none.
    """

    displacements: Array
    distances: Array
    features: Array | None


def read_edges(graph: Graph, edge_features: Array | None, *, layer: str) -> EdgeGeometry:
    """Read `graph.edges["displacements"]` and further features of the edges.

    Args:
        graph: The graph.
        edge_features: Invariant features, in the edge layout, `[..., F]`.
        layer: Name of the layer, for the message.

    Returns:
        Both, zero on padding edges.

    Raises:
        ValueError: If edges have no displacements.
    """
    edges = graph.edges if isinstance(graph.edges, Mapping) else {}
    if "displacements" not in edges:
        raise ValueError(
            f"{layer} reads graph.edges['displacements'], x_i - x_j of every edge, which "
            "ops.message_passing.displacements(graph, positions) gives; "
            f"{nearest_of('displacements', sorted(edges))}"
        )
    # Masked here, and not after the layer: a kernel's gradient is a product with its inputs, and
    # 0 * NaN is NaN.
    displacements = message_passing.mask_edges(graph, jnp.asarray(edges["displacements"]))
    if edge_features is not None:
        edge_features = message_passing.mask_edges(graph, jnp.asarray(edge_features))
    return EdgeGeometry(displacements, safe.norm(displacements), edge_features)
