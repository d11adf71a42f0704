"""Every public layer and model as an NNX module."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax_models import groups, layers, reps


@functools.partial(jax.jit, static_argnums=0)
def evaluate_bridged(module, params, inputs):
    """Build a Linen module through the bridge, put parameters in, apply it."""
    bridged = nnx.bridge.ToNNX(module, rngs=nnx.Rngs(0)).lazy_init(*inputs)
    state, given = nnx.state(bridged, nnx.Param), params.get("params", {})
    assert jax.tree.map(jnp.shape, nnx.to_pure_dict(state)) == jax.tree.map(jnp.shape, given)
    nnx.replace_by_pure_dict(state, given)
    nnx.update(bridged, state)
    return bridged(*inputs)


@pytest.mark.parametrize(
    "case",
    [
        *("affine", "egnn", "gnn", "linear", "radial_field"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("segnn", "tfn")),
    ],
    indirect=True,
)
def test_models_give_the_same_through_the_bridge(case):
    given = case.graph()
    outputs = evaluate_bridged(case.model, case.params, (given,))
    expected = case.apply(case.params, given)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["gnn"], indirect=True)
@pytest.mark.parametrize("name", ["Dense", "MLP", "EdgeDense"])
def test_layers_give_the_same_through_the_bridge(case, name):
    given = case.graph()
    h, e = given.nodes["positions"], given.edges["interaction"]
    inputs = {"Dense": (h,), "MLP": (h,), "EdgeDense": (given, h, e)}[name]
    module = getattr(layers, name)((6, 5) if name == "MLP" else 5)
    outputs, params = jax.jit(module.init_with_output)(jax.random.key(0), *inputs)
    assert outputs.shape[-1] == 5
    bridged = evaluate_bridged(module, params, inputs)
    np.testing.assert_allclose(bridged, outputs, rtol=1e-6, atol=1e-6)


# Signed permutations, so that every layer of typed features takes them.
V, ONE = reps.vector(groups.B(3)), reps.scalar(groups.B(3))
REP = 3 * V + 2 * ONE
TYPED = {
    "Linear": layers.Linear(REP),
    "Bilinear": layers.Bilinear(REP),
    "Gate": layers.Gate(),
    "NormActivation": layers.NormActivation(),
    "PointwiseActivation": layers.PointwiseActivation(jnp.tanh),
    "LayerNorm": layers.LayerNorm(),
    "SelfAttention": layers.SelfAttention(REP, num_heads=2),
}


@pytest.mark.parametrize("name", TYPED)
def test_layers_of_typed_features_give_the_same_through_the_bridge(name):
    inputs = (reps.normal(jax.random.key(1), REP, (4,)),) * (2 if name == "Bilinear" else 1)
    outputs, params = jax.jit(TYPED[name].init_with_output)(jax.random.key(0), *inputs)
    bridged = evaluate_bridged(TYPED[name], params, inputs)
    assert bridged.rep == REP
    np.testing.assert_allclose(bridged.flat, outputs.flat, rtol=1e-6, atol=1e-6)


def test_dropout_through_the_bridge_draws_from_its_stream():
    x = reps.normal(jax.random.key(1), REP, (4,))
    dropout = nnx.bridge.ToNNX(layers.Dropout(0.5), rngs=nnx.Rngs(0, dropout=1))
    outputs = dropout.lazy_init(x, is_training=True)(x, is_training=True)
    ratios = outputs[V] / x[V]
    assert set(np.unique(np.round(ratios, 5))) == {0, 2}
    np.testing.assert_array_equal(dropout(x, is_training=False).flat, x.flat)


def test_every_layer_is_bridged():
    public = (getattr(layers, name) for name in layers.__all__)
    classes = [found for found in public if isinstance(found, type)]
    modules = {found.__name__ for found in classes if issubclass(found, nn.Module)}
    assert modules == {"Dense", "MLP", "EdgeDense", "Dropout", *TYPED}


def test_bridge_uses_the_parameters_put_in():
    inputs = (jnp.ones((2, 3)),)
    params = {"params": {"kernel": jnp.full((3, 5), 2.0), "bias": jnp.zeros(5)}}
    outputs = evaluate_bridged(layers.Dense(5), params, inputs)
    np.testing.assert_array_equal(outputs, np.full((2, 5), 6.0))
