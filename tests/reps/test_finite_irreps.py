"""Irreducible representations of finite groups against tables, orthogonality and homomorphism."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps import finite
from symjax_models.reps.irreducible_parts import canonical_basis, is_irreducible

KLEIN = groups.MatrixGroup([np.diag([-1.0, 1.0]), np.diag([1.0, -1.0])], name="V4")
SHEAR = np.array([[1.0, 0.7], [0.0, 1.0]])
# The symmetries of the triangle, in coordinates in which they are not orthogonal.
SKEW = groups.MatrixGroup(
    [SHEAR @ g @ np.linalg.inv(SHEAR) for g in groups.D(3).discrete_generators], name="skew D3"
)
I, J = np.diag([1j, -1j]), np.array([[0.0, 1.0], [-1.0, 0.0]], complex)
QUATERNION = groups.MatrixGroup([I, J], name="Q8")


def left_multiplication(z: np.ndarray) -> np.ndarray:
    """Turn a complex matrix into a real one of twice the size."""
    return np.block([[z.real, -z.imag], [z.imag, z.real]])


REAL_QUATERNION = groups.MatrixGroup(list(map(left_multiplication, (I, J))), name="real Q8")

# Group: dimensions with the field of endomorphisms, in order.
TABLE = {
    groups.Trivial(2): "1R",
    groups.C(1): "1R",
    groups.C(2): "1R 1R",
    groups.C(3): "1R 2C",
    groups.C(4): "1R 1R 2C",
    groups.C(7): "1R 2C 2C 2C",
    groups.Z(5): "1R 2C 2C",
    groups.D(1): "1R 1R",
    groups.D(2): "1R 1R 1R 1R",
    groups.D(3): "1R 1R 2R",
    groups.D(4): "1R 1R 1R 1R 2R",
    groups.D(5): "1R 1R 2R 2R",
    groups.S(1): "1R",
    groups.S(3): "1R 1R 2R",
    groups.S(4): "1R 1R 2R 3R 3R",
    groups.S(5): "1R 1R 4R 4R 5R 5R 6R",
    groups.A(4): "1R 2C 3R",
    groups.A(5): "1R 3R 3R 4R 5R",
    groups.B(2): "1R 1R 1R 1R 2R",
    groups.B(3): "1R 1R 1R 1R 2R 2R 3R 3R 3R 3R",
    groups.Octahedral(): "1R 1R 2R 3R 3R",
    groups.Octahedral(inversion=True): "1R 1R 1R 1R 2R 2R 3R 3R 3R 3R",
    groups.Icosahedral(): "1R 3R 3R 4R 5R",
    groups.Icosahedral(inversion=True): "1R 1R 3R 3R 3R 3R 4R 4R 5R 5R",
    KLEIN: "1R 1R 1R 1R",
    SKEW: "1R 1R 2R",
    REAL_QUATERNION: "1R 1R 1R 1R 4H",
    QUATERNION: "1C 1C 1C 1C 2C",
    groups.C(3) * groups.S(3): "1R 1R 2R 2C 2C 4C",
}
GROUPS = pytest.mark.parametrize("group", TABLE, ids=repr)
ENDOMORPHISMS = {"R": 1, "C": 2, "H": 4}


@functools.cache
def characters_of(group):
    return np.stack([reps.character(irrep, group.elements) for irrep in reps.irreps(group)])


def nontrivial(group):
    """Return the irreps of a group but the first, which is the scalar."""
    return reps.irreps(group)[1:]


@GROUPS
def test_dimensions_and_fields(group):
    found = reps.irreps(group)
    assert found[0] == reps.scalar(group)
    fields = ["C" if group.is_complex else "R", *(irrep.field for irrep in found[1:])]
    names = " ".join(f"{r.dim}{field}" for r, field in zip(found, fields, strict=True))
    assert names == TABLE[group]
    shares = [1 if group.is_complex else ENDOMORPHISMS[field] for field in fields]
    assert sum(r.dim**2 // e for r, e in zip(found, shares, strict=True)) == group.order


@GROUPS
def test_characters_are_orthogonal(group):
    characters = characters_of(group)
    gram = characters @ characters.conj().T / group.order
    sizes = [1, *(len(irrep.endomorphisms) for irrep in nontrivial(group))]
    np.testing.assert_allclose(gram, np.diag(sizes), atol=1e-10)


@GROUPS
def test_irreps_are_unitary_homomorphisms(group):
    rng = np.random.default_rng(0)
    g, h = group.elements[rng.integers(0, group.order, (2, 30))]
    for irrep in reps.irreps(group):
        left, right = irrep.rho(g @ h), irrep.rho(g) @ irrep.rho(h)
        np.testing.assert_allclose(left, right, atol=1e-12)
        unit = irrep.rho(g).conj().swapaxes(-1, -2) @ irrep.rho(g)
        np.testing.assert_allclose(unit, np.broadcast_to(np.eye(irrep.dim), unit.shape), atol=1e-12)
        assert irrep.drho(group.lie_algebra).shape == (0, irrep.dim, irrep.dim)


def test_a_wrong_table_is_no_homomorphism():
    irrep = reps.irreps(groups.S(4))[-1]
    elements = groups.S(4).elements
    wrong = irrep.table[::-1]
    products = finite.index_of(groups.S(4), elements @ elements[5])
    assert np.abs(wrong[products] - wrong @ wrong[5]).max() > 0.5


@GROUPS
def test_endomorphisms_are_orthonormal_and_commute(group):
    for irrep in nontrivial(group):
        maps = irrep.endomorphisms
        gram = np.einsum("aij,bij->ab", maps.conj(), maps)
        np.testing.assert_allclose(gram, np.eye(len(maps)), atol=1e-12)
        left = np.einsum("gij,ajk->gaik", irrep.table, maps)
        right = np.einsum("aij,gjk->gaik", maps, irrep.table)
        np.testing.assert_allclose(left, right, atol=1e-12)


def test_imaginary_units_of_the_quaternions():
    irrep = reps.irreps(REAL_QUATERNION)[-1]
    one, i, j, k = 2.0 * irrep.endomorphisms
    np.testing.assert_allclose(one, np.eye(4), atol=1e-12)
    for unit in (i, j, k):
        np.testing.assert_allclose(unit @ unit, -np.eye(4), atol=1e-12)
    assert min(np.abs(i @ j - k).max(), np.abs(i @ j + k).max()) < 1e-12


def test_irreducible_v_is_taken_as_it_is():
    for group in (groups.D(5), groups.Octahedral(), groups.Icosahedral(), groups.C(3)):
        assert any(np.array_equal(r.table, group.elements) for r in nontrivial(group))


def test_jax_finds_the_same_matrices_in_jit_and_single_precision():
    group = groups.Icosahedral(inversion=True)
    irrep = reps.irreps(group)[-1]
    elements = group.elements.astype(np.float32).reshape(12, 10, 3, 3)
    found = jax.jit(irrep.rho)(jnp.asarray(elements))
    assert found.shape == (12, 10, 5, 5) and found.dtype == np.float32
    np.testing.assert_allclose(found, irrep.rho(elements), atol=0)
    np.testing.assert_allclose(irrep.rho(elements).reshape(-1, 5, 5), irrep.table, atol=1e-6)
    z = jnp.asarray(QUATERNION.elements, np.complex64)
    np.testing.assert_allclose(
        jax.jit(reps.irreps(QUATERNION)[-1].rho)(z), reps.irreps(QUATERNION)[-1].table, atol=1e-6
    )
    skew = reps.irreps(SKEW)[-1]
    np.testing.assert_allclose(
        skew.rho(jnp.asarray(SKEW.elements)), skew.rho(SKEW.elements), atol=1e-6
    )


def test_whole_numbers_are_taken_as_elements():
    irrep = reps.irreps(groups.S(4))[3]
    swap = groups.S(4).discrete_generators[0]
    np.testing.assert_allclose(irrep.rho(swap.astype(int)), irrep.rho(swap), atol=0)


def test_matrices_off_the_group_are_refused():
    irrep = reps.irreps(groups.S(3))[2]
    with pytest.raises(ValueError, match="expected elements of S\\(3\\)"):
        irrep.rho(np.eye(3) + 0.1)
    assert irrep.rho(np.zeros((0, 3, 3))).shape == (0, 2, 2)


def test_irreps_are_values_with_names():
    group = groups.S(4)
    assert list(map(str, reps.irreps(group))) == ["1", "1#2", "2#1", "3#1", "3#2"]
    assert reps.irreps(group)[3] == reps.Irrep(group, 3) and len({*reps.irreps(group)}) == 5
    irrep = reps.irreps(group)[3]
    assert irrep.dual is irrep and repr(2 * irrep + irrep) == "3*3#1 of S(4)"
    assert not irrep.table.flags.writeable


def test_large_and_infinite_groups_are_refused():
    with pytest.raises(ValueError, match="at most 1000 elements, got S\\(7\\) of order 5040"):
        reps.irreps(groups.S(7))
    with pytest.raises(ValueError, match="got SO\\(3\\) of order inf"):
        reps.irreps(groups.SO(3))


def test_choices_do_not_depend_on_rounding():
    # The basis is a function of the subspace: noise of the size of rounding stays that small.
    rng = np.random.default_rng(1)
    vectors, _ = np.linalg.qr(rng.normal(size=(6, 3)))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    first = canonical_basis(vectors @ vectors.T, 3)
    other = vectors @ turn
    np.testing.assert_allclose(canonical_basis(other @ other.T, 3), first, atol=1e-13)
    np.testing.assert_allclose(first @ first.T, vectors @ vectors.T, atol=1e-13)


def test_sums_and_copies_are_not_irreducible():
    for group in (groups.S(3), groups.C(3), REAL_QUATERNION, QUATERNION):
        last = reps.irreps(group)[-1]
        trivial = reps.irreps(group)[0]
        assert is_irreducible(group, last.table)
        assert not is_irreducible(group, (2 * last).rho(group.elements))
        assert not is_irreducible(group, (last + trivial).rho(group.elements))
        assert not is_irreducible(group, (4 * trivial).rho(group.elements))
