"""Real spherical harmonics of every degree, by recurrences in Cartesian coordinates."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops import safe
from symjax_models.reps.checks import check_count
from symjax_models.reps.matrices import namespace
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, ArrayLike

# Factor c and exponent e of c (2l + 1)^e, the size of degree l over that under "component".
_SCALES = {"component": (1.0, 0.0), "integral": (1 / np.sqrt(4 * np.pi), 0.0), "norm": (1.0, -0.5)}


def spherical_harmonics(
    vectors: ArrayLike,
    *,
    max_degree: int,
    normalize: bool = True,
    normalization: str = "component",
) -> Array:
    r"""Evaluate the real spherical harmonics of degrees 0 to `max_degree`.

    The block of degree l has the components m = -l..l at indices l^2 to (l + 1)^2 - 1. With S_lm
    the standard real orthonormal harmonics, without the sign of Condon and Shortley,
    `Y_lm(x, y, z) = c_l S_lm(z, x, y)`: the polar axis is y, the azimuth turns from z to x, and
    the block of degree 1 is the vector (x, y, z) times a number.

    Args:
        vectors: r, `[..., 3]`.
        max_degree: The highest degree, at least 0.
        normalize: Evaluate at r / |r|. If not, the harmonics are those of r itself, homogeneous
            polynomials of degree l (solid harmonics).
        normalization: The sum over m of Y_lm^2 on the unit sphere: `"component"` 2l + 1,
            `"norm"` 1, `"integral"` (2l + 1) / (4 pi), which makes them orthonormal.

    Returns:
        `[..., L]`, with L = (max_degree + 1)^2 and the dtype of `vectors`.

    Raises:
        ValueError: If the last axis has not length 3, `max_degree` is no whole number of at least
            0, or the normalization is unknown.

    Equivariance:
        O(3): the vector representation to the sum of the irreps of degree l and parity (-1)^l,
        exactly up to rounding.

    Numerics:
        No angle, no division by a sine: nothing special happens on any axis. Normalized, the
        length of r has no influence, for components that are normal numbers (a smaller one may
        count as zero) up to a quarter of the largest number; at the zero vector degree 0 is its
        constant and every other value and every derivative is zero. Derivatives of every order,
        forward and reverse, are the exact ones of the polynomials. In float32 the largest error
        of a component is 1e-6 of the root mean square of its degree at degree 4, 2e-6 at 8 and
        below 4e-6 at 16; half precision is computed in single.

    Source:
        The gradient of a solid harmonic is a linear map of those one degree lower (Varshalovich,
        Moskalev and Khersonskii, Quantum Theory of Angular Momentum, 1988, section 5.8). With
        Euler's `l Y_l = r . grad Y_l` this one map gives both the recurrence and the derivative.
        Conventions are those of e3nn (Geiger and Smidt, 2022, arXiv:2207.09453).

    >>> spherical_harmonics(jnp.array([0.0, 2.0, 0.0]), max_degree=1, normalization="norm")
    Array([1., 0., 1., 0.], dtype=float32)
    """
    array = jnp.asarray(vectors)
    dtype = array.dtype if jnp.issubdtype(array.dtype, jnp.floating) else jnp.result_type(float)
    _check(array, max_degree, normalization)
    # Components lie on the first axis: the long axes of the batch stay innermost, in memory too.
    r = jnp.moveaxis(array.astype(jnp.promote_types(dtype, jnp.float32)), -1, 0)
    if normalize:
        r = _direction(r)
    values = _differentiable_values(r, max_degree, normalization)
    if normalize:
        degrees = np.arange(max_degree + 1)
        halves = np.repeat(degrees / 2, 2 * degrees + 1).astype(r.dtype)
        # Degree l is homogeneous: a length of 1 + h instead of 1 shows as a factor of 1 + l h.
        values *= 1 - jnp.multiply.outer(halves, jax.lax.stop_gradient(_excess(r)))
    return jnp.moveaxis(values, 0, -1).astype(dtype)


def solid_harmonics(vectors: Any, *, max_degree: int, normalization: str = "component") -> Any:
    """Evaluate the harmonics of the vectors as they are, in NumPy or in JAX.

    This is `spherical_harmonics` without normalizing, for constants in float64: NumPy in, NumPy
    out, so nothing depends on how JAX is set.

    Args:
        vectors: r, `[..., 3]`, floating.
        max_degree: The highest degree, at least 0.
        normalization: As in `spherical_harmonics`.

    Returns:
        `[..., L]`, with L = (max_degree + 1)^2.

    Raises:
        ValueError: As `spherical_harmonics`.

    >>> solid_harmonics(np.array([0.0, 2.0, 0.0]), max_degree=1, normalization="norm")
    array([1., 0., 2., 0.])
    """
    _check(vectors, max_degree, normalization)
    evaluate = _values if namespace(vectors) is np else _differentiable_values
    r = namespace(vectors).moveaxis(vectors, -1, 0)
    return namespace(vectors).moveaxis(evaluate(r, max_degree, normalization), 0, -1)


def _values(r: Any, max_degree: int, normalization: str) -> Any:
    """Return the harmonics, `[L, ...]`, of vectors `[3, ...]`, each degree from the one below."""
    xp = namespace(r)
    blocks = [xp.full_like(r[:1], _scale(0, normalization))]
    for l in range(1, max_degree + 1):
        # Euler: l Y_l = r . grad Y_l. No step of this amplifies the rounding of earlier ones, while
        # that of the cheaper three-term recurrence grows near the poles like l^2.
        blocks.append(_apply_ladder(_ladder(l, normalization) / l, r, blocks[-1]))
    return xp.concatenate(blocks)


_differentiable_values = jax.custom_jvp(_values, nondiff_argnums=(1, 2))


@_differentiable_values.defjvp
def _derivative(
    max_degree: int, normalization: str, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (r,), (dr,) = primals, tangents
    values = _differentiable_values(r, max_degree, normalization)
    changes = [jnp.zeros_like(values[:1])]
    for l in range(1, max_degree + 1):
        below = values[(l - 1) ** 2 : l**2]
        changes.append(_apply_ladder(_ladder(l, normalization), dr, below))
    return values, jnp.concatenate(changes)


def _apply_ladder(ladder: np.ndarray, r: Any, below: Any) -> Any:
    """Return `[2l+1, ...]`, the sum over k and n of `ladder[m, k, n] r[k] below[n]`."""
    matrix = ladder.reshape(len(ladder), 3 * len(below)).astype(r.dtype)
    products = (r[:, None] * below).reshape(3 * len(below), *r.shape[1:])
    if namespace(r) is np:
        return np.tensordot(matrix, products, 1)
    return jnp.tensordot(matrix, products, 1, precision=jax.lax.Precision.HIGHEST)


@functools.lru_cache(maxsize=512)
def _ladder(l: int, normalization: str) -> np.ndarray:
    """Return the gradient of degree l >= 1, `[2l+1, 3, 2l-1]`: dY_lm/dr_k by Y_(l-1)n."""
    # Two orders more on either side take the coefficients, all zero, that point outside.
    ladder = np.zeros((2 * l + 1, 3, 2 * l + 3))
    for m in range(-l, l + 1):
        order, sign = abs(m), 1 if m >= 0 else -1
        row, zero = ladder[m + l], l + 1
        raising = np.sqrt((l - order) * (l - order - 1)) / 2
        lowering = np.sqrt((l + order) * (l + order - 1)) / 2
        # The harmonic of order 0 lacks the factor sqrt(2) of the others.
        raising *= np.sqrt(2.0) if order == 0 else 1.0
        lowering *= np.sqrt(2.0) if order == 1 else 1.0
        row[1, zero + m] = np.sqrt(l * l - m * m)
        row[2, zero + m + sign] = -raising
        row[0, zero - m - sign] = -sign * raising
        # Negative orders are sines, and there is no sine of order 0.
        if order > 1 or m == 1:
            row[2, zero + m - sign] = lowering
        if order > 1 or m == -1:
            row[0, zero - m + sign] = -sign * lowering
    ladder *= np.sqrt((2 * l + 1) / (2 * l - 1))
    ladder *= _scale(l, normalization) / _scale(l - 1, normalization)
    ladder = ladder[:, :, 2:-2].copy()
    ladder.flags.writeable = False
    return ladder


def _scale(l: int, normalization: str) -> float:
    factor, exponent = _SCALES[normalization]
    return factor * (2 * l + 1) ** exponent


def _direction(r: Array) -> Array:
    """Return r / |r| of vectors `[3, ...]`; zero, with zero derivatives, at the zero vector."""
    # Scaled first, no square and no derivative of the root under- or overflows. The result does
    # not depend on the scale, so its derivative is rightly left out.
    scaled = safe.divide(r, jax.lax.stop_gradient(jnp.max(jnp.abs(r), axis=0)))
    return safe.divide(scaled, safe.sqrt(jnp.sum(scaled * scaled, axis=0)))


def _excess(r: Array) -> Array:
    """Return |r|^2 - 1, `[...]`, of lengths nearly one, free of the rounding of the sum."""
    # The squares of numbers this short, and their sum, are exact.
    short = 2.0 ** ((jnp.finfo(r.dtype).nmant - 1) // 2)
    head = jnp.round(r * short) / short
    return jnp.sum(head * head, axis=0) - 1 + jnp.sum((r - head) * (r + head), axis=0)


def _check(vectors: Any, max_degree: int, normalization: str) -> None:
    if vectors.ndim == 0 or vectors.shape[-1] != 3:
        raise ValueError(f"vectors have shape [..., 3], got {vectors.shape}")
    check_count(max_degree, what="max_degree")
    look_up(normalization, _SCALES, what="normalization")
