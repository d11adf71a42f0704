"""The graphs that untrained networks are to tell apart, and which pairs of them count."""

import dataclasses
from collections.abc import Callable

import ml_collections
import numpy as np

from symjax_models.data import connected_graphs, separation_graphs
from symjax_models.suggestion import look_up


@dataclasses.dataclass(frozen=True, eq=False)
class GraphSet:
    """Hold graphs of n nodes each, padding included.

    Attributes:
        adjacency: `[G, n, n]` uint8.
        mask: Which nodes are real, `[G, n]` bool; None if all are.
        pairs: Numbers of the graphs of every pair that counts, `[P, 2]`; None for all pairs.
        dtype: Floating type in which networks embed them.
    """

    adjacency: np.ndarray
    mask: np.ndarray | None = None
    pairs: np.ndarray | None = None
    dtype: str = "float32"


def num_nodes(data: ml_collections.ConfigDict) -> int:
    """Return n, without making the graphs."""
    return separation_graphs.MAX_NODES if _loader(data) is _make_pairs else data.num_nodes


def load(data: ml_collections.ConfigDict, *, report: Callable[[str], None]) -> GraphSet:
    """Load or make graphs.

    Args:
        data: With `graphs` "connected": `num_nodes`, of all connected graphs of this size. With
            "pairs": `num_pairs`, `seed` and `cores` of `separation_graphs.make_pairs`.
        report: Takes warnings of the cache.

    Returns:
        The graphs.

    Raises:
        ValueError: If `graphs` is unknown, or the other fields do not fit.
    """
    return _loader(data)(data, report)


def _loader(data: ml_collections.ConfigDict) -> Callable[..., GraphSet]:
    loaders = {"connected": _load_connected, "pairs": _make_pairs}
    return look_up(data.graphs, loaders, what="config.data.graphs")


def _load_connected(data: ml_collections.ConfigDict, report: Callable[[str], None]) -> GraphSet:
    return GraphSet(connected_graphs.load(num_nodes=data.num_nodes, report=report))


def _make_pairs(data: ml_collections.ConfigDict, report: Callable[[str], None]) -> GraphSet:
    del report
    twins = separation_graphs.make_pairs(num_pairs=data.num_pairs, seed=data.seed, cores=data.cores)
    adjacency, mask, _ = twins.flat()
    pairs = np.arange(len(adjacency)).reshape(-1, 2)
    # Rounded keys of frames are next to never broken in float64.
    return GraphSet(adjacency, mask, pairs, dtype="float64")
