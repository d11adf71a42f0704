"""Layers of vector neurons: equivariance with broken controls, parameters, degenerate inputs."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.layers.dense import Dense
from symjax_models.layers.vector_neurons import (
    VNInvariant,
    VNLayerNorm,
    VNLeakyReLU,
    VNLinear,
    VNPool,
)

RNG = np.random.default_rng(0)
# For the audit one vector per row, as it permutes no rows when there is one.
V = RNG.normal(size=(24, 1, 3))
NAMES = ("linear", "norm", "leaky_relu", "shared", "max", "mean", "frame")
OPTIONS = {"inputs": ["invariant", "vector"], "translations": False}


def columns(rows):
    """Six points of four channels, `[6, 3, 4]`."""
    return jnp.swapaxes(rows.reshape(6, 4, 3), -1, -2)


def rows(v):
    return jnp.swapaxes(v, -1, -2).reshape(-1, 1, 3)


class Every(nn.Module):
    """Apply each layer, and return vectors and invariants."""

    @nn.compact
    def __call__(self, v):
        v = columns(v)
        invariants, frame = VNInvariant(num_point_axes=1)(v)
        vectors = (
            VNLinear(5)(v),
            VNLayerNorm(1)(v),
            VNLeakyReLU(5, num_point_axes=1)(v),
            VNLeakyReLU(5, num_point_axes=0, has_shared_direction=True)(v),
            VNPool("max")(v),
            VNPool()(v),
            frame,
        )
        return dict(zip(NAMES, map(rows, vectors), strict=True)), invariants


class Biased(nn.Module):
    """Apply a linear map with a bias: a broken control."""

    @nn.compact
    def __call__(self, v):
        return rows(Dense(5)(columns(v)))


class Componentwise(nn.Module):
    """Apply the leaky ReLU to components: a broken control."""

    @nn.compact
    def __call__(self, v):
        return rows(nn.leaky_relu(VNLinear(5)(columns(v)), 0.2))


PARAMS = jax.jit(Every().init)(jax.random.key(0), jnp.asarray(V, jnp.float32))
KINDS = (dict.fromkeys(NAMES, "vector"), "invariant")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_commute_with_rotations_and_reflections(dtype):
    audit.assert_equivariant(Every().apply, PARAMS, V, **OPTIONS, output=KINDS, dtype=dtype)


@pytest.mark.parametrize("broken", [Biased(), Componentwise()])
def test_a_bias_and_a_relu_of_components_break_it(broken):
    params = broken.init(jax.random.key(0), jnp.asarray(V, jnp.float32))
    assert audit.equivariance_error(broken.apply, params, V, **OPTIONS, output="vector").max > 1e-2


def test_normalization_has_two_parameters_per_channel():
    assert sum(x.size for x in jax.tree.leaves(PARAMS["params"]["VNLayerNorm_0"])) == 2 * 4


def test_lengths_become_normalized_lengths():
    found = Every().apply(PARAMS, jnp.asarray(V, jnp.float32))[0]["norm"]
    lengths = np.linalg.norm(V, axis=-1)
    # Over all points and channels; a length below the mean turns the vector around.
    expected = (lengths - lengths.mean()) / lengths.std()
    along = np.sum(np.asarray(found) * V, axis=-1) / lengths
    np.testing.assert_allclose(along, expected, rtol=1e-4, atol=1e-5)


def test_an_unknown_pooling_is_refused_by_name():
    with pytest.raises(ValueError, match="mean"):
        VNPool("meam").init(jax.random.key(0), jnp.zeros((2, 3, 1)))


def test_values_and_gradients_are_finite_at_degenerate_vectors():
    @jax.jit
    def value_and_gradient(v):
        total = lambda v: sum(  # noqa: E731
            jnp.sum(jnp.sin(x)) for x in jax.tree.leaves(Every().apply(PARAMS, v))
        )
        return jax.value_and_grad(total)(v)

    some = jnp.asarray(V, jnp.float32)
    for v in (jnp.zeros_like(some), jnp.broadcast_to(some[:1], some.shape), some * 1e-20):
        for leaf in jax.tree.leaves(value_and_gradient(v)):
            assert np.isfinite(leaf).all()
