"""Exactness of the rules on the sphere, against integrals in closed form."""

import itertools
import math
import pickle

import numpy as np
import pytest

from symjax_models.ops import quadrature

LEBEDEV_SIZES = {
    3: 6, 5: 14, 7: 26, 9: 38, 11: 50, 13: 74, 15: 86, 17: 110, 19: 146, 21: 170, 23: 194,
    25: 230, 27: 266, 29: 302, 31: 350, 35: 434, 41: 590, 47: 770, 131: 5810,
}  # fmt: skip
RULES = {
    "gauss_legendre": quadrature.gauss_legendre_quadrature,
    "lebedev": quadrature.lebedev_quadrature,
}
EVERY = pytest.mark.parametrize("kind", RULES)


def integral(a, b, c):
    """Integrate x^a y^b z^c over the sphere."""
    if a % 2 or b % 2 or c % 2:
        return 0.0
    gammas = [math.gamma((n + 1) / 2) for n in (a, b, c)]
    return 2 * math.prod(gammas) / math.gamma((a + b + c + 3) / 2)


def largest_error(rule, degree):
    """Return the largest error of a rule on all monomials of one degree."""
    powers = rule.points.T[:, None] ** np.arange(degree + 1)[:, None]  # [3, degree + 1, P]
    errors = []
    for a, b in itertools.product(range(degree + 1), repeat=2):
        if a + b <= degree:
            c = degree - a - b
            found = np.sum(rule.weights * powers[0, a] * powers[1, b] * powers[2, c])
            errors.append(abs(found - integral(a, b, c)))
    return max(errors)


def aliased_power(rule, degree):
    """Return the mean square error of a rule on the orthonormal harmonics of one degree."""
    # By the addition theorem, without harmonics; well conditioned at every degree.
    cosines = np.clip(rule.points @ rule.points.T, -1, 1)
    legendre = np.polynomial.legendre.legval(cosines, np.eye(degree + 1)[degree])
    return rule.weights @ legendre @ rule.weights / (4 * np.pi)


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 4, 6, 9, 12])
@EVERY
def test_all_monomials_to_the_degree_are_exact_and_not_above(kind, degree):
    rule = RULES[kind](degree)
    assert rule.degree >= degree and rule.kind == kind
    for exact in range(rule.degree + 1):
        assert largest_error(rule, exact) < 2e-14
    assert largest_error(rule, rule.degree + 1) > 1e-4


@pytest.mark.parametrize("degree", [15, 25, 26, 35])
@EVERY
def test_harmonics_to_a_high_degree_are_exact_and_not_above(kind, degree):
    rule = RULES[kind](degree)
    for exact in (2, 7, rule.degree - 1, rule.degree):
        assert abs(aliased_power(rule, exact)) < 1e-12
    above = [aliased_power(rule, rule.degree + 1), aliased_power(rule, rule.degree + 2)]
    assert max(above) > 1e-2


@pytest.mark.parametrize("degree", LEBEDEV_SIZES)
def test_sizes_of_lebedev_rules(degree):
    rule = quadrature.lebedev_quadrature(degree)
    assert (rule.degree, rule.size) == (degree, LEBEDEV_SIZES[degree])
    assert (rule.weights.min() < 0) == (degree in (13, 25, 27))


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 6, 40, 150])
def test_sizes_of_product_rules(degree):
    rule = quadrature.gauss_legendre_quadrature(degree)
    assert rule.degree == degree
    assert rule.size == math.ceil((degree + 1) / 2) * (degree + 1)
    assert rule.weights.min() > 0
    grid = rule.points.reshape(-1, degree + 1, 3)
    np.testing.assert_array_equal(grid[..., 1], np.broadcast_to(grid[:, :1, 1], grid.shape[:2]))
    assert (np.diff(grid[:, 0, 1]) > 0).all()
    # The azimuth starts at z and turns towards x.
    np.testing.assert_array_equal(grid[:, 0, 0], 0)
    assert (grid[:, 0, 2] > 0).all()
    assert degree < 4 or (grid[:, 1, 0] > 0).all()


@EVERY
def test_points_are_unit_vectors_and_weights_cover_the_sphere(kind):
    for degree in (0, 8, 47, 131):
        rule = RULES[kind](degree)
        np.testing.assert_allclose(np.linalg.norm(rule.points, axis=1), 1, atol=5e-16)
        assert rule.weights.sum() == pytest.approx(4 * np.pi, rel=1e-14)
        assert rule.points.dtype == rule.weights.dtype == np.float64


@pytest.mark.parametrize(
    ("degree", "kind", "exact", "size"),
    [
        (0, "gauss_legendre", 0, 1),
        (1, "gauss_legendre", 1, 2),
        (2, "lebedev", 3, 6),
        (6, "lebedev", 7, 26),
        (13, "lebedev", 15, 86),
        (25, "lebedev", 29, 302),
        (26, "lebedev", 29, 302),
        (131, "lebedev", 131, 5810),
        (132, "gauss_legendre", 132, 8911),
    ],
)
def test_the_smallest_rule_without_negative_weights(degree, kind, exact, size):
    rule = quadrature.make_quadrature(degree)
    assert (rule.kind, rule.degree, rule.size) == (kind, exact, size)
    assert rule.weights.min() > 0
    assert quadrature.make_quadrature(degree, kind=kind) is rule


def test_rules_are_compared_by_value_and_cannot_be_changed():
    rule = quadrature.make_quadrature(7)
    assert rule is quadrature.make_quadrature(7)
    copy = pickle.loads(pickle.dumps(rule))
    assert copy == rule and hash(copy) == hash(rule) and copy is not rule
    other = quadrature.Quadrature(
        points=-rule.points[::-1], weights=rule.weights, degree=7, kind="mine"
    )
    assert other != rule and rule != "lebedev"
    assert repr(rule) == "Quadrature(kind='lebedev', degree=7, size=26)"
    for array in (rule.points, rule.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_bad_input():
    for make in (*RULES.values(), quadrature.make_quadrature):
        for degree in (-1, 2.0, "7"):
            with pytest.raises(ValueError, match="the degree of a quadrature is a whole number"):
                make(degree)
    with pytest.raises(ValueError, match="to degree 131, got 132; gauss_legendre_quadrature has"):
        quadrature.make_quadrature(132, kind="lebedev")
    with pytest.raises(ValueError, match="did you mean 'lebedev'\\? known are auto, gauss"):
        quadrature.make_quadrature(3, kind="lebedef")
    points = np.eye(3)
    with pytest.raises(ValueError, match=r"points \[P, 3\] and weights \[P\], got \(3, 3\)"):
        quadrature.Quadrature(points=points, weights=np.ones(2), degree=1, kind="mine")
    with pytest.raises(ValueError, match="weights have the sum 4 pi"):
        quadrature.Quadrature(points=points, weights=np.ones(3), degree=1, kind="mine")
