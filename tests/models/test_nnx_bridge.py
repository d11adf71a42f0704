"""Every public layer and model as an NNX module."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax_models import layers


def bridge(module, *inputs):
    """Build a Linen module through the bridge; return it and its parameters."""
    bridged = nnx.bridge.ToNNX(module, rngs=nnx.Rngs(0)).lazy_init(*inputs)
    return bridged, {"params": nnx.to_pure_dict(nnx.state(bridged, nnx.Param))}


def test_models_give_the_same_through_the_bridge(case):
    given = case.graph()
    bridged, params = bridge(case.model, given)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, case.params)
    outputs = nnx.jit(lambda module, graph: module(graph))(bridged, given)
    np.testing.assert_allclose(outputs, case.apply(params, given), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", ["gnn"], indirect=True)
@pytest.mark.parametrize("name", layers.__all__)
def test_layers_give_the_same_through_the_bridge(case, name):
    given = case.graph()
    h, e = given.nodes["positions"], given.edges["interaction"]
    inputs = {"Dense": (h,), "MLP": (h,), "EdgeDense": (given, h, e)}[name]
    module = getattr(layers, name)((6, 5) if name == "MLP" else 5)
    bridged, params = bridge(module, *inputs)
    outputs = bridged(*inputs)
    assert outputs.shape[-1] == 5
    np.testing.assert_allclose(outputs, module.apply(params, *inputs), rtol=1e-6, atol=1e-6)
