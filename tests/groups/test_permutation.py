"""Permutation groups by chains of stabilizers, and Rubik's cube."""

import itertools
import math

import jax
import numpy as np
import pytest

from symjax_models import groups

RUBIK = groups.RubiksCube()


def as_group(matrices):
    """State as permutations what permutation matrices generate."""
    return groups.PermutationGroup(tuple(map(tuple, matrices.argmax(axis=-2).tolist())))


def orbits_on_pairs(generators):
    """Count orbits on ordered pairs: the dimension of Hom(V, V)."""
    points = range(len(generators[0]))
    unseen, count = set(itertools.product(points, points)), 0
    while unseen:
        count += 1
        frontier = [unseen.pop()]
        while frontier:
            i, j = frontier.pop()
            images = {(g[i], g[j]) for g in generators} & unseen
            unseen -= images
            frontier.extend(images)
    return count


@pytest.mark.parametrize("n", [3, 4, 5, 9, 12])
def test_orders_are_those_of_known_groups(n):
    assert as_group(groups.S(n).discrete_generators).order == math.factorial(n)
    assert as_group(groups.A(n).discrete_generators).order == math.factorial(n) // 2
    assert as_group(groups.Z(n).discrete_generators).order == n


def test_order_of_the_mathieu_group():
    # M_11 on 11 points: the cycle and (3 7 11 8)(4 10 5 6), counted from 1.
    cycle = (*range(1, 11), 0)
    moved = list(range(11))
    for orbit in ((3, 7, 11, 8), (4, 10, 5, 6)):
        for a, b in zip(orbit, orbit[1:] + orbit[:1], strict=True):
            moved[a - 1] = b - 1
    assert groups.PermutationGroup((cycle, tuple(moved))).order == 7920


@pytest.mark.parametrize("seed", range(4))
def test_order_and_membership_agree_with_enumeration(seed):
    rng = np.random.default_rng(seed)
    fixed = rng.integers(3)
    moves = [[*range(fixed), *(fixed + rng.permutation(6 - fixed))] for _ in range(2)]
    group = groups.PermutationGroup(tuple(tuple(map(int, p)) for p in moves))
    every = np.eye(6)[list(itertools.permutations(range(6)))]
    inside = group.contains(every)
    known = {g.tobytes() for g in group.elements}
    assert len(known) == group.order == inside.sum()
    assert all((g.tobytes() in known) == belongs for g, belongs in zip(every, inside, strict=True))


def test_samples_are_uniform():
    group = groups.PermutationGroup(((1, 2, 3, 0), (0, 3, 2, 1)))
    drawn = np.asarray(group.sample(jax.random.key(0), (4000,)))
    _, counts = np.unique(drawn.reshape(4000, -1), axis=0, return_counts=True)
    assert len(counts) == 8
    # Chi-squared with 7 degrees of freedom exceeds 29 with probability 1.5e-4.
    assert np.square(counts - 500).sum() / 500 < 29.0


def test_generators_take_columns_to_their_images():
    generator = groups.PermutationGroup(((1, 2, 0),)).discrete_generators[0]
    np.testing.assert_array_equal(generator @ np.array([1.0, 2.0, 3.0]), [3.0, 1.0, 2.0])
    assert groups.PermutationGroup([np.array([1, 2, 0])]) == groups.PermutationGroup(((1, 2, 0),))


@pytest.mark.parametrize(
    ("generators", "sentence"),
    [
        ((), "at least one generator of at least one point, got none"),
        (((),), "at least one generator of at least one point, got none"),
        (((0, 1), (0, 0)), r"every one of 0, ..., n - 1 once, got \(0, 0\) as generator 1"),
        (((1, 2),), r"got \(1, 2\) as generator 0"),
        ((3,), "got 3 as generator 0"),
        (((0.0, 1.0),), "as generator 0"),
        (((0, 1), (0, 1, 2)), "got 2 images in generator 0 and 3 in generator 1"),
    ],
)
def test_generators_that_are_no_permutations_are_refused(generators, sentence):
    with pytest.raises(ValueError, match=sentence):
        groups.PermutationGroup(generators)


def test_rubiks_cube_has_its_order_and_orbits():
    assert RUBIK.n == 48 and len(RUBIK.generators) == 6
    corners, edges = math.factorial(8) * 3**7, math.factorial(12) * 2**11
    assert RUBIK.order == corners * edges // 2 == 43_252_003_274_489_856_000
    assert orbits_on_pairs(RUBIK.generators) == 9


def test_random_cubes_have_the_moments_of_nine_orbits(draw):
    elements = draw(RUBIK)
    bound = 4.0 / np.sqrt(len(elements))
    fixed = np.trace(elements, axis1=1, axis2=2)
    # By Burnside's lemma: two orbits of stickers, nine of pairs. tr(g)^2 deviates by about 16.
    assert abs(fixed.mean() - 2.0) < 3 * bound
    assert abs(np.square(fixed).mean() - 9.0) < 16 * bound
    same_orbit = (elements.sum(axis=0) > 0).astype(float)
    np.testing.assert_array_equal(same_orbit.sum(axis=0), np.full(48, 24.0))
    assert np.abs(elements.mean(axis=0) - same_orbit / 24).max() < bound


def test_control_turns_that_move_stickers_singly_have_other_orbits():
    # Moving one sticker of each edge alone forgets which two stickers share an edge.
    turn = list(RUBIK.generators[0])
    moved = [j for j, image in enumerate(turn) if image != j]
    turn[moved[0]], turn[moved[1]] = turn[moved[1]], turn[moved[0]]
    broken = (tuple(turn), *RUBIK.generators[1:])
    assert sorted(broken[0]) == list(range(48)) and orbits_on_pairs(broken) < 9


def test_face_turns_have_order_four_and_move_twenty_stickers():
    turns = RUBIK.discrete_generators
    np.testing.assert_array_equal(np.linalg.matrix_power(turns, 4), [np.eye(48)] * 6)
    np.testing.assert_array_equal(48 - np.trace(turns, axis1=1, axis2=2), [20.0] * 6)


def test_opposite_faces_commute_and_right_up_has_order_105():
    right, left, _, _, up, _ = RUBIK.discrete_generators
    np.testing.assert_array_equal(right @ left, left @ right)
    powers = [np.linalg.matrix_power(right @ up, k) for k in (15, 21, 35, 105)]
    assert [bool((p == np.eye(48)).all()) for p in powers] == [False, False, False, True]


def test_unreachable_cubes_are_refused():
    # A swap of two stickers of a corner, or one edge flipped in place.
    swap = np.eye(48)
    swap[[0, 1]] = swap[[1, 0]]
    assert groups.S(48).contains(swap) and not RUBIK.contains(swap)
    scrambled = np.linalg.multi_dot(RUBIK.discrete_generators)
    assert RUBIK.contains(scrambled) and not RUBIK.contains(scrambled @ swap)
