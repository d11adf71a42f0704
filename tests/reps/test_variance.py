"""The law of random equivariant maps: its covariance, computed exactly."""

import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.variance import unit_variance_factors

SO3, O3, S4, U2 = groups.SO(3), groups.O(3), groups.S(4), groups.U(2)


def covariance(terms, rep_out, factors):
    """Covariance of the outputs, for inputs with uncorrelated components of variance 1."""
    total = np.zeros((rep_out.dim, rep_out.dim))
    for (count, rep), factor in zip(terms, factors, strict=True):
        maps = np.einsum("jk,joi->koi", factor, reps.equivariant_basis(rep, rep_out).dense())
        total = total + count * np.einsum("koi,kpi->op", maps, maps.conj())
    return total


def vector(group):
    return reps.vector(group)


# Inputs that reach all of the output.
REACHING = [
    (vector(SO3) ** 2, vector(SO3) ** 2),
    (4 * vector(SO3) + 2 * vector(SO3) ** 2 + reps.scalar(SO3), vector(SO3) ** 2),
    (vector(O3) ** 2 + 7 * reps.scalar(O3), reps.symmetric_power(vector(O3), 2)),
    (vector(S4) + 9 * reps.scalar(S4), vector(S4)),
    (vector(S4) ** 2, vector(S4) ** 2),
    (5 * vector(U2) ** 2, vector(U2) ** 2),
    (vector(groups.SU(2)) ** 3, vector(groups.SU(2))),
    (vector(groups.D(4)) ** 2 + reps.determinant(groups.D(4)), vector(groups.D(4)) ** 2),
    (3 * vector(groups.Octahedral()) ** 2, vector(groups.Octahedral()) ** 2),
    (2 * vector(groups.Z(5)), vector(groups.Z(5))),
]


@pytest.mark.parametrize(("rep_in", "rep_out"), REACHING, ids=str)
def test_outputs_are_white(rep_in, rep_out):
    factors = unit_variance_factors(rep_in.terms, rep_out)
    found = covariance(rep_in.terms, rep_out, factors)
    np.testing.assert_allclose(found, np.eye(rep_out.dim), atol=1e-10)


def test_orthonormal_coefficients_are_not_enough():
    rep = vector(SO3) ** 2
    plain = covariance(rep.terms, rep, [np.eye(reps.equivariant_basis(rep, rep).size)])
    values = np.linalg.eigvalsh(plain) * rep.dim / np.trace(plain)
    # Trace, antisymmetric and traceless symmetric part, of dimensions 1, 3 and 5.
    np.testing.assert_allclose(values, [0.6] * 5 + [1.0] * 3 + [3.0], atol=1e-9)


def test_parts_that_are_not_reached_have_no_variance():
    V, square = vector(SO3), vector(SO3) ** 2
    found = covariance((3 * V).terms, square, unit_variance_factors((3 * V).terms, square))
    np.testing.assert_allclose(np.linalg.eigvalsh(found), [0.0] * 6 + [1.0] * 3, atol=1e-9)
    (factor,) = unit_variance_factors(((4, V),), reps.scalar(SO3))
    assert factor.shape == (0, 0)
    assert unit_variance_factors((), V) == ()


def test_copies_share_the_variance():
    V = vector(SO3)
    for count in (1, 4, 100):
        (factor,) = unit_variance_factors(((count, V),), V)
        # The basis map is the identity over the root of 3.
        np.testing.assert_allclose(factor, [[np.sqrt(3 / count)]], rtol=1e-12)


@pytest.mark.parametrize(
    "rep",
    [
        vector(groups.Lorentz()),
        vector(groups.Lorentz()) ** 2,
        vector(groups.SE(2)),
        vector(groups.GL(2)) * vector(groups.GL(2)).dual,
    ],
    ids=repr,
)
def test_others_have_unit_variance_on_average(rep):
    terms = (2 * rep + 3 * reps.scalar(rep.group)).terms
    found = covariance(terms, rep, unit_variance_factors(terms, rep))
    np.testing.assert_allclose(np.trace(found) / rep.dim, 1, rtol=1e-9)


def test_maps_too_large_to_be_formed_have_it_on_average():
    V = vector(groups.S(24))
    # 15 maps of 24^2 x 24^2 entries: more than are formed.
    (factor,) = unit_variance_factors(((3, V**2),), V**2)
    np.testing.assert_allclose(factor, np.sqrt(576 / (3 * 15)) * np.eye(15), rtol=1e-12)
