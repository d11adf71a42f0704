"""Graphs in the symmetrization table: which pairs networks leave together, and classes of twins."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import tables
from experiments.symmetrization_studies import (
    graph_classes,
    graph_networks,
    graph_separation,
    graph_sets,
)
from experiments.symmetrization_studies.graph_sets import GraphSet
from symjax_models.data import colour_refinement, connected_graphs


def test_close_pairs_are_those_of_all_pairs():
    rng = np.random.default_rng(0)
    embeddings = [rng.integers(3, size=(40, 2)).astype(np.float32) for _ in range(3)]
    pairs, distances = graph_separation.close_pairs(iter(embeddings), tolerance=1.0)
    expected = {}
    for i, j in itertools.combinations(range(40), 2):
        largest = max(np.abs(x[i] - x[j]).sum() for x in embeddings)
        if largest <= 1.0:
            expected[i, j] = largest
    found = dict(zip(map(tuple, pairs.tolist()), distances.tolist(), strict=True))
    assert found == expected and len(expected) > 5
    candidates = np.array([*list(expected)[::2], (0, 0)])
    some, _ = graph_separation.close_pairs(embeddings, tolerance=1.0, candidates=candidates)
    np.testing.assert_array_equal(some, candidates)
    apart = np.array([pair for pair in itertools.combinations(range(40), 2) if pair not in found])
    none, _ = graph_separation.close_pairs(embeddings, tolerance=1.0, candidates=apart)
    assert len(none) == 0 < len(apart)


@pytest.mark.parametrize("kind", ["gin", "gcn", "mlp"])
def test_padding_is_not_read(kind):
    """Numbers between real nodes and padding, and among padding, change nothing."""
    graphs = connected_graphs.make(num_nodes=4).astype(float)
    padded = np.zeros((6, 7, 7))
    padded[:, :4, :4] = graphs
    noise = np.random.default_rng(0).random((7, 7))
    noise[:4, :4] = 0
    mask = np.tile(np.arange(7) < 4, (6, 1))
    network = graph_networks.GraphNetwork(kind, 3, width=4)

    @jax.jit
    def embed(graphs, mask):
        return network.apply(network.init(jax.random.key(0), graphs[0]), graphs, mask=mask)

    with jax.enable_x64(True):
        expected = np.asarray(embed(padded, mask))
        np.testing.assert_array_equal(embed(padded + noise, mask), expected)
        assert np.abs(embed(padded + noise, np.ones_like(mask)) - expected).max() > 1e-2
        if kind != "mlp":
            np.testing.assert_allclose(embed(graphs, None), expected, rtol=1e-12)


def test_untrained_networks_leave_twins_together_unless_nodes_are_sorted():
    """Padding has no part in it: sums over nodes are the same wherever it is."""
    config = tables.load_config("symmetrization", "twin_separation", "smoke")
    data = graph_sets.load(config.data, report=lambda text: None)
    network = graph_separation.make_network("gin", config)
    keys = [jax.random.key(0)]
    alike = graph_separation.exact_distances(network, None, data, keys)
    assert len(alike) == config.data.num_pairs and alike.max() <= graph_separation.EQUAL
    perceptron = graph_separation.make_network("mlp", config)
    source = graph_separation.make_source("canonical", config)
    assert len(graph_separation.exact_distances(perceptron, source, data, keys)) == 0


@pytest.mark.parametrize(("method", "num_rounds"), [("gin", 4), ("gin_deep", 7)])
def test_gin_leaves_the_pairs_of_as_many_rounds_as_it_makes(method, num_rounds):
    """The degrees make the first round, every layer another one."""
    graphs = connected_graphs.make(num_nodes=6)
    config = tables.load_config("symmetrization", "graph_separation", "smoke")
    config.data.num_nodes = 6
    network = graph_separation.make_network(method, config)
    keys = [jax.random.key(i) for i in (0, 1)]
    distances = graph_separation.exact_distances(network, None, GraphSet(graphs), keys)
    colours = [refined_colours(graph, num_rounds) for graph in graphs]
    expected = sum(c == d for c, d in itertools.combinations(colours, 2))
    assert np.sum(distances <= graph_separation.EQUAL) == expected > 0
    if method == "gin_deep":
        labels = colour_refinement.colour_signature(graphs)
        assert graph_separation.count_equal(labels) == expected


def refined_colours(graph, num_rounds):
    """Return the sorted colours of nodes after rounds of the 1-WL test, as nested tuples."""
    colours = [()] * len(graph)
    for _ in range(num_rounds):
        colours = [
            (colours[i], tuple(sorted(colours[j] for j in np.flatnonzero(row))))
            for i, row in enumerate(graph)
        ]
    return tuple(sorted(colours))


def test_permutation_changes_tell_networks_from_invariant_ones():
    graphs = jnp.asarray(connected_graphs.make(num_nodes=5), float)
    degrees = lambda x, mask: jnp.sort(x.sum(-1), axis=-1)  # noqa: E731
    assert graph_separation.permutation_changes(degrees, graphs, seed=0).max() == 0
    first = lambda x, mask: x[:, 0]  # noqa: E731
    changes = graph_separation.permutation_changes(first, graphs, seed=0)
    assert changes.shape == (21,) and changes.max() > 1e-2
    # The mask moves along.
    mask = np.arange(5) < np.arange(21)[:, None] % 6
    real = lambda x, mask: (x.sum(-1) * mask).sum(-1, keepdims=True)  # noqa: E731
    assert graph_separation.permutation_changes(real, graphs, mask, seed=0).max() == 0


def test_twins_stay_together_and_splits_are_apart():
    splits = graph_classes.load(num_pairs=12, seed=0)
    assert {name: len(x["labels"]) for name, x in splits.items()} == {
        "valid": 4, "test": 4, "train": 16
    }  # fmt: skip
    for x in splits.values():
        assert (x["labels"] == np.arange(len(x["labels"])) % 2).all()
        counts = x["mask"].sum(1)
        assert (counts[::2] == counts[1::2]).all()


def test_frames_of_graphs_are_made_once():
    """A draw is one of the sorted orders, and all of them where they are few."""
    path = np.zeros((1, 4, 4), np.uint8)
    path[0, [0, 1, 1, 2], [1, 0, 2, 1]] = 1
    examples = {"adjacency": path, "mask": np.arange(4)[None] < 3, "labels": np.zeros(1)}
    examples = graph_classes.with_orders(examples, size=4)
    assert examples["choices"] == 2 and examples["orders"].shape == (1, 4, 4)
    arrays = jnp.asarray(examples["orders"]), jnp.asarray(examples["choices"])
    whole = graph_classes.draw_frame(*arrays, size=3, key=jax.random.key(0))
    np.testing.assert_array_equal(whole.weights[:, 0], [0.5, 0.5, 0.0])
    assert not np.array_equal(whole.inverses[0], whole.inverses[1])
    sorted_paths = whole.inverses @ path.astype(np.float32) @ whole.elements
    np.testing.assert_array_equal(sorted_paths[0], sorted_paths[1])
    one = graph_classes.draw_frame(*arrays, size=1, key=jax.random.key(0))
    assert any(np.array_equal(one.inverses[0], whole.inverses[k]) for k in (0, 1))
