"""Shapes of batches of graphs of mixed sizes: few compilations, little padding, no overflow."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

# Places where classes may be cut, and graphs by which they are chosen; more change little.
_CANDIDATES, _SAMPLED = 48, 4000


@dataclasses.dataclass(frozen=True)
class SizeClass:
    """Graphs of similar size, whose batches all have one shape.

    A batch takes one graph of each of B strata: with the graphs sorted by size, and at most B - 1
    of them left out, the first n // B are the smallest stratum and so on. So all batches are nearly
    equally large, and none is larger than the largest graphs of every stratum together.

    Attributes:
        members: Indices of the graphs, sorted by size, `[n]`.
        batch_size: B, graphs per batch.
        num_nodes: Node slots of a batch.
        num_edges: Edge slots of a batch.
    """

    members: np.ndarray
    batch_size: int
    num_nodes: int
    num_edges: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches that visit every graph once, but for those left out."""
        return len(self.members) // self.batch_size


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """How graphs are batched.

    Attributes:
        classes: One compiled shape each.
        padding_nodes: Expected share of node slots that hold padding.
        padding_edges: Expected share of edge slots that hold padding.
    """

    classes: tuple[SizeClass, ...]
    padding_nodes: float
    padding_edges: float

    def describe(self) -> str:
        """Write the shapes and the padding as text, a line per class."""
        lines = [
            f"{len(self.classes)} compiled shape{'s' if len(self.classes) > 1 else ''}; padding "
            f"{self.padding_nodes:.1%} of the nodes, {self.padding_edges:.1%} of the edges"
        ]
        lines += [
            f"  {len(c.members):,} graphs, {c.batch_size} a batch: {c.num_nodes:,} nodes, "
            f"{c.num_edges:,} edges"
            for c in self.classes
        ]
        return "\n".join(lines)


def plan_batches(
    num_nodes: Sequence[int] | np.ndarray,
    num_edges: Sequence[int] | np.ndarray,
    *,
    batch_size: int,
    max_compilations: int = 4,
    max_padding: float = 0.1,
) -> BatchPlan:
    """Choose the shapes of the batches of a data set.

    Takes the fewest classes of sizes, and so the fewest compilations, whose padding is small
    enough, or all that are allowed.

    Args:
        num_nodes: Nodes of every graph.
        num_edges: Edges of every graph.
        batch_size: Graphs per batch.
        max_compilations: Classes at most.
        max_padding: Share of padding that ends the search.

    Returns:
        The plan. Every graph is in exactly one class.

    Raises:
        ValueError: If sizes do not fit together or there are fewer graphs than in one batch.

    >>> plan = plan_batches([3, 3, 4, 9, 9, 9], [6, 6, 12, 72, 72, 72], batch_size=3)
    >>> print(plan.describe())
    2 compiled shapes; padding 0.0% of the nodes, 0.0% of the edges
      3 graphs, 3 a batch: 10 nodes, 24 edges
      3 graphs, 3 a batch: 27 nodes, 216 edges
    """
    sizes = np.stack([np.asarray(num_nodes), np.asarray(num_edges)], axis=1).astype(np.int64)
    if batch_size < 1 or max_compilations < 1:
        raise ValueError(
            f"batch_size and max_compilations are at least 1, got {batch_size} and "
            f"{max_compilations}"
        )
    if len(sizes) < batch_size:
        raise ValueError(
            f"batch_size ({batch_size}) must be at most the number of graphs ({len(sizes)})"
        )
    if sizes[:, 0].min() < 1:
        raise ValueError(f"graph {int(sizes[:, 0].argmin())} has no nodes")
    order = np.lexsort((sizes[:, 0], sizes[:, 1]))
    best = None
    for cuts in _cuts(sizes[order], batch_size, max_compilations):
        classes = tuple(
            _make_class(order[start:stop], sizes, batch_size)
            for start, stop in itertools.pairwise(cuts)
        )
        plan = BatchPlan(classes, *_padding(classes, sizes))
        if best is None or _largest(plan) < _largest(best):
            best = plan
        if _largest(best) <= max_padding:
            break
    assert best is not None  # one class comes first and always is possible
    return best


def _make_class(members: np.ndarray, sizes: np.ndarray, batch_size: int) -> SizeClass:
    nodes, edges = _slots(sizes[members], batch_size)
    return SizeClass(members, batch_size, int(nodes), int(edges))


def _slots(sizes: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the nodes and edges of the largest batch of sorted graphs, `[2]`."""
    per_stratum = len(sizes) // batch_size
    # Those left out of an epoch shift the strata upwards.
    rest = len(sizes) - per_stratum * batch_size
    starts = per_stratum * np.arange(batch_size)
    largest = [sizes[start : start + per_stratum + rest].max(axis=0) for start in starts]
    # An edge needs a slot, and a node too, so that shapes are never empty.
    return np.maximum(np.sum(largest, axis=0), 1)


def _padding(classes: Sequence[SizeClass], sizes: np.ndarray) -> np.ndarray:
    """Return the expected shares of padding of nodes and of edges, `[2]`."""
    used, slots = np.zeros(2), np.zeros(2)
    for c in classes:
        steps = c.steps_per_epoch
        used += steps * c.batch_size * sizes[c.members].mean(axis=0)
        slots += steps * np.array([c.num_nodes, c.num_edges])
    return 1 - used / slots


def _largest(plan: BatchPlan) -> float:
    return max(plan.padding_nodes, plan.padding_edges)


def _cuts(sizes: np.ndarray, batch_size: int, most: int) -> Iterator[list[int]]:
    """Yield the places that cut sorted graphs into 1, 2, ... classes with the fewest slots."""
    yield [0, len(sizes)]
    if most == 1:
        return
    stride = -(-len(sizes) // _SAMPLED)
    end, sizes = len(sizes), sizes[::stride]
    candidates = np.unique(np.linspace(0, len(sizes), min(len(sizes), _CANDIDATES) + 1).astype(int))
    # Classes also begin where sizes change, which costs nothing where there are few sizes.
    changes = np.flatnonzero(np.any(np.diff(sizes, axis=0) != 0, axis=1)) + 1
    if len(changes) <= _CANDIDATES:
        candidates = np.unique(np.concatenate([candidates, changes]))
    costs = _costs(sizes, candidates, batch_size)
    last = len(candidates) - 1
    reached: dict[int, tuple[float, list[int]]] = {0: (0.0, [0])}
    for count in range(1, most + 1):
        following: dict[int, tuple[float, list[int]]] = {}
        for (a, b), cost in costs.items():
            if a in reached:
                value = reached[a][0] + cost
                if b not in following or value < following[b][0]:
                    following[b] = value, [*reached[a][1], int(candidates[b])]
        reached = following
        if count > 1 and last in reached:
            yield [*(stride * cut for cut in reached[last][1][:-1]), end]


def _costs(
    sizes: np.ndarray, candidates: np.ndarray, batch_size: int
) -> dict[tuple[int, int], float]:
    """Return the slots that a class between two candidates takes, for all pairs of them."""
    costs = {}
    for a, start in enumerate(candidates):
        for b in range(a + 1, len(candidates)):
            if candidates[b] - start >= batch_size:
                part = sizes[start : candidates[b]]
                # Both kinds of slots count, each relative to what the data need.
                slots = _slots(part, batch_size) * (len(part) / batch_size)
                costs[a, b] = float(np.sum(slots / np.maximum(sizes.sum(axis=0), 1)))
    return costs
