"""Products of signals on the sphere, in terms of their coefficients of spherical harmonics.

Multiplied point by point, all pairs of degrees are coupled at once, at a cost of L^4 where the
Clebsch-Gordan coefficients of every path take L^6.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.harmonics import solid_harmonics
from symjax_models.ops.quadrature import Quadrature, make_quadrature
from symjax_models.ops.sphere import degree_of, from_sphere, to_sphere
from symjax_models.reps.checks import check_count
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan
from symjax_models.suggestion import look_up
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def gaunt_product(x: Array, y: Array, *, max_degree: int, method: str = "grid") -> Array:
    r"""Multiply two signals on the sphere and project the product on harmonics.

    With `f = sum x_i Y_i` and g likewise, `z_k = integral of f g Y_k = sum_ij G_ijk x_i y_j`, where
    G are the Gaunt coefficients: the degrees l1, l2 couple to l3 by the Clebsch-Gordan coefficients
    times one number g(l1, l2, l3), which is not zero where `l1 + l2 + l3` is even and the degrees
    satisfy the triangle inequality.

    A commutative product, so it expresses less than a tensor product: of `l1 + l2 + l3` odd, the
    cross product among them, nothing is seen, and the paths have no weights of their own (scale
    the degrees of x, y and z instead). `vector_gaunt_product` has the other half.

    Args:
        x: Coefficients `[..., (L1+1)^2, C]` of orthonormal harmonics ("integral").
        y: Coefficients `[..., (L2+1)^2, C]`.
        max_degree: L3, the highest degree of the result, at most L1 + L2.
        method: "grid" multiplies at the points of a quadrature that is exact to degree
            L1 + L2 + L3. "fourier" convolves 2D Fourier series: the sphere is covered twice by the
            torus of the angles, on which signals are trigonometric polynomials.

    Returns:
        z, `[..., (L3+1)^2, C]`.

    Raises:
        ValueError: If the components are not those of degrees 0 to L, the degree is too high, or
            the method unknown.

    Equivariance:
        O(3), of the irreps 0e + 1o + 2e + ..., exactly up to rounding with both methods.

    Numerics:
        A grid costs O(L^4) in products of two matrices. Fourier series cost O(L^3 log L), but in
        small products and transforms: on a CPU they are slower to degree 16 at least, and more
        exact from degree 8 on. Half precision is transformed in single.

    Source:
        Gaunt tensor products (Luo, Chen, Krishnapriyan 2024, arXiv:2401.10216, section 3.2), and
        Xie et al. 2025 (arXiv:2506.13523) for the grid and for what is lost in expressivity.

    >>> x = jnp.ones((2, 9, 5))
    >>> gaunt_product(x, x, max_degree=3).shape
    (2, 16, 5)
    """
    x, y = jnp.asarray(x), jnp.asarray(y)
    max_degree = _check_degree(max_degree, degree_of(x) + degree_of(y))
    multiply = look_up(method, {"grid": _grid, "fourier": _fourier}, what="method")
    return multiply(x, y, max_degree)


def vector_gaunt_product(x: Array, y: Array, *, max_degree: int) -> Array:
    r"""Take the cross product of two vector fields on the sphere and project it.

    The fields are `V(x) = sum over l, m of x_lm V_lm`, where V_lm are the orthonormal vector
    harmonics of degree l whose Cartesian components are harmonics of degree l - 1: the gradients
    of the solid harmonics r^l Y_lm, constant fields for l = 1. The result holds the integrals
    `z_lm = integral of V_lm . (V(x) cross V(y))`.

    Degrees l1, l2 couple to l3 by the Clebsch-Gordan coefficients times one number h(l1, l2, l3),
    which is not zero where `l1 + l2 + l3` is odd and the degrees, all at least 1, satisfy the
    triangle inequality: just the paths that `gaunt_product` lacks. An anticommutative product, so
    that x and y have to be different; for l1 = l2 = l3 = 1 it is the cross product.

    Args:
        x: Coefficients `[..., (L1+1)^2, C]`; the one of degree 0 has no influence.
        y: Coefficients `[..., (L2+1)^2, C]`.
        max_degree: L3, the highest degree of the result, at most L1 + L2.

    Returns:
        z, `[..., (L3+1)^2, C]`, zero in degree 0.

    Raises:
        ValueError: If the components are not those of degrees 0 to L, or the degree is too high.

    Equivariance:
        SO(3), exactly up to rounding. Of x and y with the parities of harmonics the result has
        the opposite ones: 0o + 1e + 2o + ...

    Numerics:
        By a quadrature exact to degree L1 + L2 + L3 - 3; about twice the cost of `gaunt_product`.

    Source:
        Vector signals on the sphere (Xie et al. 2025, arXiv:2506.13523); here with the vector
        harmonics of one kind alone, total degree l and orbital degree l - 1 (Varshalovich,
        Moskalev, Khersonskii 1988, chapter 7), for which no path of odd sum vanishes.

    >>> x, y = jnp.eye(4)[:, 1:2], jnp.eye(4)[:, 2:3]
    >>> vector_gaunt_product(x, y, max_degree=1)[:, 0].round(4)
    Array([0.    , 0.    , 0.    , 0.2821], dtype=float32)
    """
    x, y = jnp.asarray(x), jnp.asarray(y)
    degrees = degree_of(x), degree_of(y)
    max_degree = _check_degree(max_degree, sum(degrees))
    rule = make_quadrature(max(sum(degrees) + max_degree - 3, 0))
    first, second = (
        _contract("pid,...dc->p...ic", _vector_harmonics(rule, degree), coefficients)
        for degree, coefficients in zip(degrees, (x, y), strict=True)
    )
    product = jnp.cross(first, second, axis=-2)
    weighted = rule.weights[:, None, None] * _vector_harmonics(rule, max_degree)
    return _contract("pid,p...ic->...dc", weighted, product)


@functools.lru_cache(maxsize=64)
def _vector_harmonics(rule: Quadrature, max_degree: int) -> np.ndarray:
    """Return the vector harmonics at the points, `[P, 3, (max_degree + 1)^2]`."""
    harmonics = solid_harmonics(
        rule.points, max_degree=max(max_degree - 1, 0), normalization="integral"
    )
    fields = np.zeros((rule.size, 3, (max_degree + 1) ** 2))
    for l in range(1, max_degree + 1):
        c = math.sqrt(2 * l + 1) * clebsch_gordan(l - 1, 1, l)
        fields[..., l * l : (l + 1) ** 2] = np.einsum(
            "pa,aim->pim", harmonics[:, (l - 1) ** 2 : l * l], c
        )
    fields.flags.writeable = False
    return fields


def _grid(x: Array, y: Array, max_degree: int) -> Array:
    rule = make_quadrature(degree_of(x) + degree_of(y) + max_degree)
    return from_sphere(to_sphere(x, rule) * to_sphere(y, rule), rule, max_degree=max_degree)


def _fourier(x: Array, y: Array, max_degree: int) -> Array:
    dtype = jnp.result_type(float, x.dtype, y.dtype)
    # There are no transforms in half precision.
    x, y = (a.astype(jnp.promote_types(dtype, jnp.float32)) for a in (x, y))
    steps = 2 * (degree_of(x) + degree_of(y)) + 1
    product = _on_torus(x, steps) * _on_torus(y, steps)
    spectrum = jnp.fft.rfft2(product, axes=(-3, -2), norm="forward")[..., : max_degree + 1, :]
    # The integral of the product with harmonics times e^(-i m phi), for every m >= 0.
    integrals = _contract("uml,...umc->...lmc", _projection(steps, max_degree), spectrum)
    parts = jnp.concatenate([integrals.real, -integrals.imag], axis=-2)
    rows = parts.reshape(*parts.shape[:-3], -1, parts.shape[-1])
    width = 2 * (max_degree + 1)
    orders = [(l, m) for l in range(max_degree + 1) for m in range(-l, l + 1)]
    places = [l * width + (m if m >= 0 else width // 2 - m) for l, m in orders]
    return rows[..., np.array(places), :].astype(dtype)


def _on_torus(x: Array, steps: int) -> Array:
    """Evaluate a signal at even steps of the polar angle and azimuth, `[..., steps, steps, C]`."""
    max_degree = degree_of(x)
    l, m = np.ogrid[: max_degree + 1, : max_degree + 1]
    middle = l * (l + 1)
    # Where m > l the constants are zero, and any component will do.
    cosines, sines = x[..., middle + np.minimum(l, m), :], x[..., middle - np.minimum(l, m), :]
    waves = jax.lax.complex(cosines, -sines * np.asarray(m > 0, x.dtype)[..., None])
    halves = np.where(np.arange(max_degree + 1) > 0, 0.5, 1.0)[:, None]
    spectrum = _contract("uml,...lmc->...umc", _series(steps, max_degree) * halves, waves)
    return jnp.fft.irfft2(spectrum, s=(steps, steps), axes=(-3, -2), norm="forward")


@functools.lru_cache(maxsize=64)
def _series(steps: int, max_degree: int) -> np.ndarray:
    """Return Fourier coefficients of Y_lm in the polar angle at azimuth 0, `[steps, m, l]`."""
    angles = 2 * math.pi * np.arange(steps) / steps
    # Past pi the polar angle comes back on the other side of the sphere.
    points = np.stack([np.zeros(steps), np.cos(angles), np.sin(angles)], axis=-1)
    harmonics = solid_harmonics(points, max_degree=max_degree, normalization="integral")
    values = np.zeros((steps, max_degree + 1, max_degree + 1))
    for l in range(max_degree + 1):
        values[:, : l + 1, l] = harmonics[:, l * (l + 1) : (l + 1) ** 2]
    series = np.fft.fft(values, axis=0, norm="forward")
    series.flags.writeable = False
    return series


@functools.lru_cache(maxsize=64)
def _projection(steps: int, max_degree: int) -> np.ndarray:
    """Return the integrals over the sphere of a wave `u` and Y_lm, at azimuth 0, `[u, m, l]`."""
    waves = np.rint(np.fft.fftfreq(steps, 1 / steps)).astype(int)
    total = waves[:, None] + waves
    # The integral of e^(i k theta) |sin theta| over the circle; the torus covers the sphere twice.
    integrals = np.where(total % 2 == 0, 4 / (1 - total**2 + total % 2), 0.0) / 2
    projection = 2 * math.pi * np.einsum("uq,qml->uml", integrals, _series(steps, max_degree))
    projection.flags.writeable = False
    return projection


def _contract(subscripts: str, constant: np.ndarray, x: Array) -> Array:
    dtype = jnp.result_type(float, x.dtype)
    return jnp.einsum(subscripts, jnp.asarray(constant, dtype), x, precision=_HIGHEST)


def _check_degree(max_degree: int, highest: int) -> int:
    max_degree = check_count(max_degree, what="max_degree")
    if max_degree > highest:
        raise ValueError(
            f"the product of these signals has degrees to {highest}, got max_degree {max_degree}"
        )
    return max_degree
