"""Pooling of node values against loops, on both layouts, with padding that holds anything."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops import graph as graphs
from symjax_models.ops import pooling

WAYS = pytest.mark.parametrize("how", ["sum", "mean"])
pool_nodes = jax.jit(pooling.pool_nodes, static_argnames="how")
REDUCE = {"sum": np.sum, "mean": np.mean}


@WAYS
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_both_layouts_pool_the_nodes_of_each_graph(make_example, batch, how):
    example = make_example(batch=batch)
    expected = REDUCE[how](example.features.astype(float), axis=-2)
    found = pool_nodes(example.dense, example.features, how=how)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    sparse = example.sparse(spare_nodes=3, spare_edges=2)
    found = pool_nodes(sparse, sparse.nodes["features"], how=how)
    np.testing.assert_allclose(found, expected.reshape(-1, 3), rtol=1e-5, atol=1e-6)


def ragged(node_mask=None):
    """Return graphs of 2, 0 and 3 nodes, with two spare nodes."""
    empty = jnp.zeros(0, jnp.int32)
    counts = jnp.array([2, 0, 3])
    nodes = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    return graphs.Graph(nodes, None, empty, empty, counts, 0 * counts, node_mask=node_mask)


@WAYS
@pytest.mark.parametrize("is_masked", [True, False])
def test_graphs_of_different_sizes_and_padding(how, is_masked):
    graph = ragged(np.arange(7) < 5 if is_masked else None)
    values = np.array(graph.nodes)
    expected = np.stack([REDUCE[how](values[:2], 0), np.zeros(2), REDUCE[how](values[2:5], 0)])
    values[5:] = np.nan

    def total(values):
        return jnp.sum(jnp.sin(pool_nodes(graph, values, how=how)))

    found = pool_nodes(graph, values, how=how)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    gradient = np.asarray(jax.jit(jax.grad(total))(values))
    assert np.isfinite(gradient).all()
    assert np.all(gradient[:5] != 0) and not gradient[5:].any()


@WAYS
def test_dense_graphs_with_masks(make_example, how):
    example = make_example(batch=(2,), count=4)
    mask = np.array([[True, True, False, True], [False] * 4])
    graph = dataclasses.replace(example.dense, node_mask=mask)
    values = np.where(mask[..., None], example.features, np.nan)
    found = pool_nodes(graph, values, how=how)
    expected = [REDUCE[how](example.features[0, [0, 1, 3]], axis=0), np.zeros(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_nodes_may_be_permuted_within_their_graph_only():
    graph = ragged()
    expected = np.asarray(pool_nodes(graph, graph.nodes, how="sum"))
    within, across = [1, 0, 3, 4, 2, 5, 6], [2, 0, 1, 3, 4, 5, 6]
    found = pool_nodes(graph, graph.nodes[np.array(within)], how="sum")
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = np.asarray(pool_nodes(graph, graph.nodes[np.array(across)], how="sum"))
    assert np.abs(found - expected).max() > 0.1


def test_features_keep_their_type_and_pools_are_equivariant():
    rep = 2 * reps.vector(groups.O(3)) + reps.parse_irreps("2e")
    rng = np.random.default_rng(1)
    blocks = [rng.normal(size=(7, term.dim, count)) for count, term in rep.terms]
    x = reps.RepArray(rep, [block.astype(np.float32) for block in blocks])
    g = -np.asarray(groups.Icosahedral().elements[7])
    found = pool_nodes(ragged(), x.transform(g), how="mean")
    expected = pool_nodes(ragged(), x, how="mean").transform(g)
    assert found.rep == rep and found.shape == (3,)
    for a, b in zip(found.blocks, expected.blocks, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_half_precision_counts_exactly():
    nodes = jnp.ones((4099, 1), jnp.float16)
    empty = jnp.zeros(0, jnp.int32)
    counts = jnp.array([4099])
    graph = graphs.Graph(nodes, None, empty, empty, counts, 0 * counts)
    found = pool_nodes(graph, nodes / 64, how="mean")
    assert found.dtype == jnp.float16
    np.testing.assert_allclose(np.asarray(found, np.float32), 1 / 64, rtol=1e-2)


def test_what_cannot_be_pooled_is_refused():
    with pytest.raises(ValueError, match="unknown way of pooling 'average'; did you mean"):
        pool_nodes(ragged(), np.zeros((7, 2)), how="average")
    with pytest.raises(ValueError, match=r"of this graph have shape \[7, \.\.\.\], got \[5, 2\]"):
        pool_nodes(ragged(), np.zeros((5, 2)), how="sum")
