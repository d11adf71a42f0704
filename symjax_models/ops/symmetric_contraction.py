"""Equivariant polynomials of features: symmetric powers contracted with a basis of maps."""

import collections
import dataclasses
import functools
import itertools
import math
from collections.abc import Collection, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops.multisets import appended, arrangements, list_multisets, read_only
from symjax_models.reps import Rep
from symjax_models.reps.checks import check_count, check_same_group
from symjax_models.reps.irreducible_parts import canonical_basis
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan, coupling_degrees
from symjax_models.reps.rotation_irreps import degree_and_parity, kind_of_irrep
from symjax_models.typing import Array

# Constants and intermediate maps are not formed where they have more entries.
_MAX_ENTRIES = 50_000_000

Kind = tuple[int, int]  # degree and parity
Coupling = tuple[np.ndarray, np.ndarray, range]  # maps, coefficients, variables
Maps = dict[Kind, np.ndarray]  # equivariant maps [2l+1, P, S] to every irrep


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
        A monomial in the components costs one product, and every path one product with each
        monomial, with no permutations of indices: binomial(D + nu, nu) - 1 monomials, which are
        held per channel, instead of the D + ... + D^nu entries of the tensor powers. Constants
        take 0.2 s for the harmonics to degree 3 at nu = 3, and some seconds where they are nearly
        too large. All derivatives exist everywhere.

    Source:
        MACE (Batatia et al. 2022, arXiv:2206.07697, equations 10 and 11). Deviations: U is
        orthonormal, so no two paths are linearly dependent; paths of all orders have unit variance
        together. The sums run over sets of indices with repetition, not over all indices, and are
        not nested: with weights of its own for every node, nesting takes more operations, as
        the contraction of the highest order has D^nu terms for each path.

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
        constants = _constants(self.rep, self.rep_out, self.max_order)
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
        powers = _monomials(x.astype(dtype), self.max_order)
        constants = _constants(self.rep, self.rep_out, self.max_order)
        outputs, start = [], 0
        for (copies, term), orders in zip(self.rep_out.terms, constants, strict=True):
            paths = jnp.concatenate(
                [_contract(maps, power) for maps, power in zip(orders, powers, strict=True)],
                axis=-2,
            )
            shape = copies, paths.shape[-2], weights.shape[-1]
            stop = start + math.prod(shape[:2])
            kernel = weights[..., start:stop, :].astype(dtype)
            kernel = kernel.reshape(*weights.shape[:-2], *shape)
            # Elementwise: a channel has too few paths for a product of matrices to pay.
            mixed = jnp.sum(kernel[..., :, None, :, :] * paths[..., None, :, :, :], axis=-2)
            outputs.append(mixed.reshape(*mixed.shape[:-3], copies * term.dim, mixed.shape[-1]))
            start = stop
        return jnp.concatenate(outputs, axis=-2)

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


def _contract(maps: np.ndarray, monomials: Array) -> Array:
    """Apply maps `[2l+1, P, S]` to monomials `[..., S, C]`: `[..., 2l+1, P, C]`."""
    constant = jnp.asarray(maps, monomials.dtype)
    return jnp.einsum("mps,...sc->...mpc", constant, monomials, precision=jax.lax.Precision.HIGHEST)


def _monomials(x: Array, max_order: int) -> list[Array]:
    """Return the monomials of every order, `[..., S_n, C]`, in the sequence of `list_multisets`."""
    powers = [x]
    for n in range(1, max_order):
        # Those of the variables up to i come first: no index is gathered, nor scattered to when
        # derivatives are taken.
        counts = [math.comb(i + n, n) for i in range(x.shape[-2])]
        rows = [x[..., i, None, :] * powers[-1][..., :count, :] for i, count in enumerate(counts)]
        # Fused into the next order, every row would be compiled, and computed, once per use.
        powers.append(jax.lax.optimization_barrier(jnp.concatenate(rows, axis=-2)))
    return powers


@functools.lru_cache(maxsize=64)
def _constants(rep: Rep, rep_out: Rep, max_order: int) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return, for every term of the output and every order, maps `[2l+1, P, S_n]` of monomials."""
    irreps = [kind_of_irrep(term) for copies, term in rep.terms for _ in range(copies)]
    targets = [kind_of_irrep(term) for _, term in rep_out.terms]
    reach = max(l for l, _ in irreps)
    found: Maps = {(0, 1): np.ones((1, 1, 1))}
    columns: list[list[np.ndarray]] = [[] for _ in targets]
    for n in range(1, max_order + 1):
        _check_entries(math.comb(rep.dim + n - 1, n) * rep.dim, n)
        # Degrees from which no target can be reached any more are left out.
        highest = max(l for l, _ in targets) + reach * (max_order - n)
        within = itertools.product(range(highest + 1), (1, -1))
        found = _raise_order(found, irreps, n, keep=set(within if n < max_order else targets))
        for column, kind in zip(columns, targets, strict=True):
            none = np.zeros((2 * kind[0] + 1, 0, len(list_multisets(rep.dim, n))))
            column.append(found.get(kind, none))
    return tuple(_of_monomials(column, rep.dim) for column in columns)


def _raise_order(found: Maps, irreps: Sequence[Kind], n: int, *, keep: Collection[Kind]) -> Maps:
    """Return an orthonormal basis of the maps from the n-th symmetric power to irreps.

    Couplings of the maps from the (n-1)-th power with the features are an orthonormal basis of
    the maps from the product of both, of which the n-th power is a part. Components refer to
    normalized symmetrized products of basis vectors.
    """
    dim = sum(2 * l + 1 for l, _ in irreps)
    couplings: dict[Kind, list[Coupling]] = collections.defaultdict(list)
    entries, start = 0, 0
    for degree, parity in irreps:
        variables = range(start, start := start + 2 * degree + 1)
        for (former, sign), maps in found.items():
            for total in coupling_degrees(former, degree):
                if (total, sign * parity) in keep:
                    c = math.sqrt(2 * total + 1) * clebsch_gordan(former, degree, total)
                    couplings[total, sign * parity].append((maps, c, variables))
                    entries += maps.shape[1] * (2 * total + 1)
    _check_entries(entries * len(list_multisets(dim, n)), n)
    result = {}
    for kind in sorted(couplings):
        parts = [_symmetrized(*coupling, dim=dim, order=n) for coupling in couplings[kind]]
        result[kind] = _independent(np.concatenate(parts, axis=1))
    return result


def _symmetrized(
    maps: np.ndarray, c: np.ndarray, variables: range, *, dim: int, order: int
) -> np.ndarray:
    """Couple maps `[2l+1, P, S]` with some variables, and restrict to the symmetric power."""
    places, shares = appended(dim, order)
    product = np.tensordot(c, maps, axes=(0, 0))
    result = np.zeros((c.shape[2], maps.shape[1], len(list_multisets(dim, order))))
    for variable, part in zip(variables, product, strict=True):
        # No two multisets become the same when one variable is added to both.
        result[..., places[:, variable]] += part * shares[:, variable]
    return result


def _independent(maps: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the span of maps `[2l+1, P, S]`."""
    # The restriction commutes with the group, so it acts on the copies of the irrep, as a projector
    # which by Schur's lemma is the same for each component.
    projector = maps[0] @ maps[0].T
    count = round(float(np.trace(projector)))
    if not count:
        return maps[:, :0]
    return canonical_basis(projector, count).T @ maps


def _of_monomials(column: Sequence[np.ndarray], dim: int) -> tuple[np.ndarray, ...]:
    """Give maps of every order, to one irrep, unit variance together, as maps of monomials."""
    orders = sum(maps.size > 0 for maps in column)
    result = []
    for n, maps in enumerate(column, 1):
        scaled = maps * np.sqrt(arrangements(dim, n))
        if maps.size:
            scaled /= math.sqrt(orders * _mean_square(maps, dim, n))
        result.append(read_only(scaled))
    return tuple(result)


def _mean_square(maps: np.ndarray, dim: int, n: int) -> float:
    """Return the mean square of a component of the sum of all maps, of standard normal features."""
    # Wick's theorem: j pairs of equal factors are contracted in each of the two polynomials, and
    # the remaining factors of one with those of the other.
    tensors = maps / np.sqrt(arrangements(dim, n))
    total = 0.0
    for j in range(n // 2 + 1):
        left = n - 2 * j
        ways = (math.factorial(n) / (2**j * math.factorial(j))) ** 2 / math.factorial(left)
        total += ways * float(np.sum(arrangements(dim, left) * tensors**2))
        if left >= 2:
            twice = appended(dim, left)[0][appended(dim, left - 1)[0], np.arange(dim)]
            tensors = tensors[..., twice].sum(axis=-1)
    return total / len(maps)


def _check_entries(entries: int, order: int) -> None:
    if entries > _MAX_ENTRIES:
        raise ValueError(
            f"the basis of order {order} takes more than {_MAX_ENTRIES} numbers; expected a lower "
            "max_order or fewer irreps, see reps.filter_irreps"
        )
