"""The convolution: the formula, symmetry, layouts, padding, forces, variance, what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.core import FrozenDict

from symjax_models import groups, layers, reps
from symjax_models.layers.radial_weights import DEFAULT_RADIAL
from symjax_models.ops.tensor_products import TensorProductPlan
from tests.layers.edge_layers import BATCH, LAYERS, REP, N, apply, cutoff, make_graph, pad, waves

LAYER = LAYERS["Convolution"]


def test_is_the_formula(features, parameters):
    x, positions = features(REP, (N,)), features(reps.parse_irreps("1x1o"), (N,)).blocks[0][..., 0]
    given = make_graph(jnp.asarray(positions), jnp.zeros((N, N, 0)))
    layer = LAYER.clone(hidden=())
    params = parameters(layer, x, given, edge_features=given.edges["pairs"])["params"]
    # The orthonormal equivariant map of vectors to themselves is the identity over sqrt(3).
    third = 1 / np.sqrt(3)
    into, out = params["linear_in"], params["linear_out"]
    s = x["0e"] @ into["kernel_0_0"][0]
    v = third * x["1o"] @ into["kernel_1_1"][0]
    kernel = params["weights"]["kernel_out"].reshape(3, 4, 2)
    sums = [np.zeros((N, 1, 2)), np.zeros((N, 3, 2))]
    for i, j in np.ndindex(N, N):
        if i == j:
            continue
        r = positions[i] - positions[j]
        length = np.linalg.norm(r)
        y, phases = (r / length)[:, None], 2 * length + np.arange(3)
        radial = np.sqrt(2) * np.sin(phases) * np.square(1 - length / 4)
        w = np.einsum("k,kpc->pc", radial, kernel)
        # Inner products of vectors, and harmonics sqrt(3) y; two paths lead to each irrep.
        sums[0][i] += (w[0] * s[j] + w[1] * np.sum(y * v[j], axis=0)) / np.sqrt(2)
        sums[1][i] += (w[2] * np.sqrt(3) * y * s[j] + w[3] * v[j]) / np.sqrt(2)
    for count, factor in ((None, N - 1), (2.5, np.sqrt(2.5))):
        z = apply(layer.clone(num_neighbours=count), {"params": params}, x, given)
        scalars = sums[0] / factor @ out["kernel_0_0"][0] + out["bias_0"][0, 0]
        np.testing.assert_allclose(z["0e"], scalars, rtol=1e-4, atol=1e-5)
        vectors = third * sums[1] / factor @ out["kernel_1_1"][0]
        np.testing.assert_allclose(z["1o"], vectors, rtol=1e-4, atol=1e-5)


def test_radial_weights_are_the_formula(parameters):
    plan = TensorProductPlan(*(reps.parse_irreps(text) for text in ("2x0e+2x1o", "1o", "2x0e")))
    module = layers.RadialWeights(plan, radial=waves, cutoff=cutoff, hidden=(5, 4))
    r, e = np.float32([0.0, 0.5, 1.0, 5.0]), np.float32([[1.0], [2.0], [3.0], [4.0]])
    params = parameters(module, r, e)
    p = params["params"]
    inputs = np.concatenate([waves(r), e], axis=-1)
    for index in range(2):
        u = inputs @ p[f"kernel_{index}"] + p[f"bias_{index}"]
        inputs = u / (1 + np.exp(-u)) * 1.67653247
    expected = (inputs * cutoff(r)[:, None] @ p["kernel_out"]).reshape(4, 1, 2)
    np.testing.assert_allclose(module.apply(params, r, e), expected, rtol=1e-4, atol=1e-5)
    assert not np.any(expected[-1]) and np.all(expected[:-1])


@pytest.mark.parametrize("max_degree", [1, 2])
def test_forces_are_gradients(features, parameters, max_degree):
    layer = layers.Convolution("1x1o", max_degree=max_degree, radial=waves, hidden=(3,))
    with jax.enable_x64(True):
        x = features(reps.parse_irreps("1x1o"), (N,)).map(lambda b: np.asarray(b, float))
        positions, direction = np.random.default_rng(3).normal(size=(2, N, 3))
        params = parameters(layer, x, make_graph(positions, jnp.zeros((N, N, 0))))

        def functional(positions):
            given = make_graph(positions, jnp.zeros((N, N, 0)))
            return jnp.sum(jnp.sin(layer.apply(params, x, given).flat))

        energy = jax.jit(functional)
        slope = (energy(positions + 1e-5 * direction) - energy(positions - 1e-5 * direction)) / 2e-5
        found = jnp.vdot(jax.jit(jax.grad(functional))(positions), direction)
        np.testing.assert_allclose(found, slope, rtol=1e-7)


def test_coincident_nodes_have_finite_derivatives(edge_inputs, parameters):
    given = edge_inputs[1]
    x = reps.RepArray(reps.parse_irreps("2x1o"), [edge_inputs[0]["1o"]])
    layer = layers.Convolution("1x0e", max_degree=1, num_channels=1, hidden=())
    params = parameters(layer, x, given)
    positions = given.nodes["positions"].at[:, 1].set(given.nodes["positions"][:, 0])

    @jax.jit
    def derivatives(positions, along):
        def functional(positions):
            moved = make_graph(positions, jnp.zeros((BATCH, N, N, 0)))
            return jnp.sum(jnp.sin(layer.apply(params, x, moved).flat))

        return jax.jvp(jax.value_and_grad(functional), (positions,), (along,))

    leaves = jax.tree.leaves(derivatives(positions, jnp.cos(positions)))
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    assert all(np.abs(leaf).max() > 1e-4 for leaf in leaves)


def test_initial_variance_is_about_one(features):
    # One neighbour, so that weights of neighbours which are alike do not add up.
    layer = layers.Convolution(
        "16x0e+16x1o", max_degree=1, num_neighbours=1, radial=waves, hidden=(32,)
    )
    x = features(reps.parse_irreps("16x1o"), (200, 2))
    positions = 3 * np.random.default_rng(1).normal(size=(200, 2, 3)).astype(np.float32)
    given = make_graph(jnp.asarray(positions), jnp.zeros((200, 2, 2, 0)))
    # The default generator takes seconds to compile.
    key = jax.random.key(2, impl="unsafe_rbg")
    y, _ = jax.jit(layer.init_with_output)(key, x, given)
    for block in y.blocks:
        assert 0.5 < np.square(block).mean() < 2
    # As said of the default radial functions, whose weights are smaller.
    distances = jnp.linalg.norm(given.edges["displacements"], axis=-1)
    assert 0.05 < np.square(DEFAULT_RADIAL(distances)).mean() < 0.2


def shapes_of(layer, x, given, **options):
    y, shapes = jax.eval_shape(
        functools.partial(layer.init_with_output, **options), jax.random.key(0), x, given
    )
    return y, jax.tree.map(lambda leaf: leaf.shape, shapes["params"])


def test_channels_groups_and_types(edge_inputs, features):
    x, given = edge_inputs
    y, shapes = shapes_of(LAYER.clone(num_channels=None), x, given)
    # As many channels as the largest multiplicity, 3, and 4 paths.
    assert shapes["weights"]["kernel_out"] == (4, 4 * 3)
    assert y.rep == reps.parse_irreps("2x0e+1x1o") and y.shape == (BATCH, N)
    # Scalars alone: every irrep of the output is reached along one path.
    scalars = features(reps.parse_irreps("2x0e"), (BATCH, N))
    y, shapes = shapes_of(layers.Convolution("1x0e+3x2e", max_degree=2), scalars, given)
    assert shapes["weights"]["kernel_out"] == (32, 2 * 2)
    expected = {"bias_0": (1, 1, 1), "kernel_0_0": (1, 2, 1), "kernel_1_1": (1, 2, 3)}
    assert shapes["linear_out"] == expected
    rotated = features(reps.parse_irreps("2x1", group=groups.SO(3)), (BATCH, N))
    y, shapes = shapes_of(layers.Convolution("2x1", max_degree=1), rotated, given)
    # 1 x 0 and 1 x 1, a cross product.
    assert shapes["weights"]["kernel_out"] == (32, 2 * 2)
    assert y.rep == rotated.rep
    frozen = given.replace(edges=FrozenDict(given.edges))
    assert shapes_of(LAYER, x, frozen)[0].shape == (BATCH, N)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (LAYER.clone(rep_out="2x0e+2x3o"), "no path leads to 1x3o from .*; there are paths to 0e"),
        (LAYER.clone(rep_out="2x0u"), "cannot read '2x0u'"),
        (LAYER.clone(backend="s02"), "unknown backend 's02'; did you mean 'so2'"),
        (LAYER.clone(num_channels=0), "at least one irrep each"),
        (LAYER.clone(rep_out=reps.parse_irreps("2", group=groups.SO(3))), r"of SO\(3\), got"),
    ],
)
def test_what_is_refused(edge_inputs, layer, sentence):
    x, given = edge_inputs
    with pytest.raises(ValueError, match=sentence):
        shapes_of(layer, x, given)
    for count in (None, 3.0):
        with pytest.raises(ValueError, match=sentence):
            shapes_of(layer.clone(num_neighbours=count), x, pad(given, x, 0.0)[0])
