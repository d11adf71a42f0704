"""Group elements and their inverses, of orthogonal matrices with or without a translation."""

import jax
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.ops.orthogonalization import gram_schmidt
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST
type Euclidean = groups.SO | groups.O | groups.SE | groups.E


def as_vectors(x: Array, *, dimension: int, group: groups.Group) -> Array:
    """Return points or vectors `[*batch, N, dimension]` in floating point.

    Args:
        x: The array.
        dimension: Number of components.
        group: The group, for the error.

    Raises:
        ValueError: If the components are others, or there is no point.
    """
    x = jnp.asarray(x)
    if x.ndim < 2 or x.shape[-1] != dimension or x.shape[-2] < 1:
        raise ValueError(
            f"expected points [..., N, {dimension}] with N >= 1 for {group!r}, got {list(x.shape)}"
        )
    return x.astype(jnp.result_type(float, x.dtype))


def orthogonalize(vectors: Array, *, group: Euclidean) -> Array:
    """Turn vectors into the orthogonal part of an element, by Gram-Schmidt.

    Args:
        vectors: Columns `[*batch, d, k]`: k = d, or d - 1 where the determinant is 1.
        group: SO(d), O(d), SE(d) or E(d).

    Raises:
        ValueError: If there are d - 1 vectors for O(d) or E(d), which do not tell a pose from its
            mirror image, or another number.

    >>> orthogonalize(jnp.array([[0.0], [2.0]]), group=groups.SO(2)).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    d = group.dimension
    if not is_special(group) and vectors.shape[-1] != d:
        raise ValueError(
            f"{group!r} has reflections, which take {d} vectors to tell, [..., {d}, {d}]; got "
            f"{list(vectors.shape)}"
        )
    return gram_schmidt(vectors, special=is_special(group))


def make_elements(linear: Array, shift: Array, *, group: groups.Group) -> tuple[Array, Array]:
    """Return the elements `x -> r x + t` and their inverses.

    Args:
        linear: r, orthogonal matrices `[..., d, d]`.
        shift: t, `[..., d]`, with axes that broadcast with those of `linear`; not read unless the
            group is SE(d) or E(d).
        group: SO(d), O(d), SE(d) or E(d).

    Returns:
        Elements and inverses `[..., n, n]`, homogeneous with n = d + 1 for SE(d) and E(d).

    >>> make_elements(jnp.eye(1), jnp.array([2.0]), group=groups.E(1))[1].tolist()
    [[1.0, -2.0], [0.0, 1.0]]
    """
    transposed = jnp.swapaxes(linear, -1, -2)
    if not is_affine(group):
        return linear, transposed
    shift = jnp.broadcast_to(shift, linear.shape[:-1])
    back = -jnp.einsum("...ij,...j->...i", transposed, shift, precision=_HIGHEST)
    return _homogeneous(linear, shift), _homogeneous(transposed, back)


def centre_of(x: Array, *, group: groups.Group, mask: Array | None = None) -> Array:
    """Return the mean of points where the group moves the origin, else zero.

    Args:
        x: Points `[*batch, N, d]`.
        group: SO(d), O(d), SE(d) or E(d).
        mask: True for real points, `[*batch, N]`; None if there is no padding.

    Returns:
        The centres, `[*batch, d]`.
    """
    if not is_affine(group):
        return jnp.zeros_like(x[..., 0, :])
    if mask is None:
        return jnp.mean(x, axis=-2)
    total = jnp.sum(jnp.where(mask[..., None], x, 0), axis=-2)
    return total / jnp.maximum(jnp.sum(mask, axis=-1), 1)[..., None].astype(x.dtype)


def is_affine(group: groups.Group) -> bool:
    """Tell whether elements of a group are homogeneous matrices."""
    return isinstance(group, (groups.SE, groups.E))


def is_special(group: groups.Group) -> bool:
    """Tell whether elements of SO(d), O(d), SE(d) or E(d) keep the orientation."""
    return isinstance(group, (groups.SO, groups.SE))


def check_euclidean(group: groups.Group, *, what: str) -> None:
    """Raise a ValueError unless the group is SO(d), O(d), SE(d) or E(d)."""
    if not isinstance(group, (groups.SO, groups.O, groups.SE, groups.E)):
        raise ValueError(f"{what} are for SO(d), O(d), SE(d) and E(d), got {group!r}")


def _homogeneous(linear: Array, shift: Array) -> Array:
    top = jnp.concatenate([linear, shift[..., None]], axis=-1)
    bottom = jnp.zeros_like(top[..., :1, :]).at[..., -1].set(1)
    return jnp.concatenate([top, bottom], axis=-2)
