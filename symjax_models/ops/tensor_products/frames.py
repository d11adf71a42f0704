"""Frames aligned with directions: the matrices that turn features, and how they act."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops import safe
from symjax_models.ops.tensor_products.trilinear import contract, store_pieces
from symjax_models.reps.rotation import generators, wigner_ds
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def frame_matrices(directions: Array, max_degree: int) -> Array:
    """Compute D^0(R), ..., D^L(R) of a rotation R for each direction d, with R d = +y.

    With d = (sin b sin a, cos b, sin b cos a) it is R = R_x(-b) R_y(-a). The entries of D are
    products of sums of the waves cos(m b) and sin(m b) with such of a: two products with constant
    matrices give those of all degrees. Rows, which are what the frame sees, are sorted by the size
    of their order, 0, 1, -1, 2, -2, ...: pairs of rows are multiplied as one.

    Args:
        directions: d, `[..., 3]`, of any length.
        max_degree: L.

    Returns:
        The entries of the matrices one after the other, row by row, `[..., K, 1]`, where K is the
        sum of (2 l + 1)^2.

    Numerics:
        On the polar axis a is 0, and R is the identity for the zero vector. R is not continuous on
        that axis, as no choice of a roll is on the whole sphere. So the derivative is *defined* to
        be `dD = -D X_omega` with omega = d x dd / |d|^2, that of a frame which turns with d and
        does not roll. All derivatives of what the roll does not matter to are right with it, and
        finite; those of one entry mean nothing.

    Source: the frame of Passaro, Zitnick 2023, arXiv:2302.03655.

    >>> frame_matrices(jnp.array([0.0, 3.0, 0.0]), 1)[:, 0].tolist()
    [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    """
    length = safe.norm(directions, keepdims=True)
    polar = jnp.array([0, 1, 0], directions.dtype)
    unit = jnp.where(length == 0, polar, safe.divide(directions, length))
    equator = unit[..., ::2]
    sine = safe.norm(equator)
    on_axis = (sine == 0)[..., None]
    east = jnp.where(on_axis, jnp.array([0, 1], unit.dtype), safe.divide(equator, sine[..., None]))
    tilts = _waves(unit[..., 1], sine, max_degree)
    turns = _waves(east[..., 1], east[..., 0], max_degree)
    of_tilts, of_turns = (jnp.asarray(c, unit.dtype) for c in _wave_constants(max_degree))
    factors = jnp.matmul(tilts, of_tilts, precision=_HIGHEST)
    factors = factors * jnp.matmul(turns, of_turns, precision=_HIGHEST)
    by_cosines, by_sines = jnp.split(factors, 2, axis=-1)
    return jax.lax.optimization_barrier((by_cosines + by_sines)[..., None])


@frame_matrices.defjvp
def _frame_matrices_jvp(max_degree: int, primals: Any, tangents: Any) -> Any:
    value = frame_matrices(*primals, max_degree)
    omega = _angular_velocity(*primals, *tangents)
    pieces = []
    for l, rows in _degrees(max_degree):
        matrix = value[..., rows, 0].reshape(*omega.shape[:-1], 2 * l + 1, 2 * l + 1)
        constant = -jnp.asarray(generators(l), matrix.dtype)
        change = jnp.einsum("...k,...ij,kjn->...in", omega, matrix, constant, precision=_HIGHEST)
        pieces.append(change.reshape(*omega.shape[:-1], -1))
    return value, jnp.concatenate(pieces, axis=-1)[..., None]


def _angular_velocity(directions: Array, velocity: Array) -> Array:
    """Return the angular velocity d x (dd/dt) / |d|^2 of directions, zero at the zero vector."""
    length = safe.norm(directions, keepdims=True)
    return jnp.cross(safe.divide(directions, length), safe.divide(velocity, length))


def turn(degrees: tuple[int, ...], matrices: Array, x: Array) -> Array:
    """Apply D(R) to features, `[..., rows, C]`, of irreps of the degrees one after the other."""
    return contract(Turn(degrees, matrices.shape[-2]), 2, matrices, x)


def turn_back(degrees: tuple[int, ...], matrices: Array, x: Array) -> Array:
    """Apply the inverse of D(R) to features, `[..., rows, C]`."""
    return contract(Turn(degrees, matrices.shape[-2]), 1, matrices, x)


def tilt_rates(matrices: Array, directions: Array, velocity: Array) -> Array:
    """Return the angular velocity d x (dd/dt) / |d|^2 of directions, seen in their frames.

    Args:
        matrices: The frames of `frame_matrices`, of degree 1 at least.
        directions: d, `[..., 3]`.
        velocity: dd/dt, `[..., 3]`.

    Returns:
        The components about z and x, `[..., 2, 1]`; that about y, the direction, is zero.
    """
    omega = _angular_velocity(directions, velocity).astype(matrices.dtype)
    rows = matrices[..., 4:10, 0].reshape(*omega.shape[:-1], 2, 3)
    return jnp.sum(rows * omega[..., None, :], axis=-1, keepdims=True)


def tilt(degrees: tuple[int, ...], rates: Array, x: Array) -> Array:
    """Apply infinitesimal rotations about z and x to features in frames, `[..., rows, C]`."""
    return contract(Tilt(degrees), 2, rates, x)


@dataclasses.dataclass(frozen=True)
class Turn:
    """State the form z . D x of matrices D, `[..., K, 1]`, x and z, `[..., rows, C]`.

    Args:
        degrees: Degrees of the irreps of x and z.
        num_entries: K, of the matrices of these degrees and perhaps of higher ones.
    """

    degrees: tuple[int, ...]
    num_entries: int

    def shape(self, slot: int, columns: int) -> tuple[int, int]:
        """Return rows and columns of D, x or z."""
        if slot == 0:
            return self.num_entries, 1
        return sum(2 * l + 1 for l in self.degrees), columns

    def contract(self, slot: int, first: Array, second: Array, given: Sequence[Array]) -> Array:
        """Return the outer product z x^T, D^T z, or D x."""
        del given
        if slot == 0:
            return self._outer(first, second)
        sums = []
        for l, rows, entries in self._blocks():
            matrix = first[..., entries, 0].reshape(*first.shape[:-2], 2 * l + 1, 2 * l + 1)
            block, total = second[..., rows, :], None
            # Sums that are written out become one loop; a product of small matrices is slower.
            for m in range(2 * l + 1):
                column = matrix[..., m, :] if slot == 1 else matrix[..., :, m]
                term = column[..., None] * block[..., m : m + 1, :]
                total = term if total is None else total + term
            sums.append(total)
        return store_pieces(sums)

    def _outer(self, x: Array, z: Array) -> Array:
        batch = x.shape[:-2]
        sums: dict[int, Array] = {}
        for l, rows, _ in self._blocks():
            pair = z[..., rows, :], x[..., rows, :]
            product = jnp.einsum("...mc,...nc->...mn", *pair, precision=_HIGHEST)
            sums[l] = sums[l] + product if l in sums else product
        pieces = [
            sums[l].reshape(*batch, -1)
            if l in sums
            else jnp.zeros((*batch, (2 * l + 1) ** 2), x.dtype)
            for l in range(max(self.degrees) + 1)
        ]
        missing = self.num_entries - sum(piece.shape[-1] for piece in pieces)
        pieces.append(jnp.zeros((*batch, missing), x.dtype))
        return jnp.concatenate(pieces, axis=-1)[..., None]

    def _blocks(self) -> Iterator[tuple[int, slice, slice]]:
        entries, start = dict(_degrees(max(self.degrees))), 0
        for l in self.degrees:
            yield l, slice(start, start + 2 * l + 1), entries[l]
            start += 2 * l + 1


@dataclasses.dataclass(frozen=True)
class Tilt:
    """State the form z . (r0 X_z + r1 X_x) x of rates, `[..., 2, 1]`, x and z, `[..., rows, C]`.

    X are generators in frames; x and z are features there.

    Args:
        degrees: Degrees of the irreps of x and z.
    """

    degrees: tuple[int, ...]

    def shape(self, slot: int, columns: int) -> tuple[int, int]:
        """Return rows and columns of the rates, x or z."""
        return (2, 1) if slot == 0 else (sum(2 * l + 1 for l in self.degrees), columns)

    def contract(self, slot: int, first: Array, second: Array, given: Sequence[Array]) -> Array:
        """Return the derivative of the form by the rates, x or z."""
        del given
        if slot == 0:
            sums: list[Any] = [jnp.zeros_like(first[..., 0, :])] * 2
            for i, j, k, value in _entries(self.degrees):
                sums[k] = sums[k] + value * second[..., i, :] * first[..., j, :]
            return jnp.sum(store_pieces([jnp.stack(sums, axis=-2)]), axis=-1, keepdims=True)
        rows: list[Any] = [jnp.zeros_like(second[..., 0, :])] * second.shape[-2]
        for i, j, k, value in _entries(self.degrees):
            target, source = (j, i) if slot == 1 else (i, j)
            rows[target] = rows[target] + value * first[..., k, :] * second[..., source, :]
        # The rows of one irrep, and not more, are fused into one loop.
        starts = np.cumsum([0, *(2 * l + 1 for l in self.degrees)]).tolist()
        return store_pieces([jnp.stack(rows[a:b], axis=-2) for a, b in itertools.pairwise(starts)])


def _frame_orders(l: int) -> list[int]:
    """Return the places -l, ..., l, from 0, of the orders 0, 1, -1, 2, -2, ..."""
    return [l, *(l + sign * m for m in range(1, l + 1) for sign in (1, -1))]


def _degrees(max_degree: int) -> Iterator[tuple[int, slice]]:
    """Yield every degree and the places of the entries of its matrix."""
    start = 0
    for l in range(max_degree + 1):
        yield l, slice(start, start := start + (2 * l + 1) ** 2)


def _waves(cosine: Array, sine: Array, max_degree: int) -> Array:
    """Return 1, sin t, cos t, ..., sin L t, cos L t of cos t and sin t, `[..., 2 L + 1]`."""
    waves, c, s = [jnp.ones_like(cosine)], jnp.ones_like(cosine), jnp.zeros_like(cosine)
    for _ in range(max_degree):
        c, s = c * cosine - s * sine, s * cosine + c * sine
        waves += [s, c]
    return jnp.stack(waves, axis=-1)


@functools.lru_cache(maxsize=32)
def _wave_constants(max_degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what the waves of b and of a are multiplied by, each `[2 L + 1, 2 K]`.

    With B = D(R_x(-b)) and A = D(R_y(-a)), whose entries are on its two diagonals, it is
    `D(R)[i, j] = B[i, j] A[j, j] + B[i, -j] A[-j, j]`: the first K columns are for the first
    product, the others for the second.
    """
    angles = 2 * np.pi * np.arange(2 * max_degree + 1) / (2 * max_degree + 1)
    c, s, one, nil = np.cos(angles), np.sin(angles), np.ones_like(angles), np.zeros_like(angles)
    tilts = np.array([[one, nil, nil], [nil, c, s], [nil, -s, c]]).transpose(2, 0, 1)
    turns = np.array([[c, nil, -s], [nil, one, nil], [s, nil, c]]).transpose(2, 0, 1)
    waves = [one] + [
        wave(m * angles) for m in range(1, max_degree + 1) for wave in (np.sin, np.cos)
    ]
    firsts, seconds = [], []
    tilted, turned = (wigner_ds(rotations, max_degree=max_degree) for rotations in (tilts, turns))
    for l, (of_tilt, of_turn) in enumerate(zip(tilted, turned, strict=True)):
        of_tilt = of_tilt[:, _frame_orders(l)]
        diagonals = of_turn, of_turn[..., ::-1, :] * (np.arange(-l, l + 1) != 0)
        for factors, left, right in zip(
            (firsts, seconds), (of_tilt, of_tilt[..., ::-1]), diagonals, strict=True
        ):
            row = np.diagonal(right, axis1=-2, axis2=-1)[:, None, :]
            pair = (left, np.broadcast_to(row, left.shape))
            factors.append([factor.reshape(len(angles), -1) for factor in pair])
    results = []
    for k in range(2):
        values = np.concatenate([pieces[k] for pieces in (*firsts, *seconds)], axis=-1)
        result = np.linalg.solve(np.stack(waves, axis=-1), values)
        result.flags.writeable = False
        results.append(result)
    return results[0], results[1]


@functools.lru_cache(maxsize=32)
def _entries(degrees: tuple[int, ...]) -> tuple[tuple[int, int, int, float], ...]:
    """Return row, column, 0 or 1, and value of the entries of X_z and X_x that are not zero."""
    found, start = [], 0
    for l in degrees:
        orders = _frame_orders(l)
        constants = generators(l)[[2, 0]][:, orders][:, :, orders]
        for k, i, j in np.argwhere(np.abs(constants) > 1e-12).tolist():
            found.append((start + i, start + j, k, float(constants[k, i, j])))
        start += 2 * l + 1
    return tuple(found)
