"""Frames of sets of vectors in space and time, for the Lorentz group and its relatives O(1, q)."""

import dataclasses

import jax
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.ops import safe
from symjax_models.ops.frames import affine
from symjax_models.ops.frames.minimal import MinimalFrames
from symjax_models.ops.symmetrization import Frame
from symjax_models.typing import Array, PRNGKey

_HIGHEST = jax.lax.Precision.HIGHEST
# In units in the last place of the largest eigenvalue: what counts as no time-like direction.
_NULL = 1024


@dataclasses.dataclass(frozen=True)
class LorentzFrames:
    """Make frames of sets of vectors by Gram-Schmidt with the metric, the time-like one first.

    With eta = diag(1, -1, ..., -1) and M = sum_n x_n x_n^T, the operator M eta moves with the
    vectors and has one positive eigenvalue at most. Its eigenvector e, with e^T eta e = 1, is the
    axis of time of the set, for any mixture of time-like, space-like and null vectors whose span
    holds a time-like one. The boost b with b (1, 0) = e takes the set to rest; what is left is a
    rotation r of its space parts, from `MinimalFrames`. The elements are `b diag(1, r)`.

    Attributes:
        group: `Lorentz()`, `IndefiniteSO(1, q)` with q >= 2, or `IndefiniteO(1, q)`.
        size: K, the most choices of r that tie to keep; see `MinimalFrames`.

    Raises:
        ValueError: If the group is none of these.

    Equivariance:
        Exact under the group and permutations of the vectors, with these exceptions:

        - The direction of e is the future for `Lorentz()`; else it is the one with
          `sum_n (e^T eta x_n)^3 > 0`. Where this is zero, as for a set that contains -x with every
          x, it is drawn with a key, and arbitrary without.
        - Space parts of rank below q, and ties: as `MinimalFrames`.
        - No time-like vector in the span. If it is space-like, the axis of time is some vector
          that is orthogonal to it: invariant outputs stay exact. If it is null (massless particles
          that are all parallel), the stabilizer has no finite measure and nothing is exact.

    Numerics:
        The inverse is `eta g^T eta`. e is found by two decompositions of symmetric matrices and
        one step of Newton's method, through which first derivatives are exact; second derivatives
        leave the change of its matrix out. Rounding grows with the square of the boost.

    Source:
        Y. Lin et al. 2024, section 4.2 and appendix, arXiv:2406.07598. Deviations: there the
        vectors are orthogonalized in their order and exchanged until the first is time-like; here
        their order does not matter, and null vectors, as of massless particles, need no exception.
    """

    group: groups.Lorentz | groups.IndefiniteO | groups.IndefiniteSO
    size: int = 1

    def __post_init__(self) -> None:
        is_known = isinstance(self.group, (groups.Lorentz, groups.IndefiniteO, groups.IndefiniteSO))
        if not is_known or self.group.signature[0] != 1:
            raise ValueError(
                "frames of space and time are for Lorentz(), IndefiniteSO(1, q) and "
                f"IndefiniteO(1, q), got {self.group!r}"
            )
        if self.group.n < 3:
            raise ValueError(f"expected at least two dimensions of space, got {self.group!r}")
        self._rotations()

    def __call__(self, x: Array, *, key: PRNGKey | None = None, mask: Array | None = None) -> Frame:
        """Make the frames of vectors.

        Args:
            x: Vectors `[*batch, N, 1 + q]`, time first.
            key: Draws among choices that tie; see the class.
            mask: True for real vectors, `[*batch, N]`; None if there is no padding.

        Returns:
            The frames, K = `size`.

        Raises:
            ValueError: If the vectors have another dimension than the group, or there are none.
        """
        n = self.group.n
        x = affine.as_vectors(x, dimension=n, group=self.group)
        if mask is not None:
            x = jnp.where(mask[..., None], x, 0)
        sign_key, rotation_key = (None, None) if key is None else jax.random.split(key)
        axis = _time_axis(x)
        boost = _boost(axis * self._direction(axis, x, sign_key)[..., None])
        at_rest = jnp.einsum("...ij,...nj->...ni", _inverse(boost), x, precision=_HIGHEST)
        frame = self._rotations()(at_rest[..., 1:], key=rotation_key, mask=mask)
        rotation = frame.elements
        if isinstance(self.group, groups.IndefiniteSO):
            is_reversed = boost[..., 0, 0] < 0
            rotation = rotation.at[..., -1].multiply(jnp.where(is_reversed, -1, 1)[..., None])
        whole = jnp.zeros((*rotation.shape[:-2], n, n), x.dtype).at[..., 0, 0].set(1)
        whole = whole.at[..., 1:, 1:].set(rotation)
        elements = jnp.einsum("...ij,k...jl->k...il", boost, whole, precision=_HIGHEST)
        return Frame(elements, _inverse(elements), frame.weights)

    def _rotations(self) -> MinimalFrames:
        q = self.group.n - 1
        is_free = isinstance(self.group, groups.IndefiniteO)
        return MinimalFrames(groups.O(q) if is_free else groups.SO(q), size=self.size)

    def _direction(self, axis: Array, x: Array, key: PRNGKey | None) -> Array:
        """Return the signs `[*batch]` that turn the axes of time forward."""
        if isinstance(self.group, groups.Lorentz):
            return jax.lax.stop_gradient(jnp.where(axis[..., 0] < 0, -1, 1).astype(x.dtype))
        times = jnp.einsum("...i,...ni->...n", _lower(axis), x, precision=_HIGHEST)
        moment, size = jnp.sum(times**3, axis=-1), jnp.sum(jnp.abs(times) ** 3, axis=-1)
        sign = jnp.where(moment < 0, -1, 1).astype(x.dtype)
        if key is not None:
            is_zero = jnp.abs(moment) <= _NULL * jnp.finfo(x.dtype).eps * size
            sign = jnp.where(is_zero, jax.random.rademacher(key, sign.shape, x.dtype), sign)
        return jax.lax.stop_gradient(sign)


def _lower(x: Array) -> Array:
    """Multiply vectors by the metric."""
    return jnp.concatenate([x[..., :1], -x[..., 1:]], axis=-1)


def _inverse(g: Array) -> Array:
    """Return eta g^T eta."""
    return jnp.swapaxes(_lower(_lower_rows(g)), -1, -2)


def _time_axis(x: Array) -> Array:
    """Return e with e^T eta e = 1, `[*batch, n]`, up to its sign."""
    # The axis does not depend on the scale.
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=(-2, -1), keepdims=True))
    x = safe.divide(x, scale)
    moments = jnp.einsum("...ni,...nj->...ij", x, x, precision=_HIGHEST)
    value, axis, has_axis = _eigenvector(jax.lax.stop_gradient(moments))
    n = x.shape[-1]
    eye = jnp.eye(n, dtype=x.dtype)
    operator = _lower(moments)  # its columns, so M eta
    change = jnp.einsum("...ij,...j->...i", operator, axis, precision=_HIGHEST)
    lowered = _lower(axis)
    missing = (jnp.einsum("...i,...i->...", axis, lowered, precision=_HIGHEST) - 1) / 2
    residual = jnp.concatenate([change - value[..., None] * axis, missing[..., None]], axis=-1)
    top = jnp.concatenate([operator - value[..., None, None] * eye, -axis[..., None]], -1)
    bottom = jnp.concatenate([lowered, jnp.zeros_like(lowered[..., :1])], axis=-1)
    system = jnp.concatenate([top, bottom[..., None, :]], axis=-2)
    is_solvable = has_axis[..., None]
    system = jnp.where(is_solvable[..., None], system, jnp.eye(n + 1, dtype=x.dtype))
    step = jnp.linalg.solve(
        jax.lax.stop_gradient(system), jnp.where(is_solvable, residual, 0)[..., None]
    )
    return axis - step[..., :n, 0]


def _eigenvector(moments: Array) -> tuple[Array, Array, Array]:
    """Return the positive eigenvalue of M eta, its eigenvector, and whether there is one.

    Where there is none, the vector is time-like and orthogonal to the space-like ones.
    """
    values, vectors = jnp.linalg.eigh(moments)
    root = vectors * safe.sqrt(jnp.maximum(values, 0))[..., None, :]
    form = jnp.einsum("...ji,...jk->...ik", root, _lower_rows(root), precision=_HIGHEST)
    values, vectors = jnp.linalg.eigh(form)
    axes = jnp.einsum("...ij,...jk->...ik", root, vectors, precision=_HIGHEST)
    threshold = _NULL * jnp.finfo(moments.dtype).eps * jnp.max(jnp.abs(values), axis=-1)
    has_axis = values[..., -1] > threshold
    lengths = safe.sqrt(jnp.abs(values))
    units = safe.divide(axes, lengths[..., None, :])
    is_space_like = values < -threshold[..., None]
    time = jnp.zeros_like(axes[..., 0]).at[..., 0].set(1)
    # The inner products of the space-like axes with the axis of time.
    parts = jnp.where(is_space_like, units[..., 0, :], 0)
    rest = time + jnp.einsum("...ik,...k->...i", units, parts, precision=_HIGHEST)
    rest = safe.divide(rest, safe.sqrt(jnp.abs(jnp.sum(rest * _lower(rest), -1)))[..., None])
    return values[..., -1], jnp.where(has_axis[..., None], units[..., -1], rest), has_axis


def _lower_rows(columns: Array) -> Array:
    return jnp.swapaxes(_lower(jnp.swapaxes(columns, -1, -2)), -1, -2)


def _boost(axis: Array) -> Array:
    """Return boosts `[*batch, n, n]` that take (1, 0) to time-like unit vectors.

    Where the vector is of the past, that of its opposite after a reversal of time.
    """
    sign = jax.lax.stop_gradient(jnp.where(axis[..., 0] < 0, -1, 1).astype(axis.dtype))
    forward = axis * sign[..., None]
    energy, momentum = forward[..., 0], forward[..., 1:]
    outer = momentum[..., :, None] * momentum[..., None, :] / (1 + energy)[..., None, None]
    space = jnp.eye(momentum.shape[-1], dtype=axis.dtype) + outer
    right = jnp.concatenate([momentum[..., None, :], space], axis=-2)
    return jnp.concatenate([axis[..., :, None], right], axis=-1)
