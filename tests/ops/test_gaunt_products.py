"""Products of signals against the Gaunt coefficients, and the paths that each of them has."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import reps
from symjax_models.ops import gaunt_products
from symjax_models.ops.gaunt import gaunt
from symjax_models.ops.harmonics import solid_harmonics
from symjax_models.ops.quadrature import gauss_legendre_quadrature
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan

BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
METHODS = pytest.mark.parametrize("method", ["grid", "fourier"])
IMPROPER = pytest.mark.parametrize("sign", [1, -1], ids=["proper", "improper"])
RNG = np.random.default_rng(0)
DEGREES = 2, 3, 4  # of both factors and the product


@functools.partial(jax.jit, static_argnames=("method", "max_degree"))
def multiply(x, y, *, method, max_degree=DEGREES[2]):
    """Multiply by the method, where "vector" is the cross product of vector fields."""
    if method == "vector":
        return gaunt_products.vector_gaunt_product(x, y, max_degree=max_degree)
    return gaunt_products.gaunt_product(x, y, max_degree=max_degree, method=method)


def signals(dtype=np.float64, copies=3):
    return [RNG.normal(size=(2, (l + 1) ** 2, copies)).astype(dtype) for l in DEGREES[:2]]


def block(l):
    return slice(l * l, (l + 1) ** 2)


def coupled(x, y):
    """Sum the couplings of all degrees by Gaunt coefficients."""
    result = np.zeros((len(x), (DEGREES[2] + 1) ** 2, x.shape[-1]))
    for l1 in range(DEGREES[0] + 1):
        for l2 in range(DEGREES[1] + 1):
            for l3 in range(abs(l1 - l2), min(l1 + l2, DEGREES[2]) + 1):
                terms = gaunt(l1, l2, l3), x[:, block(l1)], y[:, block(l2)]
                result[:, block(l3)] += np.einsum("ijk,nic,njc->nkc", *terms)
    return result


def tensor(method, dim):
    """Return z of all pairs of unit vectors, `[dim, dim, dim]`: x, y, z."""
    unit = np.eye(dim)
    pairs = np.repeat(unit, dim, axis=1), np.tile(unit, (1, dim))
    with jax.enable_x64(True):
        product = multiply(*pairs, method=method, max_degree=int(np.sqrt(dim)) - 1)
    return np.asarray(product).reshape(dim, dim, dim).transpose(1, 2, 0)


@BOTH
@METHODS
def test_products_are_the_gaunt_coupling(method, dtype):
    x, y = signals(dtype)
    expected = coupled(x.astype(float), y.astype(float))
    with jax.enable_x64(dtype == np.float64):
        found = multiply(x, y, method=method)
        assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=80 * np.finfo(dtype).eps)


@METHODS
@pytest.mark.parametrize(("first", "result"), [(0, 0), (0, 2), (2, 0)])
def test_constants_and_means(method, first, result):
    x, y = RNG.normal(size=((first + 1) ** 2, 1)), RNG.normal(size=(9, 1))
    with jax.enable_x64(True):
        found = multiply(x, y, method=method, max_degree=result)
    # The constant harmonic is sqrt(1 / 4 pi), and the mean of a product the inner product.
    expected = x * y if first == 0 else np.sum(x * y, axis=0, keepdims=True)
    expected = expected[: (result + 1) ** 2] / np.sqrt(4 * np.pi)
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_fourier_series_of_high_degree():
    x, y = RNG.normal(size=(2, 121, 1))
    with jax.enable_x64(True):
        grid, series = (multiply(x, y, method=m, max_degree=10) for m in ("grid", "fourier"))
    np.testing.assert_allclose(series, grid, atol=1e-12)


@pytest.mark.parametrize("method", ["grid", "fourier", "vector"])
def test_every_path_of_one_parity_and_none_of_the_other(method):
    product = tensor(method, 16)
    for degrees in np.ndindex(4, 4, 4):
        l1, l2, l3 = degrees
        part = product[block(l1), block(l2), block(l3)]
        if abs(l1 - l2) <= l3 <= l1 + l2:
            c = clebsch_gordan(l1, l2, l3)
            factor = np.sum(c * part)
            np.testing.assert_allclose(part, factor * c, atol=1e-13)
            exists = sum(degrees) % 2 == (method == "vector")
            assert abs(factor) > 0.2 if exists else abs(factor) < 1e-13
        else:
            np.testing.assert_allclose(part, 0, atol=1e-13)


def test_symmetric_and_antisymmetric():
    scalar, vector = tensor("grid", 9), tensor("vector", 9)
    np.testing.assert_allclose(scalar, scalar.swapaxes(0, 1), atol=1e-14)
    np.testing.assert_allclose(vector, -vector.swapaxes(0, 1), atol=1e-14)


def test_vectors_have_no_cross_product_but_in_vector_fields():
    x, y = np.zeros((2, 4, 5))
    x[1:], y[1:] = RNG.normal(size=(2, 3, 5))
    expected = np.cross(x[1:], y[1:], axis=0)
    with jax.enable_x64(True):
        scalar = multiply(x, y, method="grid", max_degree=1)[1:]
        vector = multiply(x, y, method="vector", max_degree=1)
    np.testing.assert_allclose(scalar, 0, atol=1e-14)
    np.testing.assert_allclose(vector[1:], expected / np.sqrt(4 * np.pi), atol=1e-14)
    np.testing.assert_allclose(vector[0], 0, atol=1e-14)


def test_vector_fields_are_gradients_of_solid_harmonics():
    rule = gauss_legendre_quadrature(6)
    with jax.enable_x64(True):
        evaluate = functools.partial(solid_harmonics, max_degree=4, normalization="integral")
        gradients = np.asarray(jax.jit(jax.vmap(jax.jacfwd(evaluate)))(rule.points)).swapaxes(1, 2)
    fields = gaunt_products._vector_harmonics(rule, 4)
    l = np.repeat(np.arange(5), 2 * np.arange(5) + 1)
    np.testing.assert_allclose(gradients, fields * np.sqrt(l * (2 * l + 1)), atol=1e-12)
    gram = np.einsum("p,pia,pib->ab", rule.weights, fields, fields)
    np.testing.assert_allclose(gram, np.diag(l > 0), atol=1e-13)


@BOTH
@IMPROPER
@pytest.mark.parametrize("method", ["grid", "fourier", "vector"])
def test_equivariance(method, sign, dtype):
    orthogonal = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    orthogonal *= sign * np.sign(np.linalg.det(orthogonal))
    first, second, result = (reps.harmonic_irreps(l).rho(orthogonal) for l in DEGREES)
    if method == "vector":
        result = result * sign
    x, y = signals()
    with jax.enable_x64(dtype == np.float64):
        after = result @ np.asarray(multiply(x.astype(dtype), y.astype(dtype), method=method))
        moved = multiply((first @ x).astype(dtype), (second @ y).astype(dtype), method=method)
        unmoved = multiply((first @ x).astype(dtype), y.astype(dtype), method=method)
        moved, unmoved = np.asarray(moved), np.asarray(unmoved)
    np.testing.assert_allclose(moved, after, atol=200 * np.finfo(dtype).eps)
    assert np.abs(unmoved - after).max() > 0.1  # one factor moved alone
    if method == "vector" and sign == -1:
        assert np.abs(moved + after).max() > 0.1  # the parity of harmonics would be wrong


def test_a_coarse_grid_is_not_equivariant(monkeypatch):
    # The same product by a rule that is exact only for its factors.
    coarse = gaunt_products.make_quadrature(6, kind="gauss_legendre")
    monkeypatch.setattr(gaunt_products, "make_quadrature", lambda degree: coarse)
    orthogonal = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    rotation = reps.harmonic_irreps(3).rho(orthogonal)
    x = RNG.normal(size=(16, 2))
    with jax.enable_x64(True):
        moved, after = (
            np.asarray(gaunt_products.gaunt_product(a, a, max_degree=3)) for a in (rotation @ x, x)
        )
    assert np.abs(moved - rotation @ after).max() > 1e-3


@pytest.mark.parametrize("method", ["grid", "fourier", "vector"])
def test_derivatives_are_finite_differences(method):
    (x, y), (dx, dy), target = signals(), signals(), RNG.normal(size=(2, 25, 3))
    with jax.enable_x64(True):

        def energy(x, y):
            return jnp.sum(target * multiply(x, y, method=method))

        gradients = jax.grad(energy, argnums=(0, 1))(x, y)
        found = sum(float(jnp.sum(g * d)) for g, d in zip(gradients, (dx, dy), strict=True))
        step = 1e-3  # a bilinear function has no third derivative
        ends = [energy(x + s * step * dx, y + s * step * dy) for s in (1, -1)]
    assert found == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-9)


@pytest.mark.parametrize("method", ["grid", "fourier", "vector"])
def test_precision_is_kept(method):
    x = jnp.ones((4, 2), jnp.bfloat16)
    assert multiply(x, x, method=method, max_degree=1).dtype == jnp.bfloat16
    assert multiply(np.ones((4, 2)), x, method=method, max_degree=1).dtype == jnp.float32


def test_bad_input():
    x = np.ones((4, 2), np.float32)
    for product in (gaunt_products.gaunt_product, gaunt_products.vector_gaunt_product):
        for shape in ((5, 1), (4,)):
            with pytest.raises(ValueError, match=r"expected coefficients \[..., D, C\] with D"):
                product(x, np.ones(shape), max_degree=1)
        with pytest.raises(ValueError, match="has degrees to 2, got max_degree 3"):
            product(x, x, max_degree=3)
        with pytest.raises(ValueError, match="max_degree is a whole number of at least 0"):
            product(x, x, max_degree=-1)
    with pytest.raises(ValueError, match="did you mean 'fourier'"):
        gaunt_products.gaunt_product(x, x, max_degree=1, method="furier")
