"""Exact counts of maps between tensor powers, against published tables."""

import pytest

from symjax_models import groups, reps

# Tables of the dimensions of invariants of V^m, as published and checked independently.
BY_DEGREE = {
    "S": (
        {
            1: [1, 1, 1, 1, 1, 1, 1, 1, 1],
            2: [1, 1, 2, 4, 8, 16, 32, 64, 128],
            3: [1, 1, 2, 5, 14, 41, 122, 365, 1094],
            4: [1, 1, 2, 5, 15, 51, 187, 715, 2795],
            5: [1, 1, 2, 5, 15, 52, 202, 855, 3845],
            6: [1, 1, 2, 5, 15, 52, 203, 876, 4111],
            7: [1, 1, 2, 5, 15, 52, 203, 877, 4139],
            8: [1, 1, 2, 5, 15, 52, 203, 877, 4140],
            100: [1, 1, 2, 5, 15, 52, 203, 877, 4140],
        },
        groups.S,
        range(9),
    ),
    "A": (
        {
            2: [1, 2, 4, 8, 16, 32, 64, 128, 256],
            3: [1, 1, 3, 9, 27, 81, 243, 729, 2187],
            4: [1, 1, 2, 6, 22, 86, 342, 1366, 5462],
            5: [1, 1, 2, 5, 16, 63, 282, 1345, 6596],
            6: [1, 1, 2, 5, 15, 53, 219, 1037, 5427],
            7: [1, 1, 2, 5, 15, 52, 204, 899, 4433],
            8: [1, 1, 2, 5, 15, 52, 203, 878, 4169],
        },
        groups.A,
        range(9),
    ),
    "B": (
        {
            1: [1, 1, 1, 1, 1, 1],
            2: [1, 1, 4, 16, 64, 256],
            3: [1, 1, 4, 31, 274, 2461],
            4: [1, 1, 4, 31, 379, 5611],
            5: [1, 1, 4, 31, 379, 6556],
            9: [1, 1, 4, 31, 379, 6556],
        },
        groups.B,
        range(0, 11, 2),
    ),
    "O": (
        {
            1: [1, 1, 1, 1, 1, 1, 1],
            2: [1, 1, 3, 10, 35, 126, 462],
            3: [1, 1, 3, 15, 91, 603, 4213],
            4: [1, 1, 3, 15, 105, 903, 8778],
            5: [1, 1, 3, 15, 105, 945, 10263],
            6: [1, 1, 3, 15, 105, 945, 10395],
        },
        groups.O,
        range(0, 13, 2),
    ),
    "SO": (
        {
            2: [1, 0, 2, 0, 6, 0, 20, 0, 70, 0, 252],
            3: [1, 0, 1, 1, 3, 6, 15, 36, 91, 232, 603],
            4: [1, 0, 1, 0, 4, 0, 25, 0, 196, 0, 1764],
            5: [1, 0, 1, 0, 3, 1, 15, 15, 105, 190, 945],
            6: [1, 0, 1, 0, 3, 0, 16, 0, 126, 0, 1296],
            7: [1, 0, 1, 0, 3, 0, 15, 1, 105, 28, 945],
            8: [1, 0, 1, 0, 3, 0, 15, 0, 106, 0, 981],
        },
        groups.SO,
        range(11),
    ),
    "O(1, q)": (
        {3: [1, 0, 1, 0, 3, 0, 15, 0, 105, 0, 903]},
        lambda q: groups.IndefiniteO(1, q),
        range(11),
    ),
    "SO(1, q)": (
        {3: [1, 0, 1, 0, 4, 0, 25, 0, 196, 0, 1764]},
        lambda q: groups.IndefiniteSO(1, q),
        range(11),
    ),
    "SO(1, q)+": (
        {3: [1, 0, 1, 0, 4, 0, 25, 0, 196, 0, 1764]},
        lambda q: groups.Lorentz(),
        range(11),
    ),
    "Sp": (
        {
            2: [1, 1, 2, 5, 14, 42, 132],
            4: [1, 1, 3, 14, 84, 594, 4719],
            6: [1, 1, 3, 15, 104, 909, 9449],
            8: [1, 1, 3, 15, 105, 944, 10340],
            10: [1, 1, 3, 15, 105, 945, 10394],
        },
        groups.Sp,
        range(0, 13, 2),
    ),
    "C": (
        {
            2: [1, 0, 4, 0, 16, 0, 64, 0, 256],
            3: [1, 0, 2, 2, 6, 10, 22, 42, 86],
            4: [1, 0, 2, 0, 8, 0, 32, 0, 128],
            5: [1, 0, 2, 0, 6, 2, 20, 14, 70],
            6: [1, 0, 2, 0, 6, 0, 22, 0, 86],
            8: [1, 0, 2, 0, 6, 0, 20, 0, 72],
        },
        groups.C,
        range(9),
    ),
    "D": (
        {
            2: [1, 0, 2, 0, 8, 0, 32, 0, 128],
            3: [1, 0, 1, 1, 3, 5, 11, 21, 43],
            4: [1, 0, 1, 0, 4, 0, 16, 0, 64],
            5: [1, 0, 1, 0, 3, 1, 10, 7, 35],
            6: [1, 0, 1, 0, 3, 0, 11, 0, 43],
            8: [1, 0, 1, 0, 3, 0, 10, 0, 36],
        },
        groups.D,
        range(9),
    ),
}
UNITARY = {
    1: [1, 1, 1, 1, 1, 1, 1, 1],
    2: [1, 1, 2, 5, 14, 42, 132, 429],
    3: [1, 1, 2, 6, 23, 103, 513, 2761],
    4: [1, 1, 2, 6, 24, 119, 694, 4582],
    5: [1, 1, 2, 6, 24, 120, 719, 5003],
    6: [1, 1, 2, 6, 24, 120, 720, 5039],
    7: [1, 1, 2, 6, 24, 120, 720, 5040],
}
VOLUMES = {
    2: [1, 2, 5, 14],
    3: [1, 5, 42, 462],
    4: [1, 14, 462, 24024],
    5: [1, 42, 6006],
}
# Maps between symmetric powers of V = R^n under S(n): rows k, columns l from 0 to 4.
SYMMETRIC_POWERS = {
    8: [
        [1, 1, 2, 3, 5],
        [1, 2, 4, 7, 12],
        [2, 4, 9, 16, 29],
        [3, 7, 16, 31, 57],
        [5, 12, 29, 57, 109],
    ],
    4: [
        [1, 1, 2, 3, 5],
        [1, 2, 4, 7, 11],
        [2, 4, 9, 15, 25],
        [3, 7, 15, 27, 44],
        [5, 11, 25, 44, 74],
    ],
    3: [
        [1, 1, 2, 3, 4],
        [1, 2, 4, 6, 9],
        [2, 4, 8, 12, 18],
        [3, 6, 12, 19, 28],
        [4, 9, 18, 28, 42],
    ],
    2: [[1, 1, 2, 2, 3], [1, 2, 3, 4, 5], [2, 3, 5, 6, 8], [2, 4, 6, 8, 10], [3, 5, 8, 10, 13]],
}


@pytest.mark.parametrize("family", BY_DEGREE)
def test_published_counts_of_tensor_powers(family):
    table, make, degrees = BY_DEGREE[family]
    for n, row in table.items():
        vector = reps.vector(make(n))
        for split in (0, 1, 2):
            found = [
                reps.dimension_of_maps(vector ** (m * split // 2), vector ** (m - m * split // 2))
                for m in degrees
            ]
            assert found == row, (n, split)


def test_odd_powers_have_no_maps_where_the_group_reverses_all_axes():
    for group in (groups.B(3), groups.O(3), groups.Sp(4), groups.IndefiniteO(1, 2)):
        vector = reps.vector(group)
        assert [reps.dimension_of_maps(vector**k, vector ** (k + 1)) for k in range(4)] == [0] * 4


@pytest.mark.parametrize("family", [groups.GL, groups.GLPlus, groups.U])
def test_published_counts_of_the_linear_groups(family):
    for n, row in UNITARY.items():
        vector = reps.vector(family(n))
        found = [reps.dimension_of_maps(vector**p, vector**p) for p in range(8)]
        assert found == row, n
        mixed = vector**2 * vector.dual**2
        assert reps.dimension_of_maps(reps.scalar(family(n)), mixed) == row[2]
        assert reps.dimension_of_maps(vector**2, vector**3) == 0


@pytest.mark.parametrize("family", [groups.SL, groups.SU])
def test_published_counts_of_the_special_linear_groups(family):
    for n, row in VOLUMES.items():
        vector, scalar = reps.vector(family(n)), reps.scalar(family(n))
        found = [reps.dimension_of_maps(vector ** (n * (i + 1)), scalar) for i in range(len(row))]
        assert found == row, n
        assert reps.dimension_of_maps(vector ** (n + 1), scalar) == 0


def test_published_counts_of_graph_layers():
    maps = {
        (2, 2): 15,
        (2, 1): 5,
        (1, 2): 5,
        (2, 0): 2,
        (1, 1): 2,
        (3, 3): 203,
        (0, 1): 1,
        (0, 2): 2,
    }
    vector = reps.vector(groups.S(6))
    assert {(k, l): reps.dimension_of_maps(vector**k, vector**l) for k, l in maps} == maps
    sizes = {2: 8, 3: 14, 4: 15, 1000: 15}
    for n, expected in sizes.items():
        square = reps.vector(groups.S(n)) ** 2
        assert reps.dimension_of_maps(square, square) == expected


@pytest.mark.parametrize("n", SYMMETRIC_POWERS)
def test_published_counts_of_symmetric_powers(n):
    vector = reps.vector(groups.S(n))
    powers = [reps.symmetric_power(vector, k) for k in range(5)]
    found = [[reps.dimension_of_maps(a, b) for b in powers] for a in powers]
    assert found == SYMMETRIC_POWERS[n]


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_alternating_powers_of_permutations_are_two_hooks(n):
    vector = reps.vector(groups.S(n))
    powers = [reps.alternating_power(vector, k) for k in range(n + 1)]
    for k, first in enumerate(powers):
        for l, second in enumerate(powers):
            both = 1 if k in (0, n) else 2
            expected = both if k == l else int(abs(k - l) == 1)
            assert reps.dimension_of_maps(first, second) == expected, (k, l)


def test_powers_under_rotations_split_as_known():
    vector = reps.vector(groups.O(5))
    symmetric, area = reps.symmetric_power(vector, 2), reps.alternating_power(vector, 2)
    assert reps.dimension_of_maps(symmetric, symmetric) == 2
    assert reps.dimension_of_maps(area, area) == 1
    assert reps.dimension_of_maps(vector**2, vector**2) == 3
    assert reps.dimension_of_maps(symmetric, area) == 0
