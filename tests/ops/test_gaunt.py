"""Gaunt coefficients against published strengths, products of harmonics and their symmetry."""

import itertools

import numpy as np
import pytest

from symjax_models.ops.gaunt import gaunt
from symjax_models.ops.harmonics import solid_harmonics

RNG = np.random.default_rng(0)
DIRECTIONS = RNG.normal(size=(60, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=-1, keepdims=True)
TRIPLES = [
    (l1, l2, l3)
    for l1, l2 in itertools.product(range(4), repeat=2)
    for l3 in range(abs(l1 - l2), l1 + l2 + 1)
]


def harmonics(directions, l):
    values = solid_harmonics(directions, max_degree=l, normalization="integral")
    return values[:, l * l :]


@pytest.mark.parametrize(
    ("degrees", "strength"),
    [
        ((1, 1, 0), 0.48860251),
        ((1, 1, 2), 0.69098830),
        ((2, 2, 2), 0.75393004),
        ((1, 2, 3), 0.84628438),
    ],
)
def test_published_strengths(degrees, strength):
    # A coupling of unit Frobenius norm, times its strength.
    assert np.linalg.norm(gaunt(*degrees)) == pytest.approx(strength, abs=6e-9)


@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (1, 1), (2, 1), (3, 2), (6, 5)])
def test_products_of_harmonics(l1, l2):
    first, second = harmonics(DIRECTIONS, l1), harmonics(DIRECTIONS, l2)
    product = first[:, :, None] * second[:, None, :]
    expanded = sum(
        np.einsum("abc,pc->pab", gaunt(l1, l2, l3), harmonics(DIRECTIONS, l3))
        for l3 in range(abs(l1 - l2), l1 + l2 + 1)
    )
    np.testing.assert_allclose(expanded, product, atol=3e-14)


def test_products_lack_something_without_the_highest_degree():
    product = harmonics(DIRECTIONS, 1)[:, :, None] * harmonics(DIRECTIONS, 1)[:, None, :]
    lowest = np.einsum("abc,pc->pab", gaunt(1, 1, 0), harmonics(DIRECTIONS, 0))
    assert np.abs(product - lowest).max() > 0.1


@pytest.mark.parametrize("degrees", TRIPLES)
def test_coefficients_are_symmetric_and_vanish_for_odd_sums(degrees):
    coefficients = gaunt(*degrees)
    assert coefficients.shape == tuple(2 * l + 1 for l in degrees)
    assert coefficients.dtype == np.float64
    assert coefficients.any() == (sum(degrees) % 2 == 0)
    for order in itertools.permutations(range(3)):
        permuted = gaunt(*(degrees[axis] for axis in order))
        np.testing.assert_allclose(permuted, coefficients.transpose(order), atol=3e-15)


def acting(g, l):
    """Fit the matrix by which an orthogonal matrix acts on the harmonics of a degree."""
    points, images = harmonics(DIRECTIONS, l), harmonics(DIRECTIONS @ g.T, l)
    return np.linalg.lstsq(points, images, rcond=None)[0].T


@pytest.mark.parametrize("sign", [1, -1])
def test_coefficients_are_invariant(sign):
    g = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    g *= sign * np.sign(np.linalg.det(g))
    degrees = (2, 3, 3)
    matrices = [acting(g, l) for l in degrees]
    coefficients = gaunt(*degrees)
    turned = np.einsum("ai,bj,ck,ijk->abc", *matrices, coefficients)
    np.testing.assert_allclose(turned, coefficients, atol=1e-14)
    wrong = coefficients.copy()
    wrong[0] *= -1
    assert np.abs(np.einsum("ai,bj,ck,ijk->abc", *matrices, wrong) - wrong).max() > 0.01


def test_zeros_are_exact_and_high_degrees_keep_their_digits():
    coefficients = gaunt(8, 8, 8)
    assert np.abs(coefficients[coefficients != 0]).min() > 1e-4
    # Of three factors of degree l, the azimuths alone leave only few triples of orders.
    assert np.count_nonzero(coefficients) < 0.1 * coefficients.size
    constant = gaunt(8, 8, 0)[:, :, 0] * np.sqrt(4 * np.pi)
    np.testing.assert_allclose(constant, np.eye(17), atol=1e-14)


def test_constants_are_cached_and_read_only():
    assert gaunt(1, 2, 3) is gaunt(1, 2, 3)
    with pytest.raises(ValueError, match="read-only"):
        gaunt(1, 2, 3)[0, 0, 0] = 1.0


def test_degrees_that_do_not_couple_are_refused():
    with pytest.raises(ValueError, match="the degrees 1 and 2 couple to degrees 1 to 3, got 4"):
        gaunt(1, 2, 4)
    with pytest.raises(ValueError, match="a degree is a whole number of at least 0, got -1"):
        gaunt(1, -1, 1)
