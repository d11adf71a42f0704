"""Signals on the sphere against SciPy's harmonics, and the products that quadrature makes exact."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from symjax_models.ops import sphere
from symjax_models.ops.quadrature import gauss_legendre_quadrature, make_quadrature

BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
NORMALIZATIONS = pytest.mark.parametrize("normalization", ["integral", "component", "norm"])
KINDS = pytest.mark.parametrize("kind", ["gauss_legendre", "lebedev"])


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape)


def harmonics(points, max_degree):
    """Evaluate orthonormal real harmonics in e3nn's axes by SciPy, `[P, (max_degree + 1)^2]`."""
    x, y, z = points.T
    polar, azimuth = np.arccos(np.clip(y, -1, 1)), np.arctan2(x, z)
    columns = []
    for l in range(max_degree + 1):
        for m in range(-l, l + 1):
            value = (-1) ** m * scipy.special.sph_harm_y(l, abs(m), polar, azimuth)
            part = value.imag if m < 0 else value.real
            columns.append(part * (np.sqrt(2) if m else 1))
    return np.stack(columns, axis=-1)


def degrees(max_degree):
    return np.repeat(np.arange(max_degree + 1), 2 * np.arange(max_degree + 1) + 1)


@functools.lru_cache
def gaunt(first, second, result):
    """Integrate products of three harmonics with a rule of higher degree than any test uses."""
    rule = gauss_legendre_quadrature(30)
    factors = [harmonics(rule.points, l) for l in (first, second, result)]
    return np.einsum("p,pi,pj,pk->ijk", rule.weights, *factors, optimize=True)


@functools.partial(jax.jit, static_argnames=("quadrature", "max_degree", "normalization"))
def there_and_back(coefficients, quadrature, *, max_degree, normalization="integral"):
    values = sphere.to_sphere(coefficients, quadrature, normalization=normalization)
    return values, sphere.from_sphere(
        values, quadrature, max_degree=max_degree, normalization=normalization
    )


@functools.partial(jax.jit, static_argnames=("quadrature", "max_degree"))
def product(first, second, quadrature, *, max_degree):
    values = sphere.to_sphere(first, quadrature) * sphere.to_sphere(second, quadrature)
    return sphere.from_sphere(values, quadrature, max_degree=max_degree)


@jax.jit
def square_of_degree_two(coefficients):
    """Square a signal of degree 2 and project it to degree 2, exactly and with aliasing."""
    projected = []
    for degree in (6, 4):
        rule = gauss_legendre_quadrature(degree)
        values = sphere.to_sphere(coefficients, rule)
        projected.append(sphere.from_sphere(jnp.square(values), rule, max_degree=2))
    return jnp.stack(projected)


@BOTH
@NORMALIZATIONS
def test_values_are_those_of_the_harmonics(normalization, dtype):
    rule = make_quadrature(7)
    coefficients = draw(2, 16, 3).astype(np.float32)
    l = degrees(3)
    scale = {"integral": 1 + 0 * l, "component": 4 * np.pi + 0 * l, "norm": 4 * np.pi / (2 * l + 1)}
    basis = harmonics(rule.points, 3) * np.sqrt(scale[normalization])
    expected = np.einsum("pd,bdc->bpc", basis, coefficients.astype(np.float64))
    with jax.enable_x64(dtype == np.float64):
        found, _ = there_and_back(
            coefficients.astype(dtype), rule, max_degree=3, normalization=normalization
        )
        assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=40 * np.finfo(dtype).eps)


@BOTH
@NORMALIZATIONS
@KINDS
def test_coefficients_come_back(kind, normalization, dtype):
    max_degree = 4
    rule = make_quadrature(2 * max_degree, kind=kind)
    coefficients = draw(2, 25, 3).astype(dtype)
    with jax.enable_x64(dtype == np.float64):
        values = sphere.to_sphere(coefficients, rule, normalization=normalization)
        found = sphere.from_sphere(values, rule, max_degree=max_degree, normalization=normalization)
        assert values.shape == (2, rule.size, 3) and found.dtype == dtype
    np.testing.assert_allclose(found, coefficients, atol=20 * np.finfo(dtype).eps)


def test_coefficients_do_not_come_back_through_a_coarser_rule():
    rule = gauss_legendre_quadrature(7)
    basis = harmonics(rule.points, 4)
    gram = np.einsum("p,pi,pj->ij", rule.weights, basis, basis)
    assert np.abs(gram - np.eye(25)).max() > 0.1
    with pytest.raises(ValueError, match="need a quadrature exact to degree 8, got Quadrature"):
        sphere.from_sphere(np.ones((rule.size, 1), np.float32), rule, max_degree=4)


@pytest.mark.parametrize("parity", [0, 1], ids=["even", "odd"])
def test_even_and_odd_functions_have_even_and_odd_degrees(parity):
    rule = make_quadrature(9)
    x, y, z = rule.points.T.astype(np.float32)
    values = (x * y**2 * z + z**4 if parity == 0 else y**3 + x * y * z - z)[:, None]
    found = np.asarray(sphere.from_sphere(values, rule, max_degree=4))[:, 0]
    other = degrees(4) % 2 != parity
    np.testing.assert_allclose(found[other], 0, atol=1e-6)
    assert np.abs(found[~other]).max() > 0.1


@BOTH
@KINDS
def test_products_are_the_gaunt_coupling(kind, dtype):
    first, second = np.split(draw(25, 2), [16])
    expected = np.einsum("ijk,ic,jc->kc", gaunt(3, 2, 3), first, second)
    rule = make_quadrature(3 + 2 + 3, kind=kind)
    with jax.enable_x64(dtype == np.float64):
        found = product(first.astype(dtype), second.astype(dtype), rule, max_degree=3)
    np.testing.assert_allclose(found, expected, atol=60 * np.finfo(dtype).eps)


def test_norms_of_gaunt_blocks():
    rule = make_quadrature(4)
    one = np.eye(4, dtype=np.float32)[1:]  # the three harmonics of degree 1, [copy, 4]
    blocks = product(one[:, None, :, None], one[None, :, :, None], rule, max_degree=2)[..., 0]
    assert np.linalg.norm(blocks[..., 0]) == pytest.approx(0.48860251, rel=1e-6)
    assert np.linalg.norm(blocks[..., 1:4]) < 1e-6
    assert np.linalg.norm(blocks[..., 4:]) == pytest.approx(0.69098830, rel=1e-6)


def wigner(orthogonal, max_degree):
    """Fit the matrix of Y(R p) = D Y(p) at the points of a rule."""
    rule = gauss_legendre_quadrature(2 * max_degree)
    moved = harmonics(rule.points @ orthogonal.T, max_degree)
    return np.einsum("p,pi,pj->ij", rule.weights, moved, harmonics(rule.points, max_degree))


@BOTH
@pytest.mark.parametrize("sign", [1, -1], ids=["proper", "improper"])
def test_squaring_commutes_with_rotations_where_the_rule_is_exact(sign, dtype):
    orthogonal = np.linalg.qr(draw(3, 3))[0]
    orthogonal *= sign * np.sign(np.linalg.det(orthogonal))
    rotation = wigner(orthogonal, 2)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(9), atol=1e-13)
    signal = draw(9, 4)
    with jax.enable_x64(dtype == np.float64):
        before = square_of_degree_two((rotation @ signal).astype(dtype))
        after = square_of_degree_two(signal.astype(dtype))
    errors = np.abs(np.asarray(before) - rotation @ np.asarray(after)).max((1, 2))
    assert errors[0] < 100 * np.finfo(dtype).eps
    assert errors[1] > 1e-2  # the coarser rule aliases


@BOTH
def test_derivatives_are_finite_differences(dtype):
    signal, direction = draw(2, 9, 1).astype(np.float32)

    def energy(signal):
        return jnp.sum(square_of_degree_two(signal)[0] ** 2)

    with jax.enable_x64(True):
        step = 1e-5
        ahead, behind = (energy(signal + sign * step * direction.astype(float)) for sign in (1, -1))
        expected = float(ahead - behind) / (2 * step)
    with jax.enable_x64(dtype == np.float64):
        gradient = jax.grad(energy)(signal.astype(dtype))
        found = float(jnp.sum(gradient * direction))
    assert found == pytest.approx(expected, rel=1e-5 if dtype == np.float32 else 1e-8)


def test_constants_may_be_made_while_tracing():
    rule = gauss_legendre_quadrature(5)  # which no other test evaluates at this degree
    signal = draw(4, 9, 3).astype(np.float32)

    def there(x):
        return sphere.to_sphere(x, rule, normalization="component")

    @jax.jit
    def traced(x):
        return there(x), jax.vmap(there)(x), jnp.stack([there(row) for row in x])

    values, mapped, loop = traced(signal)
    np.testing.assert_allclose(values, there(signal), atol=2e-6)
    np.testing.assert_allclose(mapped, values, atol=2e-6)
    np.testing.assert_allclose(loop, values, atol=2e-6)
    static = jax.jit(sphere.to_sphere, static_argnums=1)(signal, rule)
    assert static.dtype == np.float32
    half = jax.eval_shape(there, jnp.ones((9, 1), jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    assert jax.eval_shape(there, jnp.ones((9, 1), int)).dtype == np.float32


def test_bad_input():
    rule = make_quadrature(4)
    for shape in ((8, 1), (0, 1), (9,)):
        with pytest.raises(ValueError, match=r"expected coefficients \[..., D, C\] with D"):
            sphere.to_sphere(np.ones(shape, np.float32), rule)
    with pytest.raises(ValueError, match=r"expected values \[..., 14, C\] at the points of Quad"):
        sphere.from_sphere(np.ones((9, 1), np.float32), rule, max_degree=2)
    with pytest.raises(ValueError, match="max_degree is a whole number of at least 0, got -1"):
        sphere.from_sphere(np.ones((14, 1), np.float32), rule, max_degree=-1)
    with pytest.raises(ValueError, match="did you mean 'integral'"):
        sphere.to_sphere(np.ones((9, 1), np.float32), rule, normalization="intergal")
    with pytest.raises(ValueError, match="did you mean 'integral'"):
        sphere.from_sphere(
            np.ones((14, 1), np.float32), rule, max_degree=2, normalization="intergal"
        )
