"""Representations as sums of irreducible ones: which occur, and how often."""

import math

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, planar_irreps
from symjax_models.reps.counting.characters import character
from symjax_models.reps.defining import determinant
from symjax_models.reps.finite_irreps import irreps
from symjax_models.reps.rotation_irreps import is_spatial, rotation_irrep
from symjax_models.reps.weights import decompose_weights


def decompose(rep: base.Rep) -> dict[base.Rep, int]:
    """Count how often each irreducible representation occurs, by characters.

    Args:
        rep: A representation of a finite group of at most `irreps.MAX_ORDER` elements, of SO(2),
            O(2), SO(3) or O(3).

    Returns:
        The multiplicity of every irreducible representation that occurs, in the order of
        `irreps(group)`; for SO(2) and O(2) the scalar, the determinant, and then by frequency; for
        SO(3) and O(3) by degree, even parity first. The representation is equivalent to the sum;
        `change_of_basis` shows it.

    Raises:
        ValueError: If the group is another one, or for SO(3) and O(3) if the representation is not
            built from V and irreps by the algebra.

    Source: J.-P. Serre, "Linear representations of finite groups", 1977, section 2.3.

    >>> from symjax_models import reps
    >>> V = reps.vector(groups.Octahedral())
    >>> decompose(V * V)
    {1 of Octahedral(): 1, 2#1 of Octahedral(): 1, 3#1 of Octahedral(): 1, 3#2 of Octahedral(): 1}
    """
    if is_spatial(rep.group):
        return {
            rotation_irrep(rep.group, degree, parity=(-1) ** parity[0] if parity else None): count
            for (degree, *parity), count in sorted(decompose_weights(rep).items())
        }
    candidates = _candidates(rep)
    elements = averaged_elements(rep)
    own = character(rep, elements)
    counts = {}
    for irrep in candidates:
        other = character(irrep, elements)
        count = float((other.conj() * own).mean().real / (np.abs(other) ** 2).mean())
        if not math.isclose(count, round(count), abs_tol=1e-4):
            raise ValueError(
                f"expected a whole number of copies of {irrep} in {rep!r}, found {count:.6f}: give "
                "the generators of the group with more digits"
            )
        counts[irrep] = round(count)
    return {irrep: count for irrep, count in counts.items() if count}


def _candidates(rep: base.Rep) -> list[base.Rep]:
    group = rep.group
    if not planar_irreps.is_planar(group):
        _check_finite(group)
        return list(irreps(group))
    frequencies = range(1, planar_irreps.top_frequency(rep) + 1)
    one_dimensional = dict.fromkeys([base.Scalar(group), determinant(group)])
    return [*one_dimensional, *(planar_irreps.planar_irrep(group, k) for k in frequencies)]


def averaged_elements(rep: base.Rep) -> np.ndarray:
    """Return elements over which the mean of a product with an irrep is that over the group."""
    if not planar_irreps.is_planar(rep.group):
        return rep.group.elements
    # Frequencies up to this number cancel in the mean over as many rotations, but for 0.
    folds = 2 * planar_irreps.top_frequency(rep) + 1
    has_reflections = isinstance(rep.group, groups.O)
    return (groups.D(folds) if has_reflections else groups.C(folds)).elements


def _check_finite(group: Group) -> None:
    if group.order == math.inf:
        raise ValueError(
            f"expected a representation of a finite group, SO(2), O(2), SO(3) or O(3), got one of "
            f"{group!r}; decompose_weights knows SO(n), SU(n), U(n), Sp(n) and their real forms"
        )
