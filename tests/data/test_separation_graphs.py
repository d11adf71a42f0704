import itertools

import numpy as np
import pytest

from symjax_models.data import separation_graphs as separation
from symjax_models.data.colour_refinement import colour_signature
from symjax_models.data.separation_graphs import regular_graph, twisted_graph

K4 = tuple(itertools.combinations(range(4), 2))
PRISM = ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5))
BIPARTITE = tuple(itertools.product(range(3), range(3, 6)))


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


@pytest.fixture(scope="module", params=separation.CORES)
def pairs(request):
    return separation.make_pairs(num_pairs=12, seed=0, cores=request.param)


def test_pairs_are_twins_of_the_stated_layout(pairs):
    assert pairs.adjacency.shape == (12, 2, 64, 64) and pairs.adjacency.dtype == np.uint8
    assert (pairs.adjacency == pairs.adjacency.swapaxes(2, 3)).all()
    assert not pairs.adjacency[..., np.arange(64), np.arange(64)].any()
    # Every node has a neighbour; padding has none.
    np.testing.assert_array_equal(pairs.adjacency.any(axis=-1), pairs.node_mask)
    adjacency, mask, labels = pairs.flat()
    assert labels.tolist() == [0, 1] * 12 and mask.shape == (24, 64)
    np.testing.assert_array_equal(adjacency[3], pairs.adjacency[1, 1])


def test_colours_do_not_tell_twins_apart(pairs):
    signatures = colour_signature(pairs.adjacency)
    np.testing.assert_array_equal(signatures[:, 0], signatures[:, 1])
    assert len(set(signatures[:, 0].tolist())) == 12


def test_twins_are_not_isomorphic(pairs):
    networkx = pytest.importorskip("networkx")
    for index in range(3):
        count = pairs.node_mask[index, 0].sum()
        own = pairs.adjacency[index, :, :count, :count]
        first, second = (networkx.from_numpy_array(graph) for graph in own)
        order = np.random.default_rng(0).permutation(count)
        moved = networkx.from_numpy_array(own[0][order][:, order])
        assert networkx.is_isomorphic(first, moved)
        assert not networkx.is_isomorphic(first, second)


def test_what_marked_nodes_tell_keeps_twins_from_being_isomorphic():
    """One marked node does it for regular cores, two for the smallest twisted ones."""
    regular = separation.make_pairs(num_pairs=4, seed=1)
    signatures = colour_signature(regular.adjacency, marked=True)
    assert (signatures[:, 0] != signatures[:, 1]).all()
    twisted = separation.make_pairs(num_pairs=30, seed=0, cores="twisted")
    smallest = np.argmin(twisted.node_mask.sum(axis=(1, 2)))
    count = twisted.node_mask[smallest, 0].sum()
    even, odd = twisted.adjacency[smallest, :, :count, :count]
    assert (marked_twice(even) != marked_twice(odd)).any()


def test_regular_cores_are_ten_pairs_of_a_seed():
    """The nodes of a core are those of a connected part with three neighbours each."""
    networkx = pytest.importorskip("networkx")
    pairs = separation.make_pairs(num_pairs=40, seed=0)
    found = []
    for graph in pairs.adjacency[:, 0]:
        parts = networkx.connected_components(networkx.from_numpy_array(graph))
        (core,) = [sorted(part) for part in parts if len(part) == 32]
        cut = graph[core][:, core]
        assert (cut.sum(axis=0) == 3).all()
        found.append(int(colour_signature(cut, marked=True)))
    assert 5 < len(set(found)) <= 10


@pytest.mark.parametrize("cores", separation.CORES)
def test_pairs_depend_on_seed_and_number_only(cores):
    many, few = (separation.make_pairs(num_pairs=n, seed=3, cores=cores) for n in (5, 2))
    np.testing.assert_array_equal(many.adjacency[:2], few.adjacency)
    other = separation.make_pairs(num_pairs=2, seed=4, cores=cores)
    assert (other.adjacency != few.adjacency).any()


def test_wrong_arguments_of_pairs_end_in_a_sentence():
    with pytest.raises(ValueError, match="num_pairs of at least 1, got 0"):
        separation.make_pairs(num_pairs=0, seed=0)
    with pytest.raises(ValueError, match="unknown cores 'regularr'; did you mean 'regular'"):
        separation.make_pairs(num_pairs=1, seed=0, cores="regularr")


@pytest.mark.parametrize(("num_nodes", "degree"), [(6, 2), (10, 3), (8, 4)])
def test_regular_graphs_are_simple_connected_and_of_their_degree(num_nodes, degree):
    rng, again = (np.random.default_rng(2) for _ in range(2))
    for _ in range(5):
        graph = regular_graph(rng, num_nodes=num_nodes, degree=degree)
        assert graph.dtype == np.uint8 and set(graph.ravel().tolist()) == {0, 1}
        assert (graph == graph.T).all() and not graph.diagonal().any()
        assert (graph.sum(axis=0) == degree).all()
        reached = np.eye(num_nodes, dtype=int)[0]
        for _ in range(num_nodes):
            reached = np.minimum(reached + graph @ reached, 1)
        assert reached.all()
        np.testing.assert_array_equal(
            graph, regular_graph(again, num_nodes=num_nodes, degree=degree)
        )


def test_labelled_regular_graphs_are_equally_probable():
    """Of the 70 connected cubic graphs of six labelled nodes, 60 are prisms and 10 are K(3, 3)."""
    rng = np.random.default_rng(0)
    drawn = [regular_graph(rng, num_nodes=6, degree=3).tobytes() for _ in range(1400)]
    counts = np.unique(drawn, return_counts=True)[1]
    assert len(counts) == 70
    # The sum is chi squared with 69 degrees of freedom: 138 is above all but 2 in a million.
    assert np.sum((counts - 20) ** 2 / 20) < 138


@pytest.mark.parametrize(("num_nodes", "degree"), [(5, 3), (3, 3), (6, 1)])
def test_impossible_regular_graphs_are_refused(num_nodes, degree):
    message = f"even product, got degree {degree} and num_nodes {num_nodes}"
    with pytest.raises(ValueError, match=message):
        regular_graph(np.random.default_rng(0), num_nodes=num_nodes, degree=degree)
