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


class Part(NamedTuple):
    """The maps of one order to one irrep.

    Attributes:
        couplings: What they are made of.
        combinations: Orthonormal, which of the symmetrized couplings, `[P, sum of P']`.
        maps: The maps, `[2l+1, P, S]`.
    """

    couplings: tuple[Coupling, ...]
    combinations: np.ndarray
    maps: np.ndarray


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
    targets = _kinds_of(rep_out)
    orders = [_order(rep, targets, max_order, n) for n in range(1, max_order + 1)]
    return tuple(
        tuple(
            read_only(scale * order[kind].maps * np.sqrt(arrangements(rep.dim, n)))
            for n, (order, scale) in enumerate(zip(orders, scales, strict=True), 1)
        )
        for kind, scales in zip(targets, _scales(rep, targets, max_order), strict=True)
    )


@functools.lru_cache(maxsize=64)
def last_order(
    rep: Rep, rep_out: Rep, max_order: int
) -> tuple[dict[Kind, np.ndarray], tuple[LastOrder, ...]]:
    """Return how the highest order follows from the order before, for every term of the output.

    The first result are the maps `[2l+1, P, S]` of monomials of the order before.
    """
    targets = _kinds_of(rep_out)
    order, scales = _order(rep, targets, max_order, max_order), _scales(rep, targets, max_order)
    before = np.sqrt(arrangements(rep.dim, max_order - 1))
    results, used = [], {}
    for kind, (*_, scale) in zip(targets, scales, strict=True):
        couplings, combinations, _ = order[kind]
        used |= {c.kind: c.maps * before for c in couplings}
        widths = [2 * c.kind[0] + 1 for c in couplings]
        of_features = np.zeros((2 * kind[0] + 1, sum(widths), rep.dim))
        for start, coupling in zip(np.cumsum([0, *widths]), couplings, strict=False):
            tensor = coupling.tensor.transpose(2, 0, 1)
            of_features[:, start : start + tensor.shape[1], coupling.variables] = tensor
        kinds = tuple((c.kind, c.maps.shape[1]) for c in couplings)
        results.append(LastOrder(kinds, read_only(of_features), read_only(scale * combinations.T)))
    return {kind: read_only(maps) for kind, maps in used.items()}, tuple(results)


def _kinds_of(rep: Rep) -> tuple[Kind, ...]:
    return tuple(kind_of_irrep(term) for _, term in rep.terms)


@functools.lru_cache(maxsize=64)
def _order(rep: Rep, targets: tuple[Kind, ...], max_order: int, n: int) -> dict[Kind, Part]:
    """Return an orthonormal basis of the maps from the n-th symmetric power to irreps.

    Couplings of the maps from the (n-1)-th power with the features are an orthonormal basis of
    the maps from the product of both, of which the n-th power is a part. Components refer to
    normalized symmetrized products of basis vectors. All targets have a part, if an empty one.
    """
    if n == 0:
        return {(0, 1): Part((), read_only(np.ones((1, 1))), read_only(np.ones((1, 1, 1))))}
    former = _order(rep, targets, max_order, n - 1)
    _check_entries(math.comb(rep.dim + n - 1, n) * rep.dim, n)
    # Degrees from which no target can be reached any more are left out.
    reach = max(l for l, _ in _kinds_of(rep))
    highest = max(l for l, _ in targets) + reach * (max_order - n)
    within = itertools.product(range(highest + 1), (1, -1))
    couplings = _couplings(rep, former, set(within if n < max_order else targets))
    entries = sum(c.maps.shape[1] * len(m) for m in couplings.values() for c in m)
    _check_entries(entries * len(list_multisets(rep.dim, n)), n)
    parts = {}
    for kind in sorted({*couplings, *targets}):
        own = couplings.get(kind, [])
        combinations, maps = _independent(_symmetrized(own, rep.dim, n, kind))
        parts[kind] = Part(tuple(own), read_only(combinations), read_only(maps))
    return parts


def _couplings(
    rep: Rep, former: dict[Kind, Part], keep: Collection[Kind]
) -> dict[Kind, list[Coupling]]:
    """List the couplings of maps with the features, by the irrep they lead to."""
    couplings: dict[Kind, list[Coupling]] = collections.defaultdict(list)
    start = 0
    for degree, parity in (
        kind_of_irrep(term) for copies, term in rep.terms for _ in range(copies)
    ):
        variables = range(start, start := start + 2 * degree + 1)
        for (l, sign), (_, _, maps) in former.items():
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


@functools.lru_cache(maxsize=64)
def _scales(rep: Rep, targets: tuple[Kind, ...], max_order: int) -> tuple[tuple[float, ...], ...]:
    """Return what gives maps of all orders to a target unit variance together, in equal shares."""
    orders = [_order(rep, targets, max_order, n) for n in range(1, max_order + 1)]
    result = []
    for kind in targets:
        column = [order[kind].maps for order in orders]
        reached = sum(maps.size > 0 for maps in column)
        result.append(
            tuple(
                1 / math.sqrt(reached * _mean_square(maps, rep.dim, n)) if maps.size else 1.0
                for n, maps in enumerate(column, 1)
            )
        )
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
