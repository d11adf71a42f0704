"""Representations of a group as representations of a subgroup."""

import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups, reps
from symjax_models.reps.restriction import Restricted

O3, SO3 = groups.O(3), groups.SO(3)


def test_what_is_built_from_v_stays_so():
    big, small = reps.vector(O3), reps.vector(SO3)
    det = reps.determinant(O3)
    assert reps.restrict(big, SO3) == small
    assert reps.restrict(2 * big**2 + det * big, SO3) == 2 * small**2 + small
    square, power = reps.symmetric_power(big, 2), reps.alternating_power(big * big, 2)
    assert reps.restrict(square, SO3) == reps.symmetric_power(small, 2)
    assert reps.restrict(power, SO3) == reps.alternating_power(small * small, 2)
    assert reps.restrict(det, SO3) == reps.scalar(SO3)
    assert reps.restrict(reps.vector(groups.GL(3)).dual, SO3) == small
    assert reps.restrict(reps.determinant(groups.U(3), power=3), O3) == reps.determinant(O3)
    assert reps.restrict(big, O3) == big


@pytest.mark.parametrize(
    "rep",
    [
        reps.vector(O3) * reps.vector(O3) + reps.determinant(O3),
        reps.symmetric_power(reps.vector(O3), 3),
        reps.regular(groups.B(3)) + reps.irreps(groups.B(3))[5],
        reps.irreps(groups.B(3))[7] * reps.vector(groups.B(3)),
    ],
    ids=str,
)
@pytest.mark.parametrize("subgroup", [groups.Octahedral(), groups.B(3), groups.S(3)], ids=repr)
def test_matrices_are_those_of_the_larger_group(rep, subgroup):
    restricted = reps.restrict(rep, subgroup)
    assert restricted.group == subgroup and restricted.dim == rep.dim
    g = subgroup.elements[:6]
    np.testing.assert_allclose(restricted.rho(g), rep.rho(g), atol=1e-12)
    traces = np.trace(rep.rho(g), axis1=-2, axis2=-1)
    np.testing.assert_allclose(reps.character(restricted, g), traces, atol=1e-10)


def test_restricted_powers_of_a_product_group_keep_their_components():
    group = groups.O(2) * groups.S(2)
    V = reps.vector(groups.O(4))
    assert reps.restrict(V, group) == reps.vector(group)
    square = reps.restrict(V * V, group)
    assert isinstance(square, Restricted) and square.is_orthogonal
    g = scipy.linalg.block_diag([[0.6, -0.8], [0.8, 0.6]], [[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(square.rho(g), (V * V).rho(g), atol=0)
    algebra = group.lie_algebra
    np.testing.assert_allclose(square.drho(algebra), (V * V).drho(algebra), atol=1e-12)
    # (2 + 2 permuted)^2: what is counted numerically is what closed forms of the parts count.
    whole = reps.vector(group) * reps.vector(group)
    found = reps.equivariant_basis(square, reps.scalar(group)).size
    assert found == reps.dimension_of_maps(whole, reps.scalar(group)) == 3


def test_restriction_in_steps_is_restriction():
    rep = reps.regular(groups.B(3))
    twice = reps.restrict(reps.restrict(rep, groups.Octahedral()), groups.A(3))
    assert twice == reps.restrict(rep, groups.A(3))
    assert repr(twice) == "Res(regular of B(3)) of A(3)"
    assert twice.dual == twice


def test_orthogonality_is_judged_on_the_subgroup():
    V = reps.vector(groups.GL(4))
    inner = V * V
    assert not inner.is_orthogonal
    group = groups.SO(2) * groups.Trivial(2)
    restricted = reps.restrict(inner, group)
    assert isinstance(restricted, Restricted) and restricted.is_orthogonal
    assert restricted.dual == restricted
    power = reps.restrict(reps.symmetric_power(inner, 2), group)
    assert power == reps.symmetric_power(restricted, 2) and power.is_orthogonal
    boosts = groups.MatrixGroup(lie_algebra=[np.diag([1.0, 2.0, 0.0, 0.0])]) * groups.Trivial(1)
    assert not reps.restrict(reps.vector(groups.GL(5)) ** 2, boosts).is_orthogonal


def test_what_is_no_subgroup_is_refused():
    V = reps.vector(SO3)
    with pytest.raises(ValueError, match="discrete generator 0 is not in the group"):
        reps.restrict(V, O3)
    with pytest.raises(ValueError, match="element 0 of its Lie algebra is not in that of the"):
        reps.restrict(reps.vector(groups.S(3)), SO3)
    with pytest.raises(ValueError, match="got Lorentz\\(\\): element 0 of its Lie"):
        reps.restrict(reps.vector(groups.O(4)), groups.Lorentz())
    with pytest.raises(ValueError, match="3 x 3 matrices, got SO\\(2\\)"):
        reps.restrict(V, groups.SO(2))
    with pytest.raises(ValueError, match="real matrices"):
        reps.restrict(reps.vector(O3), groups.MatrixGroup([1j * np.eye(3)]))
    pauli = groups.MatrixGroup([np.diag([1j, -1j]), np.array([[0, 1], [-1, 0]], complex)])
    with pytest.raises(ValueError, match="expected a complex subgroup"):
        reps.restrict(reps.irreps(pauli)[-1], groups.C(2))
