"""Layers of SIM(3): moving, turning and scaling the input does so to the output."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.layers.similarity_neurons import (
    SimilarityLayerNorm,
    SimilarityLeakyReLU,
    SimilarityLinear,
)
from symjax_models.layers.vector_neurons import VNLeakyReLU

RNG = np.random.default_rng(0)
# For the audit one point per row, as it permutes no rows when there is one.
X = RNG.normal(size=(24, 1, 3))
NAMES = ("linear", "norm", "leaky_relu")
OPTIONS = {"inputs": ["invariant", "point"]}
TOLERANCES = {"float32": 5e-6, "float64": 1e-12}


def columns(rows):
    """Six points of four channels, `[6, 3, 4]`."""
    return jnp.swapaxes(rows.reshape(6, 4, 3), -1, -2)


def rows(x):
    return jnp.swapaxes(x, -1, -2).reshape(-1, 1, 3)


class Every(nn.Module):
    """Apply each layer."""

    @nn.compact
    def __call__(self, x):
        x = columns(x)
        points = (
            SimilarityLinear(5)(x),
            SimilarityLayerNorm(1)(x),
            SimilarityLeakyReLU(5, num_point_axes=1)(x),
        )
        return dict(zip(NAMES, map(rows, points), strict=True))


class Free(nn.Module):
    """Apply layers for vectors, which have no origin to learn: the broken control."""

    @nn.compact
    def __call__(self, x):
        return rows(VNLeakyReLU(5, num_point_axes=1)(columns(x)))


PARAMS = jax.jit(Every().init)(jax.random.key(0), jnp.asarray(X, jnp.float32))
FREE = jax.jit(Free().init)(jax.random.key(0), jnp.asarray(X, jnp.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_commute_with_isometries(dtype):
    kinds = dict.fromkeys(NAMES, "point")
    audit.assert_equivariant(Every().apply, PARAMS, X, **OPTIONS, output=kinds, dtype=dtype)


def test_layers_of_vectors_break_translations():
    error = audit.equivariance_error(Free().apply, FREE, X, **OPTIONS, output="point")
    assert error.parts["translations"] > 1e-2


def scaling_errors(model, params, *, dtype):
    apply = jax.jit(model.apply)
    with jax.enable_x64(dtype == "float64"):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params)
        x = jnp.asarray(X, dtype)
        outputs = [jax.tree.leaves(apply(params, factor * x)) for factor in (1.0, 300.0)]
    one, large = jax.tree.map(np.asarray, outputs)
    return [
        np.abs(b / 300 - a).max() / np.sqrt(np.mean(np.square(a)))
        for a, b in zip(one, large, strict=True)
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_commute_with_scaling(dtype):
    assert max(scaling_errors(Every(), PARAMS, dtype=dtype)) < TOLERANCES[dtype]


def test_layers_of_vectors_break_scaling():
    assert min(scaling_errors(Free(), FREE, dtype="float32")) > 1e-2


def test_outputs_spread_as_inputs_do_at_first():
    x = np.random.default_rng(0).normal(size=(400, 3, 32)).astype(np.float32)
    y = np.asarray(SimilarityLinear(64).init_with_output(jax.random.key(0), x)[0])
    spread = np.sqrt(np.mean(np.square(y - x.mean(-1, keepdims=True))))
    assert abs(spread - 1) < 0.1


def test_one_channel_is_refused():
    with pytest.raises(ValueError, match="at least 2 channels"):
        SimilarityLinear(5).init(jax.random.key(0), jnp.zeros((2, 3, 1)))


def test_values_and_gradients_are_finite_where_channels_coincide():
    @jax.jit
    def value_and_gradient(x):
        total = lambda x: sum(  # noqa: E731
            jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(Every().apply(PARAMS, x))
        )
        return jax.value_and_grad(total)(x)

    some = jnp.asarray(X, jnp.float32)
    for x in (jnp.zeros_like(some), jnp.broadcast_to(some[:1], some.shape)):
        for leaf in jax.tree.leaves(value_and_gradient(x)):
            assert np.isfinite(leaf).all()
