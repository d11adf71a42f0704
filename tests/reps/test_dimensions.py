"""Exact counts of equivariant maps against the solver, and what they are built of."""

import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.counting import cycle_types, schur
from symjax_models.reps.solver import SolvedBasis

# Products of dimensions above this take the solver more than milliseconds.
MAX_ENTRIES = 64
GROUPS = [
    *(groups.S(n) for n in (1, 2, 3, 4, 5)),
    *(groups.A(n) for n in (2, 3, 4, 5)),
    *(groups.B(n) for n in (1, 2, 3, 4)),
    *(groups.O(n) for n in (1, 2, 3, 4)),
    *(groups.SO(n) for n in (1, 2, 3, 4)),
    groups.IndefiniteO(1, 1),
    groups.IndefiniteO(1, 2),
    groups.IndefiniteSO(1, 1),
    groups.IndefiniteSO(2, 2),
    groups.Lorentz(),
    *(groups.Sp(n) for n in (2, 4)),
    *(groups.GL(n) for n in (1, 2, 3)),
    groups.GLPlus(2),
    *(groups.SL(n) for n in (1, 2, 3)),
    *(groups.U(n) for n in (1, 2)),
    *(groups.SU(n) for n in (1, 2, 3)),
    *(groups.C(n) for n in (1, 2, 3, 8)),
    *(groups.D(n) for n in (1, 3, 4)),
    *(groups.Z(n) for n in (1, 3, 6)),
    groups.Trivial(2),
    groups.Octahedral(),
    groups.Icosahedral(inversion=True),
    groups.PermutationGroup(((1, 2, 0, 3, 4), (0, 1, 2, 4, 3))),
    groups.WreathProduct(groups.S(2), groups.S(2)),
    groups.MatrixGroup([[[0.0, -2.0], [0.5, 0.0]]], name="conjugate of C(4)"),
    groups.O(2) * groups.S(3),
    groups.SL(2) * groups.Z(2),
]


def pairs(group):
    """List what maps go between: powers of V, V*, parts of them, signs and sums."""
    vector, scalar, sign = reps.vector(group), reps.scalar(group), reps.determinant(group)
    kinds = [
        scalar,
        sign,
        vector,
        vector.dual,
        sign * vector.dual,
        vector + 2 * scalar,
        vector * vector,
        vector.dual * vector,
        reps.symmetric_power(vector, 2),
        reps.alternating_power(vector, 2) * sign,
        reps.symmetric_power(vector, 3),
        vector * reps.symmetric_power(vector.dual, 2),
    ]
    kinds = list(dict.fromkeys(kinds))
    found = [(a, b) for a in kinds for b in kinds if 0 < a.dim * b.dim <= MAX_ENTRIES]
    return found[::5]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_the_formula_counts_what_the_solver_finds(group):
    counts, sizes = {}, {}
    for rep_in, rep_out in pairs(group):
        counts[rep_in, rep_out] = reps.dimension_of_maps(rep_in, rep_out)
        sizes[rep_in, rep_out] = SolvedBasis(rep_in, rep_out, tolerance=1e-9).size
    assert counts == sizes


def test_the_formula_is_compared_on_many_cases():
    assert sum(len(pairs(group)) for group in GROUPS) > 600


def test_the_octet_of_su3():
    algebra = groups.SU(3).lie_algebra
    rows = algebra.reshape(8, 9).T
    brackets = algebra[:, None] @ algebra - algebra @ algebra[:, None]
    # Row k, column j of ad(A_i): the coefficient of A_k in [A_i, A_j].
    adjoint = [np.linalg.lstsq(rows, b.reshape(8, 9).T, rcond=None)[0].real for b in brackets]
    octet = reps.vector(groups.MatrixGroup(lie_algebra=adjoint))
    # 8 x 8 = (1 + 8 + 27) + (8 + 10 + 10*), symmetric and antisymmetric.
    symmetric, antisymmetric = reps.symmetric_power(octet, 2), reps.alternating_power(octet, 2)
    assert [reps.equivariant_basis(s, octet).size for s in (symmetric, antisymmetric)] == [1, 1]
    assert reps.equivariant_basis(octet**2, octet**0).size == 1


def test_the_smallest_schur_functors():
    # V (x) V (x) V = Sym^3 + 2 S_(2,1) + Alt^3; conjugation exchanges the ends.
    cube = schur.product(((1, 1),) * 3)
    assert cube == {(3,): 1, (2, 1): 2, (1, 1, 1): 1}
    assert schur.product(((2, 1), (1, 1))) == {(3,): 1, (2, 1): 1}
    assert schur.product(((2, -1), (1, 1))) == {(2, 1): 1, (1, 1, 1): 1}
    assert schur.conjugate((3, 1)) == (2, 1, 1) and schur.conjugate(()) == ()


def test_stirling_numbers_add_up_to_bell_numbers():
    bell = [sum(cycle_types.stirling(m, k) for k in range(m + 1)) for m in range(8)]
    assert bell == [1, 1, 2, 5, 15, 52, 203, 877]


def test_groups_must_agree():
    with pytest.raises(ValueError, match="one group"):
        reps.dimension_of_maps(reps.vector(groups.S(3)), reps.vector(groups.A(3)))
