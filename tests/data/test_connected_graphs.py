import numpy as np
import pytest

from symjax_models.data import connected_graphs
from symjax_models.data.colour_refinement import colour_signature


def is_connected(graphs):
    """Return which graphs `[G, n, n]` have a walk between any two nodes."""
    count = graphs.shape[-1]
    walks = np.linalg.matrix_power(graphs.astype(np.float64) + np.eye(count), count - 1)
    return (walks > 0).all(axis=(1, 2))


def test_counts_and_layout():
    for num_nodes, expected in enumerate(connected_graphs.COUNTS[:6], start=1):
        graphs = connected_graphs.make(num_nodes=num_nodes)
        assert graphs.shape == (expected, num_nodes, num_nodes) and graphs.dtype == np.uint8
        assert (graphs == graphs.swapaxes(1, 2)).all() and is_connected(graphs).all()
        assert not np.trace(graphs, axis1=1, axis2=2).any()
        assert (np.diff(graphs.sum(axis=(1, 2))) >= 0).all()


def test_every_graph_of_the_atlas_is_there():
    networkx = pytest.importorskip("networkx")
    atlas = [g for g in networkx.graph_atlas_g()[1:] if len(g) == 7 and networkx.is_connected(g)]
    theirs = colour_signature(np.stack([networkx.to_numpy_array(g) for g in atlas]), marked=True)
    ours = colour_signature(connected_graphs.make(num_nodes=7), marked=True)
    assert len(set(ours.tolist())) == 853
    np.testing.assert_array_equal(np.sort(ours), np.sort(theirs))


def test_a_wrong_count_is_noticed(monkeypatch):
    monkeypatch.setattr(connected_graphs, "COUNTS", (1, 1, 2, 7))
    with pytest.raises(RuntimeError, match="expected 7 connected graphs of 4 nodes, made 6"):
        connected_graphs.make(num_nodes=4)


def test_cached_graphs_are_those_made(tmp_path):
    lines = []
    made = connected_graphs.make(num_nodes=5)
    for _ in range(2):
        loaded = connected_graphs.load(num_nodes=5, cache_dir=tmp_path, report=lines.append)
        np.testing.assert_array_equal(loaded, made)
        assert not loaded.flags.writeable
    assert len(list(tmp_path.iterdir())) == 1 and not lines


@pytest.mark.parametrize("num_nodes", [0, 9])
def test_sizes_out_of_range_are_refused(num_nodes):
    with pytest.raises(ValueError, match=f"num_nodes from 1 to 8, got {num_nodes}"):
        connected_graphs.load(num_nodes=num_nodes)
    with pytest.raises(ValueError, match=f"num_nodes from 1 to 8, got {num_nodes}"):
        connected_graphs.make(num_nodes=num_nodes)


@pytest.mark.slow
def test_graph8c_has_its_known_counts():
    graphs = connected_graphs.load()
    assert graphs.shape == (11117, 8, 8) and is_connected(graphs).all()
    counts = np.unique(colour_signature(graphs), return_counts=True)[1]
    assert (counts * (counts - 1) // 2).sum() == 312
