"""Cutoffs against the textbook formulas in float64, and what makes them safe to differentiate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import cutoffs

CUTOFF = 1.7
BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
# Function, the formula as published, and the power of (1 - x/c) that it falls like (0: faster).
KINDS = {
    "polynomial": (
        cutoffs.polynomial_cutoff,
        lambda d: 1 - 28 * d**6 + 48 * d**7 - 21 * d**8,
        3,
    ),
    "smooth": (cutoffs.smooth_cutoff, lambda d: np.exp(1 - 1 / (1 - d**2)), 0),
    "cosine": (cutoffs.cosine_cutoff, lambda d: (1 + np.cos(np.pi * d)) / 2, 2),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def derivatives_of(function):
    """Return value and the first two derivatives of a function of one array, elementwise."""
    slope = jax.grad(lambda x: jnp.sum(function(x)))
    curvature = jax.grad(lambda x: jnp.sum(slope(x)))
    return jax.jit(lambda x: (function(x), slope(x), curvature(x)))


COMPILED = {
    kind: derivatives_of(lambda x, f=function: f(x, cutoff=CUTOFF))
    for kind, (function, _, _) in KINDS.items()
}


def derivatives(kind, fractions, dtype):
    with jax.enable_x64(dtype == np.float64):
        found = COMPILED[kind](np.asarray(CUTOFF * np.asarray(fractions), dtype))
        assert all(x.dtype == dtype for x in found)
        return [np.asarray(x, np.float64) for x in found]


@BOTH
@EVERY
def test_values_and_derivatives_are_those_of_the_formula(kind, dtype):
    fractions = np.linspace(0.02, 0.97, 24)
    formula, step = KINDS[kind][1], 1e-4
    around = np.array([formula(fractions + k * step) for k in (-1, 0, 1)])
    expected = (
        around[1],
        (around[2] - around[0]) / (2 * step * CUTOFF),
        (around[2] - 2 * around[1] + around[0]) / (step * CUTOFF) ** 2,
    )
    found = derivatives(kind, fractions, dtype)
    rounding = 30 * np.finfo(dtype).eps
    for values, exact, differencing in zip(found, expected, (0, 1e-6, 1e-5), strict=True):
        bound = (rounding + differencing) * max(1, np.abs(exact).max())
        np.testing.assert_allclose(values, exact, atol=bound, rtol=0)


@BOTH
@EVERY
def test_all_is_zero_at_the_cutoff_and_beyond(kind, dtype):
    for found in derivatives(kind, [1.0, 1.0 + 1e-6, 1.5, 40.0, np.inf], dtype):
        np.testing.assert_array_equal(found, np.zeros(5))


@BOTH
@EVERY
def test_it_starts_flat_at_one(kind, dtype):
    value, slope, curvature = derivatives(kind, [0.0], dtype)
    assert value == 1 and slope == 0 and np.isfinite(curvature)


@BOTH
@EVERY
def test_values_stay_between_zero_and_one_and_fall(kind, dtype):
    value, slope, _ = derivatives(kind, np.linspace(0, 1.2, 2001), dtype)
    assert value.min() == 0 and value.max() <= 1 + 2 * np.finfo(dtype).eps
    assert slope.max() <= 0
    assert (np.diff(value) <= 2 * np.finfo(dtype).eps).all()


@BOTH
@EVERY
def test_derivatives_meet_the_zero_beyond(kind, dtype):
    # Down to the last number below the cutoff: nothing is NaN, nothing blows up.
    gaps = np.array([1e-2, 1e-3, 1e-4, 1e-5, np.finfo(dtype).eps])
    found = derivatives(kind, 1 - gaps, dtype)
    power = KINDS[kind][2]
    for order, values in enumerate(found):
        assert np.isfinite(values).all()
        bound = gaps if power == 0 else gaps ** (power - order)
        np.testing.assert_array_less(np.abs(values), 300 * bound + 1e-14)


def test_the_second_derivative_of_the_cosine_jumps():
    curvature = derivatives("cosine", [1 - 1e-9], np.float64)[2]
    assert curvature == pytest.approx(np.pi**2 / (2 * CUTOFF**2))


def test_slopes_of_the_smooth_cutoff_are_finite_at_its_end_in_half_precision():
    # Where the exponential underflows, its derivative would be zero times infinity.
    x = np.array([0.9, 0.95, 0.99, 0.999, 1 - 2.0**-11, 1.0], np.float16)

    def naive(x):
        return jnp.where(x < 1, jnp.exp(1 - 1 / (1 - jnp.where(x < 1, x, 0) ** 2)), 0)

    def slopes(x):
        safe = jax.vmap(jax.grad(lambda x: cutoffs.smooth_cutoff(x, cutoff=1.0)))
        return safe(x), jax.vmap(jax.grad(naive))(x)

    found, unsafe = jax.jit(slopes)(x)
    assert found.dtype == np.float16 and np.isfinite(found).all()
    assert not np.isfinite(unsafe).all()


def test_reference_value_and_flatness_of_the_polynomial():
    assert cutoffs.polynomial_cutoff(0.5, cutoff=1.0) == 0.85546875
    for p in (2, 3, 9):
        with jax.enable_x64(True):
            x = np.array([1e-3, 0.3, 0.999])
            found = np.asarray(cutoffs.polynomial_cutoff(x, cutoff=1.0, p=p))
        first, second, third = (p + 1) * (p + 2) / 2, p * (p + 2), p * (p + 1) / 2
        expected = 1 - first * x**p + second * x ** (p + 1) - third * x ** (p + 2)
        np.testing.assert_allclose(found, expected, atol=1e-13)


def test_the_published_sum_cancels_near_the_cutoff_and_this_does_not():
    x = np.float32(1 - 2**-9)
    exact = KINDS["polynomial"][1](np.float64(x))
    found = float(cutoffs.polynomial_cutoff(x, cutoff=1.0))
    assert found == pytest.approx(exact, rel=1e-6)
    naive = float(KINDS["polynomial"][1](jnp.float32(x)))
    assert abs(naive - exact) > 0.1 * exact


@EVERY
def test_eager_vmap_and_half_precision(kind):
    function = KINDS[kind][0]
    x = np.linspace(0, 2, 6, dtype=np.float32).reshape(2, 3)

    def call(x):
        return function(x, cutoff=CUTOFF)

    with jax.debug_nans(True):  # not even on the way to a finite result
        eager = call(x)
    np.testing.assert_allclose(COMPILED[kind](x)[0], eager, atol=2e-7)
    mapped, loop = jax.jit(lambda x: (jax.vmap(call)(x), jnp.stack([call(row) for row in x])))(x)
    np.testing.assert_allclose(mapped, loop, atol=2e-7)
    np.testing.assert_allclose(mapped, eager, atol=2e-7)
    half = jax.jit(call)(jnp.asarray(x, jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(half, np.float32), eager, atol=0.05)
    assert jax.eval_shape(call, 1).dtype == np.float32


@EVERY
@pytest.mark.parametrize("cutoff", [0.0, -1.0, np.nan, np.inf])
def test_bad_cutoffs(kind, cutoff):
    with pytest.raises(ValueError, match="a cutoff is a finite number above 0, got"):
        KINDS[kind][0](1.0, cutoff=cutoff)


@pytest.mark.parametrize("p", [1, 0, -2, 2.5, True])
def test_bad_exponents(p):
    with pytest.raises(ValueError, match="p is a whole number of at least 2, got"):
        cutoffs.polynomial_cutoff(1.0, cutoff=1.0, p=p)
