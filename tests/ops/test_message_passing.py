"""Gathers and reductions against loops; padding and the order of edges change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import graph, message_passing, pooling

BATCHES = [(), (2,), (2, 3)]
REDUCTIONS = [message_passing.sum_messages, message_passing.mean_messages]


def pair_messages(given):
    """Compute a message that depends on receiver, sender and edge, and is infinite for none."""
    nodes = given.nodes["features"]
    receivers = message_passing.gather_receivers(given, nodes)
    senders = message_passing.gather_senders(given, nodes)
    return jnp.sin(receivers) * senders + given.edges["pairs"]


@jax.jit
def reduce_both(given):
    messages = pair_messages(given)
    return {
        "sum": message_passing.sum_messages(given, messages),
        "mean": message_passing.mean_messages(given, messages),
    }


def expected_messages(example):
    x = example.features.astype(np.float64)
    return np.sin(x)[..., :, None, :] * x[..., None, :, :] + example.pairs


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_gathers_agree_with_the_order_of_off_diagonal(make_example, batch, count):
    example = make_example(batch=batch, count=count)
    x = example.dense.nodes["features"]
    shape = (*batch, count, count, 3)
    axis = len(batch)
    receivers, senders = (
        graph.off_diagonal(np.broadcast_to(np.expand_dims(x, where), shape), axis=axis)
        for where in (axis + 1, axis)
    )
    np.testing.assert_array_equal(message_passing.gather_senders(example.dense, x), senders)
    gathered = message_passing.gather_receivers(example.dense, x)
    np.testing.assert_array_equal(np.broadcast_to(gathered, receivers.shape), receivers)


@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_values_of_graphs_reach_their_nodes_on_both_layouts(make_example, batch):
    example = make_example(batch=batch, count=3)
    values = np.random.default_rng(1).normal(size=(*batch, 2)).astype(np.float32)
    dense = message_passing.gather_graphs(example.dense, values)
    assert dense.shape == (*batch, 1, 2)
    expected = np.broadcast_to(dense, (*batch, 3, 2)).reshape(-1, 2)
    np.testing.assert_array_equal(expected, np.repeat(values.reshape(-1, 2), 3, axis=0))
    given = example.sparse(spare_nodes=2)
    sparse = jax.jit(message_passing.gather_graphs)(given, values.reshape(-1, 2))
    assert sparse.shape == (len(expected) + 2, 2)
    np.testing.assert_array_equal(sparse[:-2], expected)


def test_values_of_graphs_of_several_sizes(make_example):
    # A graph without nodes too; nodes beyond the last graph must not be empty-handed.
    given = make_example(batch=(2,), count=4).sparse()
    given = given.replace(n_node=jnp.array([3, 0, 4]), n_edge=jnp.array([6, 0, 12]))
    found = message_passing.gather_graphs(given, jnp.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(found, [1, 1, 1, 3, 3, 3, 3, 3])
    back = pooling.pool_nodes(given, found, how="mean")
    np.testing.assert_array_equal(back, [1, 0, 3])


@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_reductions_equal_loops_on_both_layouts(make_example, batch):
    example = make_example(batch=batch, count=4)
    sums = example.sums(expected_messages(example))
    dense = reduce_both(example.dense)
    np.testing.assert_allclose(dense["sum"], sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dense["mean"], sums / 3, rtol=1e-5, atol=1e-6)
    sparse = reduce_both(example.sparse())
    np.testing.assert_allclose(sparse["sum"], dense["sum"].reshape(-1, 3), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sparse["mean"], dense["mean"].reshape(-1, 3), rtol=1e-5, atol=1e-6)


def test_one_axis_messages_and_numbers_per_edge_are_reduced_alike(make_example):
    # Degrees, weights and other numbers per edge have no channel axis.
    example = make_example()
    given = example.sparse(spare_edges=2)
    for reduce in REDUCTIONS:
        every = reduce(given, given.edges["pairs"])
        np.testing.assert_allclose(reduce(given, given.edges["pairs"][:, 0]), every[:, 0])
        dense = reduce(example.dense, example.dense.edges["pairs"][..., 0])
        np.testing.assert_allclose(dense.reshape(-1), every[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("reduce", REDUCTIONS, ids=lambda f: f.__name__)
def test_messages_of_receivers_alone_are_counted_once_per_edge(make_example, reduce, count):
    # On the dense layout they have a neighbour axis of length one.
    example = make_example(count=count)
    outputs = [
        reduce(given, message_passing.gather_receivers(given, given.nodes["features"]))
        for given in (example.dense, example.sparse())
    ]
    factor = count - 1 if reduce is message_passing.sum_messages else min(count - 1, 1)
    np.testing.assert_allclose(outputs[0], factor * example.features, rtol=1e-6)
    np.testing.assert_allclose(outputs[1], outputs[0].reshape(-1, 3), rtol=1e-6)


def test_one_node_graph_and_graph_without_edges_receive_zero(make_example):
    example = make_example(batch=(2,), count=1)
    for given in (example.dense, example.sparse()):
        for output in reduce_both(given).values():
            assert output.shape == given.nodes["features"].shape
            assert not np.any(output)
    # All edges are padding.
    sparse = make_example().sparse(spare_edges=2)
    for output in reduce_both(sparse.replace(edge_mask=jnp.zeros_like(sparse.edge_mask))).values():
        assert not np.any(output)


@jax.jit
def gradients(given, filler):
    """Differentiate a functional of real nodes, with `filler` in the padding of edges."""
    real = given.edge_mask[:, None]

    def functional(features, pairs):
        pairs = jnp.where(real, pairs, filler)
        filled = given.replace(nodes={"features": features}, edges={"pairs": pairs})
        outputs = reduce_both(filled)
        return sum(
            jnp.sum(jnp.where(given.node_mask[:, None], jnp.sin(output), 0))
            for output in outputs.values()
        )

    return jax.value_and_grad(functional, argnums=(0, 1))(
        given.nodes["features"], given.edges["pairs"]
    )


@pytest.mark.parametrize("filler", [0.0, 1e30, np.nan, np.inf])
def test_padding_never_changes_values_or_gradients(make_example, filler):
    example = make_example()
    value, (of_nodes, of_pairs) = gradients(example.sparse(), 0.0)
    padded_value, (padded_nodes, padded_pairs) = gradients(
        example.sparse(spare_nodes=3, spare_edges=5), filler
    )
    np.testing.assert_allclose(padded_value, value, rtol=1e-6)
    np.testing.assert_allclose(padded_nodes[:8], of_nodes, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(padded_pairs[:24], of_pairs, rtol=1e-5, atol=1e-6)
    assert not np.any(padded_nodes[8:]) and not np.any(padded_pairs[24:])


def test_padding_that_is_not_masked_changes_values(make_example):
    sparse = make_example().sparse(spare_edges=5)
    unmasked = sparse.replace(edge_mask=None, edges={"pairs": sparse.edges["pairs"] + 1})
    difference = (
        reduce_both(unmasked)["sum"]
        - reduce_both(unmasked.replace(edge_mask=sparse.edge_mask))["sum"]
    )
    assert np.abs(difference).max() > 1


def test_mask_on_the_dense_layout_leaves_edges_out(make_example):
    example = make_example(batch=(2,), count=4)
    mask = np.random.default_rng(1).random((2, 4, 3)) < 0.5
    mask[0, 0] = False  # a node without neighbours
    messages = np.asarray(example.dense.edges["pairs"], np.float64)
    expected = np.where(mask[..., None], messages, 0).sum(axis=2)
    degree = mask.sum(axis=2)[..., None]
    filled = jnp.where(mask[..., None], example.dense.edges["pairs"], jnp.nan)
    given = example.dense.replace(edge_mask=jnp.asarray(mask))
    total = message_passing.sum_messages(given, filled)
    mean = message_passing.mean_messages(given, filled)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mean, expected / np.maximum(degree, 1), rtol=1e-5, atol=1e-6)
    # Without a channel axis, and with two.
    one = message_passing.mean_messages(given, filled[..., 0])
    two = message_passing.mean_messages(given, filled[..., None])
    np.testing.assert_allclose(one, mean[..., 0], rtol=1e-6)
    np.testing.assert_allclose(two, mean[..., None], rtol=1e-6)


def test_mean_has_finite_derivatives_where_no_edge_enters(make_example):
    sparse = make_example().sparse(spare_nodes=2, spare_edges=3)

    def functional(pairs):
        return jnp.sum(jnp.square(message_passing.mean_messages(sparse, pairs)))

    pairs = sparse.edges["pairs"]
    gradient, curvature = jax.jvp(jax.grad(functional), (pairs,), (jnp.ones_like(pairs),))
    assert np.isfinite(gradient).all() and np.isfinite(curvature).all()


def test_order_of_edges_does_not_matter(make_example):
    sparse = make_example().sparse(spare_edges=5)
    order = np.random.default_rng(0).permutation(len(sparse.senders))
    shuffled = sparse.replace(
        senders=sparse.senders[order],
        receivers=sparse.receivers[order],
        edge_mask=sparse.edge_mask[order],
        edges={"pairs": sparse.edges["pairs"][order]},
    )
    expected = reduce_both(sparse)
    # A shuffle that leaves some array behind must show.
    torn = reduce_both(shuffled.replace(senders=sparse.senders))
    for name, output in reduce_both(shuffled).items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-5, atol=1e-6)
        assert np.abs(torn[name] - expected[name]).max() > 0.1


def test_jit_equals_eager_and_vmap_equals_batch(make_example):
    dense = make_example(batch=(3,)).dense
    compiled = reduce_both(dense)
    with jax.disable_jit():
        eager = reduce_both(dense)
    mapped = jax.vmap(reduce_both)(dense)
    for name, output in compiled.items():
        np.testing.assert_allclose(eager[name], output, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(mapped[name], output, rtol=1e-6, atol=1e-6)
