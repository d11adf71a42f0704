"""What holds of every layer on edges: symmetry, layouts, padding, cutoffs, coincident nodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, reps
from tests.layers import edge_layers
from tests.layers.edge_layers import BATCH, EDGES, LAYERS, N, apply, assert_close, gradients

EVERY_LAYER = pytest.mark.parametrize("name", LAYERS)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
@EVERY_LAYER
def test_rotations_and_reflections(edge_inputs, edge_params, name, dtype, tolerance):
    x, given = edge_inputs
    vectors = reps.RepArray(reps.parse_irreps("1o"), [given.edges["displacements"][..., None]])

    def evaluate(x, vectors, params, leak):
        # Displacements of a wrong sign on some edges only, and a ReLU of vectors.
        r = vectors.blocks[0][..., 0]
        r = r + leak[0] * jnp.abs(r)
        x = x.map(lambda block: block + leak[1] * jnp.maximum(block, 0))
        moved = edge_layers.with_displacements(given, r)
        return LAYERS[name].apply(params, x, moved, edge_features=given.edges["pairs"])

    errors = [
        audit.equivariance_error(
            evaluate, x, vectors, edge_params(name), np.float32(leak), dtype=dtype, num_samples=3
        ).max
        for leak in ((0, 0), (1, 0), (0, 1))
    ]
    assert errors[0] < tolerance, errors
    assert errors[1] > 1e-2 and errors[2] > 1e-2


@pytest.mark.parametrize(
    ("name", "num_neighbours"),
    [
        ("Convolution", None),
        pytest.param("Convolution", 3.0, marks=pytest.mark.slow),
        pytest.param("NeighbourAttention", None, marks=pytest.mark.slow),
        pytest.param("EquivariantGraphAttention", None, marks=pytest.mark.slow),
    ],
)
def test_layouts_agree_and_padding_changes_nothing_to_the_bit(
    edge_inputs, edge_params, name, num_neighbours
):
    x, given = edge_inputs
    layer, params = LAYERS[name], edge_params(name)
    if num_neighbours is not None:
        layer = layer.clone(num_neighbours=num_neighbours)
    expected, rows = gradients(layer, params, x, given)
    assert all(np.abs(leaf).max() > 1e-4 for leaf in jax.tree.leaves(expected))
    sparse, padded = edge_layers.pad(given, x, 0.0)
    first = gradients(layer, params, padded, sparse)
    assert_close(first[1], rows)
    assert_close(first[0][0], expected[0], 1e-4)
    flat = expected[1].map(lambda block: block.reshape(-1, *block.shape[2:]))
    assert_close(first[0][1].map(lambda block: block[: BATCH * N]), flat, 1e-4)
    assert_close(first[0][2][:EDGES], expected[2].reshape(-1, 3), 1e-4)
    np.testing.assert_array_equal(first[0][2][EDGES:], 0)
    for filler in (7.0, np.nan, np.inf):
        sparse, padded = edge_layers.pad(given, x, filler)
        found = gradients(layer, params, padded, sparse)
        jax.tree.map(np.testing.assert_array_equal, found, first)


@EVERY_LAYER
def test_order_of_nodes(edge_inputs, edge_params, name):
    x, given = edge_inputs
    layer, params = LAYERS[name], edge_params(name)
    order = np.random.default_rng(5).permutation(N)
    pairs = np.random.default_rng(6).normal(size=(BATCH, N, N, 1)).astype(np.float32)
    positions = given.nodes["positions"]
    expected = apply(layer, params, x, edge_layers.make_graph(positions, pairs))
    moved = edge_layers.make_graph(positions[:, order], pairs[:, order][:, :, order])
    found = apply(layer, params, x.map(lambda block: block[:, order]), moved)
    assert_close(found, expected.map(lambda block: block[:, order]))
    torn = apply(layer, params, x, moved)
    with pytest.raises(AssertionError):
        assert_close(torn, expected.map(lambda block: block[:, order]), 1e-2)


@EVERY_LAYER
def test_coincident_nodes_have_finite_derivatives(edge_inputs, edge_params, name):
    x, given = edge_inputs
    displacements = given.edges["displacements"].at[0, 0].set(0)
    at = edge_layers.with_displacements(given, displacements)
    for leaf in jax.tree.leaves(gradients(LAYERS[name], edge_params(name), x, at)):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 1e-4


@EVERY_LAYER
def test_cutoff_lets_neighbours_leave_smoothly(edge_inputs, edge_params, name):
    x, given = edge_inputs

    def at(distance):
        d = given.edges["displacements"].at[:, 0, 0].set(jnp.array([distance, 0, 0]))
        moved = edge_layers.with_displacements(given, d)
        return apply(LAYERS[name], edge_params(name), x, moved)

    assert_close(at(3.99), at(4.01), 1e-4)
    with pytest.raises(AssertionError):
        assert_close(at(1.0), at(4.01), 1e-2)


@EVERY_LAYER
def test_edges_without_displacements_are_refused(edge_inputs, name):
    x, given = edge_inputs
    for edges in ({"displacement": given.edges["pairs"]}, {}, None):
        with pytest.raises(ValueError, match=rf"{name} reads graph.edges\['displacements'\]"):
            LAYERS[name].init(jax.random.key(0), x, given.replace(edges=edges))
