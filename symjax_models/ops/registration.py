"""Rigid registration: the best motion of weighted pairs in closed form, and errors of a motion."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


class RigidMotion(NamedTuple):
    """Hold proper rigid motions x -> R x + t of space.

    Attributes:
        rotation: R, `[*batch, 3, 3]`.
        translation: t, `[*batch, 3]`.
    """

    rotation: Array
    translation: Array


def apply_rigid(points: Array, motion: RigidMotion) -> Array:
    """Move points: `R x + t`.

    Args:
        points: x, `[*batch, N, 3]`.
        motion: R and t, with the same batch axes.

    Returns:
        The moved points `[*batch, N, 3]`.

    >>> quarter = jnp.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> apply_rigid(jnp.eye(3)[:1], RigidMotion(quarter, jnp.ones(3))).tolist()
    [[1.0, 2.0, 1.0]]
    """
    turned = jnp.einsum("...ij,...nj->...ni", motion.rotation, points, precision=_HIGHEST)
    return turned + motion.translation[..., None, :]


def kabsch(source: Array, target: Array, *, weights: Array | None = None) -> RigidMotion:
    """Find the proper rigid motion that brings points closest to their partners.

    (R, t) = argmin sum_n w_n |R x_n + t - y_n|^2 over R in SO(3): with weighted centroids a of x
    and b of y, R = `nearest_rotation(sum_n w_n (y_n - b) (x_n - a)^T)` and t = b - R a.

    Args:
        source: x, `[*batch, N, 3]`.
        target: y, `[*batch, N, 3]`.
        weights: w, not negative, `[*batch, N]`; pairs of weight 0 are not read. Ones if None.

    Returns:
        The motion.

    Raises:
        ValueError: If the points are not two arrays `[..., N, 3]` of one shape with N >= 1.

    Equivariance:
        Moving y by g in SE(3) gives g (R, t), moving x gives (R, t) g^-1; exact where R is unique.

    Numerics:
        R is unique, and differentiable, unless the centred pairs are collinear or fewer than three
        (rank below 2), or need a reflection through a plane that is not unique; then R is one of
        the best proper rotations and its derivative is zero. If all weights are zero the motion is
        the identity. Coplanar pairs (rank 2) have a unique R.

    Source:
        W. Kabsch 1976, Acta Crystallographica A32, 922; the sign of the determinant as in
        S. Umeyama 1991, IEEE PAMI 13(4), equation 43.

    >>> x = jnp.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> kabsch(x, x + jnp.array([0.0, 0.0, 3.0])).translation.round(5).tolist()
    [0.0, 0.0, 3.0]
    """
    if source.shape != target.shape or source.ndim < 2 or source.shape[-1] != 3 or not source.size:
        raise ValueError(
            "expected source and target points of one shape [..., N, 3] with N >= 1, got "
            f"{list(source.shape)} and {list(target.shape)}"
        )
    if weights is None:
        weights = jnp.ones(source.shape[:-1], source.dtype)
    if weights.shape != source.shape[:-1]:
        raise ValueError(
            f"expected weights {list(source.shape[:-1])}, one per pair, got {list(weights.shape)}"
        )
    weights = safe.divide(weights, jnp.sum(weights, axis=-1, keepdims=True))[..., None]
    source, target = (jnp.where(weights > 0, points, 0) for points in (source, target))
    a, b = (jnp.sum(weights * points, axis=-2, keepdims=True) for points in (source, target))
    covariance = jnp.einsum(
        "...ni,...nj->...ij", weights * (target - b), source - a, precision=_HIGHEST
    )
    rotation = nearest_rotation(covariance)
    moved = jnp.einsum("...ij,...nj->...ni", rotation, a, precision=_HIGHEST)
    return RigidMotion(rotation, (b - moved)[..., 0, :])


@jax.custom_jvp
def nearest_rotation(matrices: Array) -> Array:
    """Find the rotation that is nearest to a matrix: R = argmax tr(R^T M) over SO(3).

    Args:
        matrices: M, `[*batch, 3, 3]`, of any scale.

    Returns:
        Proper rotations R, `[*batch, 3, 3]`.

    Equivariance:
        `nearest_rotation(g @ M @ h) == g @ nearest_rotation(M) @ h` for rotations g and h, where
        R is unique: the singular values s1 >= s2 >= s3 of M have s2 + sign(det M) s3 > 0.

    Numerics:
        The derivative is exact, and stays finite at equal singular values, where that of an SVD
        does not: R^T dR = [w] with (tr(S) - S) w = vee(A - A^T), S = R^T M, A = R^T dM. Where R
        is not unique it is zero, and R one of the maximizers; the identity for M = 0.

    >>> nearest_rotation(jnp.diag(jnp.array([3.0, 2.0, -1.0]))).round(5).tolist()[2]
    [0.0, 0.0, 1.0]
    """
    scale = jnp.max(jnp.abs(matrices), axis=(-2, -1), keepdims=True)
    unit = jnp.where(scale == 0, jnp.eye(3, dtype=matrices.dtype), safe.divide(matrices, scale))
    left, _, right = jnp.linalg.svd(unit)
    is_improper = jnp.linalg.det(left) * jnp.linalg.det(right) < 0
    sign = jnp.where(is_improper, -1, 1).astype(unit.dtype)
    left = left.at[..., :, 2].multiply(sign[..., None])
    return jnp.einsum("...ij,...jk->...ik", left, right, precision=_HIGHEST)


@nearest_rotation.defjvp
def _nearest_rotation_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (m,), (dm,) = primals, tangents
    # Called again, not reused, so that the second derivative takes this rule too.
    rotation = nearest_rotation(m)
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(m), axis=(-2, -1), keepdims=True))
    s, a = (
        jnp.einsum("...ji,...jk->...ik", rotation, safe.divide(x, scale), precision=_HIGHEST)
        for x in (m, dm)
    )
    trace = jnp.trace(s, axis1=-2, axis2=-1)[..., None, None]
    k = trace * jnp.eye(3, dtype=m.dtype) - (s + jnp.swapaxes(s, -2, -1)) / 2
    skew = a - jnp.swapaxes(a, -2, -1)
    w = _solve(k, jnp.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], axis=-1))
    # R [w] row by row: (row x w), since (r [w])_j = (r x w)_j.
    return rotation, jnp.cross(rotation, w[..., None, :])


def _solve(k: Array, b: Array) -> Array:
    """Solve k w = b for symmetric k that are not negative; zero where k is singular."""
    first, second, third = k[..., 0, :], k[..., 1, :], k[..., 2, :]
    adjugate = jnp.stack(
        [jnp.cross(second, third), jnp.cross(third, first), jnp.cross(first, second)], axis=-1
    )
    determinant = jnp.sum(first * adjugate[..., :, 0], axis=-1)
    trace = jnp.trace(k, axis1=-2, axis2=-1)
    is_regular = determinant > 64 * jnp.finfo(k.dtype).eps * trace**3
    product = jnp.einsum("...ij,...j->...i", adjugate, b, precision=_HIGHEST)
    determinant = jnp.where(is_regular, determinant, 1)[..., None]
    return jnp.where(is_regular[..., None], product / determinant, 0)


def rotation_error(rotation: Array, true_rotation: Array) -> Array:
    """Measure the angle between rotations, in degrees (RRE).

    Args:
        rotation: `[*batch, 3, 3]`.
        true_rotation: `[*batch, 3, 3]`.

    Returns:
        The angle of `true_rotation^T rotation`, between 0 and 180, `[*batch]`.

    Numerics:
        From the sine and the cosine together, so that angles near 0 and 180 keep their digits,
        where those from the arc cosine of the trace lose half. The gradient at 0 is zero.

    >>> rotation_error(jnp.diag(jnp.array([-1.0, -1.0, 1.0])), jnp.eye(3)).item()
    180.0
    """
    between = jnp.einsum("...ji,...jk->...ik", true_rotation, rotation, precision=_HIGHEST)
    skew = between - jnp.swapaxes(between, -2, -1)
    twice = jnp.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], axis=-1)
    cosine = jnp.trace(between, axis1=-2, axis2=-1) - 1
    return jnp.rad2deg(jnp.arctan2(safe.norm(twice), cosine))


def translation_error(translation: Array, true_translation: Array) -> Array:
    """Measure the distance between translations (RTE), `[*batch, 3]` each, in their unit.

    >>> translation_error(jnp.array([3.0, 4.0, 0.0]), jnp.zeros(3)).item()
    5.0
    """
    return safe.norm(translation - true_translation)


def is_registered(
    motion: RigidMotion,
    true_motion: RigidMotion,
    *,
    max_degrees: float = 5.0,
    max_distance: float = 0.1,
) -> Array:
    """Tell which pairs are registered; the mean over pairs is the registration recall.

    Args:
        motion: Estimates, batch axes `[*batch]`.
        true_motion: The truth.
        max_degrees: Largest error of a rotation, in degrees.
        max_distance: Largest error of a translation, in the unit of the points.

    Returns:
        Booleans `[*batch]`.

    >>> still = RigidMotion(jnp.eye(3), jnp.zeros(3))
    >>> is_registered(still, still).item()
    True
    """
    turned = rotation_error(motion.rotation, true_motion.rotation)
    moved = translation_error(motion.translation, true_motion.translation)
    return (turned <= max_degrees) & (moved <= max_distance)
