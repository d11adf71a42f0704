"""What single families state beyond the axioms: forms, components, inclusions."""

import math

import numpy as np
import pytest

from symjax_models import groups


def test_components_of_the_lorentz_groups(draw):
    signs = {}
    for group in (groups.IndefiniteO(2, 1), groups.IndefiniteSO(1, 1), groups.Lorentz()):
        g = draw(group)
        p = group.signature[0]
        first = np.sign(np.linalg.det(g[:, :p, :p]))
        second = np.sign(np.linalg.det(g[:, p:, p:]))
        _, counts = np.unique(np.stack([first, second], -1), axis=0, return_counts=True)
        signs[type(group).__name__] = counts / len(g)
    np.testing.assert_allclose(signs["IndefiniteO"], np.full(4, 0.25), atol=0.04)
    np.testing.assert_allclose(signs["IndefiniteSO"], np.full(2, 0.5), atol=0.04)
    np.testing.assert_allclose(signs["Lorentz"], [1.0])


def test_boosts_have_rapidity_of_at_most_one(draw):
    time = draw(groups.Lorentz())[:, 0, 0]
    assert time.min() >= 1.0 and 1.5 < time.max() <= np.cosh(1.0)


def test_lorentz_refuses_the_other_components():
    time, space = np.diag([-1.0, 1.0, 1.0, 1.0]), np.diag([1.0, -1.0, 1.0, 1.0])
    assert groups.IndefiniteO(1, 3).contains([time, space, time @ space]).all()
    special = groups.IndefiniteSO(1, 3).contains([time, space, time @ space])
    np.testing.assert_array_equal(special, [False, False, True])
    assert not groups.Lorentz().contains([time, space, time @ space]).any()


def test_lorentz_algebra_is_boosts_and_rotations():
    boost, rotation = groups.Lorentz().lie_algebra[[0, 3]]
    assert boost[0, 1] == boost[1, 0] == 1.0 and np.abs(boost).sum() == 2.0
    assert rotation[2, 1] == 1.0 and rotation[1, 2] == -1.0 and np.abs(rotation).sum() == 2.0


@pytest.mark.parametrize("signature", [(0, 3), (3, 0), (1.0, 3), (1, True)])
def test_signatures_that_are_not_whole_are_refused(signature):
    with pytest.raises(ValueError, match=r"IndefiniteO\(p, q\) needs a whole number"):
        groups.IndefiniteO(*signature)


def test_symplectic_form_and_odd_sizes():
    np.testing.assert_array_equal(groups.Sp(2).form, [[0.0, 1.0], [-1.0, 0.0]])
    with pytest.raises(ValueError, match=r"needs an even n, got 3: take Sp\(4\)"):
        groups.Sp(3)


def test_symplectic_plane_is_sl2():
    assert groups.Sp(2).contains([[2.0, 3.0], [1.0, 2.0]], tolerance=1e-12)
    # Control: volume is not enough in four dimensions.
    assert not groups.Sp(4).contains(np.diag([2.0, 0.5, 1.0, 1.0]))


def test_gl_has_both_signs_of_the_determinant_and_glplus_one(draw):
    assert abs(np.sign(np.linalg.det(draw(groups.GL(2)))).mean()) < 4.0 / 64
    assert np.linalg.det(draw(groups.GLPlus(3))).min() > 0
    mirror = np.diag([-1.0, 3.0])
    assert groups.GL(2).contains(mirror) and not groups.GLPlus(2).contains(mirror)
    assert not groups.GL(2).contains([[1.0, 2.0], [2.0, 4.0]])


def test_stretches_are_bounded(draw):
    sizes = np.linalg.svd(draw(groups.GL(2)), compute_uv=False)
    assert sizes.max() <= np.e + 1e-9 and sizes.min() >= 1 / np.e - 1e-9


def test_affine_groups_contain_each_other():
    mirror = np.diag([-1.0, 1.0, 1.0])
    double = np.diag([2.0, 2.0, 1.0])
    assert groups.E(2).contains(mirror) and not groups.SE(2).contains(mirror)
    assert groups.SIM(2).contains(double) and not groups.E(2).contains(double)
    assert not groups.SIM(2).contains(mirror) and not groups.SIM(2).contains(-np.eye(3))
    assert not groups.Scaling(3).contains(-np.eye(3)) and not groups.Scaling(3).contains(double)


def test_shifts_of_affine_samples_are_those_of_translations(draw):
    shifts = draw(groups.SE(2))[:, :2, 2]
    volumes = np.sort(np.square(shifts).sum(-1))
    assert np.abs(volumes - np.linspace(0, 1, len(volumes))).max() < 2.0 / 64


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_small_unitary_algebras_are_anti_hermitian(n):
    u, su = groups.U(n).lie_algebra, groups.SU(n).lie_algebra
    assert len(u) == n**2 and len(su) == n**2 - 1
    np.testing.assert_array_equal(u, -u.conj().swapaxes(-2, -1))
    np.testing.assert_allclose(np.trace(su, axis1=-2, axis2=-1), 0.0)


def test_unitary_eigenvalues_repel_evenly(draw):
    # The Haar mean of |tr g^k|^2 is k for k <= n and n beyond (Diaconis and Shahshahani 1994).
    phases = np.linalg.eigvals(draw(groups.U(2)))
    means = [np.square(np.abs((phases**k).sum(-1))).mean() for k in (1, 2, 3)]
    np.testing.assert_allclose(means, [1.0, 2.0, 2.0], atol=0.15)


def test_octahedral_groups_are_signed_permutations():
    cube, rotations = groups.Octahedral(inversion=True), groups.Octahedral()
    assert groups.B(3).contains(cube.elements).all()
    np.testing.assert_allclose(np.linalg.det(rotations.elements), 1.0)
    assert groups.B(3).contains(rotations.elements).all()


def test_icosahedral_rotations_have_the_classes_of_a5():
    elements = groups.Icosahedral().elements
    traces, counts = np.unique(
        np.round(np.trace(elements, axis1=1, axis2=2), 6), return_counts=True
    )
    golden = (1 + np.sqrt(5)) / 2
    np.testing.assert_allclose(traces, [-1.0, 1 - golden, 0.0, golden, 3.0], atol=1e-6)
    np.testing.assert_array_equal(counts, [15, 12, 20, 12, 1])
    vertices = {v.tobytes() for v in np.round(elements @ [0.0, 1.0, golden], 6) + 0.0}
    assert len(vertices) == 12


def test_inversion_must_be_a_bool():
    with pytest.raises(ValueError, match="Icosahedral needs inversion to be True or False, got 1"):
        groups.Icosahedral(1)


def test_planar_groups_refuse_angles_between():
    eighth = groups.C(8).discrete_generators[0]
    assert groups.C(8).contains(eighth) and not groups.C(4).contains(eighth)
    assert groups.C(4).contains(eighth @ eighth)
    mirror = np.diag([1.0, -1.0])
    assert groups.D(4).contains(eighth @ mirror @ eighth.T)
    assert not groups.D(4).contains(eighth @ mirror) and not groups.C(4).contains(mirror)


def test_permutations_have_their_parity():
    swap = np.eye(4)[[1, 0, 2, 3]]
    assert groups.S(4).contains(swap) and not groups.A(4).contains(swap)
    assert not groups.Z(4).contains(swap) and groups.B(4).contains(-swap)


@pytest.mark.parametrize(
    "group", [groups.SU(1), groups.SL(1), groups.A(1), groups.A(2), groups.C(1), groups.B(1)]
)
def test_smallest_groups_have_one_element_or_two(group):
    assert group.order == len(group.elements) == (2 if group == groups.B(1) else 1)
    assert groups.O(1).order == 2 and groups.U(1).order == groups.E(1).order == math.inf
