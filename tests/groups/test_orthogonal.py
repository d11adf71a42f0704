"""O(n) and SO(n): determinants and Haar moments."""

import functools

import jax
import numpy as np
import pytest

from symjax_models import groups

DRAWS = 4096
BOUND = 4.0 / np.sqrt(DRAWS)


@functools.cache
def draw(group: groups.Group) -> np.ndarray:
    return np.asarray(group.sample(jax.random.key(0), (DRAWS,)), np.float64)


def second_moment(elements: np.ndarray) -> np.ndarray:
    return np.einsum("bij,bkl->ijkl", elements, elements) / len(elements)


def delta(n: int) -> np.ndarray:
    return np.einsum("ik,jl->ijkl", np.eye(n), np.eye(n))


@pytest.mark.parametrize("group", [groups.O(3), groups.SO(3)], ids=repr)
def test_haar_moments_are_exact_within_statistics(group):
    elements = draw(group)
    assert np.abs(elements.mean(0)).max() < BOUND
    assert np.abs(second_moment(elements) - delta(group.n) / group.n).max() < BOUND


def test_haar_moments_fail_without_sign_correction():
    gaussian = np.random.default_rng(0).normal(size=(DRAWS, 3, 3))
    assert np.abs(np.linalg.qr(gaussian)[0].mean(0)).max() > 5 * BOUND


@pytest.mark.parametrize("n", [2, 3])
def test_determinants_have_both_signs_in_o_and_one_in_so(n):
    full, special = np.linalg.det(draw(groups.O(n))), np.linalg.det(draw(groups.SO(n)))
    np.testing.assert_allclose(np.abs(full), 1.0, atol=1e-5)
    assert abs(full.mean()) < BOUND
    np.testing.assert_allclose(special, 1.0, atol=1e-5)


def test_membership_tells_reflections_apart():
    mirror = np.diag([-1.0, 1.0, 1.0])
    assert groups.O(3).contains(mirror) and not groups.SO(3).contains(mirror)


def test_lie_algebra_turns_first_axis_towards_second():
    np.testing.assert_array_equal(groups.SO(2).lie_algebra, [[[0.0, -1.0], [1.0, 0.0]]])
    assert groups.SO(4).lie_algebra.shape == (6, 4, 4)
    assert groups.SO(4).discrete_generators.shape == (0, 4, 4)
    assert groups.O(1).lie_algebra.shape == (0, 1, 1)


@pytest.mark.parametrize(
    "family",
    [
        *(groups.O, groups.SO, groups.U, groups.SU, groups.Sp, groups.GL, groups.GLPlus, groups.SL),
        *(groups.Scaling, groups.E, groups.SE, groups.SIM, groups.T, groups.S, groups.A, groups.Z),
        *(groups.C, groups.D, groups.B, groups.Trivial),
    ],
)
@pytest.mark.parametrize("size", [0, -1, 2.0, "3", True, None])
def test_sizes_that_are_not_whole_are_refused(family, size):
    with pytest.raises(ValueError, match=r"needs a whole number n >= 1, got"):
        family(size)


def test_sizes_from_numpy_are_plain():
    assert repr(groups.O(np.int64(3))) == "O(3)" and groups.O(np.int64(3)) == groups.O(3)


def test_bad_keys_and_dtypes_are_refused():
    with pytest.raises(ValueError, match="expected a typed key"):
        groups.O(3).sample(jax.numpy.zeros(2, "uint32"))
    with pytest.raises(ValueError, match="expected a typed key.*got int"):
        groups.O(3).sample(0)
    with pytest.raises(ValueError, match="expected a floating dtype"):
        groups.O(3).sample(jax.random.key(0), dtype=np.int32)
    with pytest.raises(ValueError, match="enable_x64"):
        groups.O(3).sample(jax.random.key(0), dtype=np.float64)
