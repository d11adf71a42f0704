"""Products on edges and their sums on nodes: loops, layouts, padding, symmetry, forces."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, reps
from symjax_models.ops import graph, message_passing
from symjax_models.ops.tensor_products import TensorProductPlan, edge_products, graph_convolution
from symjax_models.reps.rotation import clebsch_gordan

BATCH, N = 2, 3
EDGES = BATCH * N * (N - 1)
PLAN = TensorProductPlan(
    *(reps.parse_irreps(text) for text in ("2x0e+2x1o", "0e+1o", "2x0e+2x1o+2x1e"))
)
VECTOR = reps.parse_irreps("1o")


@functools.partial(jax.jit, static_argnums=0, static_argnames="backend")
def convolve(plan, given, x, displacements, weights, *, backend="auto"):
    return {
        "products": edge_products(plan, given, x, displacements, weights, backend=backend),
        "sums": graph_convolution(plan, given, x, displacements, weights, backend=backend),
    }


def draw(plan=PLAN, dtype=np.float32):
    """Return a dense graph, features, and displacements and weights of its edges."""
    rng = np.random.default_rng(0)
    positions = jnp.asarray(rng.normal(size=(BATCH, N, 3)), dtype)
    given = graph.complete({"positions": positions})
    displacements = message_passing.displacements(given, positions)
    x = reps.RepArray.from_flat(
        plan.rep1, jnp.asarray(rng.normal(size=(BATCH, N, plan.rep1.dim)), dtype)
    )
    shape = (BATCH, N, N - 1, plan.num_paths, plan.num_channels)
    return given, x, displacements, jnp.asarray(rng.normal(size=shape), dtype)


def pad(given, x, displacements, weights, filler):
    """Return the edge list, with two nodes and three edges more that hold `filler`."""
    given = given.replace(edges={"displacements": displacements, "weights": weights})
    sparse = graph.to_sparse(given, num_nodes=BATCH * N + 2, num_edges=EDGES + 3)

    def fill(mask, values):
        return jnp.where(mask.reshape(-1, *[1] * (values.ndim - 1)), values, filler)

    flat = x.map(lambda b: jnp.pad(b.reshape(-1, *b.shape[2:]), [(0, 2), (0, 0), (0, 0)]))
    flat = flat.map(lambda block: fill(sparse.node_mask, block))
    edges = (fill(sparse.edge_mask, sparse.edges[name]) for name in ("displacements", "weights"))
    return sparse, flat, *edges


def flatten(features, axes):
    return features.map(lambda block: block.reshape(-1, *block.shape[axes:]))


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def products_by_loops(x, displacements, weights):
    """Couple the sender's features with the harmonics of every edge, path by path."""
    directions = displacements / np.linalg.norm(displacements, axis=-1, keepdims=True)
    y = np.concatenate([np.ones((BATCH, N, N - 1, 1)), np.sqrt(3) * directions], axis=-1)
    results = [np.zeros((BATCH, N, N - 1, term.dim, m)) for m, term in PLAN.rep_out.terms]
    for b, i, k in np.ndindex(BATCH, N, N - 1):
        j = (i + k + 1) % N
        for p, path in enumerate(PLAN.paths):
            _, l2, _ = path.degrees
            block, harmonic = x.blocks[path.index1][b, j], y[b, i, k, l2 * l2 : (l2 + 1) ** 2]
            tensor = path.normalization * clebsch_gordan(*path.degrees)
            coupled = np.einsum("abc,ad,b->cd", tensor, block, harmonic)
            results[path.index_out][b, i, k] += coupled * weights[b, i, k, p]
    return results


@pytest.mark.parametrize("backend", ["auto", "dense", "sparse"])
def test_equals_loops_on_both_layouts(backend):
    arguments = draw()
    expected = products_by_loops(*arguments[1:])
    dense = convolve(PLAN, *arguments, backend=backend)
    assert dense["products"].rep == dense["sums"].rep == PLAN.rep_out
    assert_close(dense["products"].blocks, expected)
    assert_close(dense["sums"].blocks, [np.sum(block, axis=2) for block in expected])
    sparse = convolve(PLAN, *pad(*arguments, np.nan), backend=backend)
    found = sparse["products"].map(lambda block: block[:EDGES])
    assert_close(found, flatten(dense["products"], 3))
    found = sparse["sums"].map(lambda block: block[: BATCH * N])
    assert_close(found, flatten(dense["sums"], 2))
    # What padding sends is zero, not only what is received.
    for block in sparse["products"].blocks:
        np.testing.assert_array_equal(block[EDGES:], 0)


@jax.jit
def gradients(given, x, displacements, weights):
    def functional(x, displacements, weights):
        z = graph_convolution(PLAN, given, x, displacements, weights)
        return jnp.sum(jnp.sin(z.flat[: BATCH * N]))

    return jax.value_and_grad(functional, argnums=(0, 1, 2))(x, displacements, weights)


def test_what_padding_holds_changes_nothing_to_the_bit():
    arguments = draw()
    expected = gradients(*pad(*arguments, 0.0))
    assert all(np.abs(leaf).max() > 1e-2 for leaf in jax.tree.leaves(expected))
    for filler in (7.0, np.nan, np.inf):
        found = gradients(*pad(*arguments, filler))
        jax.tree.map(np.testing.assert_array_equal, found, expected)
    # Without the mask it would.
    given, *arrays = pad(*arguments, 7.0)
    given = given.replace(
        edge_mask=jnp.ones_like(given.edge_mask), receivers=given.receivers.at[EDGES:].set(0)
    )
    assert np.abs(gradients(given, *arrays)[0] - expected[0]) > 1e-2


def test_mask_on_the_dense_axis_leaves_edges_out():
    given, x, displacements, weights = draw()
    mask = np.random.default_rng(1).random((BATCH, N, N - 1)) < 0.5
    mask[0, 0] = False  # a node without neighbours
    filled = [
        jnp.where(mask.reshape(*mask.shape, *[1] * (a.ndim - 3)), a, np.nan)
        for a in (displacements, weights)
    ]
    found = convolve(PLAN, given.replace(edge_mask=jnp.asarray(mask)), x, *filled)["sums"]
    messages = convolve(PLAN, given, x, displacements, weights)["products"]
    expected = [np.sum(np.where(mask[..., None, None], b, 0), axis=2) for b in messages.blocks]
    assert_close(found.blocks, expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_rotations_and_reflections(dtype, tolerance):
    # On half of the edges the displacement changes its sign with the last argument.
    given, x, displacements, weights = draw()
    half = jnp.arange(N - 1) % 2 == 0

    def evaluate(x, vectors, weights, sign):
        vectors = vectors.blocks[0][..., 0]
        vectors = jnp.where(half[:, None], vectors, vectors + sign * jnp.abs(vectors))
        return convolve(PLAN, given, x, vectors, weights)["sums"]

    vectors = reps.RepArray(VECTOR, [displacements[..., None]])
    errors = [
        audit.equivariance_error(
            evaluate, x, vectors, weights, np.float32(sign), dtype=dtype, num_samples=3
        )
        for sign in (0, 1)
    ]
    assert errors[0].max < tolerance, errors[0]
    assert errors[1].max > 1e-2


def test_order_of_nodes_and_one_direction_of_edges():
    given, x, displacements, weights = draw()
    sparse, *arrays = pad(given, x, displacements, weights, 0.0)
    expected = convolve(PLAN, sparse, *arrays)["sums"]
    order = np.random.default_rng(2).permutation(BATCH * N + 2)
    rank = np.argsort(order)
    moved = sparse.replace(senders=rank[sparse.senders], receivers=rank[sparse.receivers])
    renamed = [arrays[0].map(lambda block: block[order]), *arrays[1:]]
    assert_close(convolve(PLAN, moved, *renamed)["sums"], expected.map(lambda b: b[order]))
    # The other end of the edges is another graph.
    torn = sparse.replace(senders=sparse.receivers, receivers=sparse.senders)
    with pytest.raises(AssertionError):
        assert_close(convolve(PLAN, torn, *arrays)["sums"], expected, 1e-2)


@pytest.mark.parametrize("max_degree", [1, 2])
def test_forces_are_gradients(max_degree):
    harmonics = reps.harmonic_irreps(max_degree)
    plan = TensorProductPlan(VECTOR, harmonics, VECTOR)
    with jax.enable_x64(True):
        given, x, _, weights = draw(plan, np.float64)
        positions = given.nodes["positions"]

        @jax.jit
        def energy(positions):
            displacements = message_passing.displacements(given, positions)
            # Weights that depend on distances, as they do in layers.
            w = weights * jnp.exp(-jnp.sum(jnp.square(displacements), -1))[..., None, None]
            z = graph_convolution(plan, given, x, displacements, w)
            return jnp.sum(jnp.sin(z.flat))

        direction = np.random.default_rng(3).normal(size=positions.shape)
        step = 1e-5 * direction
        expected = (energy(positions + step) - energy(positions - step)) / 2e-5
        found = jnp.vdot(jax.grad(energy)(positions), direction)
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_edges_of_length_zero_have_the_scalar_harmonic_alone():
    given, x, displacements, weights = draw()
    at_zero = convolve(PLAN, given, x, jnp.zeros_like(displacements), weights)["products"]
    scalar = np.array([path.degrees[1] == 0 for path in PLAN.paths])
    alone = convolve(PLAN, given, x, displacements, weights * scalar[:, None])["products"]
    assert_close(at_zero, alone)


def test_derivatives_are_finite_at_edges_of_length_zero():
    plan = TensorProductPlan(VECTOR, VECTOR, reps.parse_irreps("0e"))
    given, x, displacements, weights = draw(plan)

    @jax.jit
    def two_derivatives(point, along):
        def functional(displacements):
            z = graph_convolution(plan, given, x, displacements, weights)
            return jnp.sum(jnp.sin(z.flat))

        return jax.jvp(jax.grad(functional), (point,), (along,))

    gradient, curvature = two_derivatives(displacements.at[0, 0].set(0), displacements)
    assert np.isfinite(gradient).all() and np.isfinite(curvature).all()
    assert not np.any(gradient[0, 0])
    assert np.abs(gradient[1]).max() > 1e-2


def test_one_node_has_no_neighbours():
    given, x, displacements, weights = draw()
    alone = graph.complete({"positions": given.nodes["positions"][:, :1]})
    x = x.map(lambda block: block[:, :1])
    z = convolve(PLAN, alone, x, displacements[:, :1, :0], weights[:, :1, :0])
    assert z["products"].shape == (BATCH, 1, 0)
    assert z["sums"].shape == (BATCH, 1)
    np.testing.assert_array_equal(z["sums"].flat, 0)


def test_whole_numbers_are_weights():
    given, x, displacements, weights = draw()
    whole = jnp.round(3 * weights)
    found = convolve(PLAN, given, x, displacements, whole.astype(int), backend="dense")
    expected = convolve(PLAN, given, x, displacements, whole, backend="dense")
    assert_close(found["products"], expected["products"])


def test_auto_is_so2():
    arguments = draw()
    traced = {
        backend: str(
            jax.make_jaxpr(functools.partial(graph_convolution, PLAN, backend=backend))(*arguments)
        )
        for backend in ("auto", "so2", "dense")
    }
    assert traced["auto"] == traced["so2"] != traced["dense"]


def test_what_is_refused():
    given, x, displacements, weights = draw()
    sparse, *arrays = pad(given, x, displacements, weights, 0.0)
    sentence = "unknown backend 'so3'; did you mean 'so2'. known are auto, dense, so2, sparse"
    for function in (edge_products, graph_convolution):
        with pytest.raises(ValueError, match=sentence):
            function(PLAN, given, x, displacements, weights, backend="so3")
        with pytest.raises(ValueError, match=sentence):
            function(PLAN, sparse, *arrays, backend="so3")
        with pytest.raises(ValueError, match=r"weights have shape \[..., 5, 2\], one per path"):
            function(PLAN, given, x, displacements, weights[..., :3, :])
    axial = TensorProductPlan(PLAN.rep1, reps.parse_irreps("1e"), reps.parse_irreps("2x1e"))
    with pytest.raises(ValueError, match=r"parity \(-1\)\^l, but rep2 is 1x1e"):
        edge_products(axial, given, x, displacements, weights[..., :1, :], backend="dense")
