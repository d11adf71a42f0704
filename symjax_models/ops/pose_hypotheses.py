"""Choose among hypotheses of a rigid motion by the matches that agree with each."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.nearest_neighbours import nearest_neighbours
from symjax_models.ops.registration import RigidMotion, apply_rigid, kabsch
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST
_NUM_REFINEMENTS = 3
# Spread of inliers across the line they lie along, over that along it, up to which they are a line.
_LINE = 1e-2


def count_inliers(
    source: Array, target: Array, motions: RigidMotion, *, weights: Array, radius: float
) -> Array:
    """Count the matches that every motion brings together.

    Args:
        source: x, `[*batch, N, 3]`.
        target: Their partners y, `[*batch, N, 3]`.
        motions: H hypotheses, batch axes `[*batch, H]`.
        weights: How much every match counts, `[*batch, N]`.
        radius: Largest distance of an inlier.

    Returns:
        The sums of the weights of the inliers, `[*batch, H]`.

    Numerics:
        Memory is `[*batch, H, N, 3]`. The gradient passes to the weights alone.

    >>> still = RigidMotion(jnp.eye(3)[None], jnp.zeros((1, 3)))
    >>> x = jnp.eye(3)
    >>> count_inliers(x, x.at[0].add(9.0), still, weights=jnp.ones(3), radius=0.1).tolist()
    [2.0]
    """
    moved = apply_rigid(source[..., None, :, :], motions)
    is_inlier = safe.norm(moved - target[..., None, :, :]) <= radius
    return jnp.sum(jnp.where(is_inlier, weights[..., None, :], 0), axis=-1)


def most_agreed_motion(
    source: Array,
    target: Array,
    rotations: Array,
    *,
    weights: Array,
    radius: float,
) -> RigidMotion:
    """Take the rotation, of one proposed per match, with most inliers, and fit it to them.

    Match n proposes R_n with the translation y_n - R_n x_n. The hypothesis whose inliers weigh
    most starts `kabsch` on its inliers, which gives new inliers, and so on.

    Args:
        source: x, `[*batch, N, 3]`.
        target: Their partners y, `[*batch, N, 3]`.
        rotations: R, `[*batch, N, 3, 3]`.
        weights: How much every match counts, not negative, `[*batch, N]`.
        radius: Largest distance of an inlier.

    Returns:
        The motion, batch axes `[*batch]`. With fewer than three inliers, or inliers that lie on a
        line up to a hundredth of their spread along it, it stays a hypothesis: they leave a
        rotation about the line free.

    Equivariance:
        SE(3) on either cloud, if the proposals move with it, up to ties.

    Numerics:
        The gradient is that of the last fit, for inliers as they are.

    Source:
        R. Yao, S. Du, W. Cui, C. Tang, C. Yang 2024 (PARE-Net), arXiv:2407.10142, section 3.4.

    >>> x = jnp.eye(3)
    >>> same = jnp.broadcast_to(jnp.eye(3), (3, 3, 3))
    >>> motion = most_agreed_motion(x, x + 1.0, same, weights=jnp.ones(3), radius=0.1)
    >>> motion.translation.round(4).tolist()
    [1.0, 1.0, 1.0]
    """
    turned = jnp.einsum("...nij,...nj->...ni", rotations, source, precision=_HIGHEST)
    motions = RigidMotion(rotations, target - turned)
    agreement = count_inliers(source, target, motions, weights=weights, radius=radius)
    best = jnp.argmax(agreement, axis=-1)[..., None]
    motion = RigidMotion(
        jnp.take_along_axis(rotations, best[..., None, None], axis=-3)[..., 0, :, :],
        jnp.take_along_axis(motions.translation, best[..., None], axis=-2)[..., 0, :],
    )
    for _ in range(_NUM_REFINEMENTS):
        motion = _refit(source, target, motion, weights=weights, radius=radius)
    return motion


def _refit(
    source: Array, target: Array, motion: RigidMotion, *, weights: Array, radius: float
) -> RigidMotion:
    distances = safe.norm(apply_rigid(source, motion) - target)
    kept = jnp.where(jax.lax.stop_gradient(distances) <= radius, weights, 0)
    fitted = kabsch(source, target, weights=kept)
    is_enough = ((jnp.sum(kept > 0, axis=-1) >= 3) & _is_spread(source, kept))[..., None]
    return RigidMotion(
        jnp.where(is_enough[..., None], fitted.rotation, motion.rotation),
        jnp.where(is_enough, fitted.translation, motion.translation),
    )


def _is_spread(points: Array, weights: Array) -> Array:
    """Tell whether points `[*batch, N, 3]` are no line, `[*batch]`."""
    weights = jax.lax.stop_gradient(weights)[..., None]
    points = jax.lax.stop_gradient(points)
    mean = safe.divide(jnp.sum(weights * points, -2), jnp.sum(weights, -2))[..., None, :]
    centred = jnp.sqrt(weights) * (points - mean)
    moments = jnp.einsum("...ni,...nj->...ij", centred, centred, precision=_HIGHEST)
    values = jnp.linalg.eigvalsh(moments)
    return values[..., 1] > _LINE**2 * values[..., 2]


def true_matches(source: Array, target: Array, motion: RigidMotion, *, radius: float) -> Array:
    """Find the pairs that are each other's nearest points under a motion.

    Args:
        source: `[*batch, M, 3]`.
        target: `[*batch, N, 3]`.
        motion: The truth, which brings the source to the target.
        radius: Largest distance of a pair.

    Returns:
        Booleans `[*batch, M, N]`, at most one True in a row and in a column.

    >>> still = RigidMotion(jnp.eye(3), jnp.zeros(3))
    >>> true_matches(jnp.eye(3)[:2], jnp.eye(3)[1:], still, radius=0.1).tolist()
    [[False, False], [True, False]]
    """
    moved = apply_rigid(source, motion)
    forward = nearest_neighbours(target, queries=moved, k=1)[..., 0]
    backward = nearest_neighbours(moved, queries=target, k=1)[..., 0]
    m, n = source.shape[-2], target.shape[-2]
    is_mutual = (forward[..., :, None] == jnp.arange(n)) & (
        backward[..., None, :] == jnp.arange(m)[:, None]
    )
    nearest = jnp.take_along_axis(target, forward[..., None], axis=-2)
    is_near = safe.norm(moved - nearest) <= radius
    return is_mutual & is_near[..., None]
