import itertools

import numpy as np
import pytest

from symjax_models.data.colour_refinement import colour_signature, refine_colours


def slow_colours(adjacency):
    """Return a canonical colouring by sorted tuples in place of hashes."""
    colours = [()] * len(adjacency)
    for _ in range(len(adjacency)):
        colours = [
            (colours[i], tuple(sorted(colours[j] for j in np.flatnonzero(row))))
            for i, row in enumerate(adjacency)
        ]
    return colours


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
