"""The numerical solver: what it certifies and refuses, and the iteration for large problems."""

import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.constraints import Constraints
from symjax_models.reps.null_space import smallest_singular_vectors
from symjax_models.reps.solver import SolvedBasis

# Invertible and not orthogonal: the conjugate of a group by it has no closed form.
CHANGE = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.2, 0.0, 1.5]])


def conjugate(group, scale=1.0):
    inverse = np.linalg.inv(CHANGE)
    return groups.MatrixGroup(
        [CHANGE @ g @ inverse for g in group.discrete_generators],
        [scale * CHANGE @ a @ inverse for a in group.lie_algebra],
    )


def learned(noise, **options):
    """Make rotations whose generators are known with noise, as from data."""
    error = np.random.default_rng(0).standard_normal((3, 3, 3))
    return groups.MatrixGroup(lie_algebra=groups.SO(3).lie_algebra + noise * error, **options)


def assert_equivariant(basis, atol=1e-9):
    maps, group = basis.dense(), basis.rep_in.group
    assert maps.shape == (basis.size, basis.rep_out.dim, basis.rep_in.dim)
    for act, generators in (
        ("drho", group.lie_algebra),
        ("rho", group.discrete_generators),
    ):
        for g in generators:
            left, right = getattr(basis.rep_out, act)(g), getattr(basis.rep_in, act)(g)
            np.testing.assert_allclose(left @ maps, maps @ right, atol=atol)
    gram = np.einsum("aij,bij->ab", maps.conj(), maps)
    np.testing.assert_allclose(gram, np.eye(basis.size), atol=1e-10)


def test_certificate_of_rotations():
    vector = reps.vector(groups.SO(3))
    basis = SolvedBasis(vector**2, vector**2, tolerance=1e-9)
    certificate = basis.certificate
    assert basis.size == 3 and certificate.tolerance == 1e-9
    assert certificate.largest_zero < 1e-13
    # On V^4 the squared constraints are twice the Casimir operator l (l + 1), l = 0, 1, ...; a
    # generator of norm 1 acts on V^2 with norm sqrt(2).
    np.testing.assert_allclose(certificate.smallest_nonzero, np.sqrt(0.5), rtol=1e-9)
    assert certificate.gap > 1e12
    assert basis.method.startswith("3 solutions, gap ")
    assert_equivariant(basis)


def test_certificates_without_zeros_or_without_constraints():
    vector, scalar = reps.vector(groups.SO(3)), reps.scalar(groups.SO(3))
    nothing = SolvedBasis(vector, scalar, tolerance=1e-9)
    assert nothing.size == 0 and nothing.certificate.largest_zero == 0.0
    assert nothing.dense().shape == (0, 1, 3)
    everything = SolvedBasis(scalar, scalar, tolerance=1e-9)
    assert everything.size == 1 and everything.certificate.smallest_nonzero == np.inf
    # Half a turn is -1 up to rounding: all constraints are rounding, and all maps solve them.
    plane = reps.vector(groups.C(2))
    assert SolvedBasis(plane, plane, tolerance=1e-9).size == 4
    assert SolvedBasis(plane, plane**2, tolerance=1e-9).size == 0


@pytest.mark.parametrize(
    ("rep_in", "rep_out", "size"),
    [
        (reps.vector(groups.SE(2)), reps.vector(groups.SE(2)), 1),
        (reps.vector(groups.SE(2)) ** 2, reps.vector(groups.SE(2)).dual, 2),
        (reps.vector(groups.U(2)) ** 2, reps.vector(groups.U(2)) ** 2, 2),
        (reps.vector(groups.SU(2)), reps.vector(groups.SU(2)).dual, 1),
        (reps.vector(conjugate(groups.O(3))) ** 2, reps.vector(conjugate(groups.O(3))) ** 2, 3),
    ],
)
def test_solutions_are_equivariant_and_orthonormal(rep_in, rep_out, size):
    basis = SolvedBasis(rep_in, rep_out, tolerance=1e-9)
    assert_equivariant(basis)
    assert reps.equivariant_basis(rep_in, rep_out).size == basis.size == size


def test_the_basis_does_not_depend_on_the_generators():
    # Other generators of the same group leave other rounding errors and other singular vectors.
    first = groups.MatrixGroup(lie_algebra=groups.SO(3).lie_algebra)
    mixed = np.tensordot(np.array([[1, 2, 0], [0, 1, -1], [3, 0, 1]]), first.lie_algebra, 1)
    second = groups.MatrixGroup(lie_algebra=mixed)
    bases = [
        SolvedBasis(reps.vector(g) ** 2, reps.vector(g) ** 2, tolerance=1e-9)
        for g in (first, second)
    ]
    np.testing.assert_allclose(bases[0].dense(), bases[1].dense(), atol=1e-12)


def test_the_scale_of_the_lie_algebra_means_nothing():
    for scale in (1e-5, 1e5):
        vector = reps.vector(conjugate(groups.SO(3), scale))
        basis = SolvedBasis(vector**2, vector, tolerance=1e-9)
        assert basis.size == 1
        assert_equivariant(basis, atol=1e-9 * max(1.0, scale))


@pytest.mark.parametrize(("degree_in", "degree_out", "size"), [(2, 2, 3), (2, 1, 1)])
def test_learned_generators_need_a_tolerance(degree_in, degree_out, size):
    for noise, tolerance in ((1e-6, 1e-3), (1e-4, 1e-3), (1e-4, 1e-2), (1e-3, 1e-2)):
        vector = reps.vector(learned(noise))
        with pytest.raises(ValueError, match="no clear gap at the tolerance 1e-09"):
            reps.equivariant_basis(vector**degree_in, vector**degree_out)
        vector = reps.vector(learned(noise, tolerance=tolerance))
        basis = reps.equivariant_basis(vector**degree_in, vector**degree_out)
        assert basis.size == size
        assert 1e-7 < basis.certificate.largest_zero < tolerance
        assert_equivariant(basis, atol=20 * noise)


def test_noise_that_hides_the_gap_is_refused():
    vector = reps.vector(learned(0.2))
    with pytest.raises(ValueError, match=r"tolerance=...\) inside a gap"):
        SolvedBasis(vector**2, vector**2, tolerance=0.1)
    # A tolerance that is too small for the noise is refused too.
    vector = reps.vector(learned(1e-3))
    with pytest.raises(ValueError, match="no clear gap"):
        SolvedBasis(vector**2, vector**2, tolerance=1e-3)


def test_small_but_exact_constraints_pass_at_a_smaller_tolerance():
    angle = 1e-3
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    plane = reps.vector(groups.MatrixGroup([turn]))
    with pytest.raises(ValueError, match="smaller for exact ones"):
        SolvedBasis(plane, plane, tolerance=1e-9)
    assert SolvedBasis(plane, plane, tolerance=1e-11).size == 2


def test_the_iteration_finds_all_solutions_and_the_same_basis():
    # 27 x 81 entries: too many to decompose at once. 36 solutions are one eigenvalue, repeated,
    # of which a search for single eigenvectors misses some.
    vector, exact = reps.vector(conjugate(groups.SO(3))), reps.vector(groups.SO(3))
    basis = SolvedBasis(vector**3, vector**4, tolerance=1e-9)
    assert basis.size == reps.dimension_of_maps(exact**3, exact**4) == 36
    assert basis.certificate.largest_zero < 1e-10 < 1e-2 < basis.certificate.smallest_nonzero
    assert_equivariant(basis)


def test_the_iteration_agrees_with_the_closed_form():
    group = groups.SO(3)
    vector = reps.vector(group)
    solved = SolvedBasis(vector**3, vector**4, tolerance=1e-9)
    closed = reps.equivariant_basis(vector**3, vector**4)
    assert solved.size == closed.size
    overlap = solved.dense().reshape(36, -1) @ closed.dense().reshape(36, -1).T
    np.testing.assert_allclose(overlap @ overlap.T, np.eye(36), atol=1e-9)


def test_the_iteration_without_solutions_with_noise_and_without_constraints():
    weighted = reps.vector(groups.Scaling(6))
    constraints = Constraints(weighted**2, weighted**2)
    vectors, values = smallest_singular_vectors(constraints, tolerance=1e-9)
    np.testing.assert_array_equal(vectors, np.eye(36**2))
    np.testing.assert_array_equal(values, 0.0)
    assert SolvedBasis(weighted**2, weighted**3, tolerance=1e-9).size == 0
    for noise in (0.0, 1e-4):
        vector = reps.vector(learned(noise))
        rep_out = reps.symmetric_power(vector, 4)
        rep_in = rep_out * reps.symmetric_power(vector, 2)
        assert rep_in.dim * rep_out.dim > 1200
        # Sym^4 V = 4 + 2 + 0 and Sym^2 V = 2 + 0, by degrees: (4 + 2 + 0) x (4 + 2 + 0) contains
        # 2 six times and 0 three times.
        assert SolvedBasis(rep_in, rep_out, tolerance=1e-2).size == 9
        if noise:
            with pytest.raises(ValueError, match="no clear gap"):
                SolvedBasis(rep_in, rep_out, tolerance=1e-9)


def test_application_is_the_dense_matrix():
    vector = reps.vector(groups.SE(2))
    basis = SolvedBasis(vector**2, vector**2, tolerance=1e-9)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((basis.size, 2, 5))
    x = rng.standard_normal((3, 4, 9, 2))
    expected = np.einsum("kij,kcd,...jc->...id", basis.dense(), weights, x)
    np.testing.assert_allclose(basis.apply(weights, x), expected, atol=1e-12)
    assert basis.apply(weights, x[:0]).shape == (0, 4, 9, 5)


def test_problems_too_large_to_solve_are_refused():
    vector = reps.vector(conjugate(groups.SO(3)))
    with pytest.raises(ValueError, match="2187 x 2187 entries, too many to solve for"):
        reps.equivariant_basis(vector**7, vector**7)
