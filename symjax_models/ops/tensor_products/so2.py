"""Products with the harmonics of one direction, in a frame where only their order 0 is left."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from symjax_models.ops.tensor_products import frames
from symjax_models.ops.tensor_products.paths import Path, by_pair
from symjax_models.ops.tensor_products.trilinear import contract, store_pieces
from symjax_models.reps.rotation import clebsch_gordan
from symjax_models.typing import Array


@dataclasses.dataclass(frozen=True)
class Coupling:
    """State the form z . M(w) x of weights w, `[..., P, C]`, and x and z in frames of directions.

    There the harmonics of degree l2 are sqrt(2 l2 + 1) at order 0 and zero elsewhere, so each path
    couples only orders of equal size: `z[m] = a[m] x[m]` if l1 + l2 + l3 is even and
    `z[m] = b[m] x[-m]` if it is odd. At each m the weighted a and b of all paths between two
    summands add up to one number first. Orders are sorted 0, 1, -1, 2, -2, ...

    Args:
        paths: The paths.
        degrees1: Degrees of the summands of x, `[..., R1, C]`.
        degrees_out: Degrees of the summands of z, `[..., R3, C]`.
    """

    paths: tuple[Path, ...]
    degrees1: tuple[int, ...]
    degrees_out: tuple[int, ...]

    def shape(self, slot: int, columns: int) -> tuple[int, int]:
        """Return rows and columns of w, x or z."""
        if slot == 0:
            return len(self.paths), columns
        degrees = self.degrees1 if slot == 1 else self.degrees_out
        return sum(2 * l + 1 for l in degrees), columns

    def contract(self, slot: int, first: Array, second: Array, given: Sequence[Array]) -> Array:
        """Return the derivative of the form by w, x or z.

        Args:
            slot: 0, 1 or 2 for w, x or z.
            first: w, or x if that is left out.
            second: z, or x if z is left out.
            given: 1, and 0 where the direction is zero, `[..., 1, 1]`.
        """
        is_direction = given[0]
        if slot == 0:
            return self._by_weights(first, second, is_direction)
        degrees = self.degrees1 if slot == 1 else self.degrees_out
        nothing = jnp.zeros_like(second[..., :1, :])
        sums: list[list[Any]] = [[None] * (l + 1) for l in degrees]
        flips = jnp.asarray([[1], [-1]] if slot == 2 else [[-1], [1]], second.dtype)
        for (index1, index_out), positions, start1, start_out, max_order in self._pairs():
            index, start = (index1, start_out) if slot == 1 else (index_out, start1)
            for m in range(max_order + 1):
                even, odd = self._gains(positions, first, is_direction, m)
                rows = second[..., _rows(start, m), :]
                sums[index][m] = _add(sums[index][m], even, rows)
                if odd is not None:
                    sums[index][m] = _add(sums[index][m], odd, rows[..., ::-1, :] * flips)
        blocks = [
            [
                jnp.broadcast_to(nothing, (*nothing.shape[:-2], 2 if m else 1, nothing.shape[-1]))
                if total is None
                else total
                for m, total in enumerate(totals)
            ]
            for totals in sums
        ]
        return store_pieces([jnp.concatenate(block, axis=-2) for block in blocks])

    def _gains(self, positions: list[int], weights: Array, is_direction: Array, m: int) -> Any:
        """Return the sums over paths of weight times a[m], and of weight times b[m]."""
        even = odd = scalar = None
        for position in positions:
            path = self.paths[position]
            weight = weights[..., position : position + 1, :]
            constant = float(_constants(path)[m])
            if path.degrees[1] == 0:
                scalar = weight * constant
            elif path.is_even:
                even = _add(even, weight, constant)
            elif constant:
                odd = _add(odd, weight, constant)
        even, odd = (None if sum_ is None else sum_ * is_direction for sum_ in (even, odd))
        return scalar if even is None else even if scalar is None else even + scalar, odd

    def _by_weights(self, x: Array, z: Array, is_direction: Array) -> Array:
        pieces: list[Any] = []
        for _, positions, start1, start_out, max_order in self._pairs():
            kinds = [self.paths[position].is_even for position in positions]
            # One loop over paths of one kind is half the code of a loop for each.
            runs = [positions] if len(set(kinds)) == 1 else [[position] for position in positions]
            pieces += [
                self._weights_of(run, x, z, is_direction, (start1, start_out, max_order))
                for run in runs
            ]
        return store_pieces(pieces)

    def _weights_of(
        self,
        positions: list[int],
        x: Array,
        z: Array,
        is_direction: Array,
        place: tuple[int, int, int],
    ) -> Array:
        """Return the derivative by the weights of paths of one kind between two summands."""
        start1, start_out, max_order = place
        is_even = self.paths[positions[0]].is_even
        constants = np.stack([_constants(self.paths[position]) for position in positions])
        total: Any = None
        for m in range(max_order + 1):
            if not np.any(constants[:, m]):
                continue
            rows1, rows_out = x[..., _rows(start1, m), :], z[..., _rows(start_out, m), :]
            product = rows_out[..., :1, :] * rows1[..., :1, :]
            if m:
                other = rows_out[..., 1:, :] * rows1[..., 1:, :]
                crossed = rows_out[..., :1, :] * rows1[..., 1:, :]
                back = rows_out[..., 1:, :] * rows1[..., :1, :]
                product = product + other if is_even else crossed - back
            total = _add(total, product, jnp.asarray(constants[:, m : m + 1], x.dtype))
        has_scalar = np.array([[self.paths[position].degrees[1] == 0] for position in positions])
        if has_scalar.all():
            return total
        return jnp.where(has_scalar, total, total * is_direction)

    def _pairs(self) -> Iterator[tuple[tuple[int, int], list[int], int, int, int]]:
        """Yield two summands, the paths between them, their first rows, and their last order."""
        starts1, starts_out = (
            np.cumsum([0, *(2 * l + 1 for l in degrees)]).tolist()
            for degrees in (self.degrees1, self.degrees_out)
        )
        for (index1, index_out), positions in by_pair(self.paths).items():
            max_order = min(self.degrees1[index1], self.degrees_out[index_out])
            yield (index1, index_out), positions, starts1[index1], starts_out[index_out], max_order


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def couple(form: Coupling, x: Array, directions: Array, weights: Array) -> Array:
    """Sum the paths between features and the harmonics of one direction per batch entry.

    The rotation R with R d = +y turns the features, x' = D(R) x, the paths are summed there, and
    z = D(R)^T z'.

    Args:
        form: The paths, and how they couple in the frame.
        x: `[..., R1, C]`, the components of all summands.
        directions: d, `[..., 3]`, of any length.
        weights: `[..., P, C]`, of the dtype of x; all three have the same batch.

    Returns:
        z, `[..., R3, C]`, the components of all summands of the product.

    Numerics:
        R is not continuous in d, but z does not depend on its roll. The first derivative with
        respect to d follows from equivariance and not through R: turning d by the angle omega is
        turning z by it and x back, `dz = X_omega z - z(X_omega x)`. At the zero vector the value is
        that of harmonics zero but for degree 0, and the derivative by d is zero.

    Source: Passaro, Zitnick 2023, arXiv:2302.03655 (the frame); weights here are per path, so that
        the result is that of the product with harmonics, not of a more general SO(2) convolution.
    """
    return _values(form, x, directions, weights)[-1]


@functools.partial(couple.defjvp, symbolic_zeros=True)
def _couple_jvp(form: Coupling, primals: Any, tangents: Any) -> Any:
    _, directions, weights = primals
    x_change, direction_change, weight_change = (
        None if isinstance(tangent, SymbolicZero) else tangent for tangent in tangents
    )
    matrices, is_direction, turned, in_frame, value = _values(form, *primals)
    # Changes of x and z, both in the frame.
    x_moved = z_moved = None
    if x_change is not None:
        x_moved = frames.turn(form.degrees1, matrices, x_change)
    if direction_change is not None and max(*form.degrees1, *form.degrees_out) > 0:
        rates = frames.tilt_rates(matrices, directions, direction_change)
        x_moved = _plus(x_moved, frames.tilt(form.degrees1, -rates, turned))
        z_moved = frames.tilt(form.degrees_out, rates, in_frame)
    if x_moved is not None:
        z_moved = _plus(z_moved, contract(form, 2, weights, x_moved, is_direction))
    if weight_change is not None:
        z_moved = _plus(z_moved, contract(form, 2, weight_change, turned, is_direction))
    if z_moved is None:
        return value, jnp.zeros_like(value)
    return value, frames.turn_back(form.degrees_out, matrices, z_moved)


def _values(
    form: Coupling, x: Array, directions: Array, weights: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Return the matrices D(R), where there is a direction, x', z' and z."""
    # Angles in half precision would be wrong by more than the result is.
    directions = directions.astype(jnp.promote_types(directions.dtype, jnp.float32))
    max_degree = max(*form.degrees1, *form.degrees_out)
    matrices = frames.frame_matrices(directions, max_degree).astype(x.dtype)
    is_direction = jnp.any(directions != 0, axis=-1)[..., None, None].astype(x.dtype)
    turned = frames.turn(form.degrees1, matrices, x)
    in_frame = contract(form, 2, weights, turned, is_direction)
    value = frames.turn_back(form.degrees_out, matrices, in_frame)
    return matrices, is_direction, turned, in_frame, value


@functools.lru_cache(maxsize=4096)
def _constants(path: Path) -> np.ndarray:
    """Return what a path multiplies x[m], or x[-m] if it is odd, by, for m >= 0."""
    l1, l2, l3 = path.degrees
    orders = np.arange(min(l1, l3) + 1)
    values = clebsch_gordan(l1, l2, l3)[l1 + (1 if path.is_even else -1) * orders, l2, l3 + orders]
    result = path.normalization * np.sqrt(2 * l2 + 1) * values
    result.flags.writeable = False
    return result


def _add(total: Any, a: Any, b: Any) -> Any:
    """Return total + a b, where None is zero."""
    if a is None:
        return total
    return a * b if total is None else total + a * b


def _rows(start: int, m: int) -> slice:
    """Return the places of the orders m and -m of a summand in the frame."""
    return slice(start + 2 * m - 1, start + 2 * m + 1) if m else slice(start, start + 1)


def _plus(a: Any, b: Any) -> Any:
    """Return a + b, where None is zero."""
    return b if a is None else a + b
