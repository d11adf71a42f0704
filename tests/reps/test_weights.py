"""Highest weights against Weyl's dimension formula, known products and other counts."""

import pytest

from symjax_models import groups, reps
from symjax_models.reps.counting import dimension

GROUPS = [
    groups.SO(2),
    groups.SO(3),
    groups.SO(4),
    groups.SO(5),
    groups.SO(6),
    groups.SU(2),
    groups.SU(3),
    groups.U(2),
    groups.U(3),
    groups.SL(3),
    groups.GL(2),
    groups.Sp(2),
    groups.Sp(4),
    groups.Lorentz(),
    groups.IndefiniteSO(2, 1),
]
EACH = pytest.mark.parametrize("group", GROUPS, ids=repr)


@EACH
def test_dimensions_add_up(group):
    V = reps.vector(group)
    for rep in (
        V,
        V * V,
        V * V.dual + reps.scalar(group),
        reps.symmetric_power(V, 3),
        reps.alternating_power(V, 2),
        reps.symmetric_power(V * V, 2),
        reps.determinant(group, power=2) * V,
    ):
        found = reps.decompose_weights(rep)
        total = sum(count * reps.dimension_of_weight(group, w) for w, count in found.items())
        assert total == rep.dim and min(found.values()) > 0
        assert sorted(found, reverse=True) == list(found)


@EACH
def test_counts_agree_with_tableaux(group):
    V = reps.vector(group)
    ends = [V, V.dual, V * V, V * V.dual, reps.symmetric_power(V, 2), V * V * V]
    for source in ends:
        for target in ends:
            own, other = reps.decompose_weights(source), reps.decompose_weights(target)
            count = sum(m * other.get(weight, 0) for weight, m in own.items())
            assert count == reps.dimension_of_maps(source, target)


def test_known_products():
    V = reps.vector(groups.SU(3))
    octet = {(2, 1, 0): 1}
    adjoint = reps.decompose_weights(V * V.dual)
    assert adjoint == octet | {(0, 0, 0): 1}
    # Of 8 x 8 = 1 + 8 + 8 + 10 + 10' + 27 and 3 x 3' = 1 + 8.
    product = reps.decompose_weights(V * V.dual * V * V.dual)
    assert product == {
        (4, 2, 0): 1, (3, 3, 0): 1, (3, 0, 0): 1, (2, 1, 0): 4, (0, 0, 0): 2,
    }  # fmt: skip
    sizes = [reps.dimension_of_weight(groups.SU(3), weight) for weight in product]
    assert sizes == [27, 10, 10, 8, 1]
    W = reps.vector(groups.SO(4))
    assert reps.decompose_weights(reps.alternating_power(W, 2)) == {(1, 1): 1, (1, -1): 1}
    two = reps.vector(groups.U(2))
    det = reps.determinant(groups.U(2), power=-1)
    assert reps.decompose_weights(two * two * det) == {(1, -1): 1, (0, 0): 1}
    rotations = reps.vector(groups.SO(3))
    assert reps.decompose_weights(rotations**3) == {(3,): 1, (2,): 2, (1,): 3, (0,): 1}


def test_powers_of_products_are_counted_exactly():
    V = reps.vector(groups.SO(3))
    square = reps.symmetric_power(V * V, 2)
    # Sym^2(0 + 1 + 2) = 0 + (0 + 2) + (0 + 2 + 4) + 1 + 2 + (1 + 2 + 3) by degrees.
    assert reps.decompose_weights(square) == {(4,): 1, (3,): 1, (2,): 4, (1,): 2, (0,): 3}
    assert reps.dimension_of_maps(square, reps.scalar(groups.SO(3))) == 3
    assert reps.dimension_of_maps(square, V) == reps.equivariant_basis(square, V).size == 2
    assert dimension.known_dimension_of_maps(square, V * V) == 9


def test_planar_irreps_have_weights():
    group = groups.SO(2)
    rep = reps.planar_irrep(group, 3)
    assert reps.decompose_weights(rep * reps.vector(group)) == {
        (4,): 1, (2,): 1, (-2,): 1, (-4,): 1,
    }  # fmt: skip


def test_other_groups_and_weights_are_refused():
    with pytest.raises(ValueError, match="or O\\(n\\) with odd n, got V of O\\(4\\)"):
        reps.decompose_weights(reps.vector(groups.O(4)))
    with pytest.raises(
        ValueError, match="a highest weight of SO\\(4\\) has 2 entries, got \\(1, -2\\)"
    ):
        reps.dimension_of_weight(groups.SO(4), (1, -2))
    with pytest.raises(ValueError, match="has 2 entries, the last of them 0 or 1, got \\(2,\\)"):
        reps.dimension_of_weight(groups.O(3), (2,))
    assert reps.dimension_of_weight(groups.O(3), (2, 1)) == 5
    with pytest.raises(ValueError, match="with odd n, got S\\(3\\)"):
        reps.dimension_of_weight(groups.S(3), (1, 0, 0))
    restricted = reps.restrict(reps.vector(groups.SO(4)) ** 2, groups.SO(2) * groups.SO(2))
    with pytest.raises(ValueError, match="real forms"):
        reps.decompose_weights(restricted)
