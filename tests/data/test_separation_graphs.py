import itertools

import numpy as np
import pytest

from symjax_models.data import separation_graphs as separation
from symjax_models.data.separation_graphs import colour_signature, refine_colours, twisted_graph

K4 = tuple(itertools.combinations(range(4), 2))
PRISM = ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5))
BIPARTITE = tuple(itertools.product(range(3), range(3, 6)))


def slow_colours(adjacency):
    """Return a canonical colouring by sorted tuples in place of hashes."""
    colours = [()] * len(adjacency)
    for _ in range(len(adjacency)):
        colours = [
            (colours[i], tuple(sorted(colours[j] for j in np.flatnonzero(row))))
            for i, row in enumerate(adjacency)
        ]
    return colours


def marked_twice(adjacency):
    """Return the sorted signatures of a graph with tails of one and of two nodes at a pair."""
    count = len(adjacency)
    graphs = []
    for u, v in itertools.permutations(range(count), 2):
        graph = np.zeros((count + 3, count + 3), np.uint8)
        graph[:count, :count] = adjacency
        for i, j in ((u, count), (v, count + 1), (count + 1, count + 2)):
            graph[i, j] = graph[j, i] = 1
        graphs.append(graph)
    return np.sort(colour_signature(np.stack(graphs)))


def same_partition(colours, expected):
    return all(
        (colours[i] == colours[j]) == (expected[i] == expected[j])
        for i, j in itertools.combinations(range(len(expected)), 2)
    )


def test_refinement_agrees_with_a_slow_one_and_with_networkx():
    networkx = pytest.importorskip("networkx")
    atlas = networkx.graph_atlas_g()[2:210]
    for size in (4, 5, 6):
        graphs = [networkx.to_numpy_array(g) for g in atlas if len(g) == size]
        colours, signatures = refine_colours(np.stack(graphs)), colour_signature(np.stack(graphs))
        slow = [slow_colours(graph) for graph in graphs]
        assert all(same_partition(*pair) for pair in zip(colours, slow, strict=True))
        assert same_partition(signatures, [sorted(colours) for colours in slow])


@pytest.mark.parametrize("marked", [False, True])
def test_signatures_are_invariant_and_colours_move_along(marked):
    rng = np.random.default_rng(0)
    graph = np.triu(rng.random((9, 9)) < 0.4, 1).astype(np.uint8)
    graph |= graph.T
    order = rng.permutation(9)
    moved = graph[order][:, order]
    assert colour_signature(graph, marked=marked) == colour_signature(moved, marked=marked)
    np.testing.assert_array_equal(refine_colours(moved), refine_colours(graph)[order])
    changed = graph.copy()
    changed[0, 1] ^= 1
    changed[1, 0] ^= 1
    assert colour_signature(changed, marked=marked) != colour_signature(graph, marked=marked)


def test_marks_tell_more_than_plain_refinement():
    """Two triangles and a circle of six: regular, of different kinds."""
    circle = np.roll(np.eye(6, dtype=np.uint8), 1, axis=1)
    triangles = np.kron(np.eye(2, dtype=np.uint8), 1 - np.eye(3, dtype=np.uint8))
    graphs = np.stack([circle | circle.T, triangles])
    assert len(set(colour_signature(graphs).tolist())) == 1
    assert len(set(colour_signature(graphs, marked=True).tolist())) == 2


def test_skip_links_are_equal_under_1wl_and_not_isomorphic():
    graphs = np.stack([separation.skip_link_graph(skip) for skip in separation.CSL_SKIPS])
    assert graphs.shape == (10, 41, 41) and (graphs == graphs.swapaxes(1, 2)).all()
    assert (graphs.sum(axis=1) == 4).all()
    assert len(set(colour_signature(graphs).tolist())) == 1
    # All nodes are alike, so that closed walks from one of them are an invariant of the graph.
    closed = [
        tuple(np.linalg.matrix_power(g.astype(np.int64), k)[0, 0] for k in range(12))
        for g in graphs
    ]
    shells = [tuple(np.bincount(distances(graph))) for graph in graphs]
    assert len(set(zip(closed, shells, strict=True))) == 10
    with pytest.raises(ValueError, match=r"a skip among \(2, 3, .*got 7"):
        separation.skip_link_graph(7)


def distances(graph):
    """Return steps from node 0."""
    steps = np.where(np.arange(len(graph)) == 0, 0, -1)
    for step in range(1, len(graph)):
        reached = (graph @ (steps == step - 1) > 0) & (steps < 0)
        steps[reached] = step
    return steps


def test_strongly_regular_pair():
    networkx = pytest.importorskip("networkx")
    rook, shrikhande = separation.strongly_regular_pair()
    for graph in (rook, shrikhande):
        square = graph.astype(int) @ graph
        expected = 6 * np.eye(16, dtype=int) + 2 * (1 - np.eye(16, dtype=int))
        np.testing.assert_array_equal(square, expected)
    signatures = colour_signature(np.stack([rook, shrikhande]), marked=True)
    assert signatures[0] == signatures[1]
    one, two = (networkx.from_numpy_array(graph) for graph in (rook, shrikhande))
    assert not networkx.is_isomorphic(one, two)
    # These are the twins over the complete graph of four nodes.
    twins = [networkx.from_numpy_array(twisted_graph(K4, twists=[0] * 5 + [t])) for t in (0, 1)]
    assert [networkx.is_isomorphic(twin, one) for twin in twins] == [True, False]
    assert [networkx.is_isomorphic(twin, two) for twin in twins] == [False, True]


@pytest.mark.parametrize("base", [PRISM, BIPARTITE])
def test_only_the_parity_of_twists_counts(base):
    """What two marked nodes tell shows that the twins are not isomorphic."""
    twists = ([0] * 9, [1] + [0] * 8, [1] + [0] * 7 + [1])
    even, odd, two = (marked_twice(twisted_graph(base, twists=t)) for t in twists)
    np.testing.assert_array_equal(even, two)
    assert (even != odd).any()


def test_pairs_are_twins_of_the_stated_layout():
    pairs = separation.make_pairs(num_pairs=12, seed=0)
    assert pairs.adjacency.shape == (12, 2, 64, 64) and pairs.adjacency.dtype == np.uint8
    assert (pairs.adjacency == pairs.adjacency.swapaxes(2, 3)).all()
    assert not pairs.adjacency[..., np.arange(64), np.arange(64)].any()
    # Every node has a neighbour; padding has none.
    np.testing.assert_array_equal(pairs.adjacency.any(axis=-1), pairs.node_mask)
    signatures = colour_signature(pairs.adjacency)
    np.testing.assert_array_equal(signatures[:, 0], signatures[:, 1])
    assert len(set(signatures[:, 0].tolist())) == 12
    adjacency, mask, labels = pairs.flat()
    assert labels.tolist() == [0, 1] * 12 and mask.shape == (24, 64)
    np.testing.assert_array_equal(adjacency[3], pairs.adjacency[1, 1])


def test_twins_of_a_pair_are_not_isomorphic():
    pairs = separation.make_pairs(num_pairs=30, seed=0)
    smallest = np.argsort(pairs.node_mask.sum(axis=(1, 2)))[:2]
    for index in smallest:
        count = pairs.node_mask[index, 0].sum()
        straight, twisted = pairs.adjacency[index, :, :count, :count]
        assert (marked_twice(straight) != marked_twice(twisted)).any()
        order = np.random.default_rng(0).permutation(count)
        moved = straight[order][:, order]
        np.testing.assert_array_equal(marked_twice(straight), marked_twice(moved))


def test_pairs_depend_on_seed_and_number_only():
    many, few = (separation.make_pairs(num_pairs=count, seed=3) for count in (5, 2))
    np.testing.assert_array_equal(many.adjacency[:2], few.adjacency)
    other = separation.make_pairs(num_pairs=2, seed=4)
    assert (other.adjacency != few.adjacency).any()
    with pytest.raises(ValueError, match="num_pairs of at least 1, got 0"):
        separation.make_pairs(num_pairs=0, seed=0)
