"""Configurations of atoms as padded graphs, assembled from one store of arrays."""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from symjax_models.data.neighbours import Neighbours, neighbour_list
from symjax_models.data.structures import Structures
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class GraphStore(NamedTuple):
    """All configurations of a data set with their neighbour lists, one after the other.

    It is a pytree: on a device, batches are gathered from it inside compiled functions.

    Attributes:
        numbers: Atomic numbers, `[A]`.
        positions: `[A, 3]`, angstrom.
        num_atoms: Atoms of every configuration, `[F]`.
        num_edges: Edges of every configuration, `[F]`.
        atom_starts: Index of the first atom, `[F]`.
        edge_starts: Index of the first edge, `[F]`.
        senders: Within the configuration, `[E]`.
        receivers: Within the configuration, `[E]`.
        shifts: Lattice shifts, `[E, 3]`; None without periodic cells.
        cells: Lattice vectors as rows, `[F, 3, 3]`; None without periodic cells.
        labels: Energies `[F]`, forces `[A, 3]`, stresses `[F, 3, 3]`: those that there are.
    """

    numbers: Array | np.ndarray
    positions: Array | np.ndarray
    num_atoms: Array | np.ndarray
    num_edges: Array | np.ndarray
    atom_starts: Array | np.ndarray
    edge_starts: Array | np.ndarray
    senders: Array | np.ndarray
    receivers: Array | np.ndarray
    shifts: Array | np.ndarray | None
    cells: Array | np.ndarray | None
    labels: Mapping[str, Array | np.ndarray]


def make_store(
    structures: Structures, *, cutoff: float, dtype: np.typing.DTypeLike = np.float32
) -> GraphStore:
    """List the neighbours of all configurations.

    Args:
        structures: The configurations.
        cutoff: Largest distance of neighbours, angstrom.
        dtype: Of positions, cells and labels.

    Returns:
        The store, of NumPy arrays.
    """
    starts, lists = structures.starts, []
    cells = structures.cells if structures.cells is not None else [None] * len(structures)
    pbc = structures.pbc if structures.pbc is not None else [None] * len(structures)
    for start, stop, cell, periodic in zip(starts, starts[1:], cells, pbc, strict=False):
        atoms = structures.positions[start:stop]
        lists.append(neighbour_list(atoms, cutoff=cutoff, cell=cell, pbc=periodic))
    num_edges = np.array([len(found.senders) for found in lists], np.int32)
    is_periodic = structures.pbc is not None and bool(np.any(structures.pbc))
    labels = {
        name: np.asarray(values, dtype)
        for name in ("energies", "forces", "stresses")
        if (values := getattr(structures, name)) is not None
    }
    if not num_edges.any():  # isolated atoms: a row to gather, which no mask lets through
        lists.append(Neighbours(*(np.zeros(shape, np.int32) for shape in ((1,), (1,), (1, 3)))))
    senders, receivers, shifts = (np.concatenate(arrays) for arrays in zip(*lists, strict=True))
    return GraphStore(
        numbers=np.asarray(structures.numbers, np.int32),
        positions=np.asarray(structures.positions, dtype),
        num_atoms=np.asarray(structures.num_atoms, np.int32),
        num_edges=num_edges,
        atom_starts=np.asarray(starts[:-1], np.int32),
        edge_starts=(np.cumsum(num_edges) - num_edges).astype(np.int32),
        senders=senders,
        receivers=receivers,
        shifts=shifts.astype(dtype) if is_periodic else None,
        cells=np.asarray(structures.cells, dtype) if is_periodic else None,
        labels=labels,
    )


def gather_batch(
    store: GraphStore, indices: Array, *, num_nodes: int, num_edges: int
) -> tuple[Graph, dict[str, Array]]:
    """Assemble configurations to one padded graph.

    Args:
        store: All configurations.
        indices: Which of them, `[B]`; -1 is a graph without atoms.
        num_nodes: Node slots N, at least the atoms of all of them.
        num_edges: Edge slots E, at least their edges.

    Returns:
        The sparse graph, with nodes `numbers` `[N]` and `positions` `[N, 3]`, and its labels:
        energies `[B]`, forces `[N, 3]`, stresses `[B, 3, 3]`. Padding comes last; it holds atoms of
        number zero at the origin, and edges between the last node slot and itself.
    """
    is_real = indices >= 0
    indices = jnp.where(is_real, indices, 0)
    n_node = jnp.where(is_real, jnp.asarray(store.num_atoms)[indices], 0)
    n_edge = jnp.where(is_real, jnp.asarray(store.num_edges)[indices], 0)
    atom_starts, edge_starts = (
        jnp.asarray(starts)[indices] for starts in (store.atom_starts, store.edge_starts)
    )
    atoms, _, node_mask = _places(atom_starts, n_node, num_nodes)
    edges, graphs, edge_mask = _places(edge_starts, n_edge, num_edges)
    offsets = (jnp.cumsum(n_node) - n_node)[graphs]

    def ends(values: Array | np.ndarray) -> Array:
        return jnp.where(edge_mask, jnp.asarray(values)[edges] + offsets, num_nodes - 1)

    def take(values: Array | np.ndarray, places: Array, mask: Array) -> Array:
        rows = jnp.asarray(values)[places]
        return jnp.where(mask.reshape(-1, *[1] * (rows.ndim - 1)), rows, 0)

    graph = Graph(
        nodes={
            "numbers": take(store.numbers, atoms, node_mask),
            "positions": take(store.positions, atoms, node_mask),
        },
        edges={},
        senders=ends(store.senders),
        receivers=ends(store.receivers),
        n_node=n_node,
        n_edge=n_edge,
        node_mask=node_mask,
        edge_mask=edge_mask,
        cell=None if store.cells is None else take(store.cells, indices, is_real),
        shifts=None if store.shifts is None else take(store.shifts, edges, edge_mask),
    )
    labels = {
        name: take(values, atoms, node_mask) if name == "forces" else take(values, indices, is_real)
        for name, values in store.labels.items()
    }
    return graph, labels


def _places(starts: Array, counts: Array, total: int) -> tuple[Array, Array, Array]:
    """Return the rows of runs of rows one after the other, the run of each, and the mask."""
    slots = jnp.arange(total)
    run = jnp.repeat(jnp.arange(len(counts)), counts, total_repeat_length=total)
    firsts = jnp.cumsum(counts) - counts
    mask = slots < jnp.sum(counts)
    return jnp.where(mask, starts[run] + slots - firsts[run], 0), run, mask
