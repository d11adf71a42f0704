"""Irreps of rotations under smaller groups: the tables of textbooks, and the bases."""

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial.transform

from symjax_models import groups, reps
from symjax_models.reps.branching import branch
from symjax_models.reps.rotation import generators

SO3, O3 = groups.SO(3), groups.O(3)
Y = np.array([0.0, 1.0, 0.0])


def turn(axis, angle):
    axis = np.array(axis) / np.linalg.norm(axis)
    return scipy.linalg.expm(angle * np.tensordot(axis, generators(1), 1))


THIRD, HALF_X, HALF_Z = (
    turn([1, 1, 1], 2 * np.pi / 3),
    turn([1, 0, 0], np.pi),
    turn(Y[[0, 2, 1]], np.pi),
)
QUARTER_Z = turn([0, 0, 1], np.pi / 2)
D4 = groups.MatrixGroup([QUARTER_Z, HALF_X], name="D4")
TETRAHEDRAL = groups.MatrixGroup([THIRD, HALF_Z], name="T")
C2V = groups.MatrixGroup([HALF_Z, np.diag([1.0, -1.0, 1.0])], name="C2v")
FIFTH = groups.Icosahedral().discrete_generators[0]

# Group -> the elements that tell its irreps apart, and the names by their characters.
GOLDEN = (1 + np.sqrt(5)) / 2
NAMES = {
    D4: ([np.eye(3), QUARTER_Z, HALF_X], {
        (1, 1, 1): "A1", (1, 1, -1): "A2", (1, -1, 1): "B1", (1, -1, -1): "B2", (2, 0, 0): "E",
    }),
    C2V: ([HALF_Z, np.diag([1.0, -1.0, 1.0])], {
        (1, 1): "A1", (1, -1): "A2", (-1, 1): "B1", (-1, -1): "B2",
    }),
    TETRAHEDRAL: ([np.eye(3)], {(1,): "A", (2,): "E", (3,): "T"}),
    groups.Octahedral(): ([np.eye(3), QUARTER_Z], {
        (1, 1): "A1", (1, -1): "A2", (2, 0): "E", (3, 1): "T1", (3, -1): "T2",
    }),
    groups.Icosahedral(): ([np.eye(3), FIFTH], {
        (1, 1): "A", (3, round(GOLDEN, 6)): "T1", (3, round(1 - GOLDEN, 6)): "T2", (4, -1): "G",
        (5, 0): "H",
    }),
}  # fmt: skip

# The tables, of degrees 0 to 6. Of O(3), to whose reflections C2v belongs, the harmonics.
TABLES = {
    D4: "A1, A2+E, A1+B1+B2+E, A2+B1+B2+2E, 2A1+A2+B1+B2+2E, A1+2A2+B1+B2+3E, 2A1+A2+2B1+2B2+3E",
    C2V: "A1, A1+B1+B2, 2A1+A2+B1+B2, 2A1+A2+2B1+2B2, 3A1+2A2+2B1+2B2, 3A1+2A2+3B1+3B2, "
    "4A1+3A2+3B1+3B2",
    TETRAHEDRAL: "A, T, E+T, A+2T, A+E+2T, E+3T, 2A+E+3T",
    groups.Octahedral(): "A1, T1, E+T2, A2+T1+T2, A1+E+T1+T2, E+2T1+T2, A1+A2+E+T1+2T2",
    groups.Icosahedral(): "A, T1, H, T2+G, G+H, T1+T2+H, A+T1+G+H",
}
GROUPS = pytest.mark.parametrize("group", TABLES, ids=repr)


def harmonics(group, degree):
    return reps.rotation_irrep(O3 if group == C2V else SO3, degree)


def in_names(total):
    """Write a sum of irreps as the tables do."""
    elements, names = NAMES[total.group]
    counts = {}
    for count, irrep in total.terms:
        traces = np.trace(irrep.rho(np.stack(elements)), axis1=-2, axis2=-1)
        counts[names[tuple((np.round(traces, 6) + 0.0).tolist())]] = count
    return "+".join(
        f"{counts[n] if counts[n] > 1 else ''}{n}" for n in names.values() if n in counts
    )


@GROUPS
def test_known_tables(group):
    assert len(group.elements) == {D4: 8, C2V: 4, TETRAHEDRAL: 12}.get(group, group.order)
    for degree, expected in enumerate(TABLES[group].split(", ")):
        assert in_names(branch(harmonics(group, degree), group)[0]) == expected


@GROUPS
def test_bases_of_finite_groups(group):
    for degree in (1, 3, 4):
        rep = harmonics(group, degree)
        total, q = branch(rep, group)
        np.testing.assert_allclose(q @ q.T, np.eye(rep.dim), atol=1e-10)
        g = group.elements
        np.testing.assert_allclose(q @ rep.rho(g) @ q.T, total.rho(g), atol=1e-10)
        # The rows in another order show another sum, or none.
        wrong = q[::-1]
        assert np.abs(wrong @ rep.rho(g) @ wrong.T - total.rho(g)).max() > 0.1


def flat(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


AXES = {"y": Y, "minus y": -Y, "x": [2, 0, 0], "slanted": [0.3, -0.5, 0.8]}
PRODUCT = reps.parse_irreps("2x1o+1e+0o") * reps.vector(O3) + reps.parse_irreps("3o")


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES.keys())
@pytest.mark.parametrize(
    "rep", [*(harmonics(D4, l) for l in range(7)), PRODUCT, 0 * PRODUCT], ids=str
)
def test_rotations_about_an_axis(rep, axis):
    total, q = branch(rep, axis)
    assert total.group == groups.SO(2) and total.dim == rep.dim
    np.testing.assert_allclose(q @ q.T, np.eye(rep.dim), atol=1e-12)
    for angle in (0.3, -2.0):
        found = q @ rep.rho(turn(axis, angle)) @ q.T
        np.testing.assert_allclose(found, total.rho(flat(angle)), atol=1e-12)


def test_rotations_about_another_axis_are_not_seen():
    rep = harmonics(D4, 2)
    total, q = branch(rep, AXES["slanted"])
    assert np.abs(q @ rep.rho(turn(Y, 0.3)) @ q.T - total.rho(flat(0.3))).max() > 0.1
    # Nor are they the other way round.
    found = q @ rep.rho(turn(AXES["slanted"], -0.3)) @ q.T
    assert np.abs(found - total.rho(flat(0.3))).max() > 0.1


def test_weights_of_an_axis():
    for degree in range(7):
        total, q = branch(harmonics(C2V, degree), Y)
        frequencies = [reps.planar_irrep(groups.SO(2), m) for m in range(degree + 1)]
        assert total.terms == tuple((1, irrep) for irrep in frequencies)
        # About the polar axis the basis is the one of harmonics already: m, -m for each m.
        order = [degree + s * m for m in range(degree + 1) for s in ((1, -1) if m else (1,))]
        np.testing.assert_allclose(q, np.eye(2 * degree + 1)[order], atol=1e-12)
    total, _ = branch(reps.vector(SO3) ** 2, Y)
    assert [count for count, _ in total.terms] == [3, 2, 1]


def test_larger_groups():
    assert reps.format_irreps(branch(reps.parse_irreps("2x3o+1e"), SO3)[0]) == "1x1+2x3"
    full = groups.Octahedral(inversion=True)
    total, _ = branch(reps.parse_irreps("2o"), full)
    assert sorted(irrep.dim for _, irrep in total.terms) == [2, 3]
    assert branch(reps.parse_irreps("2e"), full)[0] != total


def test_bad_input():
    for axis in ([0.0, 0.0, 0.0], [1.0, 0.0], np.eye(3), [np.inf, 0.0, 0.0]):
        with pytest.raises(ValueError, match=r"an axis is a vector \[3\] that is finite and not"):
            branch(reps.vector(SO3), axis)
    with pytest.raises(ValueError, match="axes are for representations of SO\\(3\\) or O\\(3\\)"):
        branch(reps.vector(groups.Octahedral()), Y)
    with pytest.raises(ValueError, match="expected a subgroup of SO\\(3\\)"):
        branch(reps.vector(SO3), C2V)
