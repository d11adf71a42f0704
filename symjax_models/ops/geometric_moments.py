"""Moments of point clouds: tensors that rotate with the cloud, and the pose they determine."""

import math

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.masking import mask_padding
from symjax_models.ops.orthogonalization import reject
from symjax_models.ops.registration import RigidMotion, nearest_rotation
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def geometric_moments(
    points: Array, features: Array, *, max_order: int, mask: Array | None = None
) -> tuple[Array, ...]:
    """Compute the central moments of features of a cloud, as tensors that rotate with it.

    M_n = mean_i (x_i - c) (x) ... (x) (x_i - c) f_i,  n factors,  c = mean_i x_i

    Args:
        points: x, `[*batch, N, 3]`.
        features: Invariants f of the points, `[*batch, N, C]`; ones for the shape alone.
        max_order: Highest n.
        mask: True for real points, `[*batch, N]`; all are if None.

    Returns:
        M_0, ..., M_n: `[*batch, C]`, `[*batch, 3, C]`, `[*batch, 3, 3, C]`, ...

    Raises:
        ValueError: If `max_order` is negative.

    Equivariance:
        O(3): every component axis turns as a vector. Invariant under translations and permutations.

    Numerics:
        Polynomials: smooth everywhere. A cloud without points has moments 0.

    >>> x = jnp.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    >>> geometric_moments(x, jnp.ones((2, 1)), max_order=2)[2][..., 0].tolist()[0]
    [1.0, 0.0, 0.0]
    """
    if max_order < 0:
        raise ValueError(f"expected a highest order of at least 0, got {max_order}")
    points, features = (mask_padding(mask, values) for values in (points, features))
    count = points.shape[-2] if mask is None else jnp.sum(mask, axis=-1)[..., None, None]
    count = jnp.asarray(count, points.dtype)
    centre = safe.divide(jnp.sum(points, axis=-2, keepdims=True), count)
    central = points - centre
    # Component axes stand last while they are collected: [*batch, N, C, 3, ...].
    product = safe.divide(features, count)
    batch = points.ndim - 2
    moments = []
    for order in range(max_order + 1):
        if order:
            factor = central.reshape(*central.shape[:-1], *(1,) * order, 3)
            product = product[..., None] * factor
        moments.append(jnp.moveaxis(jnp.sum(product, axis=batch), batch, -1))
    return tuple(moments)


def manifold_embedding(points: Array, features: Array, *, mask: Array | None = None) -> Array:
    """Compute the universal manifold embedding (UME) of a cloud.

    U = [sum_i f_i, sum_i f_i x_i^T]

    Args:
        points: x, `[*batch, N, 3]`.
        features: Invariants f of the points, `[*batch, N, C]`.
        mask: True for real points, `[*batch, N]`; all are if None.

    Returns:
        U, `[*batch, C, 4]`.

    Equivariance:
        For y = R x + t, `U_y = U_x [[1, t^T], [0, R^T]]`: the column space is invariant.

    Source:
        Y. Haitman, A. Efraim, J. M. Francos 2024 (UMERegRobust), arXiv:2408.12380, section 3.

    >>> manifold_embedding(jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[2.0]])).tolist()
    [[2.0, 2.0, 4.0, 6.0]]
    """
    points, features = (mask_padding(mask, values) for values in (points, features))
    homogeneous = jnp.concatenate([jnp.ones_like(points[..., :1]), points], axis=-1)
    return jnp.einsum("...nc,...ni->...ci", features, homogeneous, precision=_HIGHEST)


def pose_from_embeddings(
    source: Array, target: Array, *, weights: Array | None = None
) -> RigidMotion:
    """Find the motion between clouds from their embeddings.

    Row c of an embedding is a mass m_c and m_c times the centroid of the cloud under that mass;
    the motion is the one of `kabsch` between the centroids, with weights `w_c m_c m'_c`. Channels
    whose masses differ in sign are left out.

    Args:
        source: U of x, `[*batch, C, 4]`.
        target: U' of y, `[*batch, C, 4]`.
        weights: w, not negative, `[*batch, C]`; ones if None.

    Returns:
        The motion R, t of y = R x + t. It is exact for clouds without noise, in full overlap, with
        at least three centroids that are not collinear.

    Raises:
        ValueError: If the embeddings are not two arrays `[..., C, 4]` of one shape.

    Numerics:
        Nothing is divided by a single mass, so those near zero do no harm. For centroids that are
        collinear, one, or none, see `nearest_rotation`: R is not unique and its derivative zero.

    Source:
        As `manifold_embedding`; the weights, which make masses of any size harmless, are ours.

    >>> U = jnp.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]])
    >>> moved = jnp.array([[1.0, 0, 0, 5], [1, 1, 0, 5], [1, 0, 1, 5]])
    >>> pose_from_embeddings(U, moved).translation.round(5).tolist()
    [0.0, 0.0, 5.0]
    """
    _check_embeddings(source, target)
    mass, mass_target = source[..., 0], target[..., 0]
    keep = (mass * mass_target > 0).astype(source.dtype)
    keep = keep if weights is None else keep * weights
    total = jnp.sum(keep * mass * mass_target, axis=-1)[..., None]
    # w m m' (centroid - mean) is w m' (m centroid - m mean): the centroids are never formed.
    a = safe.divide(jnp.sum((keep * mass_target)[..., None] * source[..., 1:], axis=-2), total)
    b = safe.divide(jnp.sum((keep * mass)[..., None] * target[..., 1:], axis=-2), total)
    centred = source[..., 1:] - mass[..., None] * a[..., None, :]
    centred_target = target[..., 1:] - mass_target[..., None] * b[..., None, :]
    covariance = jnp.einsum(
        "...ci,...cj->...ij", keep[..., None] * centred_target, centred, precision=_HIGHEST
    )
    rotation = nearest_rotation(covariance)
    moved = jnp.einsum("...ij,...j->...i", rotation, a, precision=_HIGHEST)
    return RigidMotion(rotation, b - moved)


def subspace_distance(first: Array, second: Array) -> Array:
    """Measure how far apart the column spaces of two embeddings are: |P - P'|_F / sqrt(2).

    Args:
        first: U, `[*batch, C, 4]`, whose columns P projects on orthogonally.
        second: U', `[*batch, C, 4]`.

    Returns:
        Distances `[*batch]`, between 0 and 2; 0 for clouds that a rigid, or affine, motion relates.

    Raises:
        ValueError: If the embeddings are not two arrays `[..., C, 4]` of one shape.

    Equivariance:
        Invariant under invertible maps of the columns, so under E(3) on either cloud, as far as the
        columns are well conditioned: clouds far from the origin lose digits.

    Numerics:
        Columns that depend linearly on the ones before (planar or collinear clouds, C < 4) are
        left out. By residuals, |P - P'|^2 = |(1 - P') Q|^2 + |(1 - P) Q'|^2 with orthonormal Q of
        P, so that small distances keep their digits; the gradient at distance 0 is zero.

    Source:
        As `manifold_embedding`.

    >>> U = jnp.eye(6)[:, :4]
    >>> subspace_distance(U, U @ jnp.triu(jnp.ones((4, 4)))).item()
    0.0
    """
    _check_embeddings(first, second)
    bases = _orthonormal_columns(jnp.stack([first, second]))
    residuals = reject(bases, bases[::-1])
    lengths = safe.norm(residuals.reshape(*residuals.shape[:-2], -1))
    return safe.norm(lengths, axis=0) / math.sqrt(2)


def subspace_similarity(first: Array, second: Array) -> Array:
    """Turn the distance D of embeddings into a similarity (sqrt(r) - 2 D) / sqrt(r), with r = 4.

    Args:
        first: U, `[*batch, C, 4]`.
        second: U', `[*batch, C, 4]`.

    Returns:
        Similarities `[*batch]`: 1 for equal column spaces, -1 for orthogonal ones of full rank.

    Raises:
        ValueError: As `subspace_distance`.

    >>> subspace_similarity(jnp.eye(8)[:, :4], jnp.eye(8)[:, 4:]).item()
    -1.0
    """
    return 1 - subspace_distance(first, second)


def _check_embeddings(source: Array, target: Array) -> None:
    if source.shape != target.shape or source.ndim < 2 or source.shape[-1] != 4:
        raise ValueError(
            "expected two embeddings of one shape [..., C, 4], got "
            f"{list(source.shape)} and {list(target.shape)}"
        )


def _orthonormal_columns(matrix: Array) -> Array:
    """Return the Q of a QR factorization, with zeros for columns that depend on those before.

    Householder's, which `jnp.linalg.qr` is, would put an arbitrary direction there, and has no
    derivative.
    """
    threshold = 64 * jnp.finfo(matrix.dtype).eps

    def add_column(basis: Array, item: tuple[Array, Array]) -> tuple[Array, None]:
        vector, place = item
        # Twice is enough: once leaves rounding that is large beside a small remainder.
        rest = reject(reject(vector[..., None], basis), basis)
        length = safe.norm(rest, axis=-2, keepdims=True)
        is_independent = length > threshold * safe.norm(vector)[..., None, None]
        unit = jnp.where(is_independent, rest / jnp.where(is_independent, length, 1), 0)
        return basis + unit * place, None

    places = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    columns = jnp.moveaxis(matrix, -1, 0)
    return jax.lax.scan(add_column, jnp.zeros_like(matrix), (columns, places))[0]
