"""Irreps of SO(3) and O(3): representations, their products and what these consist of."""

import jax
import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups, reps
from symjax_models.reps import couplings
from symjax_models.reps.rotation_irreps import RotationIrrep, degree_and_parity
from symjax_models.reps.solver import SolvedBasis

O3, SO3 = groups.O(3), groups.SO(3)
KINDS = [(0, 1), (0, -1), (1, -1), (1, 1), (2, 1), (2, -1), (3, -1), (5, 1)]
NAMES = [f"{degree}{'e' if parity == 1 else 'o'}" for degree, parity in KINDS]


@pytest.fixture(scope="module")
def elements():
    """Five elements of O(3) in float64, the third of them improper."""
    with jax.enable_x64(True):
        drawn = np.array(groups.SO(3).sample(jax.random.key(0), (5,), dtype=np.float64))
    drawn[2] *= -1
    return drawn


@pytest.fixture(params=KINDS, ids=NAMES)
def irrep(request):
    degree, parity = request.param
    return reps.rotation_irrep(O3, degree, parity=parity)


def test_irreps_are_representations(irrep, elements):
    rho, eye = irrep.rho(elements), np.eye(irrep.dim)
    products = irrep.rho(elements[1:] @ elements[:-1])
    np.testing.assert_allclose(products, rho[1:] @ rho[:-1], atol=1e-13)
    np.testing.assert_allclose(rho @ rho.swapaxes(1, 2) - eye, 0.0 * rho, atol=1e-13)
    for a in O3.lie_algebra:
        exponential = irrep.rho(scipy.linalg.expm(a))
        np.testing.assert_allclose(scipy.linalg.expm(irrep.drho(a)), exponential, atol=1e-13)
    _, parity = degree_and_parity(irrep)
    np.testing.assert_allclose(irrep.rho(-np.eye(3)), parity * eye, atol=1e-14)
    assert irrep.is_orthogonal and irrep.dual == irrep


def test_simple_irreps_have_their_simple_names():
    assert reps.rotation_irrep(O3, 0) == reps.scalar(O3)
    assert reps.rotation_irrep(O3, 0, parity=-1) == reps.determinant(O3)
    assert reps.rotation_irrep(O3, 1) == reps.vector(O3) and reps.rotation_irrep(
        SO3, 1
    ) == reps.vector(SO3)
    axial = reps.rotation_irrep(O3, 1, parity=1)
    assert isinstance(axial, RotationIrrep) and repr(axial) == "1e of O(3)"
    assert reps.rotation_irrep(O3, 3) == reps.rotation_irrep(O3, 3, parity=-1)
    assert repr(reps.rotation_irrep(SO3, 4)) == "V(4) of SO(3)"
    assert degree_and_parity(reps.vector(groups.SO(3))) == (1, 1)
    assert (
        degree_and_parity(reps.vector(groups.SO(4))) is None
        and degree_and_parity(axial * axial) is None
    )


@pytest.mark.parametrize(
    ("group", "degree", "parity", "message"),
    [
        (groups.SO(4), 1, None, "expected groups.SO\\(3\\) or groups.O\\(3\\), got SO\\(4\\)"),
        (SO3, 2, 1, "irreps of SO\\(3\\) have no parity, got 1"),
        (O3, 2, 0, "a parity is 1 or -1, got 0"),
        (O3, -1, None, "a degree is a whole number of at least 0, got -1"),
        (O3, 1.5, None, "a degree is a whole number of at least 0, got 1.5"),
    ],
)
def test_what_is_no_irrep_is_refused(group, degree, parity, message):
    with pytest.raises(ValueError, match=message):
        reps.rotation_irrep(group, degree, parity=parity)


PRODUCTS = [
    ("1e*2o", "2o", 1),
    ("2o*2o", "2o*2o", 5),
    ("2e*1o", "3o", 1),
    ("2e*2e", "1e", 1),
    ("2e*2e", "1o", 0),
    ("1e*0o*2e", "1o*1o", 0),
    ("1e*0o*2e", "0o*2e", 1),
    ("2e*2e*2e", "2e", 5),
]


def product_of(text):
    result = reps.scalar(O3)
    for name in text.split("*"):
        result = result * reps.parse_irreps(name)
    return result


@pytest.mark.parametrize(("source", "target", "size"), PRODUCTS)
def test_couplings_are_all_maps_of_products(source, target, size, elements):
    rep_in, rep_out = product_of(source), product_of(target)
    basis = reps.equivariant_basis(rep_in, rep_out)
    assert isinstance(basis, couplings.CouplingBasis)
    assert basis.size == size == reps.dimension_of_maps(rep_in, rep_out)
    maps = basis.dense()
    np.testing.assert_allclose(np.einsum("kij,lij->kl", maps, maps), np.eye(size), atol=1e-13)
    for g in elements:
        np.testing.assert_allclose(rep_out.rho(g) @ maps, maps @ rep_in.rho(g), atol=1e-12)
    if rep_in.dim * rep_out.dim < 200:
        solved = SolvedBasis(rep_in, rep_out, tolerance=1e-9).dense()
        overlap = np.einsum("kij,lij->kl", maps, solved)
        np.testing.assert_allclose(overlap @ overlap.T, np.eye(size), atol=1e-10)


def test_couplings_apply_to_batches_and_channels():
    rep_in, rep_out = product_of("2e*2e"), product_of("1o*1o")
    basis = reps.equivariant_basis(rep_in, rep_out)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 3, 25, 4)), rng.normal(size=(basis.size, 4, 5))
    expected = np.einsum("koi,kcd,...ic->...od", basis.dense(), w, x)
    np.testing.assert_allclose(basis.apply(w, x), expected, atol=1e-12)
    compiled = jax.jit(basis.apply)(w.astype(np.float32), x.astype(np.float32))
    np.testing.assert_allclose(compiled, expected, rtol=1e-4, atol=1e-5)


def test_products_and_powers_consist_of_what_the_tables_say():
    V = reps.vector(O3)
    two = reps.parse_irreps("2e")
    for rep, content in (
        (V**3, "1x0o+3x1o+2x2o+1x3o"),
        (V**4, "3x0e+6x1e+6x2e+3x3e+1x4e"),
        (reps.symmetric_power(V, 5), "1x1o+1x3o+1x5o"),
        (reps.alternating_power(V, 2), "1x1e"),
        (reps.alternating_power(V, 3), "1x0o"),
        (reps.symmetric_power(two, 3), "1x0e+1x2e+1x3e+1x4e+1x6e"),
        (reps.symmetric_power(two, 4), "1x0e+2x2e+2x4e+1x5e+1x6e+1x8e"),
        (reps.alternating_power(two, 3), "1x1e+1x3e"),
        (reps.symmetric_power(reps.parse_irreps("3o"), 3), "1x1o+2x3o+1x4o+1x5o+1x6o+1x7o+1x9o"),
    ):
        found = reps.decompose(rep)
        total = sum((count * irrep for irrep, count in found.items()), 0 * V)
        assert reps.format_irreps(total) == content
        assert total.dim == rep.dim


@pytest.mark.parametrize("text", ["1o*1o*1o", "2e*1e"])
def test_change_of_basis_shows_the_irreps(text, elements):
    rep = product_of(text)
    Q = reps.change_of_basis(rep)
    np.testing.assert_allclose(Q @ Q.T, np.eye(rep.dim), atol=1e-12)
    total = sum((count * irrep for irrep, count in reps.decompose(rep).items()), 0 * rep)
    np.testing.assert_allclose(Q @ rep.rho(elements) @ Q.T, total.rho(elements), atol=1e-12)


def test_matrices_may_be_of_whole_numbers():
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 0]])
    for rep in (reps.rotation_irrep(O3, 2), reps.symmetric_power(reps.vector(O3), 2)):
        np.testing.assert_array_equal(rep.rho(quarter), rep.rho(quarter.astype(float)))
        np.testing.assert_array_equal(rep.drho(turn), rep.drho(turn.astype(float)))


def test_branching_to_rotations():
    rep = reps.parse_irreps("2x0o+1x1e+3x2o")
    assert reps.restrict(rep, SO3) == reps.parse_irreps("2x0+1x1+3x2", group=SO3)
    planar = reps.restrict(reps.planar_irrep(groups.O(2), 3), groups.SO(2))
    assert planar == reps.planar_irrep(groups.SO(2), 3)


def test_branching_to_point_groups():
    cube = groups.Octahedral(inversion=True)
    for degree, sizes in ((2, [2, 3]), (3, [1, 3, 3]), (4, [1, 2, 3, 3])):
        parts = reps.decompose(reps.restrict(reps.rotation_irrep(O3, degree), cube))
        assert sorted(irrep.dim for irrep, count in parts.items() for _ in range(count)) == sizes
