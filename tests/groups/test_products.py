"""Direct, semidirect and wreath products."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups
from symjax_models.groups import DirectProduct, SemidirectProduct, WreathProduct

PLANE = DirectProduct(groups.O(2), groups.Trivial(1))
SWAP = groups.PermutationGroup(((1, 0, 2, 3),))


def test_direct_products_are_flat():
    product = groups.SO(3) * groups.S(4) * groups.Z(2)
    assert product == groups.SO(3) * (groups.S(4) * groups.Z(2))
    assert product.factors == (groups.SO(3), groups.S(4), groups.Z(2)) and product.n == 9
    assert product != groups.S(4) * groups.SO(3) * groups.Z(2)


def test_direct_products_act_blockwise(draw):
    product = groups.SO(2) * groups.S(3)
    g = draw(product)
    rotation, permutation = product.split(g)
    assert rotation.shape[1:] == (2, 2) and permutation.shape[1:] == (3, 3)
    assert groups.SO(2).contains(rotation).all() and groups.S(3).contains(permutation).all()
    assert isinstance(product.split(jnp.asarray(g[0]))[0], jax.Array)
    swapped = np.roll(g, 2, axis=(-2, -1))
    assert not product.contains(swapped).any()


def test_direct_products_have_products_as_orders():
    assert (groups.S(3) * groups.C(5)).order == len((groups.S(3) * groups.C(5)).elements) == 30
    # 200! is beyond floating point.
    assert (groups.S(200) * groups.SO(2)).order == math.inf
    assert (groups.S(200) * groups.Z(2)).order == 2 * math.factorial(200)


def test_real_factors_of_complex_products_stay_real():
    product = groups.U(1) * groups.O(1)
    assert product.is_complex and not (groups.O(1) * groups.O(1)).is_complex
    assert product.contains(np.diag([1j, -1.0])) and not product.contains(np.diag([1j, 1j]))


def test_factors_must_be_groups():
    with pytest.raises(ValueError, match="needs groups as factors, got 3 as factor 1"):
        DirectProduct(groups.O(3), 3)
    with pytest.raises(ValueError, match="at least one factor, got none"):
        DirectProduct()
    with pytest.raises(TypeError, match="unsupported operand"):
        groups.O(3) * 3


def test_semidirect_product_of_shifts_and_rotations_is_euclidean(draw):
    product = SemidirectProduct(groups.T(2), PLANE)
    euclidean = draw(groups.E(2))[:64]
    assert product.contains(euclidean, tolerance=1e-12).all()
    assert groups.E(2).contains(draw(product), tolerance=1e-12).all()
    assert not product.contains(np.diag([2.0, 1.0, 1.0]))


def test_semidirect_products_by_small_groups(draw):
    signs = groups.MatrixGroup([np.diag([-1.0, 1.0]), np.diag([1.0, -1.0])])
    product = SemidirectProduct(signs, groups.S(2))
    assert product.order == len(product.elements) == groups.B(2).order
    assert product.contains(groups.B(2).elements).all()
    mirror = groups.MatrixGroup([np.diag([1.0, -1.0])])
    full = SemidirectProduct(groups.SO(2), mirror)
    assert full.contains(draw(groups.O(2))[:64], tolerance=1e-12).all()
    assert not full.contains([[1.0, 1.0], [0.0, 1.0]])


def test_semidirect_products_with_a_small_normal_group_know_their_members(draw):
    parity = groups.MatrixGroup([-np.eye(3)])
    product = SemidirectProduct(parity, groups.SO(3))
    assert product.contains(draw(groups.O(3))[:64], tolerance=1e-12).all()
    assert not product.contains(2.0 * np.eye(3))


def test_semidirect_products_with_two_large_groups_refuse_membership():
    product = SemidirectProduct(groups.SO(2), groups.Scaling(2))
    assert product.n == 2 and product.order == math.inf
    with pytest.raises(ValueError, match="membership of SemidirectProduct.* is known only where"):
        product.contains(np.eye(2))


@pytest.mark.parametrize(
    ("normal", "acting", "sentence"),
    [
        (groups.T(2), groups.O(2), r"matrices of one size, got T\(2\) with n = 3 and O\(2\)"),
        (groups.S(3), 3, "needs a group as acting, got 3"),
        (SWAP, groups.A(4), r"needs A\(4\) to normalize PermutationGroup"),
        (PLANE, groups.T(2), r"needs T\(2\) to normalize DirectProduct"),
        (groups.A(4), groups.A(4), r"share the identity alone, but A\(4\) and A\(4\) share more"),
        (groups.GL(2), groups.Scaling(2), "share more"),
        (groups.SO(2), groups.C(4), "share more"),
    ],
)
def test_pairs_that_have_no_semidirect_product_are_refused(normal, acting, sentence):
    with pytest.raises(ValueError, match=sentence):
        SemidirectProduct(normal, acting)


def test_wreath_product_of_signs_is_hyperoctahedral():
    product = WreathProduct(groups.O(1), groups.S(3))
    assert product.order == groups.B(3).order == len(product.elements)
    assert groups.B(3).contains(product.elements).all()


def test_wreath_products_of_large_groups(draw):
    product = WreathProduct(groups.SO(2), groups.Z(2))
    assert product.n == 4 and product.order == math.inf and len(product.lie_algebra) == 2
    g = draw(product)
    is_swapped = np.abs(g[:, :2, :2]).max(axis=(1, 2)) == 0.0
    assert abs(is_swapped.mean() - 0.5) < 4.0 / 64
    assert WreathProduct(groups.S(50), groups.S(40)).order == math.factorial(50) ** 40 * (
        math.factorial(40)
    )


def test_wreath_products_move_one_part_of_each_orbit():
    two_orbits = groups.PermutationGroup(((1, 0, 2, 3), (0, 1, 3, 2)))
    assert len(WreathProduct(groups.O(1), two_orbits).discrete_generators) == 2 + 2
    assert len(WreathProduct(groups.O(1), groups.Z(4)).discrete_generators) == 1 + 1
    assert WreathProduct(groups.O(1), two_orbits).order == 2**4 * 4
    assert len(WreathProduct(groups.O(1), two_orbits).elements) == 2**4 * 4


def test_membership_of_wreath_products_needs_whole_parts_to_move():
    product = WreathProduct(groups.S(2), groups.S(3))
    across = np.eye(6)[[0, 2, 1, 3, 4, 5]]
    within, parts = np.eye(6)[[1, 0, 2, 3, 4, 5]], np.eye(6)[[2, 3, 0, 1, 4, 5]]
    assert product.contains([within, parts]).all() and not product.contains(across)


@pytest.mark.parametrize("top", [groups.O(2), groups.B(2), groups.U(1), groups.C(4)])
def test_wreath_products_need_permutations_on_top(top):
    with pytest.raises(ValueError, match="needs a group of permutation matrices as top, got"):
        WreathProduct(groups.SO(2), top)
    with pytest.raises(ValueError, match="needs a group as base, got 2"):
        WreathProduct(2, groups.S(2))
