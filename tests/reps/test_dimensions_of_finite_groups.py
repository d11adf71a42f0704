"""Exact counts of maps of finite groups, products and motions, against published ones."""

import numpy as np
import pytest

from symjax_models import groups, reps

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
