"""Equivariant polynomials of features: symmetric powers contracted with a basis of maps."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.multisets import read_only
from symjax_models.ops.symmetric_powers import Kind, LastOrder, last_order, polynomial_maps
from symjax_models.reps import Rep
from symjax_models.reps.checks import check_count, check_same_group
from symjax_models.reps.rotation_irreps import degree_and_parity
from symjax_models.typing import Array


@dataclasses.dataclass(frozen=True)
class SymmetricContraction:
    r"""Hold the equivariant polynomials from one representation to another, up to an order.

    `z[M, c] = sum_{n=1..nu} sum_eta w[n eta, c] sum_{i_1..i_n} U^n[M eta; i_1..i_n] x[i_1, c] ...
    x[i_n, c]`, for every irrep of the output, M its component. U^n is a basis of all equivariant
    maps from the symmetric n-th power of the features to the irrep: orthonormal, then scaled by
    one number for each irrep and order, see Numerics. Channels c do not mix.

    A hashable value: it can be a static argument of `jax.jit`.

    Args:
        rep: How the features x transform: a sum of irreps of SO(3) or O(3).
        rep_out: How the result z transforms: likewise. Every copy of an irrep has its own weights.
        max_order: nu, the highest order of correlation, at least 1.

    Raises:
        ValueError: If the representations are others or of different groups, or the order is no
            whole number of at least 1. Constants that are too large are refused at first use.

    Equivariance:
        `z(rho(g) x) = rho_out(g) z(x)`, exactly up to rounding.

    Numerics:
        With weights and features independent standard normal, every component of z has mean
        square 1, if the irrep is reached at all, and each order that reaches it has an equal share.
        Monomials are formed up to the order nu - 1, binomial(D + nu - 1, nu - 1) of them for each
        channel, where the tensor powers have D + ... + D^nu entries. Polynomials of the highest
        order are couplings of those of the order before with the features: those of the order
        before are weighted, and summed over all of one irrep, before they are coupled. Constants
        take 0.2 s for the harmonics to degree 3 at nu = 3, and some seconds where they are nearly
        too large. All derivatives exist everywhere.

    Source:
        MACE (Batatia et al. 2022, arXiv:2206.07697, equations 10 and 11). Deviations: U is
        orthonormal, so no two paths are linearly dependent; paths of all orders have unit variance
        together. The sums of lower orders run over sets of indices with repetition, not over all
        indices; only the highest order is nested, and by couplings instead of tensors U: with
        weights of its own for every node, nesting tensors takes D^nu terms for each path.

    >>> from symjax_models.reps import harmonic_irreps, parse_irreps
    >>> contraction = SymmetricContraction(harmonic_irreps(2), parse_irreps("0e+1o"), 3)
    >>> contraction.num_weights, contraction.size
    (((1, 3, 5), (1, 2, 5)), 17)
    >>> jax.jit(contraction.apply)(jnp.ones((7, 9, 4)), jnp.ones((7, 17, 4))).shape
    (7, 4, 4)
    """

    rep: Rep
    rep_out: Rep
    max_order: int

    def __post_init__(self):
        check_same_group(self.rep, self.rep_out)
        for name in ("rep", "rep_out"):
            rep = getattr(self, name)
            strange = [str(term) for _, term in rep.terms if degree_and_parity(term) is None]
            if strange or not rep.terms:
                raise ValueError(
                    f"{name} of a symmetric contraction is a sum of irreps of SO(3) or O(3), got "
                    f"{rep!r}; reps.decompose splits others"
                )
        if check_count(self.max_order, what="max_order") == 0:
            raise ValueError("max_order of a symmetric contraction is at least 1, got 0")

    @property
    def num_weights(self) -> tuple[tuple[int, ...], ...]:
        """The number of paths to one copy of every term of `rep_out`, for the orders 1 to nu."""
        constants = polynomial_maps(self.rep, self.rep_out, self.max_order)
        return tuple(tuple(maps.shape[1] for maps in orders) for orders in constants)

    @property
    def size(self) -> int:
        """The number of weights of a channel, K: term by term, copy by copy, order by order."""
        pairs = zip(self.rep_out.terms, self.num_weights, strict=True)
        return sum(copies * sum(counts) for (copies, _), counts in pairs)

    def apply(self, x: Array, weights: Array) -> Array:
        """Evaluate the polynomials.

        Args:
            x: Features `[..., D, C]`, D the dimension of `rep`: the blocks of a `RepArray` one
                below the other, where every irrep of `rep` has the same C channels.
            weights: w, `[K, C]`, or one set per entry of the batch, `[..., K, C]`, such as those
                of the species of every atom; K is `size`.

        Returns:
            z, `[..., D_out, C]`, D_out the dimension of `rep_out`.

        Raises:
            ValueError: If the axes of the components, weights or channels do not fit.
        """
        x, weights = jnp.asarray(x), jnp.asarray(weights)
        self._check(x, weights)
        dtype = jnp.result_type(float, x.dtype, weights.dtype)
        key = self.rep, self.rep_out, self.max_order
        constants, (before, lasts) = polynomial_maps(*key), last_order(*key)
        # Components and weights first: all that is done with them is a product of matrices or
        # works on long rows.
        batch, channels = jnp.broadcast_shapes(x.shape[:-2], weights.shape[:-2]), x.shape[-1]
        rows, kernel = (
            _rows_first(jnp.broadcast_to(array, (*batch, *array.shape[-2:])).astype(dtype))
            for array in (x, weights)
        )
        powers = _monomials(rows, self.max_order - 1)
        former = {kind: _contract(maps, powers[-1]) for kind, maps in before.items()}
        outputs, start = [], 0
        for (copies, _), orders, last in zip(self.rep_out.terms, constants, lasts, strict=True):
            lower = [
                _contract(maps, power) for maps, power in zip(orders, powers[1:], strict=False)
            ]
            known = sum(maps.shape[1] for maps in orders[:-1])
            turned = _contract(last.of_features, rows)
            for _ in range(copies):
                middle, stop = start + known, start + known + last.of_weights.shape[1]
                of_lower, of_last = kernel[start:middle], kernel[middle:stop]
                start = stop
                z, place = _last(last, turned, former, _product(last.of_weights, of_last)), 0
                for paths in lower:
                    own = of_lower[place : place + paths.shape[1]]
                    z, place = z + jnp.sum(own * paths, axis=1), place + paths.shape[1]
                outputs.append(z)
        z = jnp.concatenate(outputs, axis=0)
        return jnp.moveaxis(z.reshape(len(z), *batch, channels), 0, -2)

    def _check(self, x: Array, weights: Array) -> None:
        if x.ndim < 2 or x.shape[-2] != self.rep.dim:
            raise ValueError(
                f"expected features [..., {self.rep.dim}, C] of {self.rep!r}, got {x.shape}"
            )
        if weights.ndim < 2 or weights.shape[-2:] != (self.size, x.shape[-1]):
            raise ValueError(
                f"expected weights [..., {self.size}, {x.shape[-1]}], one for each path and "
                f"channel, got {weights.shape}"
            )


def _rows_first(array: Array) -> Array:
    """Turn `[..., D, C]` into `[D, N]`, where N counts the batch and the channels."""
    *batch, count, channels = array.shape
    return jnp.moveaxis(array, -2, 0).reshape(count, math.prod(batch) * channels)


def _product(constant: np.ndarray, rows: Array) -> Array:
    return jnp.matmul(jnp.asarray(constant, rows.dtype), rows, precision=jax.lax.Precision.HIGHEST)


def _contract(maps: np.ndarray, rows: Array) -> Array:
    """Apply maps `[2l+1, P, S]` to rows `[S, N]`: `[2l+1, P, N]`."""
    product = _product(maps.reshape(-1, maps.shape[-1]), rows)
    return product.reshape(*maps.shape[:2], rows.shape[-1])


def _last(last: LastOrder, turned: Array, former: dict[Kind, Array], weights: Array) -> Array:
    """Evaluate the polynomials of the highest order, `[2l+1, N]`."""
    mixed, start = [jnp.zeros((0, weights.shape[-1]), weights.dtype)], 0
    for kind, count in last.kinds:
        mixed.append(jnp.sum(weights[start : start + count] * former[kind], axis=1))
        start += count
    return jnp.sum(turned * jnp.concatenate(mixed, axis=0), axis=1)


def _monomials(rows: Array, max_order: int) -> list[Array]:
    """Return the monomials of orders 0, 1, ..., `[S_n, N]`, in the sequence of `list_multisets`."""
    powers = [jnp.ones((1, rows.shape[-1]), rows.dtype)]
    for n in range(1, max_order + 1):
        # Products with matrices that select rows: nothing is gathered, nor scattered to when
        # derivatives are taken.
        variable, shorter = _factors(len(rows), n)
        powers.append(rows if n == 1 else _product(variable, rows) * _product(shorter, powers[-1]))
    return powers


@functools.lru_cache(maxsize=64)
def _factors(dim: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return matrices that select the last variable of every multiset, and the multiset before."""
    counts = [math.comb(i + n - 1, n - 1) for i in range(dim)]
    variable = np.repeat(np.eye(dim), counts, axis=0)
    rows = np.eye(counts[-1])
    shorter = np.concatenate([rows[:count] for count in counts])
    return read_only(variable), read_only(shorter)
