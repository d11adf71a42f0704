"""Induced representations and Frobenius reciprocity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps

QUARTER = groups.MatrixGroup([groups.Octahedral().discrete_generators[0]], name="C4")
PAIRS = [
    (groups.C(4), groups.D(4)),
    (groups.A(4), groups.S(4)),
    (groups.S(3), groups.B(3)),
    (groups.Octahedral(), groups.Octahedral(inversion=True)),
    (QUARTER, groups.Octahedral()),
    (groups.Trivial(2), groups.D(3)),
]
EACH = pytest.mark.parametrize(("subgroup", "group"), PAIRS, ids=repr)


@EACH
def test_homomorphism(subgroup, group):
    rng = np.random.default_rng(0)
    g, h = group.elements[rng.integers(0, group.order, (2, 12))]
    for inner in (*reps.irreps(subgroup), reps.vector(subgroup)):
        rep = reps.induce(inner, group)
        assert rep.dim * subgroup.order == inner.dim * group.order and rep.group == group
        np.testing.assert_allclose(rep.rho(g @ h), rep.rho(g) @ rep.rho(h), atol=1e-12)
        traces = np.trace(rep.rho(g), axis1=-2, axis2=-1)
        np.testing.assert_allclose(reps.character(rep, g), traces, atol=1e-12)


@EACH
def test_frobenius_reciprocity(subgroup, group):
    for inner in reps.irreps(subgroup):
        for rep in (*reps.irreps(group), reps.vector(group), reps.vector(group) ** 2):
            up = reps.dimension_of_maps(reps.induce(inner, group), rep)
            down = reps.dimension_of_maps(inner, reps.restrict(rep, subgroup))
            assert up == down


def test_reciprocity_would_notice_another_subgroup():
    group = groups.S(4)
    sign = reps.irreps(groups.A(4))[1]
    rep = reps.irreps(group)[2]
    assert reps.dimension_of_maps(reps.induce(sign, group), rep) == 2
    assert reps.dimension_of_maps(reps.regular(group), rep) == 2
    assert reps.dimension_of_maps(reps.induce(sign, group), reps.irreps(group)[3]) == 0


def test_simple_cases():
    subgroup, group = PAIRS[1]
    V = reps.vector(subgroup)
    assert reps.induce(reps.scalar(subgroup), group) == reps.quotient(group, subgroup)
    assert reps.induce(reps.scalar(groups.Trivial(4)), group) == reps.regular(group)
    assert reps.induce(reps.vector(group), group) == reps.vector(group)
    both = reps.induce(2 * V + reps.scalar(subgroup), group)
    assert both == 2 * reps.induce(V, group) + reps.quotient(group, subgroup)
    assert repr(reps.induce(V, group)) == "Ind(V of A(4)) of S(4)"
    assert reps.induce(V, group).dual == reps.induce(V, group)


def test_first_block_is_the_inner_representation():
    inner = reps.irreps(QUARTER)[-1]
    rep = reps.induce(inner, groups.Octahedral())
    h = QUARTER.elements
    np.testing.assert_allclose(rep.rho(h)[:, :2, :2], inner.rho(h), atol=1e-12)
    np.testing.assert_allclose(rep.rho(h)[:, 2:, :2], 0, atol=0)


def test_maps_commute_and_jax_agrees():
    inner = reps.irreps(QUARTER)[-1]
    group = groups.Octahedral()
    rep, V = reps.induce(inner, group), reps.vector(group)
    maps = reps.equivariant_basis(V, rep).dense()
    assert len(maps) == reps.dimension_of_maps(V, rep) == 2
    g = group.elements
    for matrix in maps:
        np.testing.assert_allclose(rep.rho(g) @ matrix, matrix @ V.rho(g), atol=1e-12)
    found = jax.jit(rep.rho)(jnp.asarray(g, np.float32))
    np.testing.assert_allclose(found, rep.rho(g), atol=1e-6)


def test_what_cannot_be_induced_is_refused():
    with pytest.raises(ValueError, match="is not in the group"):
        reps.induce(reps.vector(groups.D(2)), groups.C(4))
    with pytest.raises(ValueError, match="at most 20000 elements"):
        reps.induce(reps.vector(groups.C(3)), groups.O(2))
    pauli = groups.MatrixGroup([np.diag([1j, -1j]), np.array([[0, 1], [-1, 0]], complex)])
    with pytest.raises(ValueError, match="expected a complex subgroup"):
        reps.induce(reps.determinant(groups.C(2)) + reps.vector(groups.C(2)), pauli)
