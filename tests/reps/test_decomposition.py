"""Multiplicities of irreducible parts, and the bases in which they are seen."""

import numpy as np
import pytest

from symjax_models import groups, reps

Q8 = groups.MatrixGroup([np.diag([1j, -1j]), np.array([[0, 1], [-1, 0]], complex)], name="Q8")
SHEAR = np.array([[1.0, 0.7], [0.0, 1.0]])
SKEW = groups.MatrixGroup([SHEAR @ np.diag([1.0, -1.0]) @ np.linalg.inv(SHEAR)])
GROUPS = [groups.C(3), groups.D(4), groups.S(4), groups.A(4), groups.Octahedral(), groups.Z(5), Q8]


def cases():
    for group in GROUPS:
        V = reps.vector(group)
        yield from (V, V * V, 3 * V + reps.regular(group), reps.symmetric_power(V, 2))
    yield 2 * reps.irreps(groups.C(5))[2] * reps.vector(groups.C(5))
    for group in (groups.SO(2), groups.O(2)):
        V, high = reps.vector(group), reps.planar_irrep(group, 3)
        yield from (V, V**3, high * V + 2 * reps.determinant(group), reps.symmetric_power(high, 2))


CASES = pytest.mark.parametrize("rep", list(cases()), ids=repr)


def elements_of(group):
    if len(group.lie_algebra) == 0:
        return group.elements
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 10)
    columns = [[np.cos(angles), np.sin(angles)], [-np.sin(angles), np.cos(angles)]]
    rotations = np.array(columns).T
    if isinstance(group, groups.SO):
        return rotations
    return np.concatenate([rotations, rotations @ np.diag([1.0, -1.0])])


def sum_of(rep):
    counts = reps.decompose(rep)
    first, *others = [count * irrep for irrep, count in counts.items()]
    for other in others:
        first = first + other
    return first


@CASES
def test_change_of_basis_shows_the_sum(rep):
    q, total = reps.change_of_basis(rep), sum_of(rep)
    assert total.dim == rep.dim == len(q)
    np.testing.assert_allclose(q @ q.conj().T, np.eye(rep.dim), atol=1e-10)
    g = elements_of(rep.group)
    np.testing.assert_allclose(q @ rep.rho(g) @ q.conj().T, total.rho(g), atol=1e-10)


@CASES
def test_multiplicities_count_maps(rep):
    for irrep, count in reps.decompose(rep).items():
        size = reps.dimension_of_maps(irrep, irrep)
        assert reps.dimension_of_maps(irrep, rep) == count * size


def test_known_decompositions():
    cube, plane = groups.Octahedral(), groups.O(2)
    regular = reps.decompose(reps.regular(cube))
    assert [(irrep.dim, count) for irrep, count in regular.items()] == [
        (1, 1), (1, 1), (2, 2), (3, 3), (3, 3),
    ]  # fmt: skip
    V, W = reps.vector(plane), reps.planar_irrep(plane, 2)
    one, det = reps.scalar(plane), reps.determinant(plane)
    assert reps.decompose(V * V) == {one: 1, det: 1, W: 1}
    assert list(reps.decompose(V * W + det)) == [det, V, reps.planar_irrep(plane, 3)]
    assert reps.decompose(reps.vector(groups.SO(2)) ** 2)[reps.scalar(groups.SO(2))] == 2
    assert reps.decompose(0 * V) == {} and reps.change_of_basis(0 * V).shape == (0, 0)


def test_a_change_of_basis_of_something_else_does_not_fit():
    rep = reps.vector(groups.S(4)) ** 2
    q = reps.change_of_basis(rep)[:, ::-1]
    g = elements_of(rep.group)
    assert np.abs(q @ rep.rho(g) @ q.T - sum_of(rep).rho(g)).max() > 0.1


def test_equal_values_give_equal_bases():
    rep = reps.vector(groups.Octahedral()) ** 2
    np.testing.assert_array_equal(reps.change_of_basis(rep), reps.change_of_basis(rep))


def test_what_cannot_be_decomposed_is_refused():
    with pytest.raises(ValueError, match="O\\(2\\), SO\\(3\\) or O\\(3\\), got one of SO\\(4\\)"):
        reps.decompose(reps.vector(groups.SO(4)))
    with pytest.raises(ValueError, match="at most 1000 elements, got S\\(7\\)"):
        reps.decompose(reps.vector(groups.S(7)))
    with pytest.raises(ValueError, match="expected an orthogonal representation"):
        reps.change_of_basis(reps.vector(SKEW))
    assert sum(reps.decompose(reps.vector(SKEW)).values()) == 2
    with pytest.raises(ValueError, match="change the basis of its summands"):
        reps.change_of_basis(reps.vector(groups.S(4)) ** 6)
