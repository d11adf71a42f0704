"""Equivariant maps of direct products."""

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps import kronecker
from symjax_models.reps.solver import SolvedBasis

GROUP = groups.DirectProduct(groups.O(2), groups.S(3))
PLANE = reps.of_factor(GROUP, 0, reps.vector(groups.O(2)))
POINTS = reps.of_factor(GROUP, 1, reps.vector(groups.S(3)))
ONE = reps.scalar(GROUP)
SIGN = reps.determinant(GROUP)
TRIPLE = groups.DirectProduct(groups.SL(2), groups.Z(2), groups.SO(2))
SPINORS, SHIFTS, TURNS = (
    reps.of_factor(TRIPLE, i, reps.vector(part)) for i, part in enumerate(TRIPLE.factors)
)
MIXED = groups.DirectProduct(groups.U(1), groups.SO(3))
PHASE, SPACE = (reps.of_factor(MIXED, i, reps.vector(part)) for i, part in enumerate(MIXED.factors))
CASES = [
    (PLANE * POINTS, PLANE * POINTS, 2),
    (PLANE * POINTS, POINTS * PLANE, 2),
    (POINTS * PLANE * POINTS, PLANE * POINTS, 5),
    (PLANE * POINTS, POINTS, 0),
    (POINTS, PLANE * POINTS, 0),
    (PLANE, POINTS, 0),
    (PLANE * PLANE, POINTS, 1),
    (PLANE, PLANE, 1),
    (ONE, ONE, 1),
    (SIGN * PLANE * POINTS, PLANE * POINTS, 1),
    (reps.symmetric_power(PLANE, 2) * POINTS, POINTS * reps.symmetric_power(POINTS, 2), 10),
    (SPINORS * SHIFTS * TURNS, TURNS * SPINORS.dual * SHIFTS, 4),
    (SHIFTS, SHIFTS * SPINORS**2, 2),
    (PHASE * SPACE**2, SPACE * PHASE, 1),
    (PHASE * PHASE.dual * SPACE, SPACE**2, 1),
]


@pytest.mark.parametrize(("rep_in", "rep_out", "size"), CASES)
def test_products_of_maps_are_the_maps_of_products(rep_in, rep_out, size):
    basis = reps.equivariant_basis(rep_in, rep_out)
    assert isinstance(basis, kronecker.KroneckerBasis)
    solved = SolvedBasis(rep_in, rep_out, tolerance=1e-9)
    assert basis.size == solved.size == size == reps.dimension_of_maps(rep_in, rep_out)
    maps = basis.dense().reshape(size, rep_in.dim * rep_out.dim)
    np.testing.assert_allclose(maps.conj() @ maps.T, np.eye(size), atol=1e-13)
    others = solved.dense().reshape(maps.shape)
    np.testing.assert_allclose(maps.T @ maps.conj(), others.T @ others.conj(), atol=1e-10)


@pytest.mark.parametrize(("rep_in", "rep_out", "size"), CASES[:10])
def test_application_is_the_dense_matrix(rep_in, rep_out, size):
    basis = reps.equivariant_basis(rep_in, rep_out)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((size, 2, 5))
    x = rng.standard_normal((3, 4, rep_in.dim, 2))
    expected = np.einsum("kij,kcd,...jc->...id", basis.dense(), weights, x)
    np.testing.assert_allclose(basis.apply(weights, x), expected, atol=1e-13)
    assert basis.apply(weights, x[:, :0]).shape == (3, 0, rep_out.dim, 5)


def test_application_in_jax():
    basis = reps.equivariant_basis(PLANE * POINTS, POINTS * PLANE)
    rng = np.random.default_rng(0)
    weights, x = rng.standard_normal((2, 2, 3)), rng.standard_normal((4, 6, 2))
    single = basis.apply(jnp.asarray(weights), jnp.asarray(x))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, basis.apply(weights, x), atol=1e-5)


def test_factors_that_do_not_separate_are_solved_for_together():
    together = reps.symmetric_power(PLANE * POINTS, 2)
    assert kronecker.split(together, ONE, GROUP) is None
    basis = reps.equivariant_basis(together, ONE)
    # Sym^2(A x B) = Sym^2 x Sym^2 + Alt^2 x Alt^2, and S(3) fixes 2 symmetric and no other.
    assert basis.size == 2
    assert basis.method.startswith("2 solutions")


def test_parts_of_factors():
    rep = PLANE * POINTS * PLANE
    assert kronecker.part_of(rep, 0, groups.O(2)) == reps.vector(groups.O(2)) ** 2
    assert kronecker.part_of(rep, 1, groups.S(3)) == reps.vector(groups.S(3))
    assert kronecker.part_of(ONE, 1, groups.S(3)) == reps.scalar(groups.S(3))
