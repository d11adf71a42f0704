"""Derivatives where distances and speeds vanish."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.data.nbody_graphs import make_graph
from symjax_models.ops import graph, safe


@functools.partial(jax.jit, static_argnums=(0, 1))
def derivatives(model, to_layout, params, positions, velocities, interactions):
    """Return value, gradients and a Hessian-vector product in all arguments but the last."""

    def functional(params, positions, velocities):
        given = to_layout(make_graph(positions, velocities, interactions))
        return jnp.sum(jnp.square(model.apply(params, given)))

    point = (params, positions, velocities)
    tangent = jax.tree.map(lambda leaf: jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), point)
    every = jax.value_and_grad(functional, argnums=(0, 1, 2))
    return jax.jvp(every, point, jax.tree.map(lambda t, x: t.astype(x.dtype), tangent, point))


def dense(given):
    return given


def sparse(given):
    return graph.to_sparse(given, num_nodes=14, num_edges=40)


def degenerate_points(case):
    """Yield arguments with two coincident particles, one at rest, and with all of either."""
    x, v, q = (np.float32(a) for a in case.arguments[:3])
    pair, rest = x.copy(), v.copy()
    pair[:, 1] = pair[:, 0]
    rest[:, 0] = 0
    yield case.params, pair, rest, q
    yield case.params, np.zeros_like(x), np.zeros_like(v), q


@pytest.mark.parametrize("layout", [dense, sparse], ids=lambda f: f.__name__)
def test_derivatives_are_finite_with_coincident_and_resting_particles(case, layout):
    for point in degenerate_points(case):
        for leaf in jax.tree.leaves(derivatives(case.model, layout, *point)):
            assert np.isfinite(leaf).all()


@pytest.mark.parametrize("case", ["egnn", "radial_field"], indirect=True)
def test_naive_norm_has_no_derivatives_there(case, monkeypatch):
    def naive(x, *, axis=-1, keepdims=False):
        return jnp.linalg.norm(x, axis=axis, keepdims=keepdims)

    monkeypatch.setattr(safe, "norm", naive)
    point = next(degenerate_points(case))
    # A new function: what is compiled with the safe norm is not looked up.
    found = derivatives(case.model, lambda given: given, *point)
    assert not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("case", ["egnn", "radial_field"], indirect=True)
def test_gradient_at_coincidence_is_the_limit_from_nearby(case):
    # The pull (x_i - x_j) phi(r) has a continuous derivative; a wrong one at r = 0 would jump.
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), case.params)
        x, v, q = case.arguments[:3]
        pair = x.copy()
        pair[:, 1] = pair[:, 0]
        apart = pair + 1e-7 * np.random.default_rng(0).normal(size=x.shape)
        gradients = [
            derivatives(case.model, dense, params, point, v, q)[0][1] for point in (pair, apart, x)
        ]
    for at_pair, nearby, elsewhere in zip(*map(jax.tree.leaves, gradients), strict=True):
        scale = max(np.abs(at_pair).max(), 1e-3)
        assert np.abs(at_pair - nearby).max() < 1e-4 * scale
    assert np.abs(at_pair - elsewhere).max() > 1e-2 * scale


@pytest.mark.parametrize("case", ["egnn", "gnn", "radial_field"], indirect=True)
def test_gradient_equals_finite_differences(case):
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), case.params)
        x, v, q = case.arguments[:3]
        (_, (_, of_x, of_v)), _ = derivatives(case.model, dense, params, x, v, q)
        rng = np.random.default_rng(0)
        step = 1e-5
        for index, gradient in ((0, of_x), (1, of_v)):
            direction = rng.normal(size=x.shape)
            ends = []
            for sign in (1, -1):
                moved = [x, v]
                moved[index] = moved[index] + sign * step * direction
                ends.append(derivatives(case.model, dense, params, *moved, q)[0][0])
            expected = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-7)
