"""Derivatives where distances and speeds vanish, and true derivatives elsewhere."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.data.nbody_graphs import make_graph
from symjax_models.ops import graph, safe

SMOOTH = ["egnn", "radial_field"]
# Their derivatives take long to compile.
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("leapfrog", "segnn", "tfn")]


def functional(model, params, positions, velocities, interactions, *, sparse=False):
    given = make_graph(positions, velocities, interactions)
    if sparse:
        given = graph.to_sparse(given, num_nodes=14, num_edges=40)
    return jnp.sum(jnp.square(model.apply(params, given)))


@functools.partial(jax.jit, static_argnums=0)
def value_and_gradients(model, params, positions, velocities, interactions):
    """Return the value, and its gradients in positions and velocities."""
    evaluate = jax.value_and_grad(functional, argnums=(2, 3))
    return evaluate(model, params, positions, velocities, interactions)


@functools.partial(jax.jit, static_argnums=0, static_argnames="sparse")
def two_derivatives(model, params, positions, velocities, interactions, *, sparse=False):
    """Return gradients in parameters, positions and velocities, and a product with the Hessian."""

    def gradients(*point):
        evaluate = functools.partial(functional, sparse=sparse)
        return jax.grad(evaluate, argnums=(1, 2, 3))(model, *point, interactions)

    point = (params, positions, velocities)
    tangent = jax.tree.map(
        lambda leaf: jnp.cos(jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape), point
    )
    return jax.jvp(gradients, point, tangent)


@pytest.fixture
def layer(case):
    """The model with its first layer only, which meets the singular points; parameters fit."""
    if case.name == "leapfrog":  # which measures its accelerations in the second step
        return case.model
    return case.model.clone(num_layers=1)


def degenerate_points(case):
    """Return arguments with two coincident particles and one at rest, and with all of either."""
    x, v, q = (np.float32(a) for a in case.arguments[:3])
    pair, rest = x.copy(), v.copy()
    pair[:, 1] = pair[:, 0]
    rest[:, 0] = 0
    return (case.params, pair, rest, q), (case.params, np.zeros_like(x), np.zeros_like(v), q)


def are_finite(tree):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("case", [*SMOOTH, *SLOW], indirect=True)
def test_derivatives_are_finite_with_coincident_and_resting_particles(case, layer):
    for point in degenerate_points(case):
        assert are_finite(two_derivatives(layer, *point))


# Padding of an edge list is coincident too: a node with itself.
@pytest.mark.parametrize("case", ["radial_field", *SLOW], indirect=True)
def test_derivatives_are_finite_on_the_edge_list(case, layer):
    for point in degenerate_points(case):
        assert are_finite(two_derivatives(layer, *point, sparse=True))


@pytest.mark.parametrize("case", ["radial_field"], indirect=True)
def test_naive_norm_has_no_gradient_there(case, layer, monkeypatch):
    def naive(x, *, axis=-1, keepdims=False):
        return jnp.linalg.norm(x, axis=axis, keepdims=keepdims)

    monkeypatch.setattr(safe, "norm", naive)
    # Not compiled: nothing made with the safe norm can be looked up.
    gradient = jax.grad(functional, argnums=(2, 3))
    assert not are_finite(gradient(layer, *degenerate_points(case)[0]))


@pytest.fixture
def double(case):
    """The model in float64, as a function of positions and velocities."""
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), case.params)
        yield lambda x, v: value_and_gradients(case.model, params, x, v, case.interactions)


@pytest.mark.parametrize("case", [*SMOOTH, "leapfrog", *SLOW[1:]], indirect=True)
def test_gradients_equal_finite_differences(case, double):
    x, v = case.positions, case.velocities
    _, gradients = double(x, v)
    directions = np.random.default_rng(0).normal(size=(2, *x.shape))
    for gradient, direction, moves in zip(gradients, directions, np.eye(2), strict=True):
        ends = [
            double(x + step * moves[0] * direction, v + step * moves[1] * direction)[0]
            for step in (1e-5, -1e-5)
        ]
        expected = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-7)


# The part of the tests above that shares what the last one has compiled.
@pytest.mark.parametrize("case", ["leapfrog"], indirect=True)
def test_gradients_are_finite_with_coincident_and_resting_particles(case, double):
    for _, x, v, _ in degenerate_points(case):
        assert are_finite(double(np.float64(x), np.float64(v)))


# Directions, and harmonics of them, jump at coincidence.
@pytest.mark.parametrize("case", SMOOTH, indirect=True)
def test_gradient_at_coincidence_is_the_limit_from_nearby(case, double):
    # The pull (x_i - x_j) phi(r) has a continuous derivative; a wrong one at r = 0 would jump.
    pair = case.positions.copy()
    pair[:, 1] = pair[:, 0]
    apart = pair + 1e-7 * np.random.default_rng(0).normal(size=pair.shape)
    at_pair, nearby, elsewhere = (
        double(x, case.velocities)[1][0] for x in (pair, apart, case.positions)
    )
    scale = np.abs(at_pair).max()
    assert np.abs(at_pair - nearby).max() < 1e-5 * scale
    assert np.abs(at_pair - elsewhere).max() > 1e-2 * scale
