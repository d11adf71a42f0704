"""Representations as sums of irreducible ones: which occur, and in which basis they are seen."""

import math

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, planar_irreps
from symjax_models.reps.counting.characters import character
from symjax_models.reps.defining import determinant
from symjax_models.reps.finite_irreps import irreps

# A change of basis forms the matrices of all elements at once.
_MAX_ENTRIES = 50_000_000


def decompose(rep: base.Rep) -> dict[base.Rep, int]:
    """Count how often each irreducible representation occurs, by characters.

    Args:
        rep: A representation of a finite group of at most `irreps.MAX_ORDER` elements, of SO(2) or
            of O(2).

    Returns:
        The multiplicity of every irreducible representation that occurs, in the order of
        `irreps(group)`; for SO(2) and O(2) the scalar, the determinant, and then by frequency. The
        representation is equivalent to the sum; `change_of_basis` shows it.

    Raises:
        ValueError: If the group is another one.

    Source: J.-P. Serre, "Linear representations of finite groups", 1977, section 2.3.

    >>> from symjax_models import reps
    >>> V = reps.vector(groups.Octahedral())
    >>> decompose(V * V)
    {1 of Octahedral(): 1, 2#1 of Octahedral(): 1, 3#1 of Octahedral(): 1, 3#2 of Octahedral(): 1}
    """
    candidates = _candidates(rep)
    elements = _elements(rep)
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


def change_of_basis(rep: base.Rep) -> np.ndarray:
    """Return the orthogonal matrix that shows a representation as a sum of irreducible ones.

    With the sum `S = m_1 r_1 + m_2 r_2 + ...` of `decompose(rep)`, it is a Q with
    `Q rho(g) Q^T = S.rho(g)` for all g (`Q^H` for complex groups). The rows of a copy of r are the
    images of the unit vectors of r under an equivariant isometry.

    Args:
        rep: An orthogonal (unitary) representation of a group that `decompose` takes.

    Returns:
        Q, `[D, D]` float64 or complex128: a function of the representation alone.

    Raises:
        ValueError: If the representation is not orthogonal, `decompose` does not take its group, or
            its matrices are too large.

    Numerics: forms the matrices of all elements, or of as many rotations as integrate exactly.

    >>> from symjax_models import reps
    >>> change_of_basis(reps.vector(groups.S(2))).round(4) + 0.0
    array([[ 0.7071,  0.7071],
           [ 0.7071, -0.7071]])
    """
    if not rep.is_orthogonal:
        raise ValueError(f"expected an orthogonal representation, got {rep!r}")
    counts = decompose(rep)
    elements = _elements(rep)
    if len(elements) * rep.dim**2 > _MAX_ENTRIES:
        raise ValueError(
            f"the matrices of {rep!r} have {len(elements)} x {rep.dim} x {rep.dim} entries, more "
            f"than {_MAX_ENTRIES}; change the basis of its summands one by one"
        )
    matrices = rep.rho(elements)
    rows = [np.zeros((0, rep.dim), matrices.dtype)]
    rows += [_copies(matrices, irrep.rho(elements), count) for irrep, count in counts.items()]
    return np.concatenate(rows)


def _copies(matrices: np.ndarray, irrep: np.ndarray, count: int) -> np.ndarray:
    """Return the rows `[count d, D]` of Q that belong to one irrep."""
    d, size = irrep.shape[-1], matrices.shape[-1]
    # Column b of the mean T of rho(g) M r(g)^H, for M = x e_0^T, is means[b] x. T is equivariant,
    # and as r is irreducible, a multiple of an isometry.
    flat = matrices.reshape(len(matrices), -1)
    means = (irrep[:, :, 0].conj().T @ flat / len(matrices)).reshape(d, size, size)
    # For an x in what is left, some T has this norm; the factor as in `canonical_basis`.
    least = 0.37 / math.sqrt(d * size)
    found, left = [np.zeros((0, size), matrices.dtype)], np.eye(size, dtype=matrices.dtype)
    for column in range(size):
        if len(found) > count:
            break
        image = means @ left[:, column]
        if np.linalg.norm(image) > least:
            image = image / np.linalg.norm(image[0])
            found.append(image.conj())
            left = left - image.T @ image.conj()
    return np.concatenate(found)


def _candidates(rep: base.Rep) -> list[base.Rep]:
    group = rep.group
    if not planar_irreps.is_planar(group):
        _check_finite(group)
        return list(irreps(group))
    frequencies = range(1, planar_irreps.top_frequency(rep) + 1)
    one_dimensional = dict.fromkeys([base.Scalar(group), determinant(group)])
    return [*one_dimensional, *(planar_irreps.planar_irrep(group, k) for k in frequencies)]


def _elements(rep: base.Rep) -> np.ndarray:
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
            f"expected a representation of a finite group, SO(2) or O(2), got one of {group!r}; "
            "decompose_weights knows SO(n), SU(n), U(n), Sp(n) and their real forms"
        )
