"""Functions of a distance in which a network expands what it learns about that distance.

Each takes distances of any shape, at least zero and in any unit, and appends an axis of K
functions; cutoffs are in the same unit. None of them is zero beyond the cutoff: multiply by one
of `ops.cutoffs`. As functions of the displacement vector x, `bessel` and `fourier` are smooth at
x = 0, being even in |x|; the others have a cusp there, as densities have at nuclei.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.cutoffs import check_positive
from symjax_models.reps.checks import check_count
from symjax_models.typing import Array, ArrayLike

_SINC_SERIES = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(10))


def bessel(distances: ArrayLike, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate the spherical Bessel functions j_0 that vanish at the cutoff.

    b_n(x) = sqrt(2/c) sin(n pi x / c) / x for n = 1..K.

    Args:
        distances: x, at least 0, in the unit of the cutoff, `[...]`.
        num_functions: K.
        cutoff: c.

    Returns:
        b, `[..., K]`, in units of length^(-3/2): orthonormal under x^2 dx on [0, c].

    Raises:
        ValueError: If `num_functions` or `cutoff` is not positive.

    Numerics:
        At x = 0 the value is the limit sqrt(2/c) n pi / c, and derivatives are those of the power
        series, which is used near zero, where differentiating the quotient would cancel. Zero at
        the cutoff, with slope (-1)^n sqrt(2/c) n pi / c^2; beyond, the waves go on.

    Source:
        Gasteiger, Gross, Guennemann (DimeNet, 2020), eq. 7, arXiv:2003.03123; frequencies are
        constants here, parameters there.

    >>> [f"{value:.4f}" for value in bessel(0.0, num_functions=3, cutoff=1.0)]
    ['4.4429', '8.8858', '13.3286']
    """
    fraction, cutoff = _fraction(distances, cutoff)
    n = 1 + _indices(num_functions, fraction.dtype)
    return math.sqrt(2 / cutoff) * (math.pi / cutoff) * n * _sinc(n * fraction)


def gaussian(distances: ArrayLike, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate Gaussians with evenly spaced centers.

    g_k(x) = exp(-(x - mu_k)^2 / (2 s^2)) with s = c / (K-1) and mu_k = k s, for k = 0..K-1.

    Args:
        distances: x, at least 0, in the unit of the cutoff, `[...]`.
        num_functions: K, at least 2.
        cutoff: c, the last center.

    Returns:
        g, `[..., K]`, each with maximum 1.

    Raises:
        ValueError: If `num_functions` is below 2 or `cutoff` not positive.

    Numerics:
        Smooth at and beyond the cutoff, where the last functions are not small.

    Source:
        Schuett et al. (SchNet, 2017), arXiv:1706.08566; there the spacing is 0.1 A and the
        exponent 10 / A^2, here the standard deviation is the spacing, as in its later software.

    >>> [f"{value:.4f}" for value in gaussian(1.0, num_functions=3, cutoff=2.0)]
    ['0.6065', '1.0000', '0.6065']
    """
    fraction, _ = _fraction(distances, cutoff)
    k = _indices(num_functions, fraction.dtype, minimum=2)
    return jnp.exp(-jnp.square((num_functions - 1) * fraction - k) / 2)


def bernstein(distances: ArrayLike, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate the Bernstein polynomials of one degree on the interval up to the cutoff.

    b_k(x) = binom(n, k) u^k (1 - u)^(n - k) with u = x / c and n = K - 1, for k = 0..n.

    Args:
        distances: x, at least 0, in the unit of the cutoff, `[...]`.
        num_functions: K.
        cutoff: c.

    Returns:
        b, `[..., K]`, not negative and with sum 1.

    Raises:
        ValueError: If `num_functions` or `cutoff` is not positive.

    Numerics:
        Evaluated as the exponential of a sum of logarithms, which neither over- nor underflows
        on the way for any K; derivatives are differences of the polynomials one degree below. At
        the cutoff the last one is 1 and the others 0; they stay so beyond, with a kink there.

    Source:
        Bernstein (1912); as radial functions in Unke et al. (SpookyNet, 2021), arXiv:2105.00304.

    >>> bernstein(1.0, num_functions=3, cutoff=2.0).round(4).tolist()
    [0.25, 0.5, 0.25]
    """
    fraction, _ = _fraction(distances, cutoff)
    return _bernstein(_clamp(fraction), _check_number(num_functions) - 1)


def chebyshev(distances: ArrayLike, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate Chebyshev polynomials of the first kind on the interval up to the cutoff.

    T_k(2 x / c - 1) for k = 0..K-1, where T_k(cos a) = cos(k a).

    Args:
        distances: x, at least 0, in the unit of the cutoff, `[...]`.
        num_functions: K.
        cutoff: c.

    Returns:
        T, `[..., K]`, in [-1, 1].

    Raises:
        ValueError: If `num_functions` or `cutoff` is not positive.

    Numerics:
        By doubling, T_(n+m) = 2 T_n T_m - T_(n-m): about log2(K) steps and polynomial derivatives,
        finite also at both ends, where slopes, and with them the effect of rounding in x / c,
        grow like K^2. Beyond the cutoff all stay at 1, with a kink there, because the polynomials
        would overflow.

    Source:
        Abramowitz and Stegun (1964), chapter 22; as radial functions in Unke and Maennel (e3x,
        2024), arXiv:2401.07595.

    >>> chebyshev(0.5, num_functions=4, cutoff=2.0).tolist()
    [1.0, -0.5, -0.5, 1.0]
    """
    fraction, _ = _fraction(distances, cutoff)
    t = 2 * _clamp(fraction) - 1
    values = jnp.concatenate([jnp.ones_like(t), t], axis=-1)
    while values.shape[-1] < _check_number(num_functions):
        higher = 2 * values[..., -1:] * values[..., 1:] - values[..., -2::-1]
        values = jnp.concatenate([values, higher], axis=-1)
    return values[..., :num_functions]


def fourier(distances: ArrayLike, *, num_functions: int, cutoff: float) -> Array:
    """Evaluate cosines with nodes of their derivative at zero and at the cutoff.

    f_k(x) = cos(k pi x / c) for k = 0..K-1.

    Args:
        distances: x, at least 0, in the unit of the cutoff, `[...]`.
        num_functions: K.
        cutoff: c.

    Returns:
        f, `[..., K]`, orthogonal under dx on [0, c].

    Raises:
        ValueError: If `num_functions` or `cutoff` is not positive.

    Numerics:
        At the cutoff the value is (-1)^k and the slope zero; beyond, the waves go on.

    Source:
        Unke and Maennel (e3x, 2024), arXiv:2401.07595.

    >>> fourier(1.0, num_functions=3, cutoff=1.0).tolist()
    [1.0, -1.0, 1.0]
    """
    fraction, _ = _fraction(distances, cutoff)
    k = _indices(num_functions, fraction.dtype)
    return jnp.cos(math.pi * k * fraction)


def exponential_bernstein(distances: ArrayLike, *, num_functions: int, gamma: ArrayLike) -> Array:
    """Evaluate Bernstein polynomials of a distance that is mapped to [0, 1) exponentially.

    binom(n, k) u^k (1 - u)^(n - k) with u = 1 - exp(-gamma x) and n = K - 1, for k = 0..n: dense
    at short distances, where interactions vary fast, and without a cutoff of their own.

    Args:
        distances: x, at least 0, `[...]`.
        num_functions: K.
        gamma: Rate of decay, in units of 1/length: 1/gamma is the decay length. A number, or a
            scalar array if it is a parameter.

    Returns:
        The polynomials, `[..., K]`, not negative and with sum 1.

    Raises:
        ValueError: If `num_functions` is not positive, or gamma a number that is not.

    Numerics:
        As `bernstein`; smooth for all x > 0.

    Source:
        Unke et al. (SpookyNet, 2021), arXiv:2105.00304; the order of the functions is
        that of e3x (Unke and Maennel, 2024), where the first one is the most short-ranged.

    >>> exponential_bernstein(jnp.log(2.0), num_functions=3, gamma=1.0).round(4).tolist()
    [0.25, 0.5, 0.25]
    """
    fraction = _exponential_fraction(distances, gamma)
    return _bernstein(fraction, _check_number(num_functions) - 1)


def exponential_gaussian(distances: ArrayLike, *, num_functions: int, gamma: ArrayLike) -> Array:
    """Evaluate evenly spaced Gaussians of a distance that is mapped to [0, 1) exponentially.

    exp(-sqrt(2K) (K-1) (u - k/(K-1))^2) with u = 1 - exp(-gamma x), for k = 0..K-1.

    Args:
        distances: x, at least 0, `[...]`.
        num_functions: K, at least 2.
        gamma: Rate of decay, in units of 1/length: 1/gamma is the decay length. A number, or a
            scalar array if it is a parameter.

    Returns:
        The functions, `[..., K]`, each with maximum 1.

    Raises:
        ValueError: If `num_functions` is below 2, or gamma a number that is not positive.

    Numerics:
        Smooth for all x > 0.

    Source:
        Unke and Meuwly (PhysNet, 2019), arXiv:1902.08408; width and centers, which PhysNet
        takes from the cutoff, are those of e3x (Unke and Maennel, 2024).

    >>> exponential_gaussian(jnp.log(2.0), num_functions=3, gamma=1.0)[1].item()
    1.0
    """
    fraction = _exponential_fraction(distances, gamma)
    k = _indices(num_functions, fraction.dtype, minimum=2)
    precision = math.sqrt(2 * num_functions) / (num_functions - 1)
    return jnp.exp(-precision * jnp.square((num_functions - 1) * fraction - k))


def _fraction(distances: ArrayLike, cutoff: float) -> tuple[Array, float]:
    """Return distance over cutoff, `[..., 1]`, and the cutoff."""
    cutoff = check_positive(cutoff, what="a cutoff")
    return jnp.asarray(distances)[..., None] / cutoff, cutoff


def _exponential_fraction(distances: ArrayLike, gamma: ArrayLike) -> Array:
    """Return 1 - exp(-gamma x), `[..., 1]`."""
    if not isinstance(gamma, jax.Array):
        gamma = check_positive(float(gamma), what="gamma")
    return -jnp.expm1(-gamma * jnp.asarray(distances)[..., None])


def _check_number(num_functions: int, *, minimum: int = 1) -> int:
    if check_count(num_functions, what="num_functions") < minimum:
        raise ValueError(f"num_functions is at least {minimum} here, got {num_functions}")
    return num_functions


def _indices(num_functions: int, dtype: Any, *, minimum: int = 1) -> Array:
    return jnp.arange(_check_number(num_functions, minimum=minimum), dtype=dtype)


def _clamp(fraction: Array) -> Array:
    # Not `jnp.minimum`, which halves the derivative where both arguments are equal.
    return jnp.where(fraction > 1, 1, fraction)


def _sinc(z: Array) -> Array:
    """Return sin(pi z) / (pi z), with accurate derivatives of every order near zero."""
    angle = math.pi * z
    is_small = jnp.abs(angle) < 1
    square = jnp.square(jnp.where(is_small, angle, 0))
    series = jnp.zeros_like(z)
    for coefficient in reversed(_SINC_SERIES):
        series = series * square + coefficient
    large = jnp.where(is_small, 1, angle)
    return jnp.where(is_small, series, jnp.sin(large) / large)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _bernstein(u: Array, degree: int) -> Array:
    """Return the polynomials of one degree, `[..., degree + 1]`, at u in [0, 1], `[..., 1]`."""
    k = jnp.arange(degree + 1, dtype=u.dtype)
    binomials = jnp.asarray(_log_binomials(degree), u.dtype)
    is_end = (u == 0) | (u == 1)
    inner = jnp.where(is_end, 0.5, u)
    values = jnp.exp(binomials + k * jnp.log(inner) + (degree - k) * jnp.log1p(-inner))
    return jnp.where(is_end, jnp.where(u == 0, k == 0, k == degree), values)


@_bernstein.defjvp
def _bernstein_jvp(degree: int, primals: tuple[Array], tangents: tuple[Array]) -> Any:
    (u,), (tangent,) = primals, tangents
    if degree == 0:
        return _bernstein(u, 0), jnp.zeros_like(tangent)
    lower = jnp.pad(_bernstein(u, degree - 1), [(0, 0)] * (u.ndim - 1) + [(1, 1)])
    slope = degree * (lower[..., :-1] - lower[..., 1:])
    return _bernstein(u, degree), slope * tangent


@functools.lru_cache
def _log_binomials(degree: int) -> np.ndarray:
    """Return log binom(degree, k), `[degree + 1]`, in float64."""
    values = np.array([math.log(math.comb(degree, k)) for k in range(degree + 1)])
    values.flags.writeable = False
    return values
