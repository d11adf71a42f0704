"""Functions of a distance that fall from one to zero at a cutoff.

A message multiplied by one of them fades out as its sender leaves the neighbourhood, so that an
energy has no jump when the list of neighbours changes. Each is exactly zero at the cutoff and
beyond, and the derivatives that JAX computes there are zero; which of them are continuous, each
function says. Derivatives are finite everywhere.
"""

import functools
import math

import jax
import jax.numpy as jnp

from symjax_models.typing import Array, ArrayLike


def check_positive(value: float, *, what: str) -> float:
    """Return a finite number above zero as a `float`, or raise `ValueError`.

    Args:
        value: What was given.
        what: What it is, for the message.

    Raises:
        ValueError: If the number is zero, negative, infinite or NaN.

    >>> check_positive(5, what="a cutoff")
    5.0
    """
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{what} is a finite number above 0, got {value!r}")
    return number


def polynomial_cutoff(distances: ArrayLike, *, cutoff: float, p: int = 6) -> Array:
    """Fall from one to zero along a polynomial that is flat at both ends.

    With d = x / c: u(d) = 1 - (p+1)(p+2)/2 d^p + p(p+2) d^(p+1) - p(p+1)/2 d^(p+2) for d < 1.

    Args:
        distances: x, at least 0, of any shape.
        cutoff: c, in the unit of the distances.
        p: Order of contact with 1 at x = 0; higher stays near 1 for longer.

    Returns:
        u, in [0, 1], the shape of `distances`.

    Raises:
        ValueError: If the cutoff is not positive or p no whole number of at least 2.

    Numerics:
        First and second derivative are continuous at the cutoff, the third jumps. The value is
        (1 - d)^3 times a polynomial with positive coefficients, and the derivative its factored
        closed form: neither loses digits near the cutoff, where the sum above cancels.

    Source:
        Gasteiger, Gross, Guennemann (DimeNet, 2020), eq. 8, arXiv:2003.03123; there multiplied by
        the radial function and called the envelope. Also in Batzner et al. (NequIP, 2022).

    >>> polynomial_cutoff(jnp.array([0.0, 1.0, 2.0]), cutoff=2.0).tolist()
    [1.0, 0.85546875, 0.0]
    """
    if isinstance(p, bool) or not isinstance(p, int) or p < 2:
        raise ValueError(f"p is a whole number of at least 2, got {p!r}")
    fraction, inside = _fraction_inside(distances, cutoff)
    return jnp.where(inside, _polynomial(fraction, p), 0)


def smooth_cutoff(distances: ArrayLike, *, cutoff: float) -> Array:
    """Fall from one to zero with infinitely many continuous derivatives.

    f(x) = exp(1 - 1 / (1 - (x/c)^2)) for x < c.

    Args:
        distances: x, at least 0, of any shape.
        cutoff: c, in the unit of the distances.

    Returns:
        f, in [0, 1], the shape of `distances`.

    Raises:
        ValueError: If the cutoff is not positive.

    Numerics:
        All derivatives vanish at the cutoff. Just inside it, where the value is below the
        smallest number of the dtype (from x = 0.994 c on in float32, 0.9993 c in float64), the
        result is the same zero as beyond: derivatives (in float16 the first) would otherwise
        be zero times infinity.

    Source:
        The bump function; as a cutoff in Unke and Maennel (e3x, 2024), arXiv:2401.07595.

    >>> smooth_cutoff(jnp.array([0.0, 2.0, 3.0]), cutoff=2.0).tolist()
    [1.0, 0.0, 0.0]
    """
    fraction, inside = _fraction_inside(distances, cutoff)
    gap = (1 - fraction) * (1 + fraction)
    inside &= gap > 1 / (1 - math.log(jnp.finfo(gap.dtype).tiny))
    return jnp.where(inside, jnp.exp(1 - 1 / jnp.where(inside, gap, 1)), 0)


def cosine_cutoff(distances: ArrayLike, *, cutoff: float) -> Array:
    """Fall from one to zero along half a period of a cosine.

    f(x) = (1 + cos(pi x / c)) / 2 = cos(pi x / (2 c))^2 for x < c.

    Args:
        distances: x, at least 0, of any shape.
        cutoff: c, in the unit of the distances.

    Returns:
        f, in [0, 1], the shape of `distances`.

    Raises:
        ValueError: If the cutoff is not positive.

    Numerics:
        The first derivative is continuous at the cutoff; the second jumps there from
        pi^2 / (2 c^2) to 0, so forces have a kink: prefer another cutoff for second derivatives.

    Source:
        Behler and Parrinello (2007), doi:10.1103/PhysRevLett.98.146401.

    >>> cosine_cutoff(jnp.array([0.0, 2.0, 3.0]), cutoff=2.0).tolist()
    [1.0, 0.0, 0.0]
    """
    fraction, inside = _fraction_inside(distances, cutoff)
    return jnp.where(inside, jnp.square(jnp.cos((math.pi / 2) * fraction)), 0)


def _fraction_inside(distances: ArrayLike, cutoff: float) -> tuple[Array, Array]:
    """Return distance over cutoff, 0 at the cutoff and beyond, and where it is inside."""
    x, cutoff = jnp.asarray(distances), check_positive(cutoff, what="a cutoff")
    fraction = x / cutoff
    # A compiler may multiply by 1 / cutoff instead, and then x = cutoff need not give 1.
    inside = (x < cutoff) & (fraction < 1)
    return jnp.where(inside, fraction, 0), inside


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _polynomial(fraction: Array, p: int) -> Array:
    # (1 - d)^3 times the first p terms of its inverse power series: the one polynomial of degree
    # p + 2 with a triple zero at 1 and 1 + O(d^p) at 0.
    series = jnp.zeros_like(fraction)
    for k in reversed(range(p)):
        series = series * fraction + (k + 1) * (k + 2) // 2
    return (1 - fraction) ** 3 * series


@_polynomial.defjvp
def _polynomial_jvp(p: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (fraction,), (tangent,) = primals, tangents
    slope = -(p * (p + 1) * (p + 2) // 2) * fraction ** (p - 1) * jnp.square(1 - fraction)
    return _polynomial(fraction, p), slope * tangent
