"""Distances between clouds by nearest points: chamfer distances and the F-score."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.typing import Array


def squared_distances_to_nearest(
    a: Array, b: Array, *, mask_a: Array | None = None, mask_b: Array | None = None
) -> tuple[Array, Array]:
    """Compute the squared distance of every point to the nearest one of the other cloud.

    Args:
        a: A cloud, `[*batch, N, d]`.
        b: Another, `[*batch, M, d]`.
        mask_a: True for real points, `[*batch, N]`; None if there is no padding.
        mask_b: The same for b, `[*batch, M]`.

    Returns:
        Squares of the distances of a's points to b, `[*batch, N]`, and of b's to a, `[*batch, M]`;
        0 for padding. Infinite if there is no real point to be near to.

    Raises:
        ValueError: If a cloud is empty, or batch axes or components differ.

    Equivariance:
        Invariant under isometries, but for rounding.

    Numerics:
        Squares of differences, not of products; memory is `[*batch, N, M]`. The gradient passes to
        the nearest points alone.

    >>> to_b, to_a = squared_distances_to_nearest(jnp.array([[0.0]]), jnp.array([[1.0], [3.0]]))
    >>> to_b.tolist(), to_a.tolist()
    ([1.0], [1.0, 9.0])
    """
    is_cloud = a.ndim >= 2 and b.ndim >= 2 and a.shape[-2] and b.shape[-2]
    if not is_cloud or a.shape[-1] != b.shape[-1] or a.shape[:-2] != b.shape[:-2]:
        raise ValueError(
            "expected clouds [*batch, N, d] and [*batch, M, d] that are not empty, got "
            f"{list(a.shape)} and {list(b.shape)}"
        )
    real_a = jnp.ones(a.shape[:-1], bool) if mask_a is None else mask_a
    real_b = jnp.ones(b.shape[:-1], bool) if mask_b is None else mask_b
    # Padding may be NaN, which a mask of the result alone would leave in the gradient.
    a, b = jnp.where(real_a[..., None], a, 0), jnp.where(real_b[..., None], b, 0)
    # Component by component: the array [N, M, d] never exists.
    squares = sum(jnp.square(a[..., :, None, c] - b[..., None, :, c]) for c in range(a.shape[-1]))
    # Computed once; see `safe.maximum_over`.
    squares = jax.lax.optimization_barrier(squares)
    to_b = jnp.min(jnp.where(real_b[..., None, :], squares, jnp.inf), axis=-1)
    to_a = jnp.min(jnp.where(real_a[..., :, None], squares, jnp.inf), axis=-2)
    return jnp.where(real_a, to_b, 0), jnp.where(real_b, to_a, 0)


def chamfer_l1(
    a: Array, b: Array, *, mask_a: Array | None = None, mask_b: Array | None = None
) -> Array:
    """Compute the mean distance to the nearest point, averaged over both directions.

    1/2 (mean_i min_j |a_i - b_j| + mean_j min_i |a_i - b_j|)

    Args:
        a: A cloud, `[*batch, N, d]`.
        b: Another, `[*batch, M, d]`.
        mask_a: True for real points, `[*batch, N]`; None if there is no padding.
        mask_b: The same for b, `[*batch, M]`.

    Returns:
        Distances `[*batch]`.

    Numerics:
        The gradient of a distance that is zero is zero.

    Source:
        W. Yuan et al., "PCN: Point Completion Network", 2018, equation 1 (chamfer distance),
        arXiv:1808.00671; with the factor 1/2 of the public tables of completion.

    >>> float(chamfer_l1(jnp.array([[0.0]]), jnp.array([[1.0], [3.0]])))
    1.5
    """
    to_b, to_a = squared_distances_to_nearest(a, b, mask_a=mask_a, mask_b=mask_b)
    return (_mean(safe.sqrt(to_b), mask_a) + _mean(safe.sqrt(to_a), mask_b)) / 2


def chamfer_l2(
    a: Array, b: Array, *, mask_a: Array | None = None, mask_b: Array | None = None
) -> Array:
    """Compute the mean squared distance to the nearest point, summed over both directions.

    mean_i min_j |a_i - b_j|^2 + mean_j min_i |a_i - b_j|^2

    Args:
        a: A cloud, `[*batch, N, d]`.
        b: Another, `[*batch, M, d]`.
        mask_a: True for real points, `[*batch, N]`; None if there is no padding.
        mask_b: The same for b, `[*batch, M]`.

    Returns:
        Squared distances `[*batch]`.

    Source:
        H. Fan, H. Su, L. Guibas, 2017, section 4.1, arXiv:1612.00603, with means for sums.

    >>> float(chamfer_l2(jnp.array([[0.0]]), jnp.array([[1.0], [3.0]])))
    6.0
    """
    to_b, to_a = squared_distances_to_nearest(a, b, mask_a=mask_a, mask_b=mask_b)
    return _mean(to_b, mask_a) + _mean(to_a, mask_b)


def f_score(
    predicted: Array,
    target: Array,
    *,
    threshold: float = 0.01,
    mask_predicted: Array | None = None,
    mask_target: Array | None = None,
) -> Array:
    """Compute the harmonic mean of precision and recall of points at a distance.

    2 p r / (p + r), p the share of predicted points nearer than the threshold to the target, and r
    the share of target points nearer than it to the prediction.

    Args:
        predicted: A cloud, `[*batch, N, d]`.
        target: The true one, `[*batch, M, d]`.
        threshold: The distance, in units of the coordinates.
        mask_predicted: True for real points, `[*batch, N]`; None if there is no padding.
        mask_target: The same for the target, `[*batch, M]`.

    Returns:
        Scores `[*batch]` in [0, 1]; 0 if no point is near. No gradient passes.

    Source:
        M. Tatarchenko et al., "What Do Single-view 3D Reconstruction Networks Learn?", 2019,
        section 5, arXiv:1905.03678.

    >>> float(f_score(jnp.array([[0.0]]), jnp.array([[0.001], [3.0]])))
    0.6666666865348816
    """
    distances = squared_distances_to_nearest(
        predicted, target, mask_a=mask_predicted, mask_b=mask_target
    )
    precision, recall = (
        _mean((squares < threshold**2).astype(predicted.dtype), mask)
        for squares, mask in zip(distances, (mask_predicted, mask_target), strict=True)
    )
    return safe.divide(2 * precision * recall, precision + recall)


def _mean(values: Array, mask: Array | None) -> Array:
    if mask is None:
        return jnp.mean(values, axis=-1)
    total = jnp.sum(jnp.where(mask, values, 0), axis=-1)
    return safe.divide(total, jnp.sum(mask, axis=-1).astype(values.dtype))
