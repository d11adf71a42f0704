"""Invariants of positions and orientations, polynomials of them, and the two convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops import position_orientation
from symjax_models.ops.graph import complete, to_sparse
from symjax_models.ops.orientation_grids import orientation_grid

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_invariants_do_not_change_when_displacements_and_orientations_turn(dimension, dtype):
    x, o = RNG.normal(size=(2, 7, dimension))
    o /= np.linalg.norm(o, axis=-1, keepdims=True)
    kinds = {"inputs": ("vector", "vector"), "output": "scalar", "permutations": False}
    audit.assert_equivariant(
        lambda x, o: position_orientation.pair_invariants(x, o[:, None])[:, 0],
        x, o, **kinds, dtype=dtype, reflections=dimension == 3,
    )  # fmt: skip
    # The control: orientations that stay behind.
    fixed = lambda dtype: jnp.asarray(o, dtype)[:, None]  # noqa: E731
    error = audit.equivariance_error(
        lambda x, _: position_orientation.pair_invariants(x, fixed(x.dtype))[:, 0],
        x, o, **kinds, dtype=dtype, reflections=dimension == 3,
    )  # fmt: skip
    assert error.max > 1e-2


def test_invariants_in_the_plane_tell_left_from_right():
    x, o = jnp.array([[1.0, 2.0], [1.0, -2.0]]), jnp.array([[1.0, 0.0]])
    found = position_orientation.pair_invariants(x, o)[:, 0]
    np.testing.assert_allclose(found, [[1, 2], [1, -2]])


def test_derivatives_are_finite_at_zero_and_along_an_orientation():
    orientation = jnp.array([[0.0, 0.0, 1.0]])
    total = lambda x: position_orientation.pair_invariants(x, orientation).sum()  # noqa: E731
    for x in (jnp.zeros(3), jnp.array([0.0, 0.0, 2.0])):
        assert jnp.all(jnp.isfinite(jax.grad(total)(x)))
        assert jnp.all(jnp.isfinite(jax.hessian(total)(x)))


def test_invariants_of_a_grid_do_not_change_when_it_turns():
    for dimension, components in ((2, 2), (3, 1)):
        grid = orientation_grid(6, dimension=dimension)
        turn = np.linalg.qr(RNG.normal(size=(dimension, dimension)))[0]
        turn[:, 0] *= np.linalg.det(turn)
        found = position_orientation.orientation_invariants(grid)
        assert found.shape == (6, 6, components)
        turned = position_orientation.orientation_invariants(grid @ turn.T)
        np.testing.assert_allclose(found, turned, atol=1e-14)


def test_polynomials_of_normal_variables_have_mean_square_one():
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    weights = np.outer(weights, weights).ravel() / weights.sum() ** 2
    x = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    with jax.enable_x64(True):
        values = np.asarray(position_orientation.polynomials(jnp.asarray(x), degree=3))
    assert values.shape == (64, 10)
    np.testing.assert_allclose(weights @ values**2, 1, rtol=1e-12)
    # All of them, and each once.
    assert np.linalg.matrix_rank(values) == 10


def test_sum_over_neighbours_is_the_same_in_every_layout():
    nodes, count, channels = 4, 3, 2
    features = jnp.asarray(RNG.normal(size=(2, nodes, count, channels)), jnp.float32)
    kernel = RNG.normal(size=(2, nodes, nodes, count, channels)).astype(np.float32)
    kernel[:, np.arange(nodes), np.arange(nodes)] = own = np.float32([0.5, -2.0])
    expected = np.einsum("bijoc,bjoc->bioc", kernel, features)

    neighbours = np.broadcast_to(np.arange(nodes), (2, nodes, nodes))
    found = position_orientation.convolve_positions(kernel, features, neighbours=neighbours)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)

    pairs = kernel.reshape(2, nodes, nodes, -1)
    dense = complete({"f": features.reshape(2, nodes, -1)}, pairs={"k": pairs})
    for graph in (dense, to_sparse(dense, num_nodes=10, num_edges=30)):
        on_edges = graph.edges["k"].reshape(*graph.edges["k"].shape[:-1], count, channels)
        on_nodes = graph.nodes["f"].reshape(*graph.nodes["f"].shape[:-1], count, channels)
        found = position_orientation.convolve_positions(
            on_edges, on_nodes, neighbours=graph, own_kernel=own
        )
        found = found.reshape(-1, count, channels)[: 2 * nodes]
        np.testing.assert_allclose(
            found, expected.reshape(-1, count, channels), rtol=2e-5, atol=1e-6
        )


def test_convolution_over_orientations_is_a_scaled_sum():
    kernel, features = RNG.normal(size=(4, 4, 2)), RNG.normal(size=(3, 4, 2))
    found = position_orientation.convolve_orientations(jnp.asarray(kernel), jnp.asarray(features))
    expected = sum(kernel[:, q] * features[:, None, q] for q in range(4)) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_vectors_that_are_lifted_and_read_again_are_a_third_as_long():
    vectors, scalars = RNG.normal(size=(5, 3, 2)), RNG.normal(size=(5, 1))
    orientations = jnp.asarray(orientation_grid(12))[None]
    lifted = position_orientation.lift(jnp.asarray(scalars), jnp.asarray(vectors), orientations)
    assert lifted.shape == (5, 12, 3)
    np.testing.assert_allclose(lifted[:, 7, 0], scalars[:, 0], rtol=1e-6)
    read = position_orientation.read_vectors(lifted, orientations)
    np.testing.assert_allclose(read[..., 1:], vectors / 3, rtol=1e-5, atol=1e-6)
    # A constant function has no direction.
    np.testing.assert_allclose(read[..., 0], 0, atol=1e-6)


def test_wrong_dimension_is_refused():
    with pytest.raises(ValueError, match="2 or 3 components"):
        position_orientation.pair_invariants(jnp.ones(4), jnp.ones((1, 4)))
