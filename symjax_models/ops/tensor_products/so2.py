"""Products with the harmonics of one direction, in a frame where only their order 0 is left."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from symjax_models.ops import safe
from symjax_models.ops.rotations import align_frames
from symjax_models.ops.tensor_products.paths import Path, by_pair
from symjax_models.reps.rotation import clebsch_gordan, generators, wigner_ds
from symjax_models.typing import Array

Blocks = Sequence[Array]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def couple(
    paths: tuple[Path, ...], blocks: Blocks, directions: Array, weights: Array
) -> list[Array]:
    """Sum the paths between features and the harmonics of one direction per batch entry.

    The rotation R with R d = +y turns the features, x' = D(R) x. There the harmonics of degree l2
    are sqrt(2 l2 + 1) at order 0 and zero elsewhere, so each path couples only orders of equal
    size: `z'[m] = a[m] x'[m]` if l1 + l2 + l3 is even and `z'[m] = b[m] x'[-m]` if it is odd. At
    each m the weighted a and b of all paths between two summands add up to one number first. Then
    z = D(R)^T z'.

    Args:
        paths: The paths.
        blocks: x, one array `[..., 2 l1 + 1, C]` per summand.
        directions: d, `[..., 3]`, of any length.
        weights: `[..., P, C]`.

    Returns:
        z, one array `[..., 2 l3 + 1, C]` per summand of the product.

    Numerics:
        R is not continuous in d, but z does not depend on its roll. The first derivative with
        respect to d follows from equivariance and not through R: turning d by the angle omega is
        turning z by it and x back, `dz = X_omega z - z(X_omega x)`. At the zero vector the value is
        that of harmonics zero but for degree 0, and the derivative by d is zero.

    Source: Passaro, Zitnick 2023, arXiv:2302.03655 (the frame); weights here are per path, so that
        the result is that of the product with harmonics, not of a more general SO(2) convolution.
    """
    frames, is_zero = _frames(paths, blocks, directions)
    turned = [_turn(frames, block) for block in blocks]
    return [_turn_back(frames, z) for z in _couple_orders(paths, turned, weights, is_zero)]


@functools.partial(couple.defjvp, symbolic_zeros=True)
def _couple_jvp(paths: tuple[Path, ...], primals: Any, tangents: Any) -> Any:
    blocks, directions, weights = primals
    block_tangents, direction_tangent, weight_tangent = tangents
    frames, is_zero = _frames(paths, blocks, directions)
    turned = [_turn(frames, block) for block in blocks]
    in_frame = _couple_orders(paths, turned, weights, is_zero)
    values = [_turn_back(frames, z) for z in in_frame]

    moved = [None if isinstance(t, SymbolicZero) else t for t in block_tangents]
    rotated: list[Any] = [None] * len(values)
    if not isinstance(direction_tangent, SymbolicZero):
        omega = _angular_velocity(directions, direction_tangent)
        rotated = [_rotate_slightly(omega, z) for z in values]
        back = [_rotate_slightly(-omega, x) for x in blocks]
        moved = [b if t is None else t + b for t, b in zip(moved, back, strict=True)]
    changes: list[Any] = [None] * len(values)
    if any(t is not None for t in moved):
        moved = [jnp.zeros_like(x) if t is None else t for t, x in zip(moved, blocks, strict=True)]
        turned_tangents = [_turn(frames, t) for t in moved]
        changes = _couple_orders(paths, turned_tangents, weights, is_zero)
    if not isinstance(weight_tangent, SymbolicZero):
        more = _couple_orders(paths, turned, weight_tangent, is_zero)
        changes = [m if c is None else c + m for c, m in zip(changes, more, strict=True)]
    results = []
    for change, extra, value in zip(changes, rotated, values, strict=True):
        result = jnp.zeros_like(value) if change is None else _turn_back(frames, change)
        results.append(result if extra is None else result + extra)
    return values, results


def _frames(
    paths: tuple[Path, ...], blocks: Blocks, directions: Array
) -> tuple[list[Array], Array]:
    # No path may use the summand of highest degree, but all are turned.
    max_degree = max(
        *(block.shape[-2] // 2 for block in blocks), *(path.degrees[2] for path in paths)
    )
    is_zero = jnp.all(directions == 0, axis=-1)[..., None, None]
    return wigner_ds(align_frames(directions), max_degree=max_degree), is_zero


def _turn(frames: list[Array], block: Array) -> Array:
    matrix = frames[block.shape[-2] // 2].astype(block.dtype)
    return jnp.matmul(matrix, block, precision=jax.lax.Precision.HIGHEST)


def _turn_back(frames: list[Array], block: Array) -> Array:
    matrix = frames[block.shape[-2] // 2].astype(block.dtype)
    return jnp.einsum("...ji,...jc->...ic", matrix, block, precision=jax.lax.Precision.HIGHEST)


def _angular_velocity(directions: Array, velocity: Array) -> Array:
    """Return the angular velocity d x (dd/dt) / |d|^2 of directions, zero at the zero vector."""
    length = safe.norm(directions, keepdims=True)
    return jnp.cross(safe.divide(directions, length), safe.divide(velocity, length))


def _rotate_slightly(omega: Array, block: Array) -> Array:
    """Apply the infinitesimal rotation X_omega to components `[..., 2 l + 1, C]`."""
    if block.shape[-2] == 1:
        return jnp.zeros_like(block)
    constant = jnp.asarray(generators(block.shape[-2] // 2), block.dtype)
    precision = jax.lax.Precision.HIGHEST
    matrix = jnp.tensordot(omega.astype(block.dtype), constant, axes=1, precision=precision)
    return jnp.matmul(matrix, block, precision=precision)


def _couple_orders(
    paths: tuple[Path, ...], turned: Blocks, weights: Array, is_zero: Array
) -> list[Array]:
    """Sum the paths in the frame: `[..., 2 l3 + 1, C]` per summand of the product."""
    # Cut into single rows, everything below is sums of products of rows, and so are the
    # derivatives (a slice would become a padded array, and a sum over rows a slow reduction).
    per_path = _rows(weights)
    inputs = [_rows(block) for block in turned]
    outputs: dict[int, list[Any]] = {}
    scalar_outputs: dict[int, list[Any]] = {}
    for (index1, index_out), positions in by_pair(paths).items():
        l1, _, l3 = paths[positions[0]].degrees
        x = inputs[index1]
        z = outputs.setdefault(index_out, [None] * (2 * l3 + 1))
        z_scalar = scalar_outputs.setdefault(index_out, [None] * (2 * l3 + 1))
        for m in range(min(l1, l3) + 1):
            even, odd, scalar = _gains(paths, positions, per_path, m)
            for sign in (1, -1) if m else (1,):
                up, to = l1 + sign * m, l3 + sign * m
                z[to] = _add(z[to], even, x[up])
                z[to] = _add(z[to], odd if sign == 1 or odd is None else -odd, x[l1 - sign * m])
                z_scalar[to] = _add(z_scalar[to], scalar, x[up])
    nothing = jnp.zeros_like(inputs[0][0])
    results = []
    for index_out in sorted(outputs):
        pairs = zip(outputs[index_out], scalar_outputs[index_out], strict=True)
        rows = [
            nothing if z is None else jnp.where(is_zero, 0 if at_zero is None else at_zero, z)
            for z, at_zero in pairs
        ]
        results.append(jnp.concatenate(rows, axis=-2))
    return results


def _gains(
    paths: tuple[Path, ...], positions: list[int], per_path: list[Array], m: int
) -> tuple[Any, Any, Any]:
    """Return the sums over paths of weight times a[m], times b[m], and of those with l2 = 0."""
    even = odd = scalar = None
    for position in positions:
        path = paths[position]
        constant = float(_constants(path)[m])
        if path.is_even:
            even = _add(even, per_path[position], constant)
        elif constant:
            odd = _add(odd, per_path[position], constant)
        if path.degrees[1] == 0:
            scalar = per_path[position] * constant
    return even, odd, scalar


def _add(total: Any, a: Any, b: Any) -> Any:
    """Return total + a b, where None is zero."""
    if a is None:
        return total
    return a * b if total is None else total + a * b


def _rows(array: Array) -> list[Array]:
    return list(jax.lax.split(array, [1] * array.shape[-2], axis=array.ndim - 2))


@functools.lru_cache(maxsize=4096)
def _constants(path: Path) -> np.ndarray:
    """Return what a path multiplies x'[m], or x'[-m] if it is odd, by, for m >= 0."""
    l1, l2, l3 = path.degrees
    orders = np.arange(min(l1, l3) + 1)
    values = clebsch_gordan(l1, l2, l3)[l1 + (1 if path.is_even else -1) * orders, l2, l3 + orders]
    result = path.normalization * np.sqrt(2 * l2 + 1) * values
    result.flags.writeable = False
    return result
