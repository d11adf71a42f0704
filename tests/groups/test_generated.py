"""Groups from generators that a user gives."""

import math

import jax
import numpy as np
import pytest

from symjax_models import groups
from symjax_models.groups import MatrixGroup

QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])


def test_finite_groups_are_counted_and_known():
    dihedral = MatrixGroup([QUARTER, np.diag([1.0, -1.0])])
    assert dihedral.order == 8 and dihedral.is_compact and dihedral.is_orthogonal
    assert groups.D(4).contains(dihedral.elements).all()
    assert dihedral.contains(groups.D(4).elements).all()
    assert not dihedral.contains(groups.C(8).discrete_generators[0])


def test_finite_groups_need_not_be_orthogonal():
    change = np.array([[1.0, 2.0], [0.0, 1.0]])
    skewed = MatrixGroup([change @ QUARTER @ np.linalg.inv(change)])
    assert skewed.order == 4 and skewed.is_compact and not skewed.is_orthogonal
    drawn = skewed.sample(jax.random.key(0), (400,))
    assert skewed.contains(drawn).all() and np.abs(np.mean(drawn, axis=0)).max() < 0.6


@pytest.mark.parametrize(
    "group",
    [
        MatrixGroup([[[1.0, 1.0], [0.0, 1.0]]], name="shears"),
        MatrixGroup(lie_algebra=[QUARTER], name="rotations"),
        MatrixGroup([np.diag([1.0, -1.0])], [QUARTER], name="both"),
        MatrixGroup(lie_algebra=[[[1j]]], name="phases"),
    ],
    ids=repr,
)
def test_infinite_groups_are_drawn_from_but_membership_is_refused(group, sample):
    assert group.order == math.inf
    drawn = np.asarray(sample(group, jax.random.key(0), (32,)))
    assert drawn.shape == (32, group.n, group.n) and np.isfinite(drawn).all()
    assert len(np.unique(drawn.reshape(32, -1), axis=0)) > 4
    with pytest.raises(ValueError, match=f"{group!r} is an infinite group.*undecidable"):
        group.contains(np.eye(group.n))
    with pytest.raises(ValueError, match="to list"):
        _ = group.elements


def test_samples_of_infinite_groups_are_what_the_law_says(sample):
    doublings = MatrixGroup([[[2.0]]])
    powers = np.log2(np.asarray(sample(doublings, jax.random.key(0), (2000,)))).ravel()
    np.testing.assert_allclose(powers, np.rint(powers))
    assert powers.min() >= -8 and powers.max() <= 8
    # A word of length L has variance L, and L is 4 in the mean.
    assert abs(powers.mean()) < 0.2 and abs(powers.var() - 4.0) < 0.5
    rotations = MatrixGroup(lie_algebra=[QUARTER], name="rotations")
    angles = np.asarray(sample(rotations, jax.random.key(0), (32,)))
    assert groups.SO(2).contains(angles).all() and angles[:, 0, 0].min() >= np.cos(1.0) - 1e-6


def test_exactness_of_generators_belongs_to_the_group():
    exact, learned = MatrixGroup([QUARTER]), MatrixGroup([QUARTER], tolerance=1e-3)
    assert exact.tolerance == groups.SO(3).tolerance == 1e-9 and learned.tolerance == 1e-3
    assert exact != learned
    for product in (
        learned * groups.SO(2),
        groups.SemidirectProduct(groups.T(2), groups.DirectProduct(learned, groups.Trivial(1))),
        groups.WreathProduct(learned, groups.Z(2)),
    ):
        assert product.tolerance == 1e-3
    for wrong in (0.0, -1e-3, 1.0, math.nan):
        with pytest.raises(ValueError, match=f"a tolerance between 0 and 1.*got {wrong}"):
            MatrixGroup([QUARTER], tolerance=wrong)


def test_groups_are_values():
    lists, arrays = MatrixGroup([QUARTER.tolist()]), MatrixGroup((QUARTER,))
    assert lists == arrays and hash(lists) == hash(arrays)
    assert lists != MatrixGroup([-QUARTER]) and lists != MatrixGroup(lie_algebra=[QUARTER])
    assert repr(MatrixGroup([QUARTER], name="quarter turns")) == "quarter turns"
    assert repr(lists) == "MatrixGroup(1 discrete generators, 0 of the Lie algebra, n = 2)"
    given = QUARTER.copy()
    kept = MatrixGroup([given])
    given[0, 0] = 5.0
    assert kept == lists


@pytest.mark.parametrize(
    ("discrete", "algebra", "sentence"),
    [
        ((), (), "at least one generator, got none"),
        ([np.zeros((2, 3))], (), r"square matrices, got shape \(2, 3\) for discrete generator 0"),
        ((), [np.zeros(3)], r"square matrices, got shape \(3,\) for Lie algebra element 0"),
        ([QUARTER, np.eye(3)], (), r"got shape \(3, 3\) for discrete generator 1 after"),
        ([QUARTER], [np.eye(3)], r"got shape \(3, 3\) for Lie algebra element 0 after"),
        ([QUARTER * np.nan], (), r"undefined entries in discrete generator 0 of shape \(2, 2\)"),
        ([QUARTER, np.ones((2, 2))], (), r"got a singular discrete generator 1 of shape \(2, 2\)"),
        ((), [QUARTER, -QUARTER], "got 2 elements that span 1 dimensions"),
    ],
)
def test_generators_that_do_not_fit_are_refused(discrete, algebra, sentence):
    with pytest.raises(ValueError, match=sentence):
        MatrixGroup(discrete, algebra)
