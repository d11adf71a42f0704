"""Signals on the sphere: from coefficients of spherical harmonics to values at points, and back.

A nonlinear function of the values, taken point by point, is equivariant as far as the points
integrate its result exactly: products of two signals of degree L, projected to degree L, are
exact with a quadrature of degree 3 L.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.harmonics import solid_harmonics
from symjax_models.ops.quadrature import Quadrature
from symjax_models.reps.checks import check_count
from symjax_models.typing import Array


def to_sphere(
    coefficients: Array, quadrature: Quadrature, *, normalization: str = "integral"
) -> Array:
    """Evaluate signals given by coefficients of spherical harmonics.

    f(x_p) = sum over l, m of c_lm Y_lm(x_p).

    Args:
        coefficients: c, `[..., (L+1)^2, C]`, degrees 0 to L in turn, each from m = -l to l.
        quadrature: The points x.
        normalization: That of the harmonics Y: "integral" (orthonormal), "component" or "norm".

    Returns:
        f, `[..., P, C]`.

    Raises:
        ValueError: If the components are not those of degrees 0 to L, or the normalization is
            unknown.

    Equivariance:
        O(3): the function moves with the coefficients of 0e + 1o + 2e + 3o + ..., exactly;
        values at fixed points do not form a representation.

    >>> from symjax_models.ops.quadrature import make_quadrature
    >>> to_sphere(jnp.ones((1, 5)), make_quadrature(4), normalization="component").shape
    (14, 5)
    """
    max_degree = degree_of(coefficients)
    harmonics = _harmonics(quadrature, max_degree, normalization)
    return _contract("...dc,pd->...pc", coefficients, harmonics)


def from_sphere(
    values: Array, quadrature: Quadrature, *, max_degree: int, normalization: str = "integral"
) -> Array:
    """Project signals, given by values at points, on spherical harmonics.

    c_lm = (sum over p of w_p f(x_p) Y_lm(x_p)) / (integral of Y_lm^2): the inverse of `to_sphere`.

    Args:
        values: f, `[..., P, C]`.
        quadrature: The points x and weights w.
        max_degree: L.
        normalization: That of the harmonics Y: "integral" (orthonormal), "component" or "norm".

    Returns:
        c, `[..., (L+1)^2, C]`; exact if f is a polynomial of degree at most
        `quadrature.degree - L`.

    Raises:
        ValueError: If the number of values is not that of points, the normalization is unknown,
            or the quadrature is not exact to 2 L, without which not even the harmonics
            themselves come back.

    Equivariance:
        O(3), exactly where the result is exact; otherwise as far as it is.

    >>> from symjax_models.ops.quadrature import make_quadrature
    >>> from_sphere(jnp.ones((14, 1)), make_quadrature(4), max_degree=2).shape
    (9, 1)
    """
    max_degree = check_count(max_degree, what="max_degree")
    if values.ndim < 2 or values.shape[-2] != quadrature.size:
        raise ValueError(
            f"expected values [..., {quadrature.size}, C] at the points of {quadrature!r}, got "
            f"{values.shape}"
        )
    if quadrature.degree < 2 * max_degree:
        raise ValueError(
            f"harmonics to degree {max_degree} need a quadrature exact to degree "
            f"{2 * max_degree}, got {quadrature!r}; make_quadrature({2 * max_degree}) is one"
        )
    projection = _projection(quadrature, max_degree, normalization)
    return _contract("...pc,pd->...dc", values, projection)


def degree_of(coefficients: Array) -> int:
    """Return the degree L of coefficients `[..., (L+1)^2, C]`, or raise `ValueError`."""
    dim = coefficients.shape[-2] if coefficients.ndim >= 2 else 0
    max_degree = math.isqrt(dim) - 1
    if max_degree < 0 or (max_degree + 1) ** 2 != dim:
        raise ValueError(
            "expected coefficients [..., D, C] with D = (L + 1)^2 = 1, 4, 9, ..., got "
            f"{coefficients.shape}"
        )
    return max_degree


def _contract(subscripts: str, x: Array, constant: np.ndarray) -> Array:
    x = jnp.asarray(x)
    matrix = jnp.asarray(constant, jnp.result_type(float, x.dtype))
    return jnp.einsum(subscripts, x, matrix, precision=jax.lax.Precision.HIGHEST)


@functools.lru_cache
def _harmonics(quadrature: Quadrature, max_degree: int, normalization: str) -> np.ndarray:
    """Return the harmonics at the points, `[P, (max_degree + 1)^2]`, in float64."""
    constant = solid_harmonics(
        quadrature.points, max_degree=max_degree, normalization=normalization
    )
    constant.flags.writeable = False
    return constant


@functools.lru_cache
def _projection(quadrature: Quadrature, max_degree: int, normalization: str) -> np.ndarray:
    """Return the weighted harmonics at the points, `[P, (max_degree + 1)^2]`, in float64."""
    harmonics = _harmonics(quadrature, max_degree, normalization)
    sizes = 2 * np.arange(max_degree + 1) + 1
    squared_norms = {
        "integral": np.ones(len(sizes)),
        "component": np.full(len(sizes), 4 * math.pi),
        "norm": 4 * math.pi / sizes,
    }[normalization]
    constant = quadrature.weights[:, None] * harmonics / np.repeat(squared_norms, sizes)
    constant.flags.writeable = False
    return constant
