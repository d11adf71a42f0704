"""Equivariant maps between representations by signed permutations."""

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps import orbits
from symjax_models.reps.solver import SolvedBasis

CYCLE = reps.vector(groups.Z(4))
SIGNED = reps.vector(groups.Octahedral())
QUARTER = reps.vector(groups.MatrixGroup([[[0.0, -1.0], [1.0, 0.0]]]))
CASES = [
    (CYCLE, CYCLE),
    (CYCLE**2, CYCLE),
    (SIGNED, SIGNED),
    (SIGNED**2, SIGNED),
    (QUARTER, QUARTER),
    (QUARTER**2, QUARTER**2),
    (QUARTER, reps.scalar(QUARTER.group)),
    (reps.vector(groups.S(3)), reps.determinant(groups.S(3))),
    (reps.vector(groups.Trivial(2)), reps.vector(groups.Trivial(2))),
]


@pytest.mark.parametrize(("rep_in", "rep_out"), CASES)
def test_orbits_are_the_equivariant_maps(rep_in, rep_out):
    assert orbits.are_signed_permutations(rep_in, rep_out)
    basis = orbits.OrbitBasis(rep_in, rep_out)
    solved = SolvedBasis(rep_in, rep_out, tolerance=1e-9)
    assert basis.size == solved.size == orbits.count(rep_in, rep_out)
    maps = basis.dense().reshape(basis.size, rep_in.dim * rep_out.dim)
    np.testing.assert_allclose(maps @ maps.T, np.eye(basis.size), atol=1e-14)
    others = solved.dense().reshape(maps.shape)
    np.testing.assert_allclose(maps.T @ maps, others.T @ others, atol=1e-10)


def test_orbits_are_in_the_order_of_their_first_entries():
    maps = orbits.OrbitBasis(CYCLE, CYCLE).dense()
    # Map k of a ring looks k places back; all are sums of 4 entries.
    for k, matrix in enumerate(maps):
        np.testing.assert_allclose(matrix, np.roll(np.eye(4), k, axis=1) / 2)
    first = [np.flatnonzero(m)[0] for m in orbits.OrbitBasis(SIGNED**2, SIGNED**2).dense()]
    assert first == sorted(first)


def test_signs_make_orbits_void():
    # A quarter turn reverses the sum of products it maps to itself after two turns.
    assert orbits.count(QUARTER, reps.scalar(QUARTER.group)) == 0
    empty = orbits.OrbitBasis(QUARTER, reps.scalar(QUARTER.group))
    assert empty.dense().shape == (0, 1, 2)
    y = empty.apply(np.zeros((0, 3, 5)), np.ones((7, 2, 3)))
    np.testing.assert_array_equal(y, np.zeros((7, 1, 5)))


def test_other_matrices_are_no_signed_permutations():
    for group in (groups.SO(2), groups.C(3), groups.Icosahedral(), groups.U(1)):
        assert not orbits.are_signed_permutations(reps.vector(group))
    assert not orbits.are_signed_permutations(CYCLE, CYCLE**11)
    doubled = reps.vector(groups.MatrixGroup([[[0.0, 2.0], [0.5, 0.0]]]))
    assert not orbits.are_signed_permutations(doubled)


def test_application_is_the_dense_matrix():
    basis = orbits.OrbitBasis(SIGNED**2, SIGNED)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((basis.size, 2, 5))
    x = rng.standard_normal((3, 9, 2))
    expected = np.einsum("kij,kcd,...jc->...id", basis.dense(), weights, x)
    np.testing.assert_allclose(basis.apply(weights, x), expected, atol=1e-13)
    single = basis.apply(jnp.asarray(weights), jnp.asarray(x))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, expected, atol=1e-5)
    assert basis.apply(weights, x[:0]).shape == (0, 3, 5)


def test_rubiks_cube_has_nine_maps():
    stickers = reps.vector(groups.RubiksCube())
    basis = reps.equivariant_basis(stickers, stickers)
    assert basis.size == 9 and basis.method == "9 orbits of signed permutations"
    sizes = sorted(np.count_nonzero(m) for m in basis.dense())
    # Pairs of stickers: equal, on one corner twice, on other corners; on one edge, on others; and
    # a corner's with an edge's, both ways. Together all 48 x 48.
    assert sum(sizes) == 48 * 48
    assert sizes[:3] == [24, 24, 24]
