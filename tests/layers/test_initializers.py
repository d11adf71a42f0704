"""Bounds, means and variances of initial parameters."""

import jax
import numpy as np
import pytest

from symjax_models import layers
from symjax_models.layers import initializers
from symjax_models.ops import graph

FAN_IN, FAN_OUT = 200, 300


def assert_uniform(values, bound):
    """Assert that values fill [-bound, bound] with the mean and variance of the uniform law."""
    values = np.asarray(values, np.float64).ravel()
    assert np.abs(values).max() <= bound
    assert values.max() > 0.95 * bound and values.min() < -0.95 * bound
    deviation = bound / np.sqrt(3)
    assert abs(values.mean()) < 4 * deviation / np.sqrt(values.size)
    # The variance of the square of a uniform variable is 4/45 bound^4.
    error = 4 * np.sqrt(4 / 45 / values.size) * bound**2
    assert abs(np.mean(values**2) - deviation**2) < error


def test_dense_starts_uniform_in_the_fan_in():
    params = layers.Dense(FAN_OUT).init(jax.random.key(0), np.ones((1, FAN_IN), np.float32))
    assert_uniform(params["params"]["kernel"], 1 / np.sqrt(FAN_IN))
    assert_uniform(params["params"]["bias"], 1 / np.sqrt(FAN_IN))


def test_edge_dense_counts_all_three_parts_in_the_fan_in():
    nodes, pairs = np.ones((2, 90), np.float32), np.ones((2, 2, 20), np.float32)
    complete = graph.complete({"h": nodes}, pairs={"e": pairs})
    params = layers.EdgeDense(FAN_OUT).init(jax.random.key(0), complete, nodes, complete.edges["e"])
    kernel = params["params"]["kernel"]
    assert kernel.shape == (FAN_IN, FAN_OUT)
    for part in (kernel[:90], kernel[90:180], kernel[180:], params["params"]["bias"]):
        assert_uniform(part, 1 / np.sqrt(FAN_IN))


@pytest.mark.parametrize("gain", [1.0, 0.001])
def test_xavier_is_uniform_with_the_variance_of_glorot(gain):
    kernel = initializers.xavier_uniform(gain=gain)(jax.random.key(0), (FAN_IN, FAN_OUT))
    assert kernel.shape == (FAN_IN, FAN_OUT) and kernel.dtype == np.float32
    assert_uniform(kernel, gain * np.sqrt(6 / (FAN_IN + FAN_OUT)))
    variance = gain**2 * 2 / (FAN_IN + FAN_OUT)
    assert np.var(kernel) == pytest.approx(variance, rel=0.02)


def test_wrong_bound_is_noticed():
    values = initializers.uniform_fan_in(FAN_IN)(jax.random.key(0), (FAN_IN, FAN_OUT))
    for factor in (0.98, 1.02):
        with pytest.raises(AssertionError):
            assert_uniform(values, factor / np.sqrt(FAN_IN))


@pytest.mark.parametrize(
    "initializer", [initializers.uniform_fan_in(4), initializers.xavier_uniform()]
)
def test_draws_are_functions_of_the_key_in_the_dtype_asked_for(initializer):
    draw = [initializer(jax.random.key(seed), (4, 5)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.any(draw[0] == draw[2])
    with jax.enable_x64(True):
        assert initializer(jax.random.key(0), (4, 5), np.float64).dtype == np.float64
