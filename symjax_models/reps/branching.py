"""What representations of rotations in space become when only a subgroup of them is left."""

import itertools

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, matrices
from symjax_models.reps.decomposition import decompose
from symjax_models.reps.planar_irreps import planar_irrep
from symjax_models.reps.restriction import restrict
from symjax_models.reps.rotation import wigner_d
from symjax_models.reps.rotation_irreps import is_spatial, kind_of_irrep
from symjax_models.reps.splitting import change_of_basis
from symjax_models.typing import ArrayLike


def branch(rep: base.Rep, subgroup: Group | ArrayLike) -> tuple[base.Rep, np.ndarray]:
    """Write a representation as a sum of irreps of a subgroup.

    Under the rotations about an axis, a copy of SO(2), the irrep of degree l is a scalar and the
    rotations of a plane by m times the angle for m = 1..l, whatever its parity.

    Args:
        rep: A representation of SO(3) or O(3) built from V and irreps by the algebra; for a finite
            subgroup, an orthogonal one of any group.
        subgroup: A finite group of matrices of the same size, or SO(3) in O(3); or an axis, a
            vector `[3]` of any length, for the rotations about it, anticlockwise when seen from
            its tip.

    Returns:
        The sum S, whose group is the subgroup, or `groups.SO(2)` for an axis; and the orthogonal
        matrix Q, `[D, D]` float64, with `Q rep.rho(g) Q^T = S.rho(g)`. For an axis the g of S is
        the 2 x 2 rotation by the angle of the one in space.

    Raises:
        ValueError: If the axis is not a vector with a direction or the group has no axes;
            otherwise as `restrict`, `decompose` and `change_of_basis`.

    Numerics: for an axis, Q of an irrep is a Wigner matrix with its rows in another order: for the
        polar axis y a permutation.

    >>> from symjax_models import reps
    >>> branch(reps.rotation_irrep(groups.SO(3), 2), np.array([0.0, 1.0, 0.0]))[0]
    1 + V + V(2) of SO(2)
    >>> branch(reps.rotation_irrep(groups.SO(3), 2), groups.Octahedral())[0]
    2#1 + 3#2 of Octahedral()
    """
    if not isinstance(subgroup, Group):
        return _branch_to_axis(rep, np.asarray(subgroup, np.float64))
    restricted = restrict(rep, subgroup)
    return _sum_of_irreps(restricted), change_of_basis(restricted)


def _sum_of_irreps(rep: base.Rep) -> base.Rep:
    """Return the sum of which `change_of_basis` shows a representation to consist."""
    terms = [(count, irrep) for irrep, count in decompose(rep).items()]
    return base.direct_sum(terms, group=rep.group)


def _branch_to_axis(rep: base.Rep, axis: np.ndarray) -> tuple[base.Rep, np.ndarray]:
    length = np.linalg.norm(axis)
    if axis.shape != (3,) or not 0 < length < np.inf:
        raise ValueError(f"an axis is a vector [3] that is finite and not zero, got {axis}")
    if not is_spatial(rep.group):
        raise ValueError(f"axes are for representations of SO(3) or O(3), got {rep!r}")
    parts = _sum_of_irreps(rep)
    degrees = [kind_of_irrep(term)[0] for count, term in parts.terms for _ in range(count)]
    frame = _rotation_to_polar(axis / length)
    blocks = [wigner_d(frame, degree=degree) for degree in degrees]
    turned = matrices.block_diagonal(np.eye(rep.dim), blocks) @ change_of_basis(rep)
    middles = np.array(list(itertools.accumulate((2 * l + 1 for l in degrees), initial=0)))[:-1]
    middles += np.array(degrees, int)
    terms, rows = [], []
    for m in range(max(degrees, default=-1) + 1):
        here = [middle for middle, l in zip(middles, degrees, strict=True) if l >= m]
        terms.append((len(here), planar_irrep(groups.SO(2), m)))
        rows += [middle + sign * m for middle in here for sign in ((1, -1) if m else (1,))]
    return base.direct_sum(terms, group=groups.SO(2)), turned[np.array(rows, int)]


def _rotation_to_polar(axis: np.ndarray) -> np.ndarray:
    """Return a rotation R with R axis = y; for axes with negative y, after a half turn about x."""
    polar = np.array([0.0, 1.0, 0.0])
    turn = np.eye(3) if axis[1] >= 0 else _half_turn(np.array([1.0, 0.0, 0.0]))
    between = turn @ axis + polar
    return _half_turn(polar) @ _half_turn(between / np.linalg.norm(between)) @ turn


def _half_turn(axis: np.ndarray) -> np.ndarray:
    return 2 * np.outer(axis, axis) - np.eye(3)
