"""The model of dot products: its symmetry, its reach and its refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.models import GramMLP


def make_case(group, *, num_vectors=3, dtype=jnp.float32):
    """Return a model from scalars and vectors to scalars and matrices, parameters and inputs."""
    scalar, vector = reps.scalar(group), reps.vector(group)
    rep_in = 2 * scalar + num_vectors * vector
    x = reps.normal(jax.random.key(0), rep_in, (4,), dtype=dtype)
    model = GramMLP(2 * scalar + 2 * (vector * vector), features=8, num_layers=2)
    return model, jax.jit(model.init)(jax.random.key(1), x), x


@pytest.mark.parametrize(
    "group", [groups.O(5), groups.SO(3), groups.IndefiniteO(1, 3), groups.Lorentz()], ids=repr
)
def test_value_is_equivariant_in_both_precisions(group):
    model, params, x = make_case(group)
    errors = {
        dtype: audit.equivariance_error(model.apply, params, x, dtype=dtype).max
        for dtype in ("float32", "float64")
    }
    # Boosts stretch by up to e, squares by e^2, and rounding with them.
    factor = 1 if group.is_orthogonal else 10
    assert errors["float32"] < factor * 5e-6
    assert errors["float64"] < factor * 1e-12


def test_control_the_metric_matters():
    # The dot products of the identity are no invariants of the Lorentz group.
    model, params, x = make_case(groups.O(4))
    lorentz = groups.IndefiniteO(1, 3)
    scalar, vector = reps.scalar(lorentz), reps.vector(lorentz)
    typed_in, typed_out = 2 * scalar + 3 * vector, 2 * scalar + 2 * (vector * vector)

    def wrong_metric(params, y):
        return reps.RepArray(typed_out, model.apply(params, reps.RepArray(x.rep, y.blocks)).blocks)

    y = reps.RepArray(typed_in, x.blocks)
    assert audit.equivariance_error(wrong_metric, params, y).max > 1e-2


def test_features_are_the_entries_of_the_gram_matrix_once():
    group = groups.IndefiniteO(1, 3)
    model = GramMLP(reps.scalar(group), features=8)
    x = reps.normal(jax.random.key(0), 4 * reps.vector(group), (2,))
    params = jax.eval_shape(model.init, jax.random.key(1), x)["params"]
    assert params["mlp"]["Dense_0"]["kernel"].shape == (10, 8)


def test_coefficients_reach_every_matrix_and_the_metric():
    """With constant coefficients the output is the sum that the docstring states."""
    group = groups.IndefiniteO(1, 3)
    vector = reps.vector(group)
    model = GramMLP(vector * vector, features=8, num_layers=1)
    x = reps.normal(jax.random.key(0), 2 * vector, (3,))
    params = jax.tree.map(jnp.zeros_like, jax.eval_shape(model.init, jax.random.key(1), x))
    coefficients = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0])
    params["params"]["mlp"]["Dense_1"]["bias"] = coefficients
    first, second = np.moveaxis(np.asarray(x[vector], np.float64), -1, 0)
    expected = 5.0 * group.metric
    for c, a, b in [(1, first, first), (2, first, second), (3, second, first), (4, second, second)]:
        expected = expected + c / 2 * a[:, :, None] * b[:, None, :]
    found = model.apply(params, x).flat.reshape(3, 4, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_derivatives_are_finite_at_zero_vectors():
    model, params, x = make_case(groups.O(3))
    zero = x.map(jnp.zeros_like)

    def total(x):
        return jnp.sum(jnp.square(model.apply(params, x).flat))

    gradient = jax.jit(jax.grad(total))(zero)
    second = jax.jit(jax.grad(lambda x: jnp.sum(jax.grad(total)(x).flat)))(zero)
    assert np.isfinite(gradient.flat).all() and np.isfinite(second.flat).all()


def test_what_it_cannot_do_is_refused():
    group = groups.O(3)
    scalar, vector = reps.scalar(group), reps.vector(group)
    x = reps.normal(jax.random.key(0), 2 * vector, (2,))
    matrix = reps.normal(jax.random.key(0), vector * vector, (2,))
    key = jax.random.key(1)
    with pytest.raises(ValueError, match=r"takes scalars and vectors, got V\*V of O\(3\)"):
        GramMLP(scalar).init(key, matrix)
    with pytest.raises(ValueError, match=r"gives scalars and V\*V, got V of O\(3\)"):
        GramMLP(vector).init(key, x)
    with pytest.raises(ValueError, match="got no vector"):
        GramMLP(scalar).init(key, reps.normal(key, 2 * scalar, (2,)))
    shear = groups.SL(2)
    with pytest.raises(ValueError, match="needs a group with a metric"):
        GramMLP(reps.scalar(shear)).init(key, reps.normal(key, reps.vector(shear), (2,)))
