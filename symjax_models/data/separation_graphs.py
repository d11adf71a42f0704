"""Graphs that colour refinement (the 1-WL test) cannot tell apart, and that test itself.

    from symjax_models.data import separation_graphs

    pairs = separation_graphs.make_pairs(num_pairs=600, seed=0)
    pairs.adjacency.shape                       # (600, 2, 64, 64)
    adjacency, node_mask, labels = pairs.flat()     # 1,200 graphs, twins side by side

A network that 1-WL bounds gives both twins of a pair the same output, so that it cannot learn
which twin is which.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

Array = np.ndarray

MAX_NODES = 64
# Ten graphs of 41 nodes, no two isomorphic.
CSL_NODES = 41
CSL_SKIPS = (2, 3, 4, 5, 6, 9, 11, 12, 13, 16)

_STREAM = 17
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
        adjacency: `[P, 2, 64, 64]` uint8, symmetric, zero on the diagonal. Twin 0 is straight, twin
            1 is twisted.
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


def make_pairs(*, num_pairs: int, seed: int) -> GraphPairs:
    """Draw pairs of twins that 1-WL cannot tell apart and that are not isomorphic.

    Each pair has a base, one of four cubic graphs (4 to 8 nodes). A base node v becomes the four
    nodes (v, S), S an even subset of its edges; for an edge e between v and u, (v, S) and (u, T)
    are joined if e lies in both S and T or in neither, and the other way round if e is twisted. Up
    to isomorphism only the parity of the number of twisted edges counts: it is even in twin 0, odd
    in twin 1. The twisted edges are drawn at random, both twins get the same random connected graph
    of 4 to 24 nodes beside them, and the nodes of each are shuffled. A pair depends on its seed and
    number only. There being few bases, test graphs have twins seen in training.

    Args:
        num_pairs: P.
        seed: Seed, at least 0.

    Returns:
        The pairs.

    Raises:
        ValueError: If `num_pairs` is below 1.

    Source: Cai, Fuerer, Immerman 1992, An optimal lower bound on the number of variables for graph
        identification, in the form without edge nodes (Fuerer 2001). Used in place of EXP (Abboud
        et al. 2021, arXiv 2010.01179): 600 pairs of at most 64 nodes, a hard part beside a random
        one.

    >>> adjacency, node_mask, labels = make_pairs(num_pairs=2, seed=0).flat()
    >>> adjacency.shape, labels.tolist()
    ((4, 64, 64), [0, 1, 0, 1])
    """
    if num_pairs < 1:
        raise ValueError(f"expected num_pairs of at least 1, got {num_pairs}")
    adjacency = np.zeros((num_pairs, 2, MAX_NODES, MAX_NODES), np.uint8)
    node_mask = np.zeros((num_pairs, 2, MAX_NODES), bool)
    for index in range(num_pairs):
        rng = np.random.default_rng([seed, _STREAM, index])
        base = _BASES[rng.integers(len(_BASES))]
        tail = _draw_connected(rng, int(rng.integers(_TAIL_NODES[0], _TAIL_NODES[1] + 1)))
        for parity in range(2):
            twists = rng.integers(2, size=len(base))
            twists[-1] ^= (twists.sum() + parity) % 2
            graph = _beside(twisted_graph(base, twists=twists), tail)
            order = rng.permutation(len(graph))
            adjacency[index, parity, : len(graph), : len(graph)] = graph[order][:, order]
            node_mask[index, parity, : len(graph)] = True
    adjacency.flags.writeable = node_mask.flags.writeable = False
    return GraphPairs(adjacency=adjacency, node_mask=node_mask)


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


def skip_link_graph(skip: int) -> Array:
    """Return a circle of 41 nodes in which each is also joined to those `skip` steps away.

    Args:
        skip: One of `CSL_SKIPS`, which give ten graphs that are not isomorphic.

    Returns:
        Adjacency `[41, 41]` uint8; every node has four neighbours.

    Raises:
        ValueError: If the skip is another.

    Source: Murphy et al. 2019, Relational pooling, arXiv 1903.02541.

    >>> set(skip_link_graph(3).sum(axis=0).tolist())
    {4}
    """
    if skip not in CSL_SKIPS:
        raise ValueError(f"expected a skip among {CSL_SKIPS}, got {skip}")
    gaps = (np.arange(CSL_NODES)[:, None] - np.arange(CSL_NODES)) % CSL_NODES
    return np.isin(gaps, [1, skip, CSL_NODES - 1, CSL_NODES - skip]).astype(np.uint8)


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


def refine_colours(adjacency: Array) -> Array:
    """Refine the colours of nodes by those of their neighbours, as 1-WL does.

    All nodes begin with one colour. In each of n rounds a node's new colour stands for its colour
    and the multiset of its neighbours' colours. Colours are 64-bit hashes, the same function for
    all graphs of n nodes, so that those of different graphs can be compared. Equal hashes of
    different multisets are not excluded, only never met.

    Args:
        adjacency: `[*batch, n, n]`, symmetric, 0 and 1.

    Returns:
        Colours `[*batch, n]` uint64.

    Equivariance: S_n permutes the colours.

    >>> path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> first, second, third = refine_colours(path).tolist()
    >>> first == third, first == second
    (True, False)
    """
    count = np.shape(adjacency)[-1]
    return _refine(adjacency, np.ones((1, count), np.uint64))[..., 0, :]


def colour_signature(adjacency: Array, *, marked: bool = False) -> Array:
    """Return one number per graph, the same for graphs that 1-WL cannot tell apart.

    Args:
        adjacency: `[*batch, n, n]`, symmetric, 0 and 1.
        marked: Whether to refine n times, with another node having a colour of its own each time,
            and to return a hash of the multiset of the results: stronger than 1-WL, and invariant.

    Returns:
        `[*batch]` uint64. Different numbers mean different results of 1-WL; equal ones mean equal
        results up to collisions of hashes, as in `refine_colours`.

    Equivariance: Invariant under S_n.

    >>> one, two = colour_signature(np.stack(strongly_regular_pair()))
    >>> bool(one == two)
    True
    """
    count = np.shape(adjacency)[-1]
    colours = 1 + np.eye(count, dtype=np.uint64) if marked else np.ones((1, count), np.uint64)
    return _mix(_mix(_refine(adjacency, colours)).sum(axis=-1)).sum(axis=-1)


def _refine(adjacency: Array, colours: Array) -> Array:
    """Return K refined colourings `[*batch, K, n]` of first colours `[K, n]`."""
    adjacency = np.asarray(adjacency).astype(np.uint64)
    for _ in range(adjacency.shape[-1]):
        colours = _mix(np.uint64(3) * colours + _mix(colours) @ adjacency)
    return colours


def _mix(values: Array) -> Array:
    """Return hashes of 64-bit numbers; a bijection (the finalizer of splitmix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


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
