"""How a matrix of a group acts on plain arrays, by the name of what they hold."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from symjax_models.reps import Rep, RepArray
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PyTree

_HIGHEST = jax.lax.Precision.HIGHEST


def act(kinds: PyTree, g: Array, x: PyTree) -> PyTree:
    """Let group elements act on arrays.

    ===========  ========================  =====================================================
    kind         shape                     action of g
    ===========  ========================  =====================================================
    "vector"     `[*batch, ..., d]`        `r v`: r is g, or the linear part of an affine g
    "point"      `[*batch, ..., d]`        `r x + t`; without a translation in g as "vector"
    "scalar"     `[*batch, ..., N, C]`     g is a permutation matrix `[N, N]`; moves the rows
    "pair"       `[*batch, ..., N, N]`     the same, on rows and columns
    "image"      `[*batch, ..., H, W, C]`  turns the picture by g in O(2) about its centre
    a `Rep`      `[*batch, ..., rep.dim]`  `rho(g)` on the last axis
    "typed"      `RepArray`                that of its own representation
    "invariant"  any pytree                none
    ===========  ========================  =====================================================

    Args:
        kinds: A kind, or a pytree of kinds that is a prefix of `x`.
        g: Matrices `[*batch, n, n]`; their batch axes are the first ones of every array. Affine
            elements are homogeneous, with n = d + 1.
        x: The arrays.

    Returns:
        The transformed arrays, shapes and dtypes as before.

    Raises:
        ValueError: If a kind is unknown, or an array does not fit its kind and `g`.

    Numerics:
        Products run at the highest precision. Images are interpolated bilinearly, with zeros
        outside: exact up to rounding for quarter turns and reflections of square images, an
        approximation for other angles.

    >>> quarter = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    >>> act("vector", quarter, jnp.array([[1.0, 0.0]])).tolist()
    [[0.0, 1.0]]
    """
    return jax.tree.map(lambda kind, part: _act(kind, g, part), kinds, x, is_leaf=_is_kind)


def is_affine(g: Array, d: int) -> bool:
    """Tell whether matrices `[..., n, n]` are homogeneous ones of d-dimensional space."""
    return g.shape[-1] == d + 1


def _is_kind(kind: Any) -> bool:
    return isinstance(kind, (str, Rep))


def _act(kind: str | Rep, g: Array, x: Any) -> Any:
    if isinstance(kind, Rep):
        return _on_last_axis(kind.rho(g), _inexact(x), what=repr(kind))
    action = look_up(kind, ACTIONS, what="action")
    return action(g, x if kind in ("invariant", "typed") else _inexact(x))


def _inexact(x: Any) -> Array:
    """Return an array that is not of integers, to which elements would be rounded."""
    x = jnp.asarray(x)
    return x.astype(jnp.result_type(float, x.dtype))


def _spread(g: Array, x: Array, *, axes: int, what: str) -> Array:
    """Give g `[*batch, n, n]` singleton axes, so that it acts on the last `axes` axes of x.

    Raises:
        ValueError: If the first axes of x are not those of g's batch.
    """
    batch = g.shape[:-2]
    between = x.ndim - axes - len(batch)
    if between < 0 or x.shape[: len(batch)] != batch:
        raise ValueError(
            f"expected {what} with first axes {list(batch)} for elements of shape "
            f"{list(g.shape)}, got shape {list(x.shape)}"
        )
    return g.reshape(*batch, *(1,) * between, *g.shape[-2:]).astype(x.dtype)


def _on_last_axis(matrix: Array, x: Array, *, what: str) -> Array:
    if x.ndim < 1 or x.shape[-1] != matrix.shape[-1]:
        raise ValueError(
            f"expected {what} of {matrix.shape[-1]} components for elements of shape "
            f"{list(matrix.shape)}, got shape {list(x.shape)}"
        )
    if x.ndim == 1 or x.ndim == matrix.ndim - 1:  # no axis of points
        return _on_last_axis(matrix, x[..., None, :], what=what)[..., 0, :]
    spread = _spread(matrix, x, axes=2, what=what)
    return jnp.einsum("...ij,...nj->...ni", spread, x, precision=_HIGHEST)


def _act_vector(g: Array, v: Array) -> Array:
    linear = g[..., :-1, :-1] if is_affine(g, v.shape[-1]) else g
    return _on_last_axis(linear, v, what="vectors")


def _act_point(g: Array, x: Array) -> Array:
    moved = _act_vector(g, x)
    if not is_affine(g, x.shape[-1]):
        return moved
    shift = g[..., :-1, -1].astype(x.dtype)
    return moved + shift.reshape(*shift.shape[:-1], *(1,) * (x.ndim - shift.ndim), -1)


def _act_scalar(g: Array, x: Array) -> Array:
    if x.ndim < 2 or x.shape[-2] != g.shape[-1]:
        raise ValueError(
            f"expected features of {g.shape[-1]} nodes, [..., {g.shape[-1]}, C], for permutations "
            f"of shape {list(g.shape)}, got shape {list(x.shape)}"
        )
    spread = _spread(g, x, axes=2, what="features of nodes")
    return jnp.einsum("...ij,...jc->...ic", spread, x, precision=_HIGHEST)


def _act_pair(g: Array, x: Array) -> Array:
    rows = _act_scalar(g, x)
    return jnp.swapaxes(_act_scalar(g, jnp.swapaxes(rows, -1, -2)), -1, -2)


def _act_image(g: Array, x: Array) -> Array:
    if g.shape[-2:] != (2, 2):
        raise ValueError(f"images need elements of O(2), [..., 2, 2], got shape {list(g.shape)}")
    if x.ndim < 3:
        raise ValueError(f"expected images [..., H, W, C], got shape {list(x.shape)}")
    spread = _spread(g, x, axes=3, what="images")
    spread = jnp.broadcast_to(spread, (*x.shape[:-3], 2, 2))
    turned = jax.vmap(_turn_image)(spread.reshape(-1, 2, 2), x.reshape(-1, *x.shape[-3:]))
    return turned.reshape(x.shape)


def _turn_image(g: Array, image: Array) -> Array:
    height, width, _ = image.shape
    middle = jnp.array([(width - 1) / 2, (height - 1) / 2], image.dtype)
    rows, columns = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    # x to the right along columns, y up against rows.
    grid = jnp.stack([columns - middle[0], middle[1] - rows], axis=-1).astype(image.dtype)
    # The value at p is that of the old picture at g^-1 p = g^T p.
    source = jnp.einsum("ji,hwj->hwi", g.astype(image.dtype), grid, precision=_HIGHEST)
    where = [middle[1] - source[..., 1], source[..., 0] + middle[0]]
    sample = lambda channel: jax.scipy.ndimage.map_coordinates(channel, where, order=1)  # noqa: E731
    return jax.vmap(sample, in_axes=-1, out_axes=-1)(image)


def _act_typed(g: Array, x: RepArray) -> RepArray:
    if not isinstance(x, RepArray):
        raise ValueError(f"expected a RepArray for the action 'typed', got {type(x).__name__}")
    return x.transform(g)


ACTIONS: dict[str, Callable[[Array, Any], Any]] = {
    "vector": _act_vector,
    "point": _act_point,
    "scalar": _act_scalar,
    "pair": _act_pair,
    "image": _act_image,
    "typed": _act_typed,
    "invariant": lambda _, x: x,
}
