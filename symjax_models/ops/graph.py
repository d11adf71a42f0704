"""The graph container, on a dense neighbour axis or a padded edge list.

One `Graph` type, two layouts of its edges:

- **dense**: every node sees every other node of its graph. Node arrays are `[*batch, N, ...]`,
  edge arrays `[*batch, N, N-1, ...]`; entry `(i, k)` is the edge from sender `(i + k + 1) mod N`
  to receiver `i`. There are no index arrays, so a message pass is rolls, broadcasts and sums.
- **sparse**: node arrays `[N, ...]`, edge arrays `[E, ...]`, with index arrays `senders` and
  `receivers` and masks that mark padding.

Functions in `symjax_models.ops.message_passing` work on both, so a model is written once.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from symjax_models.typing import Array


@struct.dataclass
class Graph:
    """A graph, or a batch of graphs, with static shapes.

    Attributes:
        nodes: Pytree (usually a dict) of node arrays, `[*batch, N, ...]`.
        edges: Pytree of edge arrays, `[*batch, N, N-1, ...]` (dense) or `[E, ...]` (sparse).
        senders: Index of the node that an edge leaves, `[E]`; None in the dense layout.
        receivers: Index of the node that an edge enters, `[E]`; None in the dense layout.
        n_node: Number of nodes per graph: `[*batch]` (dense) or `[G]` (sparse).
        n_edge: Number of edges per graph, same shape as `n_node`.
        node_mask: True for real nodes, `[*batch, N]`; None when there is no padding.
        edge_mask: True for real edges, shaped as edges are; None when there is no padding.
        globals: Pytree of arrays per graph, or None.
        cell: Lattice vectors per graph, `[G, 3, 3]` (row vectors), or None.
        shifts: Lattice shifts per edge, `[E, 3]`, or None.
    """

    nodes: Any
    edges: Any
    senders: Array | None
    receivers: Array | None
    n_node: Array
    n_edge: Array
    node_mask: Array | None = None
    edge_mask: Array | None = None
    globals: Any = None
    cell: Array | None = None
    shifts: Array | None = None

    @property
    def is_dense(self) -> bool:
        """Whether edges lie on a dense neighbour axis."""
        return self.senders is None

    @property
    def node_axis(self) -> int:
        """The axis of node arrays that counts nodes."""
        return self.n_node.ndim if self.is_dense else 0


def off_diagonal(pairs: Array, *, axis: int) -> Array:
    """Lay an array over all pairs out along the dense neighbour axis.

    Args:
        pairs: `[*batch, N, N, ...]`, entry `(i, j)` belongs to receiver `i` and sender `j`.
        axis: The axis of the receivers (senders are on the next one).

    Returns:
        `[*batch, N, N-1, ...]`: entry `(i, k)` is `pairs[i, (i + k + 1) mod N]`.

    Raises:
        ValueError: If the two axes differ in length.

    >>> off_diagonal(np.arange(9).reshape(3, 3), axis=0).tolist()
    [[1, 2], [5, 3], [6, 7]]
    """
    count = pairs.shape[axis]
    if pairs.shape[axis + 1] != count:
        raise ValueError(
            f"expected a square array of pairs on axes {axis} and {axis + 1}, "
            f"got shape {tuple(pairs.shape)}"
        )
    receivers = np.arange(count)[:, None]
    senders = (receivers + np.arange(1, count)) % count
    return pairs[(slice(None),) * axis + (receivers, senders)]


def complete(nodes: dict[str, Array], *, pairs: dict[str, Array] | None = None) -> Graph:
    """Build the complete graph, without self loops, on the dense neighbour axis.

    Args:
        nodes: Node arrays `[*batch, N, C]`, at least one; all with the same leading axes.
        pairs: Arrays over ordered pairs `[*batch, N, N, C]`; the diagonal is not used.

    Returns:
        The dense `Graph`, with edge arrays `[*batch, N, N-1, C]`.

    Raises:
        ValueError: If the leading axes of the arrays differ.
    """
    leading = {name: tuple(value.shape[:-1]) for name, value in nodes.items()}
    shapes = set(leading.values())
    if len(shapes) != 1 or len(next(iter(shapes))) < 1:
        raise ValueError(f"expected node arrays [*batch, N, C] that agree, got shapes {leading}")
    *batch, count = next(iter(shapes))
    axis = len(batch)
    for name, value in (pairs or {}).items():
        if tuple(value.shape[:-1]) != (*batch, count, count):
            raise ValueError(
                f"expected pair array {name!r} of shape {[*batch, count, count, 'C']}, "
                f"got {list(value.shape)}"
            )
    return Graph(
        nodes=nodes,
        edges={name: off_diagonal(value, axis=axis) for name, value in (pairs or {}).items()},
        senders=None,
        receivers=None,
        n_node=jnp.full(batch, count, jnp.int32),
        n_edge=jnp.full(batch, count * (count - 1), jnp.int32),
    )


def to_sparse(graph: Graph, *, num_nodes: int | None = None, num_edges: int | None = None) -> Graph:
    """Turn a dense graph or batch of graphs into one padded edge list.

    Args:
        graph: A dense graph without masks.
        num_nodes: Node slots of the result; at least the number of nodes (the default).
        num_edges: Edge slots of the result; at least the number of edges (the default).

    Returns:
        The sparse `Graph`: batch axes are flattened into the node, edge and graph axes, padding
        comes last, carries zeros and is marked in the masks.

    Raises:
        ValueError: If `graph` is not dense, is masked, or the slots do not suffice.
    """
    check_unpadded(graph)
    batch = graph.n_node.shape
    some_node_array = next(iter(graph.nodes.values()))
    count = some_node_array.shape[len(batch)]
    graphs = int(np.prod(batch, dtype=int))
    used_nodes, used_edges = graphs * count, graphs * count * (count - 1)
    node_slots = used_nodes if num_nodes is None else num_nodes
    edge_slots = used_edges if num_edges is None else num_edges
    if node_slots < used_nodes or edge_slots < used_edges:
        raise ValueError(
            f"the graph has {used_nodes} nodes and {used_edges} edges, which do not fit into "
            f"num_nodes={node_slots} and num_edges={edge_slots}"
        )
    local = np.arange(count)[:, None]
    senders = (local + np.arange(1, count)) % count
    offsets = count * np.arange(graphs)[:, None, None]
    receivers = np.broadcast_to(local, senders.shape)

    def flatten(values: Array, slots: int, axes: int) -> Array:
        flat = values.reshape(-1, *values.shape[len(batch) + axes :])
        return jnp.pad(flat, [(0, slots - len(flat))] + [(0, 0)] * (flat.ndim - 1))

    def pad_indices(indices: np.ndarray) -> Array:
        flat = (indices + offsets).reshape(-1)
        return jnp.asarray(
            np.pad(flat, (0, edge_slots - used_edges), constant_values=node_slots - 1)
        )

    return Graph(
        nodes={name: flatten(value, node_slots, 1) for name, value in graph.nodes.items()},
        edges={name: flatten(value, edge_slots, 2) for name, value in graph.edges.items()},
        senders=pad_indices(senders),
        receivers=pad_indices(receivers),
        n_node=graph.n_node.reshape(-1),
        n_edge=graph.n_edge.reshape(-1),
        node_mask=jnp.arange(node_slots) < used_nodes,
        edge_mask=jnp.arange(edge_slots) < used_edges,
        globals=jax.tree.map(
            lambda value: value.reshape(-1, *value.shape[len(batch) :]), graph.globals
        ),
    )


def check_unpadded(graph: Graph) -> None:
    """Raise a ValueError unless a graph is dense and without masks."""
    if not graph.is_dense or graph.edge_mask is not None or graph.node_mask is not None:
        raise ValueError("expected a dense graph without masks; ops.graph.complete makes one")
