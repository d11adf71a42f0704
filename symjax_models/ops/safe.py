"""Norms, roots and quotients with finite derivatives everywhere.

Every function here has an exact value (no epsilon is added anywhere) and a finite value,
gradient and second derivative at the point where the textbook formula has none: the zero
vector, the zero argument, the zero denominator. The derivative chosen there is zero, the one
that keeps a function of a vector equivariant: no direction is preferred.
"""

import functools

import jax
import jax.numpy as jnp

from symjax_models.typing import Array


def sqrt(x: Array) -> Array:
    """Take the square root, with derivative zero instead of infinity at zero.

    Args:
        x: Non-negative array of any shape.

    Returns:
        `x ** 0.5`, same shape.

    Numerics:
        All derivatives at `x == 0` are zero. Negative input gives NaN, as in NumPy.

    >>> float(jax.grad(sqrt)(0.0))
    0.0
    """
    is_zero = x == 0
    return jnp.where(is_zero, 0, jnp.sqrt(jnp.where(is_zero, 1, x)))


def norm(x: Array, *, axis: int = -1, keepdims: bool = False) -> Array:
    """Compute the Euclidean norm of vectors along one axis.

    Args:
        x: Vectors, components along `axis`.
        axis: The axis of the components.
        keepdims: Keep `axis` with length one.

    Returns:
        The norms, `x.shape` without `axis` (or with length one there).

    Equivariance:
        Invariant under O(d) acting on `axis`, exactly up to rounding.

    Numerics:
        The vector is divided by its largest component first, so neither tiny nor huge vectors
        under- or overflow. Gradient and second derivative at the zero vector are zero.

    >>> norm(jnp.array([3e-30, 4e-30])).item() > 0
    True
    """
    # The result does not depend on the scale, so its derivative is rightly left out.
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=axis, keepdims=True))
    scale = jnp.where(scale == 0, 1, scale)
    length = scale * sqrt(jnp.sum(jnp.square(x / scale), axis=axis, keepdims=True))
    return length if keepdims else jnp.squeeze(length, axis=axis)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _unit(x: Array, axis: int) -> Array:
    scale = jnp.max(jnp.abs(x), axis=axis, keepdims=True)
    scaled = divide(x, scale)
    return divide(scaled, sqrt(jnp.sum(jnp.square(scaled), axis=axis, keepdims=True)))


@_unit.defjvp
def _unit_jvp(axis: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (change,) = primals, tangents
    u = _unit(x, axis)
    across = change - u * jnp.sum(u * change, axis=axis, keepdims=True)
    return u, divide(across, norm(x, axis=axis, keepdims=True))


def unit(x: Array, *, axis: int = -1) -> Array:
    """Divide vectors by their length; zero vectors stay zero.

    Args:
        x: Vectors, components along `axis`.
        axis: The axis of the components.

    Returns:
        Vectors of length 1 or 0, same shape.

    Equivariance:
        O(d) acting on `axis`, exactly up to rounding; invariant under positive scaling.

    Numerics:
        The derivative `(dx - u <u, dx>) / |x|` is stated, for that of the quotient has |x|^2, which
        underflows for tiny vectors, and takes twice as long. It is zero at the zero vector.

    >>> unit(jnp.array([3e-30, 4e-30])).round(6).tolist()[0] > 0.59
    True
    """
    return _unit(x, axis)


def divide(numerator: Array, denominator: Array) -> Array:
    """Divide, with value and derivatives zero where the denominator is zero.

    Args:
        numerator: Any array.
        denominator: Any array that broadcasts with it.

    Returns:
        `numerator / denominator`, and 0 where `denominator == 0`.

    >>> divide(jnp.ones(2), jnp.array([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    is_zero = denominator == 0
    return jnp.where(is_zero, 0, numerator / jnp.where(is_zero, 1, denominator))


def maximum_over(x: Array, *, axis: int) -> Array:
    """Take the largest entry along an axis, with a gradient that no compiler can spoil.

    The gradient of `jnp.max` looks for the entries that equal the maximum. A compiler that computes
    `x` twice and rounds it in two ways, as fused multiply-adds do, leaves none, and 0 / 0 is NaN.
    Here `x` is computed once.

    Args:
        x: Any array.
        axis: The axis.

    Returns:
        The maxima, `x.shape` without the axis.

    Numerics:
        Entries that tie share the gradient.

    >>> jax.grad(lambda x: maximum_over(x, axis=0))(jnp.array([1.0, 3.0, 3.0])).tolist()
    [0.0, 0.5, 0.5]
    """
    return jnp.max(jax.lax.optimization_barrier(x), axis=axis)
