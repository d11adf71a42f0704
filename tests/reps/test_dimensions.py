"""Exact counts of equivariant maps: against the solver, and against published tables."""

import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.counting import cycle_types, schur
from symjax_models.reps.solver import SolvedBasis

# Products of dimensions above this take the solver more than milliseconds.
MAX_ENTRIES = 64
GROUPS = [
    *(groups.S(n) for n in (1, 2, 3, 4, 5)),
    *(groups.A(n) for n in (2, 3, 4, 5)),
    *(groups.B(n) for n in (1, 2, 3, 4)),
    *(groups.O(n) for n in (1, 2, 3, 4)),
    *(groups.SO(n) for n in (1, 2, 3, 4)),
    groups.IndefiniteO(1, 1),
    groups.IndefiniteO(1, 2),
    groups.IndefiniteSO(1, 1),
    groups.IndefiniteSO(2, 2),
    groups.Lorentz(),
    *(groups.Sp(n) for n in (2, 4)),
    *(groups.GL(n) for n in (1, 2, 3)),
    groups.GLPlus(2),
    *(groups.SL(n) for n in (1, 2, 3)),
    *(groups.U(n) for n in (1, 2)),
    *(groups.SU(n) for n in (1, 2, 3)),
    *(groups.C(n) for n in (1, 2, 3, 8)),
    *(groups.D(n) for n in (1, 3, 4)),
    *(groups.Z(n) for n in (1, 3, 6)),
    groups.Trivial(2),
    groups.Octahedral(),
    groups.Icosahedral(inversion=True),
    groups.PermutationGroup(((1, 2, 0, 3, 4), (0, 1, 2, 4, 3))),
    groups.WreathProduct(groups.S(2), groups.S(2)),
    groups.MatrixGroup([[[0.0, -2.0], [0.5, 0.0]]], name="conjugate of C(4)"),
    groups.O(2) * groups.S(3),
    groups.SL(2) * groups.Z(2),
]


def pairs(group):
    """List what maps go between: powers of V, V*, parts of them, signs and sums."""
    vector, scalar, sign = reps.vector(group), reps.scalar(group), reps.determinant(group)
    kinds = [
        scalar,
        sign,
        vector,
        vector.dual,
        sign * vector.dual,
        vector + 2 * scalar,
        vector * vector,
        vector.dual * vector,
        reps.symmetric_power(vector, 2),
        reps.alternating_power(vector, 2) * sign,
        reps.symmetric_power(vector, 3),
        vector * reps.symmetric_power(vector.dual, 2),
    ]
    kinds = list(dict.fromkeys(kinds))
    found = [(a, b) for a in kinds for b in kinds if 0 < a.dim * b.dim <= MAX_ENTRIES]
    return found[::5]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_the_formula_counts_what_the_solver_finds(group):
    counts, sizes = {}, {}
    for rep_in, rep_out in pairs(group):
        counts[rep_in, rep_out] = reps.dimension_of_maps(rep_in, rep_out)
        sizes[rep_in, rep_out] = SolvedBasis(rep_in, rep_out, tolerance=1e-9).size
    assert counts == sizes


def test_the_formula_is_compared_on_many_cases():
    assert sum(len(pairs(group)) for group in GROUPS) > 600


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
# The rotations of the cube on space, faces, vertices, edges and themselves.
CUBE = [
    [1, 1, 1, 1, 3],
    [1, 3, 2, 3, 6],
    [1, 2, 4, 4, 8],
    [1, 3, 4, 7, 12],
    [3, 6, 8, 12, 24],
]
CUBE_INVARIANTS = [
    [0, 1, 1, 4],
    [1, 3, 12, 60],
    [1, 4, 24, 176],
    [1, 7, 74, 868],
    [1, 24, 576, 13824],
]


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


def permutations_of_the_cube():
    """Make the five representations from where the rotations take what they permute."""
    group = groups.Octahedral()
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    faces = np.concatenate([np.eye(3), -np.eye(3)])
    edges = np.array([p for p in np.ndindex(3, 3, 3) if sorted(p).count(1) == 1]) - 1
    return [
        reps.vector(group),
        *(_permutation(group, places) for places in (faces, corners, edges)),
        reps.regular(group),
    ]


def _permutation(group, places):
    fixes_first = [np.allclose(g @ places[0], places[0]) for g in group.elements]
    stabilizer = groups.MatrixGroup(group.elements[fixes_first])
    return reps.quotient(group, stabilizer)


def test_published_counts_of_the_cube():
    natural = permutations_of_the_cube()
    assert [rep.dim for rep in natural] == [3, 6, 8, 12, 24]
    found = [[reps.dimension_of_maps(a, b) for b in natural] for a in natural]
    assert found == CUBE
    scalar = reps.scalar(natural[0].group)
    invariants = [[reps.dimension_of_maps(scalar, a**m) for m in (1, 2, 3, 4)] for a in natural]
    assert invariants == CUBE_INVARIANTS


@pytest.mark.parametrize("group", [groups.Z(5), groups.D(3), groups.S(3), groups.A(4)], ids=repr)
def test_regular_representations(group):
    regular = reps.regular(group)
    found = [reps.dimension_of_maps(regular, regular**m) for m in (0, 1, 2)]
    assert found == [group.order**m for m in (0, 1, 2)]


def test_cyclic_shifts():
    vector = reps.vector(groups.Z(6))
    assert [reps.dimension_of_maps(vector, vector**m) for m in (0, 1, 2, 3)] == [1, 6, 36, 216]


def test_rubiks_cube():
    stickers = reps.vector(groups.RubiksCube())
    assert reps.dimension_of_maps(stickers, stickers) == 9
    # Both orbits, corners and edges, carry one invariant.
    assert reps.dimension_of_maps(reps.scalar(groups.RubiksCube()), stickers) == 2


@pytest.mark.parametrize("inner", [groups.S(2), groups.S(3), groups.Z(4)], ids=repr)
@pytest.mark.parametrize("outer", [groups.S(3), groups.Z(3)], ids=repr)
def test_wreath_products_add_ranks(inner, outer):
    rank = [reps.dimension_of_maps(reps.vector(g), reps.vector(g)) for g in (inner, outer)]
    vector = reps.vector(groups.WreathProduct(inner, outer))
    assert reps.dimension_of_maps(vector, vector) == sum(rank) - 1


def test_products_multiply():
    group = groups.O(3) * groups.S(4)
    clouds = reps.of_factor(group, 0, reps.vector(groups.O(3))) * reps.of_factor(
        group, 1, reps.vector(groups.S(4))
    )
    assert reps.dimension_of_maps(clouds, clouds) == 1 * 2
    assert reps.dimension_of_maps(clouds**2, clouds**2) == 3 * 15
    assert reps.dimension_of_maps(clouds, clouds**2) == 0


@pytest.mark.parametrize("family", [groups.SE, groups.E, groups.SIM])
def test_motions_fix_the_constant_coordinate_alone(family):
    vector, scalar = reps.vector(family(2)), reps.scalar(family(2))
    assert reps.equivariant_basis(scalar, vector).size == 0
    assert reps.equivariant_basis(scalar, vector.dual).size == 1
    with pytest.raises(ValueError, match="no exact count"):
        reps.dimension_of_maps(vector, vector)


def test_the_octet_of_su3():
    algebra = groups.SU(3).lie_algebra
    rows = algebra.reshape(8, 9).T
    brackets = algebra[:, None] @ algebra - algebra @ algebra[:, None]
    # Row k, column j of ad(A_i): the coefficient of A_k in [A_i, A_j].
    adjoint = [np.linalg.lstsq(rows, b.reshape(8, 9).T, rcond=None)[0].real for b in brackets]
    octet = reps.vector(groups.MatrixGroup(lie_algebra=adjoint))
    # 8 x 8 = (1 + 8 + 27) + (8 + 10 + 10*), symmetric and antisymmetric.
    symmetric, antisymmetric = reps.symmetric_power(octet, 2), reps.alternating_power(octet, 2)
    assert [reps.equivariant_basis(s, octet).size for s in (symmetric, antisymmetric)] == [1, 1]
    assert reps.equivariant_basis(octet**2, octet**0).size == 1


def test_the_smallest_schur_functors():
    # V (x) V (x) V = Sym^3 + 2 S_(2,1) + Alt^3; conjugation exchanges the ends.
    cube = schur.product(((1, 1),) * 3)
    assert cube == {(3,): 1, (2, 1): 2, (1, 1, 1): 1}
    assert schur.product(((2, 1), (1, 1))) == {(3,): 1, (2, 1): 1}
    assert schur.product(((2, -1), (1, 1))) == {(2, 1): 1, (1, 1, 1): 1}
    assert schur.conjugate((3, 1)) == (2, 1, 1) and schur.conjugate(()) == ()


def test_stirling_numbers_add_up_to_bell_numbers():
    bell = [sum(cycle_types.stirling(m, k) for k in range(m + 1)) for m in range(8)]
    assert bell == [1, 1, 2, 5, 15, 52, 203, 877]


def test_groups_must_agree():
    with pytest.raises(ValueError, match="one group"):
        reps.dimension_of_maps(reps.vector(groups.S(3)), reps.vector(groups.A(3)))
