"""Weights of attention: loops, both layouts, padding, large numbers, nodes without neighbours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import message_passing
from symjax_models.ops.neighbour_softmax import softmax_messages

weigh = jax.jit(softmax_messages)


@jax.jit
def functional_and_gradient(given, logits, filler):
    """Differentiate a number made of the weights, with `filler` in the padding of edges."""

    def functional(logits):
        mask = given.edge_mask
        weights = softmax_messages(given, jnp.where(mask[:, None], logits, filler))
        sums = message_passing.sum_messages(given, weights * given.edges["pairs"][:, :1])
        return jnp.sum(jnp.sin(sums)), weights

    return jax.value_and_grad(functional, has_aux=True)(logits)


def expected_weights(logits):
    """Evaluate the formula on all pairs, without the diagonal, in float64."""
    logits = logits.astype(np.float64)
    powers = np.exp(logits - logits.max())
    count = logits.shape[-2]
    powers[..., np.arange(count), np.arange(count), :] = 0
    return powers / powers.sum(axis=-2, keepdims=True)


@pytest.mark.parametrize("batch", [(), (2, 3)], ids=str)
def test_is_the_formula_on_both_layouts(make_example, batch):
    example = make_example(batch=batch)
    axis = len(batch)
    expected = message_passing_order(expected_weights(example.pairs), axis)
    dense = weigh(example.dense, example.dense.edges["pairs"])
    np.testing.assert_allclose(dense, expected, rtol=1e-5)
    sparse = example.sparse(spare_edges=2)
    weights = weigh(sparse, sparse.edges["pairs"])
    np.testing.assert_allclose(weights[:-2], dense.reshape(-1, 3), rtol=1e-5)
    np.testing.assert_array_equal(weights[-2:], 0)
    # One number per edge, without an axis of heads.
    np.testing.assert_allclose(weigh(sparse, sparse.edges["pairs"][:, 0]), weights[:, 0], rtol=1e-6)


def message_passing_order(pairs, axis):
    count = pairs.shape[axis]
    receivers = np.arange(count)[:, None]
    return pairs[(slice(None),) * axis + (receivers, (receivers + np.arange(1, count)) % count)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_add_up_to_one_however_large_the_numbers(make_example, dtype):
    with jax.enable_x64(dtype == np.float64):
        given = make_example().dense
        logits = jnp.asarray(given.edges["pairs"], dtype)
        for scale in (1.0, 1e4, 1e30):
            weights = weigh(given, scale * logits)
            assert weights.dtype == dtype
            np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(weights.argmax(axis=2), logits.argmax(axis=2))
        shift = 64.0 * jnp.arange(4, dtype=dtype)[:, None, None]
        shifted = weigh(given, logits + shift)
        np.testing.assert_allclose(shifted, weigh(given, logits), rtol=1e3 * np.finfo(dtype).eps)
        # Without the largest number subtracted, powers overflow.
        assert not np.isfinite(jnp.exp(1e4 * logits)).all()


def test_padding_and_its_numbers_change_nothing(make_example):
    example = make_example()
    sparse = example.sparse()
    (value, weights), gradient = functional_and_gradient(sparse, sparse.edges["pairs"], 0.0)
    assert np.abs(gradient).max() > 1e-2
    padded = example.sparse(spare_nodes=2, spare_edges=5)
    # Padding edges enter the last node; without spare nodes this one is real.
    for given in (padded, example.sparse(spare_edges=5)):
        for filler in (0.0, 1e30, -1e30, np.nan, np.inf):
            found = functional_and_gradient(given, given.edges["pairs"], filler)
            (padded_value, padded_weights), padded_gradient = found
            np.testing.assert_allclose(padded_value, value, rtol=1e-6)
            np.testing.assert_allclose(padded_weights[:24], weights, rtol=1e-6)
            np.testing.assert_allclose(padded_gradient[:24], gradient, rtol=1e-5, atol=1e-7)
            assert not np.any(padded_weights[24:]) and not np.any(padded_gradient[24:])
    unmasked = example.sparse(spare_edges=5).replace(edge_mask=None)
    broken = weigh(unmasked, unmasked.edges["pairs"])[:24]
    assert np.abs(broken - weights).max() > 1e-2


def test_node_without_neighbours_has_finite_derivatives(make_example):
    example = make_example(batch=(2,))
    mask = np.ones((2, 4, 3), bool)
    mask[0, 0], mask[1, 2, 1] = False, False
    given = example.dense.replace(edge_mask=jnp.asarray(mask))
    logits = jnp.where(mask[..., None], given.edges["pairs"], -1e30)
    weights = weigh(given, logits)
    np.testing.assert_array_equal(weights[~mask], 0)
    sums = weights.sum(axis=2)
    np.testing.assert_array_equal(sums[0, 0], 0)
    np.testing.assert_allclose(sums.reshape(8, 3)[1:], 1, rtol=1e-6)
    # Numbers of minus infinity are edges that are not there.
    infinite = weigh(example.dense, jnp.where(mask[..., None], logits, -jnp.inf))
    np.testing.assert_allclose(infinite, weights, rtol=1e-6)

    def functional(logits):
        return jnp.sum(jnp.square(softmax_messages(given, logits)))

    derivative = jax.jit(lambda x: jax.jvp(jax.grad(functional), (x,), (jnp.ones_like(x),)))
    gradient, curvature = derivative(logits)
    assert np.isfinite(gradient).all() and np.isfinite(curvature).all()


def test_edge_fades_with_its_envelope(make_example):
    given = make_example(batch=(2,)).dense
    logits, envelope = given.edges["pairs"], np.ones((2, 4, 3), np.float32)
    np.testing.assert_array_equal(weigh(given, logits, envelope), weigh(given, logits))
    envelope[:, 1, 2] = 1e-6
    fading = weigh(given, logits, envelope)
    envelope[:, 1, 2] = 0
    gone = weigh(given.replace(edge_mask=jnp.asarray(envelope > 0)), logits)
    np.testing.assert_allclose(fading, gone, atol=1e-4)
    np.testing.assert_allclose(weigh(given, logits, envelope), gone, rtol=1e-6)


def test_graphs_without_edges(make_example):
    given = make_example(batch=(2,), count=1).dense
    assert weigh(given, given.edges["pairs"]).shape == (2, 1, 0, 3)


def test_gradient_is_that_of_the_formula(make_example):
    with jax.enable_x64(True):
        sparse = make_example().sparse()
        logits = jnp.asarray(sparse.edges["pairs"], float)
        _, gradient = functional_and_gradient(sparse, logits, 0.0)
        direction = np.random.default_rng(1).normal(size=logits.shape)
        ends = [
            functional_and_gradient(sparse, logits + sign * 1e-5 * direction, 0.0)[0][0]
            for sign in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(jnp.vdot(gradient, direction), slope, rtol=1e-8)


@pytest.mark.parametrize("is_dense", [True, False])
def test_numbers_in_another_layout_are_refused(make_example, is_dense):
    example = make_example()
    given = example.dense if is_dense else example.sparse()
    shape = r"\[2, 4, 3, '...'\]" if is_dense else r"\[24, '...'\]"
    with pytest.raises(ValueError, match=f"expected one number per edge, {shape}, got shape"):
        softmax_messages(given, jnp.zeros((2, 4, 1, 3)))
