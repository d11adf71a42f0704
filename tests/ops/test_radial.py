"""Radial functions against SciPy and the published formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from symjax_models.ops import radial

CUTOFF, GAMMA, NUM = 2.5, 0.8, 7
BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def bernstein_formula(u, num):
    k = np.arange(num)
    return scipy.special.comb(num - 1, k) * u**k * (1 - u) ** (num - 1 - k)


def bessel_formula(x, num, c):
    return np.sqrt(2 / c) * np.sin(np.arange(1, num + 1) * np.pi * x / c) / x


def gaussian_formula(x, num, c):
    centers = np.linspace(0, c, num)
    return np.exp(-((x - centers) ** 2) / (2 * (centers[1] - centers[0]) ** 2))


def exponential_gaussian_formula(x, num, gamma):
    centers = np.linspace(0, 1, num)
    width = np.sqrt(2 * num) * (num - 1)
    return np.exp(-width * (1 - np.exp(-gamma * x) - centers) ** 2)


# Name -> the function of distances and K, and the formula of distances [..., 1] and K.
KINDS = {
    "bessel": (
        lambda x, num: radial.bessel(x, num_functions=num, cutoff=CUTOFF),
        lambda x, num: bessel_formula(x, num, CUTOFF),
    ),
    "gaussian": (
        lambda x, num: radial.gaussian(x, num_functions=num, cutoff=CUTOFF),
        lambda x, num: gaussian_formula(x, num, CUTOFF),
    ),
    "bernstein": (
        lambda x, num: radial.bernstein(x, num_functions=num, cutoff=CUTOFF),
        lambda x, num: bernstein_formula(np.minimum(x / CUTOFF, 1), num),
    ),
    "chebyshev": (
        lambda x, num: radial.chebyshev(x, num_functions=num, cutoff=CUTOFF),
        lambda x, num: scipy.special.eval_chebyt(np.arange(num), np.minimum(2 * x / CUTOFF - 1, 1)),
    ),
    "fourier": (
        lambda x, num: radial.fourier(x, num_functions=num, cutoff=CUTOFF),
        lambda x, num: np.cos(np.arange(num) * np.pi * x / CUTOFF),
    ),
    "exponential_bernstein": (
        lambda x, num: radial.exponential_bernstein(x, num_functions=num, gamma=GAMMA),
        lambda x, num: bernstein_formula(1 - np.exp(-GAMMA * x), num),
    ),
    "exponential_gaussian": (
        lambda x, num: radial.exponential_gaussian(x, num_functions=num, gamma=GAMMA),
        lambda x, num: exponential_gaussian_formula(x, num, GAMMA),
    ),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def derivatives_of(function):
    """Return value and the first two derivatives, each `[..., K]`, by forward over forward."""

    def evaluate(x):
        def slope(x):
            return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]

        return function(x), *jax.jvp(slope, (x,), (jnp.ones_like(x),))

    return jax.jit(evaluate)


COMPILED = {
    kind: derivatives_of(lambda x, f=function: f(x, NUM)) for kind, (function, _) in KINDS.items()
}


def derivatives(kind, x, dtype):
    with jax.enable_x64(dtype == np.float64):
        found = COMPILED[kind](np.asarray(x, dtype))
        assert all(values.dtype == dtype for values in found)
        return [np.asarray(values, np.float64) for values in found]


@BOTH
@EVERY
def test_values_and_derivatives_are_those_of_the_formula(kind, dtype):
    # Away from the cutoff, where two of the functions have a kink.
    x = np.concatenate([np.linspace(0.05, 0.95, 20), np.linspace(1.05, 2, 4)]) * CUTOFF
    x = x.astype(np.float32).astype(np.float64)
    step = 1e-4
    around = np.array([KINDS[kind][1](x[:, None] + k * step, NUM) for k in (-1, 0, 1)])
    slopes = (around[2] - around[0]) / (2 * step)
    curvatures = (around[2] - 2 * around[1] + around[0]) / step**2
    found = derivatives(kind, x, dtype)
    rounding = {np.float32: 1e-6, np.float64: 1e-15}[dtype]
    for values, expected, differencing in zip(
        found, (around[1], slopes, curvatures), (0, 1e-6, 1e-5), strict=True
    ):
        scale = np.abs(expected).max()
        bound = (4 * rounding + differencing) * max(scale, 1)
        np.testing.assert_allclose(values, expected, atol=bound, rtol=0)


@BOTH
@EVERY
def test_everything_is_finite_on_the_way_from_zero_to_far_beyond(kind, dtype):
    x = np.concatenate([[0.0], np.geomspace(1e-30, 1, 61) * CUTOFF, [1.01 * CUTOFF, 1e3, 1e6]])
    for values in derivatives(kind, x, dtype):
        assert np.isfinite(values).all()


@BOTH
@EVERY
def test_the_limit_at_zero_is_the_value_there(kind, dtype):
    zero, near = (derivatives(kind, [x], dtype)[:2] for x in (0.0, 1e-6))
    np.testing.assert_allclose(near[0], zero[0], atol=1e-4)
    np.testing.assert_allclose(near[1], zero[1], atol=1e-3)


@pytest.mark.parametrize("kind", ["bessel", "fourier"])
def test_even_functions_have_zero_slope_at_zero(kind):
    value, slope, curvature = derivatives(kind, 0.0, np.float32)
    np.testing.assert_array_equal(slope, 0)
    waves = (np.arange(NUM) + (kind == "bessel")) * np.pi / CUTOFF
    expected = -(waves**2) * (np.sqrt(2 / CUTOFF) * waves / 3 if kind == "bessel" else 1)
    np.testing.assert_allclose(curvature, expected, rtol=1e-5)
    assert (np.abs(value) > 0.9).all()


def test_reference_values_of_bessel():
    half, zero = jax.jit(lambda x: radial.bessel(x, num_functions=4, cutoff=1.0))(
        jnp.array([0.5, 0.0])
    )
    np.testing.assert_allclose(half, [2.82842712, 0, -2.82842712, 0], atol=1e-6)
    np.testing.assert_allclose(zero[:3], [4.44288294, 8.88576588, 13.32864881], rtol=3e-7)
    other = jax.jit(lambda x: radial.bessel(x, num_functions=3, cutoff=2.0))(1.3)
    np.testing.assert_allclose(other, [0.68538963, -0.62232076, -0.12033420], atol=1e-6)


def test_bessel_functions_are_orthonormal():
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x, weights = CUTOFF * (nodes + 1) / 2, CUTOFF * weights / 2
    values = derivatives("bessel", x, np.float64)[0]
    gram = np.einsum("p,pi,pj->ij", weights * x**2, values, values)
    np.testing.assert_allclose(gram, np.eye(NUM), atol=1e-13)
    without = np.einsum("p,pi,pj->ij", weights, values, values)
    assert np.abs(without - np.eye(NUM)).max() > 0.5


def test_derivatives_of_bessel_near_zero_do_not_cancel():
    # Differentiating the quotient loses digits: its second derivative is off by thousands.
    x = 1e-4
    value, slope, curvature = derivatives("bessel", x, np.float32)
    exact = derivatives("bessel", np.float64(np.float32(x)), np.float64)
    np.testing.assert_allclose(value, exact[0], rtol=1e-6)
    np.testing.assert_allclose(slope, exact[1], rtol=1e-5)
    np.testing.assert_allclose(curvature, exact[2], rtol=1e-5)
    naive = jax.grad(jax.grad(lambda x: jnp.sin(NUM * jnp.pi * x / CUTOFF) / x))(jnp.float32(x))
    assert abs(float(naive) * np.sqrt(2 / CUTOFF) - exact[2][-1]) > 0.1 * abs(exact[2][-1])


@BOTH
def test_waves_end_at_the_cutoff(dtype):
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(derivatives("bessel", CUTOFF, dtype)[0], 0, atol=20 * eps)
    value, slope, _ = derivatives("fourier", CUTOFF, dtype)
    np.testing.assert_allclose(value, (-1.0) ** np.arange(NUM), atol=20 * eps)
    np.testing.assert_allclose(slope, 0, atol=200 * eps)


@BOTH
@pytest.mark.parametrize("kind", ["bernstein", "chebyshev"])
def test_polynomials_keep_their_last_value_beyond_the_cutoff(kind, dtype):
    value, slope, curvature = derivatives(kind, [CUTOFF, 1.3 * CUTOFF, 1e9], dtype)
    expected = np.ones(NUM) if kind == "chebyshev" else np.eye(NUM)[-1]
    np.testing.assert_allclose(value, np.broadcast_to(expected, (3, NUM)), atol=1e-6)
    np.testing.assert_array_equal(slope[1:], 0)
    np.testing.assert_array_equal(curvature[1:], 0)
    # At the cutoff itself the derivative is that from the left, not the mean of both sides.
    end = (NUM - 1) / CUTOFF if kind == "bernstein" else 2 * (NUM - 1) ** 2 / CUTOFF
    assert slope[0, -1] == pytest.approx(end, rel=1e-5)


@pytest.mark.parametrize("kind", ["bernstein", "exponential_bernstein"])
def test_bernstein_polynomials_are_a_partition_of_one(kind):
    x = np.linspace(0, 1.2 * CUTOFF, 50)
    value, slope, _ = derivatives(kind, x, np.float32)
    assert value.min() >= 0
    np.testing.assert_allclose(value.sum(-1), 1, atol=2e-6)
    np.testing.assert_allclose(slope.sum(-1), 0, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "bound"),
    [("bernstein", 3e-6), ("chebyshev", 3e-4), ("bessel", 4e-5), ("fourier", 3e-5)],
)
def test_many_functions(kind, bound):
    # x carries a relative rounding of 6e-8, which the highest of the 64 functions magnify.
    x = (np.linspace(0.001, 1, 200) * CUTOFF).astype(np.float32)
    expected = KINDS[kind][1](x[:, None].astype(np.float64), 64)
    function = KINDS[kind][0]
    found, slope = jax.jit(lambda x: jax.jvp(lambda x: function(x, 64), (x,), (x,)))(x)
    assert found.shape == (200, 64)
    np.testing.assert_allclose(found, expected, atol=bound)
    assert np.isfinite(slope).all()


def test_bernstein_polynomials_of_degree_one_thousand():
    found = np.asarray(radial.bernstein(np.float32(0.5), num_functions=1001, cutoff=1.0))
    assert found.sum() == pytest.approx(1, rel=1e-3)
    assert found.argmax() == 500 and found[500] == pytest.approx(0.0252250, rel=1e-3)


@EVERY
def test_every_number_of_functions(kind):
    minimum = 2 if "gaussian" in kind else 1
    function, formula = KINDS[kind]
    x = np.array([0.3, 1.1])
    found = jax.jit(lambda x: [function(x, num) for num in (minimum, 3)])(x.astype(np.float32))
    for values, num in zip(found, (minimum, 3), strict=True):
        np.testing.assert_allclose(values, formula(x[:, None], num), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=f"num_functions is at least {minimum} here"):
        function(1.0, minimum - 1)
    for wrong in (-1, 2.5, True):
        with pytest.raises(ValueError, match="num_functions is a whole number"):
            function(1.0, wrong)


@EVERY
def test_eager_vmap_reverse_mode_and_dtypes(kind):
    x = np.linspace(0, 1.4 * CUTOFF, 6, dtype=np.float32).reshape(2, 3)

    def call(x):
        return KINDS[kind][0](x, NUM)

    def ways(x):
        loop = jnp.stack([call(row) for row in x])
        return jax.vmap(call)(x), loop, jax.grad(lambda x: jnp.sum(call(x)))(x)

    with jax.debug_nans(True):  # not even on the way to a finite result
        eager = call(x)
    assert eager.shape == (2, 3, NUM)
    value, slope, _ = COMPILED[kind](x)
    mapped, loop, reverse = jax.jit(ways)(x)
    for found in (value, mapped, loop):
        np.testing.assert_allclose(found, eager, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(reverse, slope.sum(-1), atol=2e-4)
    half = jax.eval_shape(call, jnp.ones((2, 3), jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    assert jax.eval_shape(call, 1).dtype == np.float32


@pytest.mark.parametrize("name", ["exponential_bernstein", "exponential_gaussian"])
def test_gamma_may_be_a_parameter(name):
    function, x, h = getattr(radial, name), 0.9, 1e-6

    def first(gamma):
        return function(x, num_functions=NUM, gamma=gamma)[1]

    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(first))(jnp.asarray(GAMMA, jnp.float64))
        expected = (first(GAMMA + h) - first(GAMMA - h)) / (2 * h)
        assert slope == pytest.approx(float(expected), rel=1e-7)


@EVERY
@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_bad_scales(kind, scale):
    name = "gamma" if "exponential" in kind else "cutoff"
    with pytest.raises(ValueError, match=f"{name} is a finite number above 0, got"):
        getattr(radial, kind)(1.0, num_functions=NUM, **{name: scale})
