"""Diagrams: their enumeration, inner products, choice, and the halves that apply them."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.diagrams import closed_form, pairings, partitions, points
from symjax_models.reps.diagrams.basis import select, symmetrize
from symjax_models.reps.diagrams.halves import levi_civita

V, SP = reps.vector(groups.SO(3)), reps.vector(groups.Sp(4))


def tensor_of_partition(partition, n):
    indices = np.indices((n,) * len(partition)).reshape(len(partition), n ** len(partition))
    same = np.equal.outer(partition, partition)
    agrees = (indices[:, None] == indices) | ~same[:, :, None]
    return agrees.all(axis=(0, 1)).astype(float)


def tensor_of_pairing(pairing, n, num_points):
    arguments = [np.ones(()), []]
    for pair in pairing.pairs:
        arguments += [np.eye(n), list(pair)]
    for group in pairing.groups:
        arguments += [levi_civita(n), list(group)]
    return np.einsum(*arguments, list(range(num_points))).ravel()


def test_set_partitions_are_in_order_and_all_there():
    assert list(partitions.set_partitions(3, max_blocks=3)) == [
        (0, 0, 0),
        (0, 0, 1),
        (0, 1, 0),
        (0, 1, 1),
        (0, 1, 2),
    ]
    assert list(partitions.set_partitions(0, max_blocks=2)) == [()]
    counts = [len(list(partitions.set_partitions(m, max_blocks=9))) for m in range(8)]
    assert counts == [1, 1, 2, 5, 15, 52, 203, 877]
    few = [len(list(partitions.set_partitions(5, max_blocks=n))) for n in (1, 2, 3, 4)]
    assert few == [1, 16, 41, 51]
    assert [partitions.has_even_blocks(p) for p in ((0, 0), (0, 1), (), (0, 1, 1, 0))] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("num_points", [0, 1, 3, 4])
def test_inner_products_of_partitions_are_those_of_their_tensors(n, num_points):
    found = list(partitions.set_partitions(num_points, max_blocks=n))
    tensors = np.array([tensor_of_partition(p, n) for p in found])
    np.testing.assert_array_equal(partitions.gram(found, n=n), tensors @ tensors.T)
    even = [p for p in found if partitions.has_even_blocks(p)]
    tensors = np.reshape([tensor_of_partition(p, n) for p in even], (len(even), n**num_points))
    np.testing.assert_array_equal(partitions.gram(even, n=n), tensors @ tensors.T)


def test_pairings_are_in_order_and_all_there():
    def count(types, **how):
        return len(list(pairings.pairings(types, **how)))

    free = {"is_typed": False, "group_size": 3}
    found = [count((1,) * m, num_groups=0, **free) for m in range(0, 11, 2)]
    assert found == [1, 1, 3, 15, 105, 945]
    # A determinant tensor takes n points: binomial(m, n) (m - n - 1)!! diagrams.
    found = [count((1,) * m, num_groups=1, **free) for m in (3, 5, 7)]
    assert found == [1, 10, 35 * 3]
    typed = {"is_typed": True, "group_size": 2}
    assert [count((1,) * p + (-1,) * p, num_groups=0, **typed) for p in range(5)] == [
        math.factorial(p) for p in range(5)
    ]
    assert count((1, 1, 1, 1), num_groups=2, **typed) == 3
    assert count((1, 1, 1, -1), num_groups=1, **typed) == 3
    first = next(pairings.pairings((1,) * 5, num_groups=1, **free))
    assert first == pairings.Pairing(((3, 4),), ((0, 1, 2),))


@pytest.mark.parametrize(
    ("types", "is_typed", "n", "num_groups"),
    [
        ((), False, 3, 0),
        ((1,) * 6, False, 2, 0),
        ((1,) * 4, False, 3, 0),
        ((1,) * 5, False, 3, 1),
        ((1,) * 6, False, 2, 1),
        ((1,) * 3, False, 1, 1),
        ((1, -1, -1, 1), True, 3, 0),
        ((1, 1, -1, 1, -1), True, 2, 0),
        ((1, 1, 1, 1, 1, 1), True, 2, 3),
        ((1, 1, -1, 1), True, 2, 1),
        ((-1, -1, 1, -1, -1, -1, -1, 1), True, 2, 2),
    ],
)
def test_inner_products_of_pairings_are_those_of_their_tensors(types, is_typed, n, num_groups):
    how = {"is_typed": is_typed, "num_groups": num_groups}
    found = list(pairings.pairings(types, group_size=n, **how))
    tensors = np.array([tensor_of_pairing(d, n, len(types)) for d in found])
    tensors = tensors.reshape(len(found), n ** len(types))
    gram = pairings.gram(types, n=n, sign=1, num_inputs=1, **how)
    np.testing.assert_array_equal(gram, tensors @ tensors.T)


def test_selection_is_the_first_independent_diagrams():
    rng = np.random.default_rng(0)
    # 150 vectors, more than a block of the factorization, in 90 dimensions, with repetitions.
    vectors = rng.standard_normal((150, 90))
    vectors[3] = 2.0 * vectors[1]
    vectors[70] = vectors[:70].sum(axis=0)
    chosen, coordinates = select(list(range(150)), vectors @ vectors.T)
    assert chosen == [i for i in range(92) if i not in (3, 70)]
    basis = coordinates.T @ vectors[chosen]
    np.testing.assert_allclose(basis @ basis.T, np.eye(90), atol=1e-8)
    # Vector k uses the diagrams up to the k-th alone.
    np.testing.assert_array_equal(coordinates, np.triu(coordinates))
    chosen, coordinates = select([], np.zeros((0, 0)))
    assert chosen == [] and coordinates.shape == (0, 0)


def test_symmetrization_averages_orbits_and_drops_what_vanishes():
    # Words of two letters under exchange of the places.
    words = ["aa", "ab", "ba", "bb"]
    gram = np.eye(4)
    flip = lambda word: (word[::-1], 1.0)  # noqa: E731
    kept, products = symmetrize(words, gram, [(flip, 1)])
    assert kept == ["aa", "ab", "bb"]
    np.testing.assert_allclose(products, np.diag([1.0, 0.5, 1.0]))
    kept, products = symmetrize(words, gram, [(flip, -1)])
    assert kept == ["ab"]
    np.testing.assert_allclose(products, [[0.5]])


def test_levi_civita():
    for n in (0, 1, 2, 3, 4):
        tensor = levi_civita(n)
        assert tensor.shape == (n,) * n and np.abs(tensor).sum() == math.factorial(n)
    for a, b, c in itertools.product(np.eye(3), repeat=3):
        volume = np.einsum("ijk,i,j,k->", levi_civita(3), a, b, c)
        assert volume == np.linalg.det([a, b, c])


def test_points_of_representations():
    sign = reps.determinant(groups.O(3))
    vector = reps.vector(groups.O(3))
    found = points.points_of(sign * vector * reps.alternating_power(vector, 2) * vector)
    assert found == points.Points((1, 1, 1, 1), ((1, 2, -1),), 1)
    assert found.exchanges(start=2) == [(3, -1)]
    assert points.points_of(SP.dual * SP) == points.Points((-1, 1), (), 0)
    assert points.points_of(reps.symmetric_power(SP * SP, 2)) is None


@pytest.mark.parametrize(
    "rep",
    [V**2, reps.symmetric_power(V, 2) * V, V * reps.alternating_power(V, 2), V**0],
)
def test_project_undoes_embed(rep):
    x = np.random.default_rng(0).standard_normal((4, rep.dim, 5))
    tensor = points.embed(rep, x)
    assert tensor.shape == (4, *(3,) * len(points.points_of(rep).types), 5)
    np.testing.assert_allclose(points.project(rep, tensor), x, atol=1e-14)
    single = points.project(rep, points.embed(rep, jnp.asarray(x)))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, x, atol=1e-6)


def test_what_has_no_diagrams():
    for rep in (reps.vector(groups.Z(3)), reps.symmetric_power(V * V, 2)):
        assert closed_form.diagram_basis(rep, rep) is None


@pytest.mark.parametrize(
    ("group", "degree", "size"),
    # Of odd total degree there are none, however many partitions there are.
    [(groups.B(3), 9, 0), (groups.O(2), 13, 0), (groups.GL(2), 9, 0)],
)
def test_degrees_without_maps_need_no_diagrams(group, degree, size):
    vector = reps.vector(group)
    basis = closed_form.diagram_basis(vector**degree, reps.scalar(group))
    assert basis.size == size


def test_too_many_diagrams_are_refused():
    vector = reps.vector(groups.S(9))
    with pytest.raises(ValueError, match="total degree 9 have more than 5000 diagrams"):
        closed_form.diagram_basis(vector**5, vector**4)
