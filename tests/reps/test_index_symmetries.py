"""Tensors with index symmetries against the published contents, and their bases."""

import numpy as np
import pytest

from symjax_models import groups, reps

O3 = groups.O(3)
V = reps.vector(O3)


@pytest.mark.parametrize(
    ("formula", "rep", "content"),
    [
        ("ijkl=jikl=klij", V, "2x0e+2x2e+1x4e"),
        ("ijk=ikj", V, "2x1o+1x2o+1x3o"),
        ("ijk=-ikj=-jik", reps.parse_irreps("1e"), "1x0e"),
        ("ij=-ji", V, "1x1e"),
        ("ij", V, "1x0e+1x1e+1x2e"),
        ("ijk=jik=ikj", reps.parse_irreps("2e"), "1x0e+1x2e+1x3e+1x4e+1x6e"),
    ],
)
def test_contents_are_those_of_the_tables(formula, rep, content):
    total, Q = reps.reduce_tensor(formula, rep)
    assert reps.format_irreps(total) == content
    flat = Q.reshape(len(Q), -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(total.dim), atol=1e-12)


def test_basis_is_equivariant_and_symmetric():
    total, Q = reps.reduce_tensor("ijkl=jikl=klij", V)
    np.testing.assert_allclose(Q, Q.transpose(0, 2, 1, 3, 4), atol=1e-13)
    np.testing.assert_allclose(Q, Q.transpose(0, 3, 4, 1, 2), atol=1e-13)
    g = -groups.Octahedral().elements[5] @ groups.Icosahedral().elements[7]
    moved = np.einsum("aijkl,iI,jJ,kK,lL->aIJKL", Q, g, g, g, g)
    np.testing.assert_allclose(np.einsum("ab,bijkl->aijkl", total.rho(g), Q), moved, atol=1e-12)


def test_indices_may_transform_differently():
    total, Q = reps.reduce_tensor("ijk=jik", {"i": V, "j": V, "k": reps.parse_irreps("2e")})
    assert Q.shape == (30, 3, 3, 5) and total.dim == 30


@pytest.mark.parametrize(
    ("formula", "rep", "message"),
    [
        ("ii=ii", V, "expected distinct letters"),
        ("ij=ik", V, "expected the letters ij in another order"),
        ("ij=ji", {"i": V, "j": reps.parse_irreps("2e")}, "exchanges indices of different"),
        ("ij=ji", {"i": V}, "expected a representation for each of the indices i, j"),
        ("ij=ji", 2 * V, "that are no sums"),
        ("ij=ji", reps.vector(groups.O(4)), "of SO\\(3\\) or O\\(3\\)"),
    ],
)
def test_wrong_formulas_are_refused(formula, rep, message):
    with pytest.raises(ValueError, match=message):
        reps.reduce_tensor(formula, rep)
