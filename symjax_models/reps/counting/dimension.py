"""The number of linearly independent equivariant maps between two representations."""

import functools
import math

import numpy as np

from symjax_models import groups
from symjax_models.reps import base, checks, kronecker, orbits
from symjax_models.reps.counting import cycle_types, schur
from symjax_models.reps.counting.characters import character
from symjax_models.reps.decomposition import decompose
from symjax_models.reps.diagrams import points
from symjax_models.reps.planar_irreps import is_planar
from symjax_models.reps.weights import known_highest_weights

_FAMILIES: dict[type[groups.Group], cycle_types.Family] = {
    groups.S: "S",
    groups.A: "A",
    groups.B: "B",
}
_ORTHOGONAL = (groups.O, groups.IndefiniteO)
_SPECIAL_ORTHOGONAL = (groups.SO, groups.IndefiniteSO, groups.Lorentz)
_LINEAR = (groups.GL, groups.GLPlus, groups.U)
_SPECIAL_LINEAR = (groups.SL, groups.SU)
_MAX_ENUMERATED = 20_000


def dimension_of_maps(rep_in: base.Rep, rep_out: base.Rep) -> int:
    """Count the linearly independent equivariant linear maps, exactly.

    The dimension of Hom_G(V, W), over the complex numbers for complex groups. By tableaux for O,
    SO, their indefinite forms, Sp, GL, U, SL and SU; by highest weights for what else is built from
    V of those among them that are connected, and by frequencies for SO(2) and O(2); by Stirling
    numbers and cycle types for S, A and B (with at most n blocks); factor by factor for direct
    products; by orbits for permutations; and by characters for all other finite groups. Indefinite
    and non-compact forms count like their compact ones, in which they are Zariski-dense after
    complexification.

    Args:
        rep_in: V.
        rep_out: W, of the same group.

    Returns:
        The dimension.

    Raises:
        ValueError: If no exact count is known for the group and these representations; then
            `equivariant_basis(V, W).size` counts numerically.

    >>> from symjax_models import reps
    >>> V = reps.vector(groups.S(100))
    >>> dimension_of_maps(V**3, V**3)
    203
    """
    found = known_dimension_of_maps(rep_in, rep_out)
    if found is None:
        raise ValueError(
            f"no exact count of the maps from {rep_in!r} to {rep_out} is known; "
            "equivariant_basis(...).size counts them numerically"
        )
    return found


def known_dimension_of_maps(rep_in: base.Rep, rep_out: base.Rep) -> int | None:
    """Count like `dimension_of_maps`, or return None where no exact count is known."""
    checks.check_same_group(rep_in, rep_out)
    total = 0
    for count_in, term_in in rep_in.terms:
        for count_out, term_out in rep_out.terms:
            found = _count(term_in, term_out)
            if found is None:
                return None
            total += count_in * count_out * found
    return total


@functools.lru_cache(maxsize=4096)
def _count(rep_in: base.Rep, rep_out: base.Rep) -> int | None:
    group = rep_in.group
    found = None
    if isinstance(group, groups.DirectProduct):
        found = _count_by_factor(rep_in, rep_out, group)
    if found is None:
        found = _count_by_formula(rep_in, rep_out)
    if found is None:
        found = _count_by_parts(rep_in, rep_out)
    if found is not None:
        return found
    if orbits.are_signed_permutations(rep_in, rep_out):
        return orbits.count(rep_in, rep_out)
    if group.order <= _MAX_ENUMERATED:
        elements = group.elements
        overlap = character(rep_in, elements).conj() * character(rep_out, elements)
        if not rep_in.is_orthogonal:
            inverse = np.linalg.inv(elements)
            overlap = character(rep_in, inverse) * character(rep_out, elements)
        return round(float(overlap.mean().real))
    return None


def _count_by_parts(rep_in: base.Rep, rep_out: base.Rep) -> int | None:
    """Count by irreducible parts, for connected classical groups and O(2)."""
    parts = known_highest_weights(rep_in), known_highest_weights(rep_out)
    if parts[0] is not None and parts[1] is not None:
        return sum(count * parts[1][weight] for weight, count in parts[0].items())
    if not is_planar(rep_in.group):
        return None
    of_in, of_out = decompose(rep_in), decompose(rep_out)
    endomorphisms = 1 if isinstance(rep_in.group, groups.O) else 2
    return sum(
        (1 if irrep.dim == 1 else endomorphisms) * count * of_out.get(irrep, 0)
        for irrep, count in of_in.items()
    )


def _count_by_factor(
    rep_in: base.Rep, rep_out: base.Rep, group: groups.DirectProduct
) -> int | None:
    parts = kronecker.split(rep_in, rep_out, group)
    if parts is None:
        return None
    counts = [known_dimension_of_maps(*ends) for ends in parts]
    return None if None in counts else math.prod(c for c in counts if c is not None)


def _count_by_formula(rep_in: base.Rep, rep_out: base.Rep) -> int | None:
    group = rep_in.group
    source, target = points.points_of(rep_in), points.points_of(rep_out)
    if source is None or target is None:
        return None
    power = source.determinant - target.determinant
    everything = (*_factors(source), *_factors(target))
    family = _FAMILIES.get(type(group))
    if family is not None:
        return cycle_types.invariants(family, everything, n=group.n, is_odd=bool(power % 2))
    if isinstance(group, (*_LINEAR, *_SPECIAL_LINEAR)):
        return schur.linear_maps(
            schur.product((*_factors(source, kind=1), *_factors(target, kind=-1))),
            schur.product((*_factors(target, kind=1), *_factors(source, kind=-1))),
            n=group.n,
            power=None if isinstance(group, _SPECIAL_LINEAR) else power,
        )
    if isinstance(group, groups.Sp):
        return schur.symplectic_invariants(schur.product(everything), n=group.n)
    if not isinstance(group, (*_ORTHOGONAL, *_SPECIAL_ORTHOGONAL)):
        return None
    functor = schur.product(everything)
    parities = (False, True) if isinstance(group, _SPECIAL_ORTHOGONAL) else (bool(power % 2),)
    return sum(
        schur.orthogonal_invariants(functor, n=group.n, is_odd=is_odd) for is_odd in parities
    )


def _factors(rep: points.Points, *, kind: int = 0) -> tuple[schur.Factor, ...]:
    """Return the powers of V and V*, or with a kind (1 or -1) of one of them."""
    symmetrized = {first: (count, sign) for first, count, sign in rep.powers}
    factors, axis = [], 0
    while axis < len(rep.types):
        degree, sign = symmetrized.get(axis, (1, 1))
        if kind in (0, rep.types[axis]):
            factors.append((degree, sign))
        axis += degree
    return tuple(factors)
