"""Maps between irreducible representations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.schur import SchurBasis
from symjax_models.reps.solver import SolvedBasis

I, J = np.diag([1j, -1j]), np.array([[0.0, 1.0], [-1.0, 0.0]], complex)
Q8 = groups.MatrixGroup([I, J], name="Q8")
REAL_Q8 = groups.MatrixGroup([np.kron(z.real, np.eye(2)) + np.kron(z.imag, J.real) for z in (I, J)])
GROUPS = pytest.mark.parametrize(
    "group", [groups.C(3), groups.S(4), groups.Octahedral(), Q8, REAL_Q8], ids=repr
)


@GROUPS
def test_bases_are_those_of_the_solver(group):
    for source in reps.irreps(group):
        for target in reps.irreps(group):
            basis = reps.equivariant_basis(source, target)
            solved = SolvedBasis(source, target, tolerance=1e-9)
            # Maps between scalars are multiples of 1, which need no lemma.
            assert isinstance(basis, SchurBasis) or source == target == reps.scalar(group)
            assert basis.size == solved.size == reps.dimension_of_maps(source, target)
            assert (basis.size > 0) == (source == target)
            own, other = (
                b.dense().reshape(b.size, target.dim * source.dim) for b in (basis, solved)
            )
            np.testing.assert_allclose(own.conj() @ own.T, np.eye(basis.size), atol=1e-10)
            np.testing.assert_allclose(own.T @ own.conj(), other.T @ other.conj(), atol=1e-10)


@GROUPS
def test_application_is_the_dense_map(group):
    rng = np.random.default_rng(0)
    last = reps.irreps(group)[-1]
    for target in (last, reps.irreps(group)[0]):
        basis = reps.equivariant_basis(last, target)
        weights, x = rng.normal(size=(basis.size, 2, 3)), rng.normal(size=(4, last.dim, 2))
        if group.is_complex:
            weights = weights + 1j * rng.normal(size=weights.shape)
        expected = np.einsum("koi,bic,kcd->bod", basis.dense(), x, weights)
        np.testing.assert_allclose(basis.apply(weights, x), expected, atol=1e-12)
        single = jax.jit(basis.apply)(jnp.asarray(weights), jnp.asarray(x))
        assert single.shape == expected.shape
        np.testing.assert_allclose(single, expected, atol=1e-5)


def test_maps_of_other_types_do_not_commute():
    plane = reps.irreps(groups.D(3))[-1]
    quarter_turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    g = groups.D(3).elements
    assert np.abs(plane.rho(g) @ quarter_turn - quarter_turn @ plane.rho(g)).max() > 1.0


def test_sums_of_irreps_and_methods():
    group = groups.A(4)
    one, two, three = reps.irreps(group)
    rep = 2 * two + one + 3 * three
    basis = reps.equivariant_basis(rep, rep)
    assert basis.size == 2 * 4 + 1 + 9 == reps.dimension_of_maps(rep, rep)
    assert reps.equivariant_basis(two, two).method == "2 endomorphisms (Schur)"
    planar = reps.planar_irrep(groups.SO(2), 3)
    assert isinstance(reps.equivariant_basis(planar, planar), SchurBasis)


def test_irreps_of_direct_products():
    group = groups.C(3) * groups.S(3)
    for irrep in reps.irreps(group)[1:]:
        basis = reps.equivariant_basis(irrep, irrep)
        assert basis.size == reps.dimension_of_maps(irrep, irrep) == len(irrep.endomorphisms)
    mixed = reps.of_factor(group, 0, reps.irreps(groups.C(3))[1])
    other = next(r for r in reps.irreps(group) if reps.dimension_of_maps(mixed, r))
    assert reps.equivariant_basis(mixed, other).size == 2
