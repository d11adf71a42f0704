"""Attention over neighbours: the formula, symmetry, layouts, padding, variance, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.layers.neighbour_attention import NeighbourAttention
from tests.layers.edge_layers import LAYERS, apply, make_graph, waves

LAYER = LAYERS["NeighbourAttention"]


def test_is_the_formula(features, parameters):
    layer = NeighbourAttention(
        "2x0e+2x1o", max_degree=1, num_heads=2, radial=lambda r: jnp.ones((*r.shape, 1)), hidden=()
    )
    x = features(reps.parse_irreps("1x0e+1x1o"), (3,))
    positions = np.random.default_rng(3).normal(size=(3, 3))
    given = make_graph(jnp.asarray(positions, jnp.float32), jnp.zeros((3, 3, 1)))
    given = given.replace(edges={"displacements": given.edges["displacements"]})
    params = parameters(layer, x, given)
    y = apply(layer, params, x, given)

    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["params"])
    s, v = (np.asarray(block, np.float64) for block in x.blocks)
    # The orthonormal equivariant map of vectors to themselves is the identity over sqrt(3).
    third = 1 / np.sqrt(3)
    s_in, v_in = s @ p["linear_in"]["kernel_0_0"][0], third * v @ p["linear_in"]["kernel_1_1"][0]
    s_q, v_q = s @ p["query"]["kernel_0_0"][0], third * v @ p["query"]["kernel_1_1"][0]
    w = p["weights"]["kernel_out"].reshape(4, 4)
    out_s, out_v = np.zeros((3, 1, 2)), np.zeros((3, 3, 2))
    for i in range(3):
        others = [j for j in range(3) if j != i]
        messages = []
        for j in others:
            r = positions[i] - positions[j]
            r = (r / np.linalg.norm(r))[:, None]
            scalar = (w[0] * s_in[j, 0] + w[1] * np.sum(r * v_in[j], axis=0)) / np.sqrt(2)
            vector = (w[2] * s_in[j, 0] * np.sqrt(3) * r + w[3] * v_in[j]) / np.sqrt(2)
            messages.append((scalar, vector))
        for head in range(2):
            logits = np.array(
                [
                    s_q[i, 0, head] * scalar[head] + v_q[i, :, head] @ vector[:, head]
                    for scalar, vector in messages
                ]
            )
            a = np.exp(logits / 2) / np.sum(np.exp(logits / 2))
            out_s[i, 0, head] = a @ [scalar[2 + head] for scalar, _ in messages]
            out_v[i, :, head] = a @ [vector[:, 2 + head] for _, vector in messages]
    final = p["linear_out"]
    s_both, v_both = np.concatenate([out_s, s], -1), np.concatenate([out_v, v], -1)
    expected_s = s_both @ final["kernel_0_0"][0] + final["bias_0"][0, 0]
    np.testing.assert_allclose(y["0e"], expected_s, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        y["1o"], third * v_both @ final["kernel_1_1"][0], rtol=1e-4, atol=1e-5
    )


def test_neighbours_are_told_apart(edge_inputs, edge_params):
    # Without queries all neighbours weigh the same; with them they do not.
    (x, given), params = edge_inputs, edge_params("NeighbourAttention")
    query = jax.tree.map(jnp.zeros_like, params["params"]["query"])
    blind = {"params": params["params"] | {"query": query}}
    y, uniform = (apply(LAYER, p, x, given) for p in (params, blind))
    assert np.abs((y - uniform).flat).max() > 1e-2


def test_initial_variance_is_about_one(features):
    # One neighbour has weight one, so that averages do not make outputs smaller.
    layer = NeighbourAttention("8x0e+8x1o", max_degree=1, radial=waves)
    x = features(reps.parse_irreps("8x0e+8x1o"), (100, 2))
    positions = 3 * np.random.default_rng(1).normal(size=(100, 2, 3)).astype(np.float32)
    given = make_graph(jnp.asarray(positions), jnp.zeros((100, 2, 2, 0)))
    # The default generator takes seconds to compile.
    key = jax.random.key(2, impl="unsafe_rbg")
    y, _ = jax.jit(layer.init_with_output)(key, x, given)
    for block in y.blocks:
        assert 0.5 < np.square(block).mean() < 2


def test_rotations_alone(features):
    SO3 = groups.SO(3)
    layer = NeighbourAttention("2x0+2x1", max_degree=1)
    x = features(reps.parse_irreps("2x0+2x1", group=SO3), (3,))
    given = make_graph(jnp.ones((3, 3)), jnp.zeros((3, 3, 0)))
    y, shapes = jax.eval_shape(layer.init_with_output, jax.random.key(0), x, given)
    assert y.rep == x.rep
    # Cross products of O(3) would not keep parity: 5 paths, and 4 there.
    assert shapes["params"]["weights"]["kernel_out"].shape == (32, 5 * 4)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (LAYER.clone(rep_out="2x2e"), "3x0e.2x1o and 2x2e have none"),
        (LAYER.clone(num_channels=0), "at least one channel, got num_channels=0"),
        (LAYER.clone(num_heads=3), "groups of its 2 channels, got num_heads=3; 1, 2 fit"),
        (LAYER.clone(rep_out="2x0e+2x3o"), "no path leads to 1x3o"),
    ],
)
def test_what_is_refused(edge_inputs, layer, sentence):
    x, given = edge_inputs
    with pytest.raises(ValueError, match=sentence):
        jax.eval_shape(layer.init, jax.random.key(0), x, given)
