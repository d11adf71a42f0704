"""Rotations of space: conversions between their descriptions, and frames aligned with directions.

Rotation matrices act on columns (x, y, z) and the polar axis is y, as in e3nn. Quaternions are
(w, x, y, z). Every function takes leading batch axes, keeps the dtype and multiplies numbers, not
matrices, so that no accelerator rounds the products.
"""

import math
from typing import Any

import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.typing import Array, ArrayLike

# Where the series of sin(t) / t in t ** 2 takes over, and the terms that make it exact in float64.
_SERIES_RANGE = 0.5
_SERIES = [(-1) ** n / math.factorial(2 * n + 1) for n in range(10)]


def matrix_from_angles(alpha: ArrayLike, beta: ArrayLike, gamma: ArrayLike) -> Array:
    """Return the rotation R = R_y(alpha) R_x(beta) R_y(gamma) of Euler angles.

    Args:
        alpha: Angle of the last rotation, about y, in radians.
        beta: Angle of the second rotation, about x.
        gamma: Angle of the first rotation, about y.

    Returns:
        Rotation matrices `[..., 3, 3]`, of the shape to which the angles broadcast.

    >>> matrix_from_angles(0.0, 0.0, jnp.pi / 2)[0, 2].round(6).item()
    1.0
    """
    angles = jnp.broadcast_arrays(*(_floating(angle) for angle in (alpha, beta, gamma)))
    (ca, cb, cg), (sa, sb, sg) = map(jnp.cos, angles), map(jnp.sin, angles)
    return _matrix(
        [
            [ca * cg - sa * cb * sg, sa * sb, ca * sg + sa * cb * cg],
            [sb * sg, cb, -sb * cg],
            [-sa * cg - ca * cb * sg, ca * sb, ca * cb * cg - sa * sg],
        ]
    )


def angles_from_matrix(rotation: ArrayLike) -> tuple[Array, Array, Array]:
    """Return Euler angles (alpha, beta, gamma) of R = R_y(alpha) R_x(beta) R_y(gamma).

    Args:
        rotation: Rotation matrices R, `[..., 3, 3]`.

    Returns:
        alpha and gamma in [-pi, pi] and beta in [0, pi], each `[...]`.

    Raises:
        ValueError: If the matrices are not 3 by 3.

    Numerics:
        gamma is measured after undoing alpha, so that the three give R back to rounding also where
        beta is near 0 or pi and only alpha + gamma or alpha - gamma is determined. At beta = 0 and
        pi themselves alpha is 0; the angles have no derivatives there, and what comes is finite.

    >>> [round(float(angle), 4) for angle in angles_from_matrix(matrix_from_angles(0.3, 0.5, 0.9))]
    [0.3, 0.5, 0.9]
    """
    rotation = _checked(rotation, (3, 3), what="rotations are matrices")
    sine, cosine = rotation[..., 0, 1], rotation[..., 2, 1]
    on_axis = (sine == 0) & (cosine == 0)
    alpha = jnp.arctan2(jnp.where(on_axis, 0, sine), jnp.where(on_axis, 1, cosine))
    height = safe.norm(jnp.stack([sine, cosine], axis=-1))
    beta = jnp.arctan2(height, rotation[..., 1, 1])
    turned = [
        jnp.cos(alpha) * rotation[..., 0, j] - jnp.sin(alpha) * rotation[..., 2, j] for j in (0, 2)
    ]
    return alpha, beta, jnp.arctan2(turned[1], turned[0])


def matrix_from_rotation_vector(vector: ArrayLike) -> Array:
    """Return the rotation about the axis v / |v| by the angle |v|, the exponential of v.

    Args:
        vector: v, `[..., 3]`, in radians.

    Returns:
        Rotation matrices `[..., 3, 3]`: cos|v| + sin|v|/|v| [v] + (1 - cos|v|)/|v|^2 v v^T.

    Raises:
        ValueError: If the last axis is not 3.

    Equivariance: under rotations S, the matrix of S v is S R S^T.

    Numerics: the factors are power series of |v|^2 near 0, so derivatives of every order exist and
        are right at the zero vector too.

    Source: Rodrigues 1840.

    >>> matrix_from_rotation_vector(jnp.array([0.0, 0.0, jnp.pi / 2]))[1, 0].round(6).item()
    1.0
    """
    vector = _checked(vector, (3,), what="rotation vectors are arrays")
    square = jnp.sum(vector * vector, axis=-1)
    versine = jnp.square(_sinc(square / 4)) / 2
    return _rodrigues(vector, 1 - square * versine, _sinc(square), versine)


def matrix_from_quaternion(quaternion: ArrayLike) -> Array:
    """Return the rotation v -> q v q^-1 of a quaternion of any length.

    Args:
        quaternion: q = (w, x, y, z), `[..., 4]`; q and every multiple of it mean the same rotation.

    Returns:
        Rotation matrices `[..., 3, 3]`; the identity, with derivative zero, where q is zero.

    Raises:
        ValueError: If the last axis is not 4.

    >>> matrix_from_quaternion(jnp.array([2.0, 0.0, 2.0, 0.0]))[0].round(6).tolist()
    [0.0, 0.0, 1.0]
    """
    quaternion = _checked(quaternion, (4,), what="quaternions are arrays")
    unit = safe.divide(quaternion, safe.norm(quaternion, keepdims=True))
    w, vector = unit[..., 0], unit[..., 1:]
    two = jnp.full_like(w, 2)
    return _rodrigues(vector, 1 - 2 * jnp.sum(vector * vector, axis=-1), 2 * w, two)


def quaternion_from_matrix(rotation: ArrayLike) -> Array:
    """Return the unit quaternion with w >= 0 of a rotation.

    Args:
        rotation: Rotation matrices `[..., 3, 3]`.

    Returns:
        Quaternions (w, x, y, z), `[..., 4]`.

    Raises:
        ValueError: If the matrices are not 3 by 3.

    Numerics: the entries of 4 q q^T are linear in those of the matrix. The row with the largest
        diagonal entry, at least 1, is normalized, so nothing cancels and derivatives are finite
        everywhere; at angle pi the sign of q jumps.

    Source: Shepperd 1978, J. Guidance and Control 1(3).

    >>> quaternion_from_matrix(jnp.diag(jnp.array([-1.0, 1.0, -1.0]))).tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    r = _checked(rotation, (3, 3), what="rotations are matrices")
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    wx, wy, wz = (r[..., j, i] - r[..., i, j] for i, j in ((1, 2), (2, 0), (0, 1)))
    yz, zx, xy = (r[..., j, i] + r[..., i, j] for i, j in ((1, 2), (2, 0), (0, 1)))
    outer = _matrix(
        [
            [1 + xx + yy + zz, wx, wy, wz],
            [wx, 1 + xx - yy - zz, xy, zx],
            [wy, xy, 1 - xx + yy - zz, yz],
            [wz, zx, yz, 1 - xx - yy + zz],
        ]
    )
    largest = jnp.argmax(jnp.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    row = jnp.take_along_axis(outer, largest[..., None, None], axis=-2)[..., 0, :]
    return row * jnp.where(row[..., :1] < 0, -1, 1) / safe.norm(row, keepdims=True)


def quaternion_multiply(p: ArrayLike, q: ArrayLike) -> Array:
    """Return the product p q of quaternions, whose rotation is that of q, then that of p.

    Args:
        p: Left factor, (w, x, y, z), `[..., 4]`.
        q: Right factor, `[..., 4]`, with batch axes that broadcast.

    Returns:
        The product, `[..., 4]`.

    Raises:
        ValueError: If a last axis is not 4.

    >>> quaternion_multiply(jnp.eye(4)[1], jnp.eye(4)[2]).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    p = _checked(p, (4,), what="quaternions are arrays")
    q = _checked(q, (4,), what="quaternions are arrays")
    a, b, c, d = (p[..., i] for i in range(4))
    w, x, y, z = (q[..., i] for i in range(4))
    return jnp.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        axis=-1,
    )


def align_frames(directions: ArrayLike) -> Array:
    """Return for each direction d a rotation R with R d = +y, the polar axis.

    Two charts: where d_y >= 0, the shortest rotation of d to y, of the quaternion
    (1 + d_y, d x y); where d_y < 0, the half turn about x followed by the same rotation of the
    turned direction. Each is smooth on its half and far beyond, up to the opposite pole.

    No choice of R is continuous on the whole sphere (its rows would comb the hair of a ball): the
    charts differ by a rotation about y, the roll, and on the border d_y = 0 the roll jumps. So
    values and all derivatives of f(R) are continuous in d exactly for those f that do not depend
    on the roll, f(R_y(phi) R) = f(R): the row of R along y, which is d; D(R)^T M D(R) x where
    M commutes with rotations about y, thus mixes orders m and -m as such rotations do (an SO(2)
    convolution); norms of the pairs (m, -m) of D(R) x. What one component of D(R) x with m != 0
    depends on jumps: do not use it alone.

    Args:
        directions: d, `[..., 3]`, of any length.

    Returns:
        Rotation matrices R, `[..., 3, 3]`; the identity, with derivative zero, at the zero vector.

    Raises:
        ValueError: If the last axis is not 3.

    Equivariance: under rotations S, R(S d) S = R_y(phi) R(d) with some roll phi(S, d).

    Numerics: rational in d / |d| with a denominator of at least 1, so all derivatives are finite
        for every direction, along the axes and arbitrarily near them.

    Source: the two charts are those of the frames of fairchem (Meta, pull request 1771), which
        blends them; here they switch, since what blending repairs is not allowed to matter.

    >>> align_frames(jnp.array([0.0, 0.0, -2.0])) @ jnp.array([0.0, 0.0, -2.0])
    Array([0., 2., 0.], dtype=float32)
    """
    directions = _checked(directions, (3,), what="directions are arrays")
    length = safe.norm(directions, keepdims=True)
    polar = jnp.array([0, 1, 0], directions.dtype)
    unit = jnp.where(length == 0, polar, safe.divide(directions, length))
    x, y, z = (unit[..., i] for i in range(3))
    sign = jnp.where(y < 0, -1, 1).astype(unit.dtype)
    s = 1 / (1 + jnp.abs(y))
    return _matrix(
        [
            [1 - x * x * s, -sign * x, -x * z * s],
            [x, y, z],
            [-sign * x * z * s, -z, sign * (1 - z * z * s)],
        ]
    )


def _rodrigues(vector: Array, identity: Array, cross: Array, outer: Array) -> Array:
    """Return `identity * 1 + cross * [v] + outer * v v^T` for the vector v and three factors."""
    x, y, z = (vector[..., i] for i in range(3))
    u, v, w = (cross * component for component in (x, y, z))
    return _matrix(
        [
            [identity + outer * x * x, outer * x * y - w, outer * x * z + v],
            [outer * x * y + w, identity + outer * y * y, outer * y * z - u],
            [outer * x * z - v, outer * y * z + u, identity + outer * z * z],
        ]
    )


def _sinc(square: Array) -> Array:
    """Return sin(t) / t as a function of t ** 2, with all its derivatives."""
    is_small = square < _SERIES_RANGE
    near = jnp.where(is_small, square, 0)
    series = jnp.zeros_like(square)
    for coefficient in reversed(_SERIES):
        series = series * near + coefficient
    far = jnp.sqrt(jnp.where(is_small, 1, square))
    return jnp.where(is_small, series, jnp.sin(far) / far)


def _matrix(rows: list[list[Array]]) -> Array:
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def _checked(array: Any, shape: tuple[int, ...], *, what: str) -> Array:
    array = _floating(array)
    if array.shape[-len(shape) :] != shape:
        expected = ", ".join(str(size) for size in shape)
        raise ValueError(f"{what} of shape [..., {expected}], got {array.shape}")
    return array


def _floating(array: Any) -> Array:
    array = jnp.asarray(array)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)
