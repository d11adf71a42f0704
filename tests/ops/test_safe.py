"""Values against NumPy in float64, and derivatives where the textbook formulas have none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import safe

VECTORS = np.random.default_rng(0).normal(size=(7, 3))
SCALES = [1e-30, 1e-20, 1.0, 1e15, 1e30]


def derivatives(function, x):
    """Return value, gradient and Hessian of a function to a number, computed at once."""
    evaluate = jax.jit(lambda x: (function(x), jax.grad(function)(x), jax.hessian(function)(x)))
    return jax.tree.map(np.asarray, evaluate(x))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("compile_it", [jax.jit, lambda f: f], ids=["jit", "eager"])
def test_norm_is_exact_at_every_scale(scale, compile_it):
    x = (scale * VECTORS).astype(np.float32)
    expected = np.linalg.norm(x.astype(np.float64), axis=-1)
    lengths = compile_it(safe.norm)(x)
    assert lengths.dtype == np.float32
    np.testing.assert_allclose(lengths, expected, rtol=3e-7)


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1.0, 1e200])
def test_norm_is_exact_in_double_precision(scale):
    # Nothing is added under the root: an epsilon of 1e-16 would show at 1e-8 and below.
    with jax.enable_x64(True):
        lengths = np.asarray(safe.norm(scale * VECTORS))
    assert lengths.dtype == np.float64
    np.testing.assert_allclose(lengths, scale * np.linalg.norm(VECTORS, axis=-1), rtol=4e-16)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_norm_reduces_the_axis_asked_for(axis):
    x = np.arange(1.0, 25.0, dtype=np.float32).reshape(2, 3, 4)
    expected = np.linalg.norm(x.astype(np.float64), axis=axis, keepdims=True)
    kept = safe.norm(x, axis=axis, keepdims=True)
    np.testing.assert_allclose(kept, expected, rtol=3e-7)
    np.testing.assert_array_equal(safe.norm(x, axis=axis), kept.squeeze(axis))


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
def test_norm_has_the_derivatives_of_the_formula_away_from_zero(scale):
    x = (scale * VECTORS[0]).astype(np.float32)
    length = np.linalg.norm(x.astype(np.float64))
    direction = x / length
    _, gradient, hessian = derivatives(safe.norm, x)
    np.testing.assert_allclose(gradient, direction, rtol=1e-6)
    expected = np.eye(3) - np.outer(direction, direction)
    np.testing.assert_allclose(hessian * length, expected, atol=1e-6)


def test_norm_and_derivatives_are_zero_at_the_zero_vector():
    for found in derivatives(safe.norm, jnp.zeros(3)):
        np.testing.assert_array_equal(found, np.zeros_like(found))


def test_naive_norm_has_no_derivative_at_the_zero_vector():
    _, gradient, hessian = derivatives(jnp.linalg.norm, jnp.zeros(3))
    assert np.isnan(gradient).all() and np.isnan(hessian).all()


def test_norm_of_one_zero_vector_spares_the_others():
    x = VECTORS.astype(np.float32)
    x[2] = 0
    weights = np.arange(1.0, 8.0, dtype=np.float32)
    gradient = jax.grad(lambda x: jnp.sum(weights * safe.norm(x)))(x)
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    lengths[2] = 1
    np.testing.assert_allclose(gradient, weights[:, None] * x / lengths, rtol=1e-6)


def test_square_root_is_exact_with_zero_derivatives_at_zero():
    x = np.array([0.0, 2e-38, 1e-12, 0.25, 1.0, 1e38], np.float32)
    np.testing.assert_allclose(safe.sqrt(x), np.sqrt(x.astype(np.float64)), rtol=2e-7)
    for found in derivatives(safe.sqrt, jnp.zeros(())):
        assert found == 0
    _, gradient, hessian = derivatives(safe.sqrt, jnp.float32(4.0))
    assert gradient == pytest.approx(1 / 4) and hessian == pytest.approx(-1 / 32)


def test_naive_square_root_has_infinite_derivative_at_zero():
    _, gradient, _ = derivatives(jnp.sqrt, jnp.zeros(()))
    assert not np.isfinite(gradient)


def test_square_root_of_negative_numbers_is_said_and_not_hidden():
    assert np.isnan(safe.sqrt(jnp.float32(-1.0)))


@pytest.mark.parametrize("compile_it", [jax.jit, lambda f: f], ids=["jit", "eager"])
def test_quotient_is_exact_and_zero_where_the_denominator_is(compile_it):
    numerators = np.array([[1.0], [-2e30], [0.0], [3e-30]], np.float32)
    denominators = np.array([0.0, 7.0, -1e-5, 1e5], np.float32)
    quotients = np.asarray(compile_it(safe.divide)(numerators, denominators))
    np.testing.assert_array_equal(quotients[:, 0], np.zeros(4))
    expected = numerators.astype(np.float64) / denominators[1:].astype(np.float64)
    np.testing.assert_allclose(quotients[:, 1:], expected, rtol=2e-7)


@pytest.mark.parametrize("numerator", [0.0, 3.0])
def test_quotient_and_derivatives_are_zero_at_zero_denominator(numerator):
    for found in derivatives(lambda x: safe.divide(x[0], x[1]), jnp.array([numerator, 0.0])):
        np.testing.assert_array_equal(found, np.zeros_like(found))
    _, gradient, _ = derivatives(lambda x: x[0] / x[1], jnp.array([numerator, 0.0]))
    assert not np.isfinite(gradient).all()


def test_quotient_has_the_derivatives_of_the_formula_elsewhere():
    _, gradient, hessian = derivatives(lambda x: safe.divide(x[0], x[1]), jnp.array([3.0, 2.0]))
    np.testing.assert_allclose(gradient, [1 / 2, -3 / 4], rtol=1e-6)
    np.testing.assert_allclose(hessian, [[0, -1 / 4], [-1 / 4, 3 / 4]], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_unit_vectors_have_their_derivatives_at_every_scale(scale):
    v = jnp.array([3.0, 4.0]) * scale
    np.testing.assert_allclose(safe.unit(v), [0.6, 0.8], rtol=1e-6)
    jacobian = jax.jacobian(safe.unit)(v) * scale
    np.testing.assert_allclose(jacobian, np.array([[16, -12], [-12, 9]]) / 125, rtol=1e-5)


def test_unit_and_its_derivatives_are_zero_at_the_zero_vector():
    zero = jnp.zeros((3, 2))
    assert not np.any(safe.unit(zero, axis=0))
    second = jax.jacobian(jax.jacobian(lambda v: safe.unit(v, axis=0)))(zero)
    assert not np.any(second)


def test_largest_entries_share_the_gradient():
    x = jnp.array([[1.0, 3.0, 3.0], [2.0, 0.0, -1.0]])
    np.testing.assert_array_equal(safe.maximum_over(x, axis=-1), [3, 2])
    slope = jax.grad(lambda x: safe.maximum_over(x, axis=-1).sum())(x)
    np.testing.assert_array_equal(slope, [[0, 0.5, 0.5], [1, 0, 0]])
