"""Layer normalization and dropout: statistics, extremes, expectation."""

import jax
import numpy as np
import pytest

from symjax_models import groups, layers, reps

SO3, U2, LORENTZ = groups.SO(3), groups.U(2), groups.Lorentz()


@pytest.mark.parametrize("group", [SO3, U2], ids=repr)
def test_every_summand_has_root_mean_square_one(features, group):
    V, one = reps.vector(group), reps.scalar(group)
    x = features(4 * V + 5 * one + V**2, (3,))
    y, params = layers.LayerNorm().init_with_output(jax.random.key(0), x)
    for block in y.blocks:
        squares = np.square(np.abs(block)).mean(axis=(-2, -1))
        np.testing.assert_allclose(squares, 1, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(y[one]).mean(axis=-1), 0, atol=1e-6)
    # Centred scalars, all others only scaled.
    block = np.asarray(x[V])
    ratio = np.asarray(y[V]) / block
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1, :1], ratio.shape), rtol=1e-5)
    assert set(params["params"]) == {"scale_0", "scale_1", "bias_1", "scale_2"}


def test_learned_weights_are_per_channel(features, parameters):
    x = features(4 * reps.vector(SO3) + 5 * reps.scalar(SO3), (3,))
    layer = layers.LayerNorm()
    params = parameters(layer, x)
    y = jax.jit(layer.apply)(params, x)
    block = np.asarray(x.blocks[0], np.float64)
    rms = np.sqrt(np.square(block).mean(axis=(-2, -1), keepdims=True))
    given = params["params"]
    np.testing.assert_allclose(y.blocks[0], block / rms * given["scale_0"], rtol=1e-5, atol=1e-6)
    block = np.asarray(x.blocks[1], np.float64)
    block = block - block.mean(axis=-1, keepdims=True)
    rms = np.sqrt(np.square(block).mean(axis=(-2, -1), keepdims=True))
    expected = block / rms * given["scale_1"] + given["bias_1"]
    np.testing.assert_allclose(y.blocks[1], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_tiny_and_huge_features_are_normalized_too(features, scale):
    x = features(4 * reps.vector(SO3), (3,))
    layer = layers.LayerNorm()
    expected, params = layer.init_with_output(jax.random.key(0), x)
    y = layer.apply(params, x * np.float32(scale))
    np.testing.assert_allclose(y.blocks[0], expected.blocks[0], rtol=1e-5)


def test_zero_features_stay_zero():
    x = reps.RepArray(4 * reps.vector(SO3), [np.zeros((2, 3, 4), np.float32)])
    y, _ = layers.LayerNorm().init_with_output(jax.random.key(0), x)
    np.testing.assert_array_equal(y.blocks[0], 0)


def test_indefinite_forms_have_a_floor(features):
    # Lightlike, so that the form vanishes, though the vector does not.
    light = np.array([1.0, 1.0, 0.0, 0.0], np.float32)[:, None]
    x = reps.RepArray(reps.vector(LORENTZ), [light])
    y, _ = layers.LayerNorm(floor=0.25).init_with_output(jax.random.key(0), x)
    np.testing.assert_allclose(y.blocks[0], 2 * light, rtol=1e-6)
    # Far above the floor the size of the form is one on average; it is half the interval.
    x = features(4 * reps.vector(LORENTZ), (3,)) * 1e3
    y, _ = layers.LayerNorm().init_with_output(jax.random.key(0), x)
    block = np.asarray(y.blocks[0], np.float64)
    intervals = np.square(block[:, 0]) - np.square(block[:, 1:]).sum(axis=1)
    np.testing.assert_allclose(np.abs(intervals / 2).mean(axis=-1), 1, rtol=1e-3)


RATE = 0.3


@pytest.fixture(scope="module")
def dropped(features):
    """Features without zeros, and many draws of what dropout makes of them."""
    x = features(20 * reps.vector(SO3) + 10 * reps.scalar(SO3), (2,))
    layer = layers.Dropout(RATE)
    draw = jax.jit(
        jax.vmap(
            lambda x, key: layer.apply({}, x, is_training=True, rngs={"dropout": key}), (None, 0)
        )
    )
    return x, draw, jax.random.split(jax.random.key(0), 500)


def test_dropout_drops_whole_copies_and_scales_the_rest(dropped):
    x, draw, keys = dropped
    for before, after in zip(x.blocks, draw(x, keys).blocks, strict=True):
        ratio = np.asarray(after) / before
        np.testing.assert_array_equal(
            ratio == 0, np.broadcast_to(ratio[..., :1, :] == 0, ratio.shape)
        )
        np.testing.assert_allclose(ratio[ratio != 0], 1 / (1 - RATE), rtol=1e-5)
        # Every copy is dropped at its rate, and the mean stays.
        kept = (ratio[..., 0, :] != 0).mean(axis=0)
        error = np.sqrt(RATE * (1 - RATE) / len(keys))
        assert np.abs(kept - (1 - RATE)).max() < 4 * error
        assert np.abs(kept.mean() - (1 - RATE)) < 3 * error / np.sqrt(kept.size)
    # Blocks, batch entries and copies are drawn by themselves.
    vectors, scalars = (block[..., 0, :] != 0 for block in draw(x, keys).blocks)
    assert np.any(vectors[..., :10] != scalars)
    assert np.any(vectors[:, 0] != vectors[:, 1])


def test_every_draw_of_dropout_is_equivariant(dropped):
    x, draw, keys = dropped
    g = np.asarray(SO3.sample(jax.random.key(1)))
    moved, expected = draw(x.transform(g), keys[:4]), draw(x, keys[:4]).transform(g)
    for a, b in zip(moved.blocks, expected.blocks, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    # Single components dropped at random are not.
    mask = np.random.default_rng(0).random(x.blocks[0].shape) < 0.5
    a, b = (
        x.transform(g).blocks[0] * mask,
        (x.map(lambda v: v * mask[..., : v.shape[-2], : v.shape[-1]])).transform(g).blocks[0],
    )
    assert np.abs(a - b).max() > 1e-2


def test_dropout_does_nothing_outside_training(features):
    x = features(20 * reps.vector(SO3), (2,))
    y = layers.Dropout(0.9).apply({}, x, is_training=False)
    np.testing.assert_array_equal(y.blocks[0], x.blocks[0])
    y = layers.Dropout(0.0).apply({}, x, is_training=True)
    np.testing.assert_array_equal(y.blocks[0], x.blocks[0])


@pytest.mark.parametrize("rate", [-0.1, 1.0, 20])
def test_rates_that_are_none_are_refused(features, rate):
    x = features(reps.vector(SO3), (2,))
    with pytest.raises(ValueError, match=rf"a dropout rate is in \[0, 1\), got {rate}"):
        layers.Dropout(rate).apply({}, x, is_training=True)
    with pytest.raises(ValueError, match="Dropout takes a reps.RepArray"):
        layers.Dropout(0.5).apply({}, x.blocks[0], is_training=True)
