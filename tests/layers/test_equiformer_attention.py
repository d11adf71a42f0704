"""Graph attention of EquiformerV2: the formula, symmetry, layouts, padding, variance, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, layers, reps
from symjax_models.layers.equiformer_attention import (
    EquivariantGraphAttention,
    smooth_leaky_relu,
)
from tests.layers.edge_layers import LAYERS, apply, make_graph, waves

LAYER = LAYERS["EquivariantGraphAttention"]


def ones(r):
    return jnp.ones((*r.shape, 1))


def test_is_the_formula(features, parameters):
    layer = EquivariantGraphAttention(
        "2x0e", max_degree=0, num_heads=2, num_invariants=3, radial=ones, hidden=()
    )
    x = features(reps.parse_irreps("3x0e"), (3,))
    given = make_graph(jnp.eye(3), jnp.zeros((3, 3, 1)))
    given = given.replace(edges={"displacements": given.edges["displacements"]})
    params = parameters(layer, x, given)
    y = apply(layer, params, x, given)

    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["params"])
    s = np.asarray(x.blocks[0][:, 0], np.float64)
    sent, received = (s @ p[f"linear_{end}"]["kernel_0_0"][0] for end in ("sender", "receiver"))
    attended = np.zeros((3, 2))
    for i in range(3):
        others = [j for j in range(3) if j != i]
        f = np.stack([(sent[j] + received[i]) / np.sqrt(2) for j in others])
        f *= p["weights"]["kernel_out"].reshape(2)
        invariants = (f @ p["invariants"]["kernel"] + p["invariants"]["bias"]).reshape(2, 2, 3)
        centred = invariants - invariants.mean(axis=-1, keepdims=True)
        normed = centred / np.sqrt(np.mean(np.square(centred), axis=-1, keepdims=True))
        normed = normed * p["renormalization"]["scale_0"] + p["renormalization"]["bias_0"]
        bent = 0.6 * normed + 0.4 * normed * (2 / (1 + np.exp(-normed)) - 1)
        powers = np.exp(np.sum(bent * p["kernel_logits"], axis=-1))
        a = powers / powers.sum(axis=0)
        activated = f / (1 + np.exp(-f))
        values = activated @ p["linear_values"]["kernel_0_0"][0] * p["weights_values"]
        attended[i] = np.sum(a * values, axis=0)
    expected = attended @ p["linear_out"]["kernel_0_0"][0] + p["linear_out"]["bias_0"][0]
    np.testing.assert_allclose(y["0e"][:, 0], expected, rtol=1e-4, atol=1e-5)


def test_neighbours_are_told_apart(edge_inputs, edge_params):
    # With no numbers behind the logits, all neighbours weigh the same.
    (x, given), params = edge_inputs, edge_params("EquivariantGraphAttention")
    blind = {"params": params["params"] | {"kernel_logits": jnp.zeros((2, 3))}}
    y, uniform = (apply(LAYER, p, x, given) for p in (params, blind))
    assert np.abs((y - uniform).flat).max() > 1e-2


@pytest.mark.slow
def test_initial_variance(features):
    # One neighbour has weight one. The gate takes away a factor of 2 to 4.
    layer = EquivariantGraphAttention("8x0e+8x1o", max_degree=1, radial=waves)
    x = features(reps.parse_irreps("8x0e+8x1o"), (100, 2))
    positions = 3 * np.random.default_rng(1).normal(size=(100, 2, 3)).astype(np.float32)
    given = make_graph(jnp.asarray(positions), jnp.zeros((100, 2, 2, 0)))
    # The default generator takes seconds to compile.
    key = jax.random.key(2, impl="unsafe_rbg")
    y, _ = jax.jit(layer.init_with_output)(key, x, given)
    for block in y.blocks:
        assert 0.1 < np.square(block).mean() < 1


def test_rotations_alone(features):
    x = features(reps.parse_irreps("2x0+2x1", group=groups.SO(3)), (3,))
    given = make_graph(jnp.ones((3, 3)), jnp.zeros((3, 3, 0)))
    layer = EquivariantGraphAttention("2x0+2x1", max_degree=1)
    y, shapes = jax.eval_shape(layer.init_with_output, jax.random.key(0), x, given)
    assert y.rep == x.rep
    # Cross products of O(3) would not keep parity: 5 paths, and 4 there.
    assert shapes["params"]["weights_values"].shape == (5, 2)


def test_another_activation_takes_the_place_of_the_gate(edge_inputs):
    x, given = edge_inputs
    layer = LAYER.clone(activation=layers.NormActivation)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x, given)
    assert {"bias_0", "bias_1"} == set(shapes["params"]["on_features"])


def test_smooth_leaky_relu():
    x = np.linspace(-4, 4, 17)
    expected = 0.6 * x + 0.4 * x * np.tanh(x / 2)
    np.testing.assert_allclose(smooth_leaky_relu(x), expected, atol=1e-6)
    slopes = jax.vmap(jax.grad(smooth_leaky_relu))(jnp.array([-40.0, 0.0, 40.0]))
    np.testing.assert_allclose(slopes, [0.2, 0.6, 1.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (LAYER.clone(num_channels=0), "at least one channel, got num_channels=0"),
        (LAYER.clone(num_heads=3), "groups of its 4 channels, got num_heads=3; 1, 2, 4 fit"),
        (LAYER.clone(rep_out="2x0e+2x3o"), "no path leads to 1x3o"),
        (LAYER.clone(rep_out=reps.vector(groups.SO(3))), "has representations of SO"),
    ],
)
def test_what_is_refused(edge_inputs, layer, sentence):
    x, given = edge_inputs
    with pytest.raises(ValueError, match=sentence):
        jax.eval_shape(layer.init, jax.random.key(0), x, given)
