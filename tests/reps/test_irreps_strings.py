"""Strings of irreps, and what can be done with sums of them."""

import jax
import numpy as np
import pytest

from symjax_models import groups, reps

O3 = groups.O(3)


@pytest.mark.parametrize(
    ("group", "text", "dim"),
    [
        (O3, "64x0e+32x1o+8x2e+1x0o+1x1e", 64 + 96 + 40 + 1 + 3),
        (groups.SO(3), "4x0+2x1+1x3", 17),
        (groups.O(2), "2x0e+1x0o+3x1+1x4", 11),
        (groups.SO(2), "2x0+3x1+1x4", 10),
        (groups.SU(2), "1x0+2x1/2+1x1+1x3/2", 12),
    ],
)
def test_strings_are_read_and_written(group, text, dim):
    rep = reps.parse_irreps(text, group=group)
    assert rep.group == group and rep.dim == dim
    assert reps.format_irreps(rep) == text


def test_spelling_is_free():
    rep = reps.parse_irreps("8x0e + 4 x 1o+2e")
    assert rep == 8 * reps.scalar(O3) + 4 * reps.vector(O3) + reps.rotation_irrep(O3, 2)
    assert reps.parse_irreps("1o+2x1o") == 3 * reps.vector(O3)
    assert reps.parse_irreps("").dim == 0 and reps.format_irreps(reps.parse_irreps("")) == ""


@pytest.mark.parametrize(
    ("group", "text", "message"),
    [
        (
            O3,
            "8x0",
            "cannot read '8x0' in '8x0': irreps of O\\(3\\) are written as degree and",
        ),
        (O3, "8x0e+", "cannot read '' in '8x0e\\+'"),
        (O3, "x1o", "cannot read 'x1o'"),
        (groups.SO(3), "1o", "irreps of SO\\(3\\) are written as degrees, such as 0, 1, 2"),
        (groups.SO(2), "0e", "written as frequencies"),
        (groups.SU(2), "1/3", "written as spins"),
        (
            groups.O(4),
            "1o",
            "SO\\(3\\), O\\(2\\), SO\\(2\\) and SU\\(2\\), got O\\(4\\)",
        ),
    ],
)
def test_what_cannot_be_read_is_named(group, text, message):
    with pytest.raises(ValueError, match=message):
        reps.parse_irreps(text, group=group)


def test_a_name_makes_no_group():
    inversions = groups.MatrixGroup([-np.eye(3)], name="O(3)")
    with pytest.raises(ValueError, match="irreps are written as strings for O"):
        reps.parse_irreps("1o", group=inversions)


def test_what_has_no_string_is_named():
    V = reps.vector(O3)
    with pytest.raises(ValueError, match="got the summand V\\*V of O\\(3\\)"):
        reps.format_irreps(V * V)
    with pytest.raises(ValueError, match="got the summand V of S\\(3\\)"):
        reps.format_irreps(reps.vector(groups.S(3)))


def test_sorting_and_filtering():
    rep = reps.parse_irreps("2e+3x0o+1o+2x1e+0e")
    assert reps.format_irreps(reps.sort_irreps(rep)) == "1x0e+3x0o+2x1e+1x1o+1x2e"
    assert reps.format_irreps(reps.filter_irreps(rep, keep="1e+2e")) == "1x2e+2x1e"
    assert reps.format_irreps(reps.filter_irreps(rep, max_degree=0)) == "3x0o+1x0e"
    assert reps.filter_irreps(rep, keep=[reps.scalar(O3)]) == reps.scalar(O3)
    assert reps.filter_irreps(rep, keep=["0e", "2e"]) == reps.parse_irreps("2e+0e")
    assert reps.filter_irreps(rep, keep=reps.scalar(O3)) == reps.scalar(O3)
    with pytest.raises(ValueError, match="max_degree is a whole number"):
        reps.harmonic_irreps(-1)
    assert reps.harmonic_irreps(2) == reps.parse_irreps("0e+1o+2e")
    assert reps.harmonic_irreps(2, group=groups.SO(3)).dim == 9


def test_spins_are_representations_of_su2():
    elements = np.asarray(groups.SU(2).sample(jax.random.key(0), (4,)))
    for text in ("1/2", "1", "3/2"):
        rep = reps.parse_irreps(text, group=groups.SU(2))
        assert reps.dimension_of_maps(rep, rep) == 1
        np.testing.assert_allclose(
            rep.rho(elements[1:] @ elements[:-1]),
            rep.rho(elements[1:]) @ rep.rho(elements[:-1]),
            atol=1e-5,
        )


def test_features_are_found_by_name():
    x = reps.normal(jax.random.key(0), reps.parse_irreps("4x0e+2x1o+1x2e"), (3,))
    assert x["1o"].shape == (3, 3, 2) and x["2e"].shape == (3, 5, 1)
    with pytest.raises(ValueError, match="has no summand 3o of O\\(3\\)"):
        x["3o"]
    with pytest.raises(ValueError, match="cannot read '3'"):
        x["3"]
