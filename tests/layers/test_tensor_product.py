"""Products with attributes: loops, symmetry, concatenated features, padding, variance, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps
from symjax_models.ops import graph, message_passing, safe
from symjax_models.ops.harmonics import spherical_harmonics
from symjax_models.reps.rotation import clebsch_gordan

BATCH, N = 2, 3
EDGES = BATCH * N * (N - 1)
NODES = reps.parse_irreps("2x0e+1x1o")
OF_EDGES = reps.parse_irreps("1x0e+1x1e")
ATTRIBUTES = reps.parse_irreps("0e+1o")
OUT = reps.parse_irreps("2x0e+1x1o+1x1e+1x2e")
LAYER, EDGE_LAYER = layers.TensorProduct(OUT), layers.EdgeTensorProduct(OUT)
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])


@functools.partial(jax.jit, static_argnums=0)
def apply(layer, params, *inputs):
    return layer.apply(params, *inputs)


@pytest.fixture(scope="module")
def inputs(features):
    """A graph, features of its nodes, features of its edges, and attributes of these."""
    given = graph.complete({"index": jnp.zeros((BATCH, N, 1))})
    shape = (BATCH, N, N - 1)
    x, edges, attributes = (
        features(rep, batch, seed=seed)
        for seed, (rep, batch) in enumerate(
            ((NODES, (BATCH, N)), (OF_EDGES, shape), (ATTRIBUTES, shape))
        )
    )
    return given, x, edges, attributes


@pytest.fixture(scope="module")
def params(inputs, parameters):
    return parameters(EDGE_LAYER, *inputs)


def join(given, x, edges):
    """Concatenate receivers, senders and edges on the dense neighbour axis."""

    def gather(function):
        shape = (BATCH, N, N - 1)
        return x.map(lambda b: jnp.broadcast_to(function(given, b), (*shape, *b.shape[-2:])))

    received = gather(message_passing.gather_receivers)
    return reps.concatenate([received, gather(message_passing.gather_senders), edges])


def pad(inputs, filler):
    """Return the edge list, with edges more whose features and attributes hold `filler`."""
    given, x, *of_edges = inputs

    def lengthen(block, axes, count, value):
        flat = jnp.reshape(block, (-1, *block.shape[axes:]))
        return jnp.pad(flat, [(0, count), (0, 0), (0, 0)], constant_values=value)

    sparse = graph.to_sparse(given, num_nodes=BATCH * N + 1, num_edges=EDGES + 3)
    nodes = x.map(lambda block: lengthen(block, 2, 1, 7.0))
    return sparse, nodes, *(e.map(lambda b: lengthen(b, 3, 3, filler)) for e in of_edges)


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def test_is_the_formula(features, parameters):
    # One path after the other, in the order of the irreps of the output: kernels lie side by side.
    x, a = features(NODES, (4,)), features(ATTRIBUTES, (4,), seed=1)
    params = parameters(LAYER, x, a)["params"]
    y = apply(LAYER, {"params": params}, x, a)
    s, v = x.blocks
    a0, a1 = (block[..., 0] for block in a.blocks)
    k0, k1 = params["kernel_0"], params["kernel_1"]
    assert set(params) == {"kernel_0", "kernel_1", "bias_0"}
    assert (k0.shape, k1.shape) == ((2, 3), (1, 5))

    def couple(l3, first, second):
        tensor = clebsch_gordan(first.shape[1] // 2, second.shape[1] // 2, l3)
        return np.sqrt(2 * l3 + 1) * np.einsum("ijk,bic,bj->bkc", tensor, first, second)

    expected = {
        "0e": (couple(0, s @ k0[:, :2], a0) + couple(0, v @ k1[:, :2], a1)) / np.sqrt(2)
        + params["bias_0"],
        "1o": (couple(1, s @ k0[:, 2:3], a1) + couple(1, v @ k1[:, 2:3], a0)) / np.sqrt(2),
        "1e": couple(1, v @ k1[:, 3:4], a1),
        "2e": couple(2, v @ k1[:, 4:5], a1),
    }
    for name, block in expected.items():
        np.testing.assert_allclose(y[name], block, rtol=1e-4, atol=1e-5)


def test_edge_layer_is_the_layer_of_concatenated_features(inputs, params):
    given, x, edges, attributes = inputs
    found = apply(EDGE_LAYER, params, *inputs)
    joined = join(given, x, edges)
    assert joined.rep == reps.parse_irreps("5x0e+2x1o+1x1e")
    expected = apply(LAYER, params, joined, attributes)
    assert found.rep == OUT and found.shape == (BATCH, N, N - 1)
    assert_close(found, expected)
    swapped = graph.to_sparse(given)
    swapped = swapped.replace(senders=swapped.receivers, receivers=swapped.senders)
    flat = [f.map(lambda b: b.reshape(-1, *b.shape[-2:])) for f in (x, edges, attributes)]
    wrong = apply(EDGE_LAYER, params, swapped, *flat)
    with pytest.raises(AssertionError):
        assert_close(wrong.flat, expected.flat.reshape(EDGES, -1), 1e-2)


@jax.jit
def gradients(params, given, x, edges, attributes):
    """Return the output on real edges, and derivatives by everything."""

    def functional(params, x, edges, attributes):
        y = EDGE_LAYER.apply(params, given, x, edges, attributes).flat
        real = y.reshape(-1, y.shape[-1])[:EDGES]
        return jnp.sum(jnp.sin(real)), real

    evaluate = jax.grad(functional, argnums=(0, 1, 2, 3), has_aux=True)
    return evaluate(params, x, edges, attributes)


def test_layouts_agree_and_padding_changes_nothing_to_the_bit(inputs, params):
    expected, rows = gradients(params, *inputs)
    assert all(np.abs(leaf).max() > 1e-2 for leaf in jax.tree.leaves(expected))
    padded, padded_rows = gradients(params, *pad(inputs, 0.0))
    assert_close(padded_rows, rows)
    assert_close(padded[0], expected[0])
    for one, other, count in zip(padded[1:], expected[1:], (BATCH * N, EDGES, EDGES), strict=True):
        for block, reference in zip(one.blocks, other.blocks, strict=True):
            assert_close(block[:count], reference.reshape(-1, *reference.shape[-2:]))
            np.testing.assert_array_equal(block[count:], 0)
    for filler in (7.0, np.nan, np.inf):
        found = gradients(params, *pad(inputs, filler))
        jax.tree.map(np.testing.assert_array_equal, found, (padded, padded_rows))


@DTYPES
def test_rotations_and_reflections(inputs, params, dtype, tolerance):
    given, *features = inputs

    def evaluate(x, edges, attributes, params, leak):
        # Parities matter, and components that are not turned: a ReLU is no symmetry.
        x = x.map(lambda block: block + leak * jnp.maximum(block, 0))
        return EDGE_LAYER.apply(params, given, x, edges, attributes)

    errors = [
        audit.equivariance_error(
            evaluate, *features, params, np.float32(leak), dtype=dtype, num_samples=3
        )
        for leak in (0, 1)
    ]
    assert errors[0].max < tolerance, errors[0]
    assert errors[1].max > 1e-2


@pytest.mark.parametrize("max_degree", [1, 2])
def test_forces_are_gradients(features, parameters, max_degree):
    layer, rep = layers.EdgeTensorProduct("1x1o"), reps.harmonic_irreps(max_degree)
    with jax.enable_x64(True):
        given = graph.complete({"index": jnp.zeros((N, 1))})
        x = features(reps.parse_irreps("1o"), (N,)).map(lambda b: np.asarray(b, float))
        positions, direction = np.random.default_rng(3).normal(size=(2, N, 3))

        def product(positions, params=None):
            r = message_passing.displacements(given, positions)
            a = reps.RepArray.from_flat(rep, spherical_harmonics(r, max_degree=max_degree))
            edges = reps.RepArray(reps.parse_irreps("0e"), [safe.norm(r)[..., None, None]])
            inputs = given, x, edges, a
            return layer.apply(params, *inputs) if params else parameters(layer, *inputs)

        params = product(positions)
        energy = jax.jit(lambda positions: jnp.sum(jnp.sin(product(positions, params).flat)))
        slope = (energy(positions + 1e-5 * direction) - energy(positions - 1e-5 * direction)) / 2e-5
        found = jnp.vdot(jax.jit(jax.grad(energy))(positions), direction)
        np.testing.assert_allclose(found, slope, rtol=1e-7)


def test_order_of_nodes(inputs, params):
    given, x, edges, attributes = pad(inputs, 0.0)
    order = np.random.default_rng(2).permutation(BATCH * N + 1)
    rank = np.argsort(order)
    moved = given.replace(senders=rank[given.senders], receivers=rank[given.receivers])
    renamed = x.map(lambda block: block[order])
    expected = apply(EDGE_LAYER, params, given, x, edges, attributes)
    assert_close(apply(EDGE_LAYER, params, moved, renamed, edges, attributes), expected)


def test_attributes_of_a_whole_batch(inputs, params, features):
    given, x, edges, _ = inputs
    joined, shared = join(given, x, edges), features(ATTRIBUTES, ())
    every = shared.map(lambda block: np.broadcast_to(block, (BATCH, N, N - 1, *block.shape)))
    found = apply(LAYER, params, joined, shared)
    assert found.shape == (BATCH, N, N - 1)
    assert_close(found, apply(LAYER, params, joined, every))


def test_initial_variance_is_a_third(features):
    rep = reps.parse_irreps("16x0e+16x1o")
    layer = layers.TensorProduct("16x0e+16x1o+16x1e")
    x, a = features(rep, (500,)), features(ATTRIBUTES, (500,), seed=1)
    y, params = jax.jit(layer.init_with_output)(jax.random.key(0, impl="unsafe_rbg"), x, a)
    for block in y.blocks:
        assert 0.22 < np.mean(np.square(block)) < 0.45
    # U(-1/sqrt(16), 1/sqrt(16)), and no bias.
    for kernel in (params["params"]["kernel_0"], params["params"]["kernel_1"]):
        assert 0.24 < np.abs(kernel).max() <= 0.25
    np.testing.assert_array_equal(params["params"]["bias_0"], 0)


def test_rotations_alone_and_one_node(features, parameters):
    SO3 = groups.SO(3)
    x = features(reps.parse_irreps("2x0+1x1", group=SO3), (2, 1))
    a = features(reps.parse_irreps("0+1", group=SO3), (2, 1, 0))
    given = graph.complete({"index": jnp.zeros((2, 1, 1))})
    layer = layers.EdgeTensorProduct("2x1")
    # Without parity vectors have cross products, in the irrep of the others.
    params = parameters(layer, given, x, a, a)
    assert params["params"]["kernel_1"].shape == (2 * 1 + 1, 2 + 2)
    y = layer.apply(params, given, x, a, a)
    assert y.rep == reps.parse_irreps("2x1", group=SO3) and y.shape == (2, 1, 0)


def test_irreps_that_lead_nowhere_have_no_kernel(features):
    x, a = features(NODES, (4,)), features(reps.parse_irreps("0e"), (4,))
    shapes = jax.eval_shape(layers.TensorProduct("1o").init, jax.random.key(0), x, a)["params"]
    assert {name: leaf.shape for name, leaf in shapes.items()} == {"kernel_1": (1, 1)}


@pytest.mark.parametrize(
    ("attributes", "out", "sentence"),
    [
        ("0e+1o", "0e+2o", "no path leads to 1x2o from .*; there are paths to 0e, 1e, 1o, 2e"),
        ("0e+2x1o", "0e", "have one copy of each irrep, got 1x0e.2x1o; layers.Bilinear"),
        ("0e+1o", "1u", "cannot read '1u'"),
    ],
)
def test_what_is_refused(features, attributes, out, sentence):
    x, a = features(NODES, (4,)), features(reps.parse_irreps(attributes), (4,))
    with pytest.raises(ValueError, match=sentence):
        layers.TensorProduct(out).init(jax.random.key(0), x, a)


def test_other_types_are_refused(inputs, features):
    given, x, edges, attributes = inputs
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"EdgeTensorProduct takes a reps.RepArray, got ndarray"):
        EDGE_LAYER.init(key, given, x, edges.blocks[0], attributes)
    rotated = features(reps.parse_irreps("0+1", group=groups.SO(3)), (BATCH, N))
    with pytest.raises(ValueError, match=r"TensorProduct has representations of O\(3\), got"):
        LAYER.init(key, x, rotated)
    V = reps.vector(groups.O(3))
    with pytest.raises(ValueError, match="expected a sum of irreps of SO.3. or O.3., got"):
        LAYER.init(key, features(V * V, (4,)), features(ATTRIBUTES, (4,)))
