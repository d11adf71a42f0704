"""Graphs that colour refinement (the 1-WL test) cannot tell apart.

    from symjax_models.data import separation_graphs

    pairs = separation_graphs.make_pairs(num_pairs=600, seed=0)
    pairs.adjacency.shape                       # (600, 2, 64, 64)
    adjacency, node_mask, labels = pairs.flat()     # 1,200 graphs, twins side by side

A network that 1-WL bounds gives both twins of a pair the same output, so that it cannot learn
which twin is which.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np

from symjax_models.data.colour_refinement import colour_signature
from symjax_models.suggestion import look_up

Array = np.ndarray

MAX_NODES = 64
CORES = ("regular", "twisted")

_STREAM, _CORE_STREAM = 17, 18
_NUM_REGULAR, _REGULAR_NODES, _DEGREE = 10, 32, 3
_TAIL_NODES = (4, 24)
# Connected graphs whose nodes all have three neighbours, as lists of edges: the complete graph of
# four nodes, the prism, the complete bipartite graph K(3, 3) and the cube.
_BASES = (
    tuple(itertools.combinations(range(4), 2)),
    ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5)),
    tuple(itertools.product(range(3), range(3, 6))),
    tuple((i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit),
)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GraphPairs:
    """Hold P pairs of twins, padded to 64 nodes without edges; read-only.

    Attributes:
        adjacency: `[P, 2, 64, 64]` uint8, symmetric, zero on the diagonal.
        node_mask: Which nodes are a graph's own, `[P, 2, 64]` bool.
    """

    adjacency: Array
    node_mask: Array

    def __len__(self) -> int:
        return len(self.adjacency)

    def flat(self) -> tuple[Array, Array, Array]:
        """Return adjacency `[2P, 64, 64]`, masks `[2P, 64]` and labels `[2P]`, twins together."""
        count = 2 * len(self)
        labels = np.tile(np.arange(2, dtype=np.int32), len(self))
        return (
            self.adjacency.reshape(count, MAX_NODES, MAX_NODES),
            self.node_mask.reshape(count, MAX_NODES),
            labels,
        )


def make_pairs(*, num_pairs: int, seed: int, cores: str = "regular") -> GraphPairs:
    """Draw pairs of twins that 1-WL cannot tell apart and that are not isomorphic.

    Each pair has two cores, one for each twin. Both twins get the same random connected graph of 4
    to 24 nodes beside them, and the nodes of each are shuffled. A pair depends on its seed and
    number only. There are few pairs of cores, so that test graphs have cores seen in training.

    - "regular": one of ten pairs of random connected graphs of 32 nodes with three neighbours each.
      Few nodes of such graphs are alike, so that frames of cores have one to a few orders.
    - "twisted": the graphs of Cai, Fuerer and Immerman over one of four cubic graphs (4 to 8
      nodes), `twisted_graph`, with an even number of twisted edges, drawn at random, in twin 0 and
      an odd one in twin 1. Their many symmetries make frames huge.

    Args:
        num_pairs: P.
        seed: Seed, at least 0.
        cores: One of `CORES`.

    Returns:
        The pairs.

    Raises:
        ValueError: If `num_pairs` is below 1, or the cores are unknown.

    Source: In place of EXP (Abboud et al. 2021, arXiv 2010.01179): 600 pairs of at most 64 nodes, a
        hard core from a small pool beside a random graph. Twisted cores: Cai, Fuerer, Immerman
        1992, An optimal lower bound on the number of variables for graph identification, in the
        form without edge nodes (Fuerer 2001).

    >>> adjacency, node_mask, labels = make_pairs(num_pairs=2, seed=0).flat()
    >>> adjacency.shape, labels.tolist()
    ((4, 64, 64), [0, 1, 0, 1])
    """
    if num_pairs < 1:
        raise ValueError(f"expected num_pairs of at least 1, got {num_pairs}")
    draw_cores = look_up(cores, _DRAW_CORES, what="cores")
    adjacency = np.zeros((num_pairs, 2, MAX_NODES, MAX_NODES), np.uint8)
    node_mask = np.zeros((num_pairs, 2, MAX_NODES), bool)
    for index in range(num_pairs):
        rng = np.random.default_rng([seed, _STREAM, index])
        twins = draw_cores(rng, seed)
        tail = _draw_connected(rng, int(rng.integers(_TAIL_NODES[0], _TAIL_NODES[1] + 1)))
        for number, core in enumerate(twins):
            graph = _beside(core, tail)
            order = rng.permutation(len(graph))
            adjacency[index, number, : len(graph), : len(graph)] = graph[order][:, order]
            node_mask[index, number, : len(graph)] = True
    adjacency.flags.writeable = node_mask.flags.writeable = False
    return GraphPairs(adjacency=adjacency, node_mask=node_mask)


def regular_graph(rng: np.random.Generator, *, num_nodes: int, degree: int) -> Array:
    """Draw a connected graph whose nodes all have the same number of neighbours.

    Ends of edges are paired at random until the graph has no loops, no double edges and is
    connected: all such labelled graphs are equally probable.

    Args:
        rng: Generator.
        num_nodes: n.
        degree: Neighbours of every node; n times it is even, and it is below n.

    Returns:
        Adjacency `[n, n]` uint8.

    Raises:
        ValueError: If there is no such graph.

    Source: B. Bollobas 1980, the configuration model, European Journal of Combinatorics 1, 311.

    >>> set(regular_graph(np.random.default_rng(0), num_nodes=8, degree=3).sum(axis=0).tolist())
    {3}
    """
    if not 2 <= degree < num_nodes or num_nodes * degree % 2:
        raise ValueError(
            "expected a degree from 2 to below num_nodes, with an even product, got degree "
            f"{degree} and num_nodes {num_nodes}"
        )
    while True:
        first, second = rng.permutation(np.repeat(np.arange(num_nodes), degree)).reshape(2, -1)
        graph = np.zeros((num_nodes, num_nodes), np.int64)
        np.add.at(graph, (first, second), 1)
        graph += graph.T
        is_simple = graph.max() == 1 and not graph.diagonal().any()
        if is_simple and np.linalg.matrix_power(graph + np.eye(num_nodes), num_nodes).all():
            return graph.astype(np.uint8)


def _draw_regular(rng: np.random.Generator, seed: int) -> tuple[Array, Array]:
    """Return a pair of the ten of a seed."""
    return _regular_pair(seed, int(rng.integers(_NUM_REGULAR)))


@functools.lru_cache(maxsize=4 * _NUM_REGULAR)
def _regular_pair(seed: int, number: int) -> tuple[Array, Array]:
    """Return two regular graphs that are not isomorphic, read-only."""
    rng = np.random.default_rng([seed, _CORE_STREAM, number])
    draw = functools.partial(regular_graph, rng, num_nodes=_REGULAR_NODES, degree=_DEGREE)
    first = draw()
    while True:
        second = draw()
        # Different signatures show that the two are not isomorphic.
        one, two = colour_signature(np.stack([first, second]), marked=True)
        if one != two:
            first.flags.writeable = second.flags.writeable = False
            return first, second


def _draw_twisted(rng: np.random.Generator, seed: int) -> tuple[Array, Array]:
    """Return the twins over one of the bases."""
    del seed
    base = _BASES[rng.integers(len(_BASES))]
    twins = []
    for parity in range(2):
        twists = rng.integers(2, size=len(base))
        twists[-1] ^= (twists.sum() + parity) % 2
        twins.append(twisted_graph(base, twists=twists))
    return twins[0], twins[1]


_DRAW_CORES = {"regular": _draw_regular, "twisted": _draw_twisted}


def twisted_graph(base: Sequence[tuple[int, int]], *, twists: Sequence[int] | Array) -> Array:
    """Return the graph of Cai, Fuerer and Immerman over a base, without edge nodes.

    Args:
        base: Edges (v, u) of a connected graph with nodes from 0.
        twists: 1 for every twisted edge, else 0, `[len(base)]`.

    Returns:
        Adjacency `[n, n]` uint8; n is the sum of 2^(degree - 1).

    >>> twisted_graph([(0, 1), (1, 2), (0, 2)], twists=[0, 0, 1]).sum(axis=0).tolist()
    [2, 2, 2, 2, 2, 2]
    """
    count = 1 + max(itertools.chain(*base))
    edge_of = np.full((count, count), -1)
    for e, (v, u) in enumerate(base):
        edge_of[v, u] = edge_of[u, v] = e
    owners, subsets = [], []
    for v in range(count):
        own = edge_of[v][edge_of[v] >= 0]
        for size in range(0, len(own) + 1, 2):
            for subset in itertools.combinations(own, size):
                owners.append(v)
                subsets.append(np.isin(np.arange(len(base)), subset))
    between = edge_of[np.ix_(owners, owners)]
    member = np.stack(subsets)[np.arange(len(owners))[:, None], between]
    joined = (member == member.T) != np.asarray(twists, bool)[between]
    return (joined & (between >= 0)).astype(np.uint8)


def strongly_regular_pair() -> tuple[Array, Array]:
    """Return the 4 x 4 rook's graph and the Shrikhande graph.

    Both are strongly regular with parameters (16, 6, 2, 2): 2-WL cannot tell them apart either.

    Returns:
        Adjacencies `[16, 16]` uint8.

    >>> [set(graph.sum(axis=0).tolist()) for graph in strongly_regular_pair()]
    [{6}, {6}]
    """
    gaps = (np.indices((4, 4)).reshape(2, 16, 1) - np.indices((4, 4)).reshape(2, 1, 16)) % 4
    row, column = gaps
    rook = (row == 0) ^ (column == 0)
    steps = ((0, 1), (0, 3), (1, 0), (3, 0), (1, 1), (3, 3))
    shrikhande = np.any([(row == a) & (column == b) for a, b in steps], axis=0)
    return rook.astype(np.uint8), shrikhande.astype(np.uint8)


def _draw_connected(rng: np.random.Generator, count: int) -> Array:
    """Return a random tree with about half as many edges more."""
    graph = np.zeros((count, count), np.uint8)
    for node in range(1, count):
        graph[node, rng.integers(node)] = 1
    graph[np.tril_indices(count, -1)] |= rng.random(count * (count - 1) // 2) < 1.0 / count
    return graph | graph.T


def _beside(first: Array, second: Array) -> Array:
    """Return the disjoint union of two graphs."""
    count = len(first)
    graph = np.zeros((count + len(second),) * 2, np.uint8)
    graph[:count, :count], graph[count:, count:] = first, second
    return graph
