"""Graph attention of EquiformerV2: the formula, symmetry, layouts, padding, variance, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps
from symjax_models.layers.equiformer_attention import (
    EquivariantGraphAttention,
    smooth_leaky_relu,
)
from symjax_models.ops import graph, message_passing

BATCH, N = 2, 4


def waves(r):
    """Evaluate radial functions whose squares are 1 on average, so that weights matter."""
    return jnp.sqrt(2.0) * jnp.sin(2 * r[..., None] + jnp.arange(3.0))


def ones(r):
    return jnp.ones((*r.shape, 1))


def cutoff(r):
    return jnp.where(r < 4, jnp.square(1 - r / 4), 0)


LAYER = EquivariantGraphAttention(
    "2x0e+2x1o",
    max_degree=1,
    num_channels=4,
    num_heads=2,
    num_invariants=3,
    radial=waves,
    cutoff=cutoff,
    hidden=(4,),
)
REP = reps.parse_irreps("3x0e+2x1o")


def make_graph(positions, pairs):
    given = graph.complete({"positions": positions}, pairs={"pairs": pairs})
    displacements = message_passing.displacements(given, positions)
    return given.replace(edges=given.edges | {"displacements": displacements})


@pytest.fixture(scope="module")
def inputs(features):
    """Features, a dense graph, and nothing that is special."""
    rng = np.random.default_rng(0)
    positions = jnp.asarray(rng.normal(size=(BATCH, N, 3)), jnp.float32)
    pairs = jnp.asarray(rng.normal(size=(BATCH, N, N, 1)), jnp.float32)
    return features(REP, (BATCH, N)), make_graph(positions, pairs)


@pytest.fixture(scope="module")
def params(inputs, parameters):
    x, given = inputs
    drawn = parameters(LAYER, x, given, edge_features=given.edges["pairs"])
    # As drawn, attention would be nearly uniform.
    return jax.tree.map(lambda leaf: 2.5 * leaf, drawn)


@functools.partial(jax.jit, static_argnums=0)
def apply(layer, params, x, given):
    return layer.apply(params, x, given, edge_features=given.edges.get("pairs"))


@functools.partial(jax.jit, static_argnums=0)
def gradients(layer, params, x, given):
    """Differentiate a number made of the outputs of the first B N nodes."""

    def functional(params, x, displacements):
        edges = given.edges | {"displacements": displacements}
        y = layer.apply(params, x, given.replace(edges=edges), edge_features=edges["pairs"])
        rows = y.flat.reshape(-1, y.rep.dim)[: BATCH * N]
        return jnp.sum(jnp.sin(rows)), rows

    arguments = (params, x, given.edges["displacements"])
    return jax.value_and_grad(functional, argnums=(0, 1, 2), has_aux=True)(*arguments)


def pad(given, x, filler):
    """Return an edge list with padding that holds `filler`, and the features of its nodes."""
    sparse = graph.to_sparse(given, num_nodes=BATCH * N + 2, num_edges=BATCH * N * (N - 1) + 3)
    real = sparse.edge_mask[:, None]
    edges = {name: jnp.where(real, values, filler) for name, values in sparse.edges.items()}
    features = x.map(lambda b: jnp.pad(b.reshape(-1, *b.shape[2:]), [(0, 2), (0, 0), (0, 0)]))
    return sparse.replace(edges=edges), features


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
def test_rotations_and_reflections(inputs, params, dtype, tolerance):
    x, given = inputs
    displacements = reps.RepArray(
        reps.parse_irreps("1o"), [given.edges["displacements"][..., None]]
    )

    def attend(x, displacements, params, shift):
        edges = given.edges | {"displacements": displacements.blocks[0][..., 0] + shift}
        return LAYER.apply(params, x, given.replace(edges=edges), edge_features=edges["pairs"])

    arguments = (x, displacements, params)
    error = audit.equivariance_error(attend, *arguments, jnp.zeros(3), dtype=dtype, num_samples=3)
    assert error.max < tolerance
    # Shifted displacements do not turn with the rest.
    broken = audit.equivariance_error(
        attend, *arguments, jnp.full(3, 0.3), dtype=dtype, num_samples=3
    )
    assert broken.max > 1e-2


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


@pytest.mark.slow
def test_layouts_agree_and_padding_changes_nothing(inputs, params):
    x, given = inputs
    (value, rows), expected = gradients(LAYER, params, x, given)
    assert all(np.abs(leaf).max() > 1e-4 for leaf in jax.tree.leaves(expected))
    for filler in (0.0, np.nan):
        sparse, padded = pad(given, x, filler)
        (sparse_value, sparse_rows), found = gradients(LAYER, params, padded, sparse)
        assert_close((sparse_value, sparse_rows), (value, rows))
        assert_close(found[0], expected[0], 1e-4)
        flat = expected[1].map(lambda block: block.reshape(-1, *block.shape[2:]))
        assert_close(found[1].map(lambda block: block[: BATCH * N]), flat, 1e-4)
        assert_close(found[2][:-3], expected[2].reshape(-1, 3), 1e-4)
        np.testing.assert_array_equal(found[2][-3:], 0)


def test_order_of_nodes_does_not_matter(inputs, params):
    x, given = inputs
    order = np.random.default_rng(5).permutation(N)
    positions = given.nodes["positions"][:, order]
    pairs = jnp.ones((BATCH, N, N, 1))
    expected = apply(LAYER, params, x, make_graph(given.nodes["positions"], pairs))
    moved = apply(LAYER, params, x.map(lambda b: b[:, order]), make_graph(positions, pairs))
    assert_close(moved, expected.map(lambda block: block[:, order]))
    torn = apply(LAYER, params, x, make_graph(positions, pairs))
    with pytest.raises(AssertionError):
        assert_close(torn, expected.map(lambda block: block[:, order]), 1e-2)


def test_neighbours_are_told_apart(inputs, params):
    # With no numbers behind the logits, all neighbours weigh the same.
    x, given = inputs
    blind = {"params": params["params"] | {"kernel_logits": jnp.zeros((2, 3))}}
    y, uniform = (apply(LAYER, p, x, given) for p in (params, blind))
    assert np.abs((y - uniform).flat).max() > 1e-2


def test_coincident_particles_have_finite_derivatives(inputs, params):
    x, given = inputs
    displacements = given.edges["displacements"].at[0, 0].set(0)
    at = given.replace(edges=given.edges | {"displacements": displacements})
    (value, _), found = gradients(LAYER, params, x, at)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


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


def test_cutoff_lets_neighbours_leave_smoothly(inputs, params):
    x, given = inputs

    def at(distance):
        d = given.edges["displacements"].at[:, 0, 0].set(jnp.array([distance, 0, 0]))
        return apply(LAYER, params, x, given.replace(edges=given.edges | {"displacements": d}))

    assert_close(at(3.99), at(4.01), 1e-4)
    with pytest.raises(AssertionError):
        assert_close(at(1.0), at(4.01), 1e-2)


def test_rotations_alone(features):
    x = features(reps.parse_irreps("2x0+2x1", group=groups.SO(3)), (3,))
    given = make_graph(jnp.ones((3, 3)), jnp.zeros((3, 3, 0)))
    layer = EquivariantGraphAttention("2x0+2x1", max_degree=1)
    y, shapes = jax.eval_shape(layer.init_with_output, jax.random.key(0), x, given)
    assert y.rep == x.rep
    # Cross products of O(3) would not keep parity: 5 paths, and 4 there.
    assert shapes["params"]["weights_values"].shape == (5, 2)


def test_another_activation_takes_the_place_of_the_gate(inputs):
    x, given = inputs
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
        (LAYER.clone(num_heads=3), "groups of its 4 channels, got num_heads=3; 1, 2, 4 fit"),
        (LAYER.clone(rep_out="2x0e+2x3o"), "no path leads to 1x3o"),
        (LAYER.clone(rep_out=reps.vector(groups.SO(3))), "has representations of SO"),
    ],
)
def test_what_is_refused(inputs, layer, sentence):
    x, given = inputs
    with pytest.raises(ValueError, match=sentence):
        jax.eval_shape(layer.init, jax.random.key(0), x, given)
