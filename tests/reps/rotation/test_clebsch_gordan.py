"""Coupling coefficients: published values, symmetry, orthogonality, invariance."""

import itertools
import math

import numpy as np
import pytest
import scipy.spatial.transform

from symjax_models.reps.rotation import clebsch_gordan, coupling_degrees, generators, wigner_ds

TRIPLES = [
    (l1, l2, l3)
    for l1, l2 in itertools.product(range(5), repeat=2)
    for l3 in coupling_degrees(l1, l2)
]


def test_published_values():
    np.testing.assert_allclose(clebsch_gordan(1, 1, 0)[..., 0], np.eye(3) / math.sqrt(3))
    levi_civita = np.zeros((3, 3, 3))
    for i, j, k in itertools.permutations(range(3)):
        levi_civita[i, j, k] = (i - j) * (j - k) * (k - i) / 2
    np.testing.assert_allclose(clebsch_gordan(1, 1, 1), levi_civita / math.sqrt(6), rtol=1e-15)

    expected = np.zeros((3, 3, 5))
    for place in ((0, 1, 1), (1, 0, 1), (0, 2, 0), (2, 0, 0), (1, 2, 3), (2, 1, 3), (2, 2, 4)):
        expected[place] = 0.31622777
    expected[0, 0, 4] = -0.31622777
    expected[1, 1, 2] = 0.36514837
    expected[0, 0, 2] = expected[2, 2, 2] = -0.18257419
    np.testing.assert_allclose(clebsch_gordan(1, 1, 2), expected, atol=5e-9)


def test_published_counts_of_entries_that_are_not_zero():
    counts = {
        (1, 1, 0): 3, (1, 1, 1): 6, (1, 1, 2): 11, (2, 2, 0): 5, (2, 2, 1): 16, (2, 2, 2): 25,
        (2, 2, 3): 28, (2, 2, 4): 37, (3, 3, 2): 41, (3, 3, 3): 42, (3, 3, 6): 79, (4, 4, 4): 97,
    }  # fmt: skip
    assert {key: np.count_nonzero(clebsch_gordan(*key)) for key in counts} == counts
    # All triples up to a degree, with the last one up to the same degree and up to any.
    within, every = [0] * 5, [0] * 5
    for l1, l2, l3 in TRIPLES:
        count = np.count_nonzero(clebsch_gordan(l1, l2, l3))
        for degree in range(5):
            every[degree] += count * (max(l1, l2) <= degree)
            within[degree] += count * (max(l1, l2, l3) <= degree)
    assert within[1:] == [16, 137, 611, 2052]
    assert every[1:] == [27, 244, 1132, 3741]


@pytest.mark.parametrize(
    "degrees",
    [(0, 0, 0), (3, 5, 4), (8, 8, 8), (8, 7, 15), (16, 16, 1), (32, 32, 32), (32, 20, 13)],
)
def test_columns_are_orthogonal(degrees):
    c = clebsch_gordan(*degrees)
    assert c.shape == tuple(2 * l + 1 for l in degrees)
    size = c.shape[2]
    gram = c.reshape(-1, size).T @ c.reshape(-1, size)
    np.testing.assert_allclose(gram, np.eye(size) / size, atol=1e-15)


def test_degrees_together_are_complete():
    columns = [math.sqrt(2 * l + 1) * clebsch_gordan(4, 6, l) for l in coupling_degrees(4, 6)]
    everything = np.concatenate(columns, axis=-1).reshape(9 * 13, -1)
    np.testing.assert_allclose(everything.T @ everything, np.eye(9 * 13), atol=1e-14)


@pytest.mark.parametrize("degrees", [(1, 1, 1), (1, 2, 3), (2, 3, 4), (5, 5, 7), (20, 14, 9)])
def test_slots_permute_with_the_stated_sign(degrees):
    c = clebsch_gordan(*degrees)
    sign = (-1) ** sum(degrees)
    for order in itertools.permutations(range(3)):
        parity = np.linalg.det(np.eye(3)[list(order)])
        permuted = clebsch_gordan(*(degrees[slot] for slot in order))
        factor = 1 if parity > 0 else sign
        np.testing.assert_array_equal(permuted, factor * c.transpose(order))


@pytest.mark.parametrize("degrees", [*TRIPLES[::7], (8, 7, 6), (12, 16, 9)])
def test_no_infinitesimal_rotation_changes_the_tensor(degrees):
    c = clebsch_gordan(*degrees)
    x1, x2, x3 = (generators(l) for l in degrees)
    change = (
        np.einsum("rai,abc->ribc", x1, c)
        + np.einsum("rbj,abc->rajc", x2, c)
        + np.einsum("rck,abc->rabk", x3, c)
    )
    np.testing.assert_allclose(change, 0, atol=1e-14 * (1 + max(degrees)))


def test_no_rotation_changes_the_tensor_but_broken_ones_do():
    rotation = scipy.spatial.transform.Rotation.random(random_state=0).as_matrix()
    d = wigner_ds(rotation, max_degree=8)

    def change(c, degrees):
        return np.einsum("abc,ai,bj,ck->ijk", c, *(d[l] for l in degrees), optimize=True) - c

    for degrees in [*TRIPLES, (8, 7, 6), (6, 8, 8)]:
        np.testing.assert_allclose(change(clebsch_gordan(*degrees), degrees), 0, atol=1e-14)
        if min(degrees) > 0:
            flipped = clebsch_gordan(*degrees).copy()
            flipped[:, :, 0] *= -1
            assert np.abs(change(flipped, degrees)).max() > 1e-3


def test_entries_are_accurate_one_by_one():
    # Closed forms: the stretched coupling at the ends, and the coupling to the scalar.
    assert clebsch_gordan(20, 20, 0)[3, 3, 0] == pytest.approx(1 / math.sqrt(41), rel=1e-15)
    # (20 20 40; 20 20 -40) is 1 / 9 and the real basis brings sqrt(1 / 2).
    assert abs(clebsch_gordan(20, 20, 40)[40, 40, 80]) == pytest.approx(
        math.sqrt(0.5) / 9, rel=1e-15
    )
    # The smallest entry, of 1e-14, by the closed form for m1 + m2 = l3.
    smallest = math.sqrt(math.comb(80, 40)) ** -1 / 9
    assert abs(clebsch_gordan(20, 20, 40)[0, 40, 40]) == pytest.approx(smallest, rel=1e-14)


def test_tensors_are_cached_and_read_only():
    c = clebsch_gordan(2, 1, 3)
    assert c is clebsch_gordan(np.int64(2), 1, 3) and c.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        c[0, 0, 0] = 1


def test_degrees_of_a_product():
    assert list(coupling_degrees(2, 3)) == [1, 2, 3, 4, 5]
    assert list(coupling_degrees(0, 3)) == [3]


def test_bad_input():
    with pytest.raises(ValueError, match="degrees 1 and 2 couple to degrees 1 to 3, got 4"):
        clebsch_gordan(1, 2, 4)
    with pytest.raises(ValueError, match="degrees 3 and 1 couple to degrees 2 to 4, got 1"):
        clebsch_gordan(3, 1, 1)
    with pytest.raises(ValueError, match="a degree is a whole number of at least 0, got -1"):
        clebsch_gordan(1, -1, 1)
    with pytest.raises(ValueError, match="a degree is a whole number of at least 0, got 0.5"):
        coupling_degrees(0.5, 1)
