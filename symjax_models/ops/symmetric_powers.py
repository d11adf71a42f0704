"""Bases of the equivariant maps from symmetric powers to irreps, built order by order."""

import collections
import functools
import itertools
import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from symjax_models.ops.multisets import appended, arrangements, list_multisets, read_only
from symjax_models.reps import Rep
from symjax_models.reps.irreducible_parts import canonical_basis
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan, coupling_degrees
from symjax_models.reps.rotation_irreps import kind_of_irrep

# Constants and intermediate maps are not formed where they have more entries.
_MAX_ENTRIES = 50_000_000

Kind = tuple[int, int]  # degree and parity
Maps = dict[Kind, np.ndarray]  # equivariant maps [2l+1, P, S] to every irrep


class Coupling(NamedTuple):
    """How the maps of one order to an irrep are coupled with the features to those of the next.

    Attributes:
        kind: The irrep that the maps lead to.
        maps: The maps, `[2l+1, P, S]`.
        tensor: Of Clebsch and Gordan, `[2l+1, 2l'+1, 2L+1]`, l' the degree of the features.
        variables: The components of the features that take part.
    """

    kind: Kind
    maps: np.ndarray
    tensor: np.ndarray
    variables: range


class LastOrder(NamedTuple):
    """The polynomials of the highest order to one irrep, from those of the order before.

    `z[M] = sum_g sum_m (sum_i of_features[M, g m, i] x_i) (sum_p w[g p] q_g[m, p])`, where
    `w = of_weights @ weights` and q_g are the polynomials of the order before to the irrep of the
    coupling g.

    Attributes:
        kinds: The irrep of every coupling, and its number of maps P.
        of_features: `[2L+1, sum of 2l+1, D]`.
        of_weights: `[sum of P, number of paths]`.
    """

    kinds: tuple[tuple[Kind, int], ...]
    of_features: np.ndarray
    of_weights: np.ndarray


@functools.lru_cache(maxsize=64)
def polynomial_maps(rep: Rep, rep_out: Rep, max_order: int) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return, for every term of the output and every order, maps `[2l+1, P, S_n]` of monomials."""
    targets = [kind_of_irrep(term) for _, term in rep_out.terms]
    columns: list[list[np.ndarray]] = [[] for _ in targets]
    for n in range(1, max_order + 1):
        found = _maps_of_order(rep, tuple(targets), max_order, n)
        for column, kind in zip(columns, targets, strict=True):
            none = np.zeros((2 * kind[0] + 1, 0, len(list_multisets(rep.dim, n))))
            column.append(found.get(kind, none))
    return tuple(_of_monomials(column, rep.dim) for column in columns)


@functools.lru_cache(maxsize=64)
def last_order(
    rep: Rep, rep_out: Rep, max_order: int
) -> tuple[dict[Kind, np.ndarray], tuple[LastOrder, ...]]:
    """Return how the highest order follows from the order before, for every term of the output.

    The first result are the maps `[2l+1, P, S]` of monomials of the order before.
    """
    targets = tuple(kind_of_irrep(term) for _, term in rep_out.terms)
    before = _maps_of_order(rep, targets, max_order, max_order - 1)
    couplings = _couplings(rep, before, targets)
    scales = np.sqrt(arrangements(rep.dim, max_order))
    results, used = [], {}
    for kind, columns in zip(targets, polynomial_maps(rep, rep_out, max_order), strict=True):
        own, final = couplings.get(kind, []), columns[-1]
        combinations, maps = _independent(_symmetrized(own, rep.dim, max_order, kind))
        # Both are the same maps, but for the factor that gives orders equal shares.
        scaled = maps * scales
        factor = np.vdot(final, scaled) / max(np.vdot(scaled, scaled), 1e-300)
        used |= {c.kind: c.maps * np.sqrt(arrangements(rep.dim, max_order - 1)) for c in own}
        widths = [2 * c.kind[0] + 1 for c in own]
        of_features = np.zeros((2 * kind[0] + 1, sum(widths), rep.dim))
        for start, coupling in zip(np.cumsum([0, *widths]), own, strict=False):
            tensor = coupling.tensor.transpose(2, 0, 1)
            of_features[:, start : start + tensor.shape[1], coupling.variables] = tensor
        kinds = tuple((c.kind, c.maps.shape[1]) for c in own)
        results.append(LastOrder(kinds, read_only(of_features), read_only(factor * combinations.T)))
    return {kind: read_only(maps) for kind, maps in used.items()}, tuple(results)


@functools.lru_cache(maxsize=64)
def _maps_of_order(rep: Rep, targets: tuple[Kind, ...], max_order: int, n: int) -> Maps:
    """Return an orthonormal basis of the maps from the n-th symmetric power to irreps.

    Couplings of the maps from the (n-1)-th power with the features are an orthonormal basis of
    the maps from the product of both, of which the n-th power is a part. Components refer to
    normalized symmetrized products of basis vectors.
    """
    if n == 0:
        return {(0, 1): np.ones((1, 1, 1))}
    former = _maps_of_order(rep, targets, max_order, n - 1)
    _check_entries(math.comb(rep.dim + n - 1, n) * rep.dim, n)
    # Degrees from which no target can be reached any more are left out.
    reach = max(l for l, _ in map(kind_of_irrep, (term for _, term in rep.terms)))
    highest = max(l for l, _ in targets) + reach * (max_order - n)
    within = itertools.product(range(highest + 1), (1, -1))
    couplings = _couplings(rep, former, set(within if n < max_order else targets))
    entries = sum(c.maps.shape[1] * len(m) for m in couplings.values() for c in m)
    _check_entries(entries * len(list_multisets(rep.dim, n)), n)
    return {
        kind: _independent(_symmetrized(couplings[kind], rep.dim, n, kind))[1]
        for kind in sorted(couplings)
    }


def _couplings(rep: Rep, former: Maps, keep: Collection[Kind]) -> dict[Kind, list[Coupling]]:
    """List the couplings of maps with the features, by the irrep they lead to."""
    couplings: dict[Kind, list[Coupling]] = collections.defaultdict(list)
    start = 0
    for degree, parity in (
        kind_of_irrep(term) for copies, term in rep.terms for _ in range(copies)
    ):
        variables = range(start, start := start + 2 * degree + 1)
        for (l, sign), maps in former.items():
            for total in coupling_degrees(l, degree) if maps.size else ():
                if (total, sign * parity) in keep:
                    tensor = math.sqrt(2 * total + 1) * clebsch_gordan(l, degree, total)
                    found = Coupling((l, sign), maps, tensor, variables)
                    couplings[total, sign * parity].append(found)
    return couplings


def _symmetrized(couplings: Sequence[Coupling], dim: int, order: int, kind: Kind) -> np.ndarray:
    """Couple maps with some variables, and restrict to the symmetric power: `[2l+1, P, S]`."""
    places, shares = appended(dim, order)
    results = [np.zeros((2 * kind[0] + 1, 0, len(list_multisets(dim, order))))]
    for coupling in couplings:
        product = np.tensordot(coupling.tensor, coupling.maps, axes=(0, 0))
        result = np.zeros((*product.shape[1:3], results[0].shape[-1]))
        for variable, part in zip(coupling.variables, product, strict=True):
            # No two multisets become the same when one variable is added to both.
            result[..., places[:, variable]] += part * shares[:, variable]
        results.append(result)
    return np.concatenate(results, axis=1)


def _independent(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an orthonormal basis of the span of maps `[2l+1, P, S]`, and its coefficients."""
    # The restriction commutes with the group, so it acts on the copies of the irrep, as a projector
    # which by Schur's lemma is the same for each component.
    projector = maps[0] @ maps[0].T
    count = round(float(np.trace(projector)))
    if not count:
        return np.zeros((0, maps.shape[1])), maps[:, :0]
    coefficients = canonical_basis(projector, count).T
    return coefficients, coefficients @ maps


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
