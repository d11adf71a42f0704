"""Frames of as few elements as possible, for SO(d), O(d), SE(d) and E(d)."""

import dataclasses

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.frames import affine
from symjax_models.ops.orthogonalization import gram_schmidt
from symjax_models.ops.symmetrization import Frame
from symjax_models.typing import Array, PRNGKey

_HIGHEST = jax.lax.Precision.HIGHEST
# In units in the last place of the largest point: what counts as equal, and as linearly dependent.
_TIE = 64
_RANK = 64


@dataclasses.dataclass(frozen=True)
class MinimalFrames:
    """Make one element of every cloud by Gram-Schmidt of points that no pose or order can change.

    With the mean t of the points (zero for SO(d) and O(d)), the rows `x_n - t` are orthogonalized
    in the order of a pivoted QR decomposition: next is always the row of largest
    `w_n |x_n - t - (its part along the rows before)|`. The weights w_n are made of the second and
    third moments of the cloud along row n, which part points on a sphere, and of the cosines
    between row n and the rows before, which part a point from its opposite. All choices that tie,
    up to rounding, are elements of the frame, up to `size` of them.

    Attributes:
        group: SO(d), O(d), SE(d) or E(d); d >= 2 for SO(d) and SE(d).
        size: K, the most choices that are kept. The function is evaluated K times for every input,
            so choose 1 for clouds without symmetry, and for clouds with one the order of their
            symmetry group, reflections included: 8 for a box, 48 for a cube. Points that coincide
            count as further choices.

    Raises:
        ValueError: If the group is none of these, or the size is below 1.

    Equivariance:
        Exact under the group and permutations of the points where no more than `size` choices tie:
        for symmetric shapes and for repeated singular values too, which no frame of principal axes
        is exact for. Where more choices tie, `size` of them are drawn at random, with a key, and
        the result is equivariant in expectation; without a key it depends on the order of the
        points.

        Points of rank r < d (collinear, planar, fewer points than dimensions, all in one place)
        leave d - r columns free: they are some completion, and both signs of every free column are
        among the choices that tie (but one, where the determinant is 1). Invariant outputs are
        exact for every size, if the function sees nothing but the points the frame is made of;
        outputs that are vectors or points are exact for sizes of at least 2^(d - r), or
        2^(d - r - 1) for SO(d) and SE(d).

    Numerics:
        Rounding grows with the distance of the cloud from the origin, and what counts as a tie
        with it. Without a key the better of two choices that nearly tie comes first, so that only
        differences of rounding size leave the choice to rounding.
        The rows are well conditioned, being pivots. Gradients flow through Gram-Schmidt, so that
        those of an invariant function are its true ones where its choice does not jump. There are
        jumps: every frame of finitely many elements has them.

    Source:
        Y. Lin et al., "Equivariance via Minimal Frame Averaging for More Symmetries and
        Efficiency", 2024, section 4.2, arXiv:2406.07598. Deviations: the paper takes the first
        independent rows, which depends on the order of the points, and treats permutations by
        labelling a graph; pivots serve both at once.

    >>> from symjax_models import groups
    >>> source = MinimalFrames(groups.SO(2))
    >>> jax.jit(source)(jnp.array([[0.0, 2.0], [1.0, 0.0]])).elements[0].tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """

    group: affine.Euclidean
    size: int = 1

    def __post_init__(self) -> None:
        affine.check_euclidean(self.group, what="minimal frames")
        if self.size < 1:
            raise ValueError(f"expected a size of at least 1, got {self.size}")
        if affine.is_special(self.group) and self.group.dimension < 2:
            raise ValueError(f"expected at least 2 dimensions, got {self.group!r}")

    def __call__(self, x: Array, *, key: PRNGKey | None = None, mask: Array | None = None) -> Frame:
        """Make the frames of points.

        Args:
            x: Points `[*batch, N, d]`.
            key: Draws among more than `size` choices that tie.
            mask: True for real points, `[*batch, N]`; None if there is no padding.

        Returns:
            The frames, with K = `size` elements of equal weight or weight 0.

        Raises:
            ValueError: If the points have another dimension than the group, or there are none.
        """
        d = self.group.dimension
        x = affine.as_vectors(x, dimension=d, group=self.group)
        shift = affine.centre_of(x, group=self.group, mask=mask)
        centred = x - shift[..., None, :]
        if mask is not None:
            centred = jnp.where(mask[..., None], centred, 0)
        is_special = affine.is_special(self.group)
        num_real = x.shape[-2] if mask is None else jnp.maximum(jnp.sum(mask, axis=-1), 1)
        weights = _weights(jax.lax.stop_gradient(centred), num_real)
        rows, is_kept = _select(
            centred, weights, _largest(x, mask), count=d - is_special, size=self.size, key=key
        )
        linear = gram_schmidt(jnp.swapaxes(rows, -1, -2), special=is_special)
        linear = jnp.moveaxis(linear, -3, 0)
        elements, inverses = affine.make_elements(linear, shift, group=self.group)
        kept = jnp.moveaxis(is_kept, -1, 0).astype(x.dtype)
        return Frame(elements, inverses, kept / kept.sum(0))


def _largest(x: Array, mask: Array | None) -> Array:
    """Return the length of the longest of the points, `[*batch]`: their rounding is its."""
    lengths = jax.lax.stop_gradient(safe.norm(x))
    return jnp.max(lengths if mask is None else jnp.where(mask, lengths, 0), axis=-1)


def _select(
    x: Array, weights: Array, largest: Array, *, count: int, size: int, key: PRNGKey | None
) -> tuple[Array, Array]:
    """Return all best sequences of rows `[*batch, K, count, d]`, and which of the K there are."""
    constant = jax.lax.stop_gradient(x)
    *batch, num_points, d = x.shape
    scale = largest[..., None, None]

    def extend(step: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        rejection, is_kept, chosen, vectors = state
        rest = jnp.einsum("...nj,...kij->...kni", constant, rejection, precision=_HIGHEST)
        own = weights[..., None, :] * _weights_of_cosines(constant, vectors)
        scores = _tied_scores(safe.norm(rest), own, scale, is_kept)
        step_key = None if key is None else jax.random.fold_in(key, step)
        parent, row, is_kept = _keep(scores, size=size, key=step_key)
        rejection = jnp.take_along_axis(rejection, parent[..., None, None], axis=-3)
        axis = jnp.where(row == num_points, 1, -1)[..., None] * _longest_column(rejection)
        vector = jnp.where((row >= num_points)[..., None], axis, _take_rows(constant, row))
        chosen = jnp.take_along_axis(chosen, parent[..., None], axis=-2)
        vectors = jnp.take_along_axis(vectors, parent[..., None, None], axis=-3)
        return (
            _reject(rejection, vector),
            is_kept,
            chosen.at[..., step].set(row),
            vectors.at[..., step, :].set(vector),
        )

    start = (
        jnp.broadcast_to(jnp.eye(d, dtype=x.dtype), (*batch, size, d, d)),
        jnp.broadcast_to(jnp.arange(size) == 0, (*batch, size)),
        jnp.zeros((*batch, size, count), jnp.int32),
        jnp.zeros((*batch, size, count, d), x.dtype),
    )
    # A loop of the device: unrolled, it would take seconds to compile.
    _, is_kept, chosen, vectors = jax.lax.fori_loop(0, count, extend, start)
    taken = _take_rows(x, chosen.reshape(*batch, -1)).reshape(vectors.shape)
    return jnp.where((chosen >= num_points)[..., None], vectors, taken), is_kept


def _weights(x: Array, num_real: Array | int) -> Array:
    """Return invariants of every point `[*batch, N]`, between 1 and 2."""
    small = safe.divide(x, jnp.max(safe.norm(x), axis=-1)[..., None, None])
    second = jnp.einsum("...ni,...nj->...ij", small, small, precision=_HIGHEST)
    third = jnp.einsum("...ni,...nj,...nk->...ijk", small, small, small, precision=_HIGHEST)
    unit = safe.divide(x, safe.norm(x, keepdims=True))
    even = jnp.einsum("...ij,...ni,...nj->...n", second, unit, unit, precision=_HIGHEST)
    odd = jnp.einsum("...ijk,...ni,...nj,...nk->...n", third, unit, unit, unit, precision=_HIGHEST)
    return 1.25 + (even + odd) / (4 * jnp.asarray(num_real, x.dtype)[..., None])


def _weights_of_cosines(x: Array, vectors: Array) -> Array:
    """Return what the rows chosen so far say of every point, `[*batch, K, N]`, about 1."""
    unit = safe.divide(x, safe.norm(x, keepdims=True))
    chosen = safe.divide(vectors, safe.norm(vectors, keepdims=True))  # zero where none is chosen
    cosines = jnp.einsum("...ni,...kci->...knc", unit, chosen, precision=_HIGHEST)
    # Another share for each row, lest two cosines that are exchanged tie.
    shares = 0.25 * 0.5 ** jnp.arange(vectors.shape[-2], dtype=x.dtype)
    return 1 + jnp.sum(shares * cosines, axis=-1)


def _tied_scores(lengths: Array, weights: Array, scale: Array, is_kept: Array) -> Array:
    """Return the scores of the best continuations of the kept sequences, `[*batch, K, N + 2]`.

    Those of all others are zero. The last two are the free axis and its opposite, for clouds
    without another dimension.
    """
    eps = jnp.finfo(lengths.dtype).eps
    is_candidate = is_kept[..., None] & (lengths > _RANK * eps * scale)
    scores = jnp.where(is_candidate, lengths * weights, 0)
    best = jnp.max(scores, axis=(-2, -1), keepdims=True)
    is_tied = is_candidate & (scores >= best - _TIE * eps * scale)
    is_exhausted = is_kept & ~jnp.any(is_candidate, axis=(-2, -1))[..., None]
    free = jnp.broadcast_to(is_exhausted[..., None], (*is_exhausted.shape, 2))
    return jnp.concatenate([jnp.where(is_tied, scores, 0), free.astype(scores.dtype)], axis=-1)


def _keep(scores: Array, *, size: int, key: PRNGKey | None) -> tuple[Array, Array, Array]:
    """Return the parents and rows of at most K ties, and which of them there are; `[*batch, K]`."""
    width = scores.shape[-1]
    priority = scores.reshape(*scores.shape[:-2], -1)
    if key is not None:
        priority = jnp.where(priority > 0, 1 + jax.random.uniform(key, priority.shape), 0)
    found, index = jax.lax.top_k(priority, size)
    return index // width, index % width, found > 0


def _reject(rejection: Array, vector: Array) -> Array:
    """Return the projections `[..., d, d]` with the direction of `[..., d]` taken out as well."""
    unit = vector
    # Twice, so that a row that is nearly dependent still gives an orthogonal direction.
    for _ in range(2):
        unit = jnp.einsum("...ij,...j->...i", rejection, unit, precision=_HIGHEST)
        unit = safe.divide(unit, safe.norm(unit, keepdims=True))
    return rejection - unit[..., :, None] * unit[..., None, :]


def _longest_column(rejection: Array) -> Array:
    """Return a unit vector of the space `[..., d]` that symmetric projections map to."""
    best = jnp.argmax(jnp.diagonal(rejection, axis1=-2, axis2=-1), axis=-1)[..., None, None]
    column = jnp.take_along_axis(rejection, best, axis=-2)[..., 0, :]
    return safe.divide(column, safe.norm(column, keepdims=True))


def _take_rows(x: Array, index: Array) -> Array:
    """Take rows `[*batch, M, d]` of `[*batch, N, d]` by indices `[*batch, M]`, or the last one."""
    return jnp.take_along_axis(x, jnp.minimum(index, x.shape[-2] - 1)[..., None], axis=-2)
