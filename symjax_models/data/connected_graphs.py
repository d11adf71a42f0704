"""Make all connected graphs of up to eight nodes, one of each isomorphism class.

from symjax_models.data import connected_graphs

graphs = connected_graphs.load()        # (11117, 8, 8), GRAPH8c
"""

import os

import numpy as np

from symjax_models import progress
from symjax_models.data import cache
from symjax_models.data.colour_refinement import colour_signature

Array = np.ndarray

# Number of connected graphs of 1 to 8 nodes, sequence A001349 of the OEIS.
COUNTS = (1, 1, 2, 6, 21, 112, 853, 11117)
_VERSION = 1
_CHUNK = 2048


def load(
    *,
    num_nodes: int = 8,
    cache_dir: str | os.PathLike | None = None,
    report: progress.Report | None = None,
) -> Array:
    """Return all connected graphs from the cache, or make and store them.

    Args:
        num_nodes: n, from 1 to 8.
        cache_dir: Folder of the cache; None takes `cache.default_folder`.
        report: Takes each warning line; None writes to standard error.

    Returns:
        Adjacency `[G, n, n]` uint8, as from `make`; read-only.

    Raises:
        ValueError: If `num_nodes` is out of its range.
    """
    _check_num_nodes(num_nodes)
    arrays = cache.load_or_make(
        f"connected-graphs-{num_nodes}",
        lambda: {"bits": np.packbits(make(num_nodes=num_nodes).reshape(-1, num_nodes**2), axis=1)},
        constants={"num_nodes": num_nodes, "version": _VERSION},
        folder=cache_dir,
        report=report,
    )
    flat = np.unpackbits(arrays["bits"], axis=1, count=num_nodes**2)
    graphs = flat.reshape(-1, num_nodes, num_nodes)
    graphs.flags.writeable = False
    return graphs


def make(*, num_nodes: int) -> Array:
    """Make all connected graphs of n nodes.

    Every connected graph has a node without which it stays connected. So a node with every set of
    neighbours but the empty one, put to every connected graph of one node less, gives each graph of
    n nodes at least once. Of graphs with the same invariant one is kept: the multiset, over nodes
    v, of what colour refinement makes of the graph when v has a colour of its own. Graphs with
    different invariants are not isomorphic; that there are as many as there are connected graphs
    (`COUNTS`) proves that none is missing.

    Args:
        num_nodes: n, from 1 to 8.

    Returns:
        Adjacency `[G, n, n]` uint8, ordered by the number of edges; 11,117 graphs for n = 8.

    Raises:
        ValueError: If `num_nodes` is out of its range.
        RuntimeError: If the count is not the known one.

    Numerics: A few seconds for n = 8; nothing is random.

    Source: GRAPH8c of Balcilar et al. 2021, arXiv 2106.04319, whose graphs these are, in another
        order.

    >>> make(num_nodes=4).sum(axis=(1, 2)).tolist()  # twice the numbers of edges
    [6, 6, 8, 8, 10, 12]
    """
    _check_num_nodes(num_nodes)
    graphs = np.zeros((1, 1, 1), np.uint8)
    for size in range(2, num_nodes + 1):
        graphs = _keep_one_of_each(_extend(graphs))
        if len(graphs) != COUNTS[size - 1]:
            raise RuntimeError(
                f"expected {COUNTS[size - 1]} connected graphs of {size} nodes, made {len(graphs)}"
            )
    return graphs


def _check_num_nodes(num_nodes: int) -> None:
    if not 1 <= num_nodes <= len(COUNTS):
        raise ValueError(f"expected num_nodes from 1 to {len(COUNTS)}, got {num_nodes}")


def _extend(graphs: Array) -> Array:
    """Return all graphs with one node more, joined to at least one of the others."""
    size = graphs.shape[-1]
    neighbours = (np.arange(1, 2**size)[:, None] >> np.arange(size)) & 1
    extended = np.zeros((len(graphs), len(neighbours), size + 1, size + 1), np.uint8)
    extended[:, :, :size, :size] = graphs[:, None]
    extended[:, :, size, :size] = extended[:, :, :size, size] = neighbours
    return extended.reshape(-1, size + 1, size + 1)


def _keep_one_of_each(graphs: Array) -> Array:
    invariants = [
        colour_signature(graphs[start : start + _CHUNK], marked=True)
        for start in range(0, len(graphs), _CHUNK)
    ]
    first = np.unique(np.concatenate(invariants), return_index=True)[1]
    kept = graphs[np.sort(first)]
    return kept[np.argsort(kept.sum(axis=(1, 2)), kind="stable")]
