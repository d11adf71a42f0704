"""The two layouts of edges against loops, and what the builders refuse."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import graph

BATCHES = [(), (2,), (2, 3)]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_off_diagonal_lists_every_other_node_once(batch, count):
    pairs = np.random.default_rng(0).normal(size=(*batch, count, count, 2))
    laid_out = graph.off_diagonal(pairs, axis=len(batch))
    assert laid_out.shape == (*batch, count, count - 1, 2)
    for i in range(count):
        for k in range(count - 1):
            sender = (i + k + 1) % count
            np.testing.assert_array_equal(laid_out[..., i, k, :], pairs[..., i, sender, :])


def test_off_diagonal_takes_numpy_and_traced_arrays():
    pairs = np.arange(9.0, dtype=np.float32).reshape(3, 3)
    traced = jax.jit(lambda x: graph.off_diagonal(x, axis=0))(pairs)
    np.testing.assert_array_equal(traced, graph.off_diagonal(pairs, axis=0))


@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_complete_counts_nodes_and_edges(make_example, batch):
    dense = make_example(batch=batch, count=4).dense
    assert dense.is_dense and dense.node_axis == len(batch)
    np.testing.assert_array_equal(dense.n_node, np.full(batch, 4))
    np.testing.assert_array_equal(dense.n_edge, np.full(batch, 12))
    assert dense.edges["pairs"].shape == (*batch, 4, 3, 3)


def test_complete_without_pairs_has_no_edge_arrays():
    assert graph.complete({"x": jnp.zeros((3, 1))}).edges == {}


@pytest.mark.parametrize("spare", [0, 3])
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_to_sparse_lists_the_edges_of_every_graph(make_example, batch, spare):
    example = make_example(batch=batch, count=4)
    sparse = example.sparse(spare_nodes=spare, spare_edges=2 * spare)
    features = example.features.reshape(-1, 3)
    pairs = example.pairs.reshape(-1, 4, 4, 3)
    num_nodes, num_edges = len(features), len(pairs) * 12
    assert not sparse.is_dense and sparse.node_axis == 0
    assert sparse.senders.shape == sparse.receivers.shape == (num_edges + 2 * spare,)
    np.testing.assert_array_equal(sparse.nodes["features"][:num_nodes], features)
    edges = zip(sparse.senders.tolist(), sparse.receivers.tolist(), strict=True)
    seen = set()
    for slot, (sender, receiver) in enumerate(edges):
        if slot < num_edges:
            assert sender // 4 == receiver // 4, "an edge joins two graphs"
            seen.add((sender, receiver))
            expected = pairs[receiver // 4, receiver % 4, sender % 4]
            np.testing.assert_array_equal(sparse.edges["pairs"][slot], expected)
    assert len(seen) == num_edges and all(sender != receiver for sender, receiver in seen)
    # Padding comes last, carries zeros and points at nodes that exist.
    np.testing.assert_array_equal(sparse.node_mask, np.arange(num_nodes + spare) < num_nodes)
    np.testing.assert_array_equal(sparse.edge_mask, np.arange(num_edges + 2 * spare) < num_edges)
    assert not np.any(sparse.nodes["features"][num_nodes:])
    assert not np.any(sparse.edges["pairs"][num_edges:])
    assert np.all(sparse.senders[num_edges:] == num_nodes + spare - 1)
    graphs = int(np.prod(batch, dtype=int))
    np.testing.assert_array_equal(sparse.n_node, np.full(graphs, 4))
    np.testing.assert_array_equal(sparse.n_edge, np.full(graphs, 12))


@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_to_sparse_keeps_globals_per_graph(make_example, batch):
    values = np.random.default_rng(0).normal(size=(*batch, 2)).astype(np.float32)
    dense = make_example(batch=batch).dense.replace(globals={"field": jnp.asarray(values)})
    np.testing.assert_array_equal(graph.to_sparse(dense).globals["field"], values.reshape(-1, 2))


def test_to_sparse_of_one_node_has_no_edges(make_example):
    sparse = make_example(batch=(2,), count=1).sparse()
    assert sparse.senders.shape == sparse.receivers.shape == sparse.edge_mask.shape == (0,)
    assert sparse.edges["pairs"].shape == (0, 3)


def test_graph_is_frozen(make_example):
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_example().dense.n_node = 3


def test_graph_passes_through_jit_and_keeps_its_layout(make_example):
    example = make_example()
    for given in (example.dense, example.sparse()):
        returned = jax.jit(lambda g: g)(given)
        assert jax.tree.structure(returned) == jax.tree.structure(given)
        assert returned.is_dense == given.is_dense
        jax.tree.map(np.testing.assert_array_equal, returned, given)


def test_graph_under_vmap_loses_one_batch_axis(make_example):
    axes = []

    def total(single):
        axes.append(single.node_axis)
        return jnp.sum(single.nodes["features"]) + jnp.sum(single.edges["pairs"])

    example = make_example(batch=(2, 3))
    mapped = jax.vmap(jax.vmap(total))(example.dense)
    assert axes == [0]
    looped = [
        [total(jax.tree.map(lambda leaf: leaf[i, j], example.dense)) for j in range(3)]
        for i in range(2)
    ]
    np.testing.assert_allclose(mapped, looped, rtol=1e-5)


def test_to_sparse_works_under_jit(make_example):
    dense = make_example().dense
    traced = jax.jit(lambda g: graph.to_sparse(g, num_nodes=9, num_edges=30))(dense)
    jax.tree.map(
        np.testing.assert_array_equal, traced, graph.to_sparse(dense, num_nodes=9, num_edges=30)
    )


def test_off_diagonal_of_no_square_is_refused():
    with pytest.raises(
        ValueError, match=r"square array of pairs on axes 1 and 2, got shape \(2, 3, 4\)"
    ):
        graph.off_diagonal(np.zeros((2, 3, 4)), axis=1)


@pytest.mark.parametrize(
    "nodes",
    [
        {},
        {"x": jnp.zeros(3)},
        {"x": jnp.zeros((3, 1)), "v": jnp.zeros((4, 1))},
        {"x": jnp.zeros((2, 3, 1)), "v": jnp.zeros((3, 1))},
    ],
    ids=["none", "no channels", "other count", "other batch"],
)
def test_node_arrays_that_disagree_are_refused(nodes):
    with pytest.raises(ValueError, match=r"expected node arrays \[\*batch, N, C\] that agree"):
        graph.complete(nodes)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (2, 3, 2, 1), (3, 3, 1)], ids=str)
def test_pair_arrays_that_do_not_fit_name_array_and_shapes(shape):
    with pytest.raises(ValueError, match=r"pair array 'charge' of shape \[2, 3, 3, 'C'\], got \["):
        graph.complete({"x": jnp.zeros((2, 3, 1))}, pairs={"charge": jnp.zeros(shape)})


@pytest.mark.parametrize("slots", [{"num_nodes": 7}, {"num_edges": 23}], ids=str)
def test_slots_that_do_not_suffice_are_refused(make_example, slots):
    with pytest.raises(ValueError, match="8 nodes and 24 edges, which do not fit into num_nodes="):
        graph.to_sparse(make_example().dense, **slots)


def test_to_sparse_refuses_what_is_sparse_or_masked(make_example):
    example = make_example()
    masked = example.dense.replace(edge_mask=jnp.ones((2, 4, 3), bool))
    for given in (example.sparse(), masked):
        with pytest.raises(ValueError, match="expected a dense graph without masks"):
            graph.to_sparse(given)
