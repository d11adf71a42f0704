"""Every public layer and model as an NNX module."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax_models import layers


@functools.partial(jax.jit, static_argnums=0)
def evaluate_bridged(module, params, inputs):
    """Build a Linen module through the bridge, put parameters in, apply it."""
    bridged = nnx.bridge.ToNNX(module, rngs=nnx.Rngs(0)).lazy_init(*inputs)
    state = nnx.state(bridged, nnx.Param)
    assert jax.tree.map(jnp.shape, nnx.to_pure_dict(state)) == jax.tree.map(
        jnp.shape, params["params"]
    )
    nnx.replace_by_pure_dict(state, params["params"])
    nnx.update(bridged, state)
    return bridged(*inputs)


def test_models_give_the_same_through_the_bridge(case):
    given = case.graph()
    outputs = evaluate_bridged(case.model, case.params, (given,))
    expected = case.apply(case.params, given)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["gnn"], indirect=True)
@pytest.mark.parametrize("name", layers.__all__)
def test_layers_give_the_same_through_the_bridge(case, name):
    given = case.graph()
    h, e = given.nodes["positions"], given.edges["interaction"]
    inputs = {"Dense": (h,), "MLP": (h,), "EdgeDense": (given, h, e)}[name]
    module = getattr(layers, name)((6, 5) if name == "MLP" else 5)
    outputs, params = jax.jit(module.init_with_output)(jax.random.key(0), *inputs)
    assert outputs.shape[-1] == 5
    bridged = evaluate_bridged(module, params, inputs)
    np.testing.assert_allclose(bridged, outputs, rtol=1e-6, atol=1e-6)


def test_bridge_uses_the_parameters_put_in():
    inputs = (jnp.ones((2, 3)),)
    params = {"params": {"kernel": jnp.full((3, 5), 2.0), "bias": jnp.zeros(5)}}
    outputs = evaluate_bridged(layers.Dense(5), params, inputs)
    np.testing.assert_array_equal(outputs, np.full((2, 5), 6.0))
