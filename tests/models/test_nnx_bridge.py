"""Every public layer and model as an NNX module."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax_models import groups, layers, reps
from symjax_models.ops import graph
from symjax_models.ops.tensor_products import TensorProductPlan


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
        *("affine", "egnn", "gnn", "leapfrog", "linear", "radial_field"),
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


IRREPS = reps.parse_irreps("2x0e+2x1o")
ATTENTION = {"max_degree": 1, "num_heads": 2, "hidden": (3,)}
SPATIAL = {
    "Convolution": layers.Convolution(IRREPS, max_degree=1, hidden=(3,)),
    "EdgeTensorProduct": layers.EdgeTensorProduct(IRREPS),
    "EquivariantGraphAttention": layers.EquivariantGraphAttention(
        IRREPS, num_invariants=2, **ATTENTION
    ),
    "EquivariantLayerNorm": layers.EquivariantLayerNorm(),
    "MatrixBlockReadout": layers.MatrixBlockReadout("0e+1o", "0e+1o"),
    "NeighbourAttention": layers.NeighbourAttention(IRREPS, **ATTENTION),
    "RadialWeights": layers.RadialWeights(
        TensorProductPlan(IRREPS, reps.harmonic_irreps(1), IRREPS), hidden=(3,)
    ),
    "SeparableSphereActivation": layers.SeparableSphereActivation(),
    "SphereActivation": layers.SphereActivation(),
    "SphericalFunctionReadout": layers.SphericalFunctionReadout(max_degree=1),
    "TensorProduct": layers.TensorProduct(IRREPS),
    "TensorReadout": layers.TensorReadout("ij=ji"),
}


def spatial_inputs(name):
    """Return what a layer of O(3) takes: features, and a graph, attributes or vectors with them."""
    x = reps.normal(jax.random.key(1), IRREPS, (3,))
    attributes = reps.normal(jax.random.key(2), reps.harmonic_irreps(1), (3, 2))
    vectors = attributes["1o"][..., 0]
    given = graph.complete({"x": x.flat}).replace(edges={"displacements": vectors})
    if name in ("Convolution", "EquivariantGraphAttention", "NeighbourAttention"):
        return x, given
    others = {
        "EdgeTensorProduct": (given, x, attributes, attributes),
        "RadialWeights": (jnp.arange(3.0),),
        "SphericalFunctionReadout": (x, vectors[:, 0]),
        "TensorProduct": (x, attributes.map(lambda block: block[:, 0])),
    }
    return others.get(name, (x,))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SPATIAL))
def test_layers_of_space_give_the_same_through_the_bridge(name):
    inputs = spatial_inputs(name)
    outputs, params = jax.jit(SPATIAL[name].init_with_output)(jax.random.key(0), *inputs)
    bridged = evaluate_bridged(SPATIAL[name], params, inputs)
    assert jax.tree.structure(bridged) == jax.tree.structure(outputs)
    for one, other in zip(jax.tree.leaves(bridged), jax.tree.leaves(outputs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


class Calling(nn.Module):
    """A layer together with arguments that the bridge does not pass."""

    layer: nn.Module
    call: Callable[..., Any]

    @nn.compact
    def __call__(self, *inputs):
        return self.call(self.layer, *inputs)


class Vectors(nn.Module):
    """Equivariant vectors, or scores, of points: the network of a learned frame."""

    mean: bool = True

    @nn.compact
    def __call__(self, points, *noise):
        lengths = jnp.sum(jnp.square(points), axis=-1, keepdims=True)
        weights = layers.Dense(3)(lengths)
        if self.mean:
            return jnp.einsum("...nd,...nk->...dk", points, weights)
        return weights.mean(-2) if not noise else weights[..., 0] + noise[0][..., 0]


POINTS = jax.random.normal(jax.random.key(3), (5, 3))
NEAREST = jnp.argsort(jnp.abs(jnp.arange(5)[:, None] - jnp.arange(5)), axis=1)[:, :3]
DRAWN = {"call": lambda layer, x: layer(x, key=jax.random.key(0))}
SO3 = groups.SO(3)
IMAGES = jnp.arange(9.0).reshape(1, 3, 3, 1)


class Score(nn.Module):
    """One number of every picture."""

    @nn.compact
    def __call__(self, images):
        return layers.Dense(1)(images.reshape(*images.shape[:-3], -1))[..., 0]


# Layers of clouds and learned frames, with their inputs.
CLOUDS = {
    "FiniteCanonicalizer": (
        layers.FiniteCanonicalizer(Score(), groups.C(4), rep_in="image"),
        IMAGES,
    ),
    "GeneratorCanonicalizer": (layers.GeneratorCanonicalizer(Vectors(), groups.O(3)), POINTS),
    "GlobalInvariantAttention": (
        layers.GlobalInvariantAttention(num_heads=2),
        POINTS[:, :2],
        jnp.ones((5, 5, 2)),
    ),
    "InvariantBasis": (layers.InvariantBasis(4), POINTS),
    "LieCanonicalizer": (layers.LieCanonicalizer(Vectors(mean=False), SO3), POINTS),
    "OptimizationCanonicalizer": (
        layers.OptimizationCanonicalizer(layers.MLP((4, 2)), groups.C(3), rep_in="vector"),
        POINTS[:, :2],
    ),
    "PairEmbedding": (layers.PairEmbedding(4, num_references=2), POINTS),
    "PermutationDistribution": (
        Calling(layers.PermutationDistribution(Vectors(mean=False)), **DRAWN),
        POINTS,
    ),
    "PointPairAttention": (
        layers.PointPairAttention(num_heads=2),
        POINTS[:, :2],
        jnp.ones((5, 3, 4)),
        NEAREST,
    ),
    "PositionAwareConvolution": (
        Calling(layers.PositionAwareConvolution(2), lambda layer, *x: layer(None, *x)),
        POINTS,
        NEAREST,
    ),
    "SimilarityLayerNorm": (layers.SimilarityLayerNorm(1), POINTS[..., None] * jnp.ones(4)),
    "SimilarityLeakyReLU": (layers.SimilarityLeakyReLU(2, 1), POINTS[..., None] * jnp.arange(4.0)),
    "SimilarityLinear": (layers.SimilarityLinear(2), POINTS[..., None] * jnp.arange(4.0)),
    "Symmetrize": (layers.Symmetrize(Score(), layers.frames(groups.C(4)), "image"), IMAGES),
    "VNInvariant": (layers.VNInvariant(1), POINTS[..., None] * jnp.arange(4.0)),
    "VNLayerNorm": (layers.VNLayerNorm(1), POINTS[..., None] * jnp.arange(4.0)),
    "VNLeakyReLU": (layers.VNLeakyReLU(2, 1), POINTS[..., None]),
    "VNLinear": (layers.VNLinear(2), POINTS[..., None]),
    "VNMaxPool": (layers.VNMaxPool(), POINTS[..., None]),
    "VNPool": (layers.VNPool("max"), POINTS[..., None]),
    "VectorBlock": (
        Calling(layers.VectorBlock(2), lambda layer, *x: layer(None, *x)),
        POINTS,
        NEAREST,
    ),
    "VectorCanonicalizer": (layers.VectorCanonicalizer(Vectors(), SO3), POINTS),
    "VectorDistribution": (
        Calling(layers.VectorDistribution(Vectors(), SO3), **DRAWN),
        POINTS,
    ),
}
for _name in ("PositionOrientationConv", "PositionOrientationBlock"):
    _bases = layers.KernelBases(jnp.ones((5, 3, 4, 2)), jnp.ones(2), jnp.ones((4, 4, 2)))
    _layer = Calling(
        getattr(layers, _name)(), lambda layer, x, bases: layer(x, bases, neighbours=NEAREST)
    )
    CLOUDS[_name] = (_layer, jnp.ones((5, 4, 6)) * jnp.arange(6.0), _bases)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CLOUDS))
def test_layers_of_clouds_give_the_same_through_the_bridge(name):
    module, *inputs = CLOUDS[name]
    outputs, params = jax.jit(module.init_with_output)(jax.random.key(0), *inputs)
    params = {"params": params.get("params", {})}
    bridged = evaluate_bridged(module, params, tuple(inputs))
    for one, other in zip(jax.tree.leaves(bridged), jax.tree.leaves(outputs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_batch_norm_through_the_bridge_updates_its_averages():
    x = reps.normal(jax.random.key(1), IRREPS, (4,))
    norm = nnx.bridge.ToNNX(layers.BatchNorm(), rngs=nnx.Rngs(0)).lazy_init(x, is_training=True)
    before = norm(x, is_training=False)
    norm(x + x, is_training=True, mutable=["batch_stats"])
    assert np.abs((norm(x, is_training=False) - before).flat).max() > 1e-2


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
    others = {"Dense", "MLP", "EdgeDense", "Dropout", "BatchNorm"}
    assert modules == {*others, *TYPED, *SPATIAL, *CLOUDS}


def test_bridge_uses_the_parameters_put_in():
    inputs = (jnp.ones((2, 3)),)
    params = {"params": {"kernel": jnp.full((3, 5), 2.0), "bias": jnp.zeros(5)}}
    outputs = evaluate_bridged(layers.Dense(5), params, inputs)
    np.testing.assert_array_equal(outputs, np.full((2, 5), 6.0))
