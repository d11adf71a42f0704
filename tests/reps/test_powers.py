"""Symmetric and alternating powers."""

import math

import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.powers import Power, permutation_sign

VECTOR = reps.vector(groups.GL(3))
MATRIX = np.array([[1.0, 0.5, -0.2], [0.1, 2.0, 0.3], [-0.7, 0.0, 0.9]])


@pytest.mark.parametrize(
    ("make", "n", "degree"),
    [
        (reps.symmetric_power, 3, 2),
        (reps.symmetric_power, 3, 3),
        (reps.symmetric_power, 2, 4),
        (reps.alternating_power, 3, 2),
        (reps.alternating_power, 4, 3),
    ],
)
def test_powers_are_invariant_parts_of_the_tensor_power(make, n, degree):
    vector = reps.vector(groups.GL(n))
    power = make(vector, degree)
    embedding = power.embedding
    np.testing.assert_allclose(embedding.T @ embedding, np.eye(power.dim), atol=1e-14)
    g = np.random.default_rng(n).standard_normal((n, n))
    whole = (vector**degree).rho(g)
    np.testing.assert_allclose(whole @ embedding, embedding @ power.rho(g), atol=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        embedding[...] = 0.0


def test_components_are_normalized_products():
    square = reps.symmetric_power(VECTOR, 2).embedding.reshape(3, 3, 6)
    np.testing.assert_allclose(square[0, 0], np.eye(6)[0])
    np.testing.assert_allclose(square[0, 1], np.eye(6)[1] / np.sqrt(2))
    area = reps.alternating_power(VECTOR, 2).embedding.reshape(3, 3, 3)
    np.testing.assert_allclose(area[0, 1], np.eye(3)[0] / np.sqrt(2))
    np.testing.assert_allclose(area, -area.swapaxes(0, 1))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_dimensions_and_the_ends(n):
    vector = reps.vector(groups.GL(n))
    scalar = reps.scalar(groups.GL(n))
    for degree in range(6):
        symmetric = reps.symmetric_power(vector, degree)
        alternating = reps.alternating_power(vector, degree)
        assert symmetric.dim == math.comb(n + degree - 1, degree)
        assert alternating.dim == math.comb(n, degree)
    assert reps.symmetric_power(vector, 0) == reps.alternating_power(vector, 0) == scalar
    assert reps.symmetric_power(vector, 1) == reps.alternating_power(vector, 1) == vector
    if n > 1:
        assert reps.alternating_power(vector, n) == reps.determinant(groups.GL(n))
        np.testing.assert_allclose(
            Power(vector, n, is_symmetric=False).rho(np.diag(np.arange(1.0, n + 1))),
            [[math.factorial(n)]],
        )


@pytest.mark.parametrize("make", [reps.symmetric_power, reps.alternating_power])
def test_powers_of_sums_have_the_character_of_the_whole(make):
    other = reps.determinant(groups.GL(3))
    total = 2 * VECTOR + other
    whole = total.rho(MATRIX)
    traces = [np.trace(np.linalg.matrix_power(whole, k)) for k in (1, 2, 3)]
    sign = 1.0 if make is reps.symmetric_power else -1.0
    # Newton's identities for the complete and for the elementary symmetric polynomials.
    first = traces[0]
    second = (first * traces[0] + sign * traces[1]) / 2
    third = (second * traces[0] + sign * first * traces[1] + traces[2]) / 3
    for degree, expected in ((2, second), (3, third)):
        power = make(total, degree)
        assert power.dim == make(reps.vector(groups.GL(7)), degree).dim
        np.testing.assert_allclose(np.trace(power.rho(MATRIX)), expected, rtol=1e-12)
        np.testing.assert_allclose(reps.character(power, MATRIX), expected, rtol=1e-12)


def test_powers_of_many_summands():
    # 3 ** 40 choices of degrees would never end; those that add up to 2 are few.
    power = reps.symmetric_power(40 * VECTOR, 2)
    square = reps.symmetric_power(VECTOR, 2)
    assert {term: count for count, term in power.terms} == {square: 40, VECTOR**2: 780}


def test_powers_of_a_factor_are_of_the_factor():
    group = groups.DirectProduct(groups.O(3), groups.S(4))
    inner = reps.vector(groups.O(3))
    outer = reps.of_factor(group, 0, inner)
    for make in (reps.symmetric_power, reps.alternating_power):
        for degree in range(4):
            expected = reps.of_factor(group, 0, make(inner, degree))
            assert make(outer, degree) == expected


def test_duals_and_names():
    assert reps.symmetric_power(VECTOR, 2).dual == reps.symmetric_power(VECTOR.dual, 2)
    assert str(reps.symmetric_power(VECTOR, 2)) == "Sym^2(V)"
    assert str(reps.alternating_power(VECTOR, 2)) == "Alt^2(V)"


@pytest.mark.parametrize("degree", [-1, 1.5, True, "2"])
def test_degrees_are_whole_numbers(degree):
    for make in (reps.symmetric_power, reps.alternating_power):
        with pytest.raises(ValueError, match="a degree is a whole number of at least 0"):
            make(VECTOR, degree)


@pytest.mark.parametrize(
    ("order", "sign"), [((), 1), ((0,), 1), ((1, 0), -1), ((1, 2, 0), 1), ((2, 1, 0), -1)]
)
def test_signs_of_permutations(order, sign):
    assert permutation_sign(order) == sign
