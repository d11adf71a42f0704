"""Representations are homomorphisms: for every group and every construction of the algebra."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups, reps
from symjax_models.reps import base

GROUPS = [
    groups.O(2),
    groups.SO(3),
    groups.IndefiniteO(1, 2),
    groups.Lorentz(),
    groups.Sp(2),
    groups.GL(2),
    groups.SL(2),
    groups.U(2),
    groups.SU(2),
    groups.S(4),
    groups.A(4),
    groups.B(3),
    groups.C(5),
    groups.D(3),
    groups.Z(4),
    groups.Icosahedral(inversion=True),
    groups.PermutationGroup(((1, 2, 0, 3), (0, 1, 3, 2))),
    groups.Scaling(2),
    groups.T(2),
    groups.SE(2),
    groups.O(2) * groups.S(3),
    groups.U(1) * groups.Sp(2),
    groups.WreathProduct(groups.O(1), groups.S(2)),
    groups.MatrixGroup([[[0.0, -2.0], [0.5, 0.0]]], name="conjugate of C(4)"),
]


def draw(group, count, seed):
    """Multiply generators to words, in NumPy: what sampling does has tests of its own."""
    rng = np.random.default_rng(seed)
    algebra, discrete = group.lie_algebra, group.discrete_generators
    words = []
    for _ in range(count):
        word = np.eye(group.n)
        for _ in range(3):
            if len(discrete):
                word = word @ discrete[rng.integers(len(discrete))]
            if len(algebra):
                coordinates = 0.4 * rng.standard_normal(len(algebra))
                word = word @ scipy.linalg.expm(np.tensordot(coordinates, algebra, 1))
        words.append(word)
    return np.array(words)


def constructions(group):
    vector, scalar, sign = reps.vector(group), reps.scalar(group), reps.determinant(group)
    nested = reps.symmetric_power(reps.alternating_power(vector, 2) * vector, 2)
    return [
        vector,
        scalar,
        sign,
        sign.dual,
        vector.dual,
        3 * vector + 2 * scalar,
        vector * vector.dual,
        (vector + sign) * (scalar + vector.dual),
        (vector * vector.dual + vector).dual,
        vector**3,
        reps.symmetric_power(vector, 2),
        reps.symmetric_power(vector.dual, 3),
        reps.alternating_power(vector + scalar, 2),
        0 * vector,
        *([nested] if group.n <= 3 else []),
    ]


def assert_homomorphism(rep, seed=0):
    group = rep.group
    g, h = draw(group, 3, seed), draw(group, 3, seed + 1)
    left, right = rep.rho(g), rep.rho(h)
    scale = max(1.0, np.abs(left).max(initial=0.0) * np.abs(right).max(initial=0.0) * rep.dim)
    assert left.shape == (3, rep.dim, rep.dim)
    assert np.abs(rep.rho(g @ h) - left @ right).max(initial=0.0) < 1e-12 * scale
    np.testing.assert_allclose(rep.rho(np.eye(group.n)), np.eye(rep.dim), atol=1e-13)


def assert_derivative(rep, seed=0):
    # The derivative of a homomorphism at 1 determines it: rho(exp A) = exp(drho(A)).
    algebra = rep.group.lie_algebra
    rng = np.random.default_rng(seed)
    a = np.tensordot(0.3 * rng.standard_normal((2, len(algebra))), algebra, 1)
    derivative = rep.drho(a)
    assert derivative.shape == (2, rep.dim, rep.dim)
    expected = rep.rho(np.array([scipy.linalg.expm(x) for x in a]))
    found = [scipy.linalg.expm(x) if rep.dim else x for x in derivative]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_every_construction_is_a_homomorphism(group):
    for rep in constructions(group):
        assert_homomorphism(rep)


@pytest.mark.parametrize("group", [g for g in GROUPS if len(g.lie_algebra)], ids=repr)
def test_drho_is_the_derivative_of_rho(group):
    for rep in constructions(group):
        assert_derivative(rep)


@dataclasses.dataclass(frozen=True, repr=False)
class Broken(base.Rep):
    """Transpose the group's matrices, which turns products around."""

    group: groups.Group

    @property
    def dim(self):
        return self.group.n

    def _rho(self, g):
        return g.swapaxes(-1, -2)

    def _drho(self, a):
        return a

    def __str__(self):
        return "broken"


@pytest.mark.parametrize("group", [groups.SO(3), groups.Lorentz(), groups.S(4)], ids=repr)
def test_what_is_no_homomorphism_is_noticed(group):
    broken = Broken(group)
    for rep in (broken, broken * broken, broken + reps.scalar(group)):
        with pytest.raises(AssertionError):
            assert_homomorphism(rep)
    if len(group.lie_algebra):
        with pytest.raises(AssertionError):
            assert_derivative(broken)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_duals_contract_to_invariants(group):
    g = draw(group, 3, 0)
    for rep in constructions(group):
        paired = rep.dual.rho(g).swapaxes(-1, -2) @ rep.rho(g)
        np.testing.assert_allclose(
            paired, np.broadcast_to(np.eye(rep.dim), paired.shape), atol=1e-9
        )
        assert rep.dual.dual == rep and rep.dual.dim == rep.dim
        if rep.is_orthogonal and not rep.is_complex:
            assert rep.dual == rep


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_characters_are_traces_and_orthogonal_ones_are_unitary(group):
    g = draw(group, 3, 0)
    for rep in constructions(group):
        matrices = rep.rho(g)
        expected = np.trace(matrices, axis1=-2, axis2=-1)
        np.testing.assert_allclose(reps.character(rep, g), expected, rtol=1e-9, atol=1e-9)
        if rep.is_orthogonal:
            gram = matrices.conj().swapaxes(-1, -2) @ matrices
            np.testing.assert_allclose(gram - np.eye(rep.dim), 0.0 * gram, atol=1e-12)


@pytest.mark.parametrize("group", [groups.Lorentz(), groups.U(2)], ids=repr)
def test_jax_agrees_with_numpy(group):
    g = draw(group, 2, 0)
    vector, sign = reps.vector(group), reps.determinant(group)
    for rep in (vector.dual * sign + 2 * vector, reps.symmetric_power(vector, 2)):
        expected = rep.rho(g)
        scale = np.abs(expected).max()
        single = rep.rho(jnp.asarray(g))
        assert isinstance(single, jax.Array) and single.dtype in (jnp.float32, jnp.complex64)
        np.testing.assert_allclose(single, expected, atol=2e-6 * scale * rep.dim)
        with jax.enable_x64(True):
            np.testing.assert_allclose(rep.rho(jnp.asarray(g)), expected, atol=1e-13 * scale)
            algebra = jnp.asarray(group.lie_algebra)
            np.testing.assert_allclose(rep.drho(algebra), rep.drho(group.lie_algebra), atol=1e-13)


def test_single_precision_is_kept_by_numpy():
    group = groups.SO(3)
    g = draw(group, 2, 0).astype(np.float32)
    vector = reps.vector(group)
    for rep in (vector, vector**2, reps.symmetric_power(vector, 2), vector + reps.scalar(group)):
        assert rep.rho(g).dtype == np.float32
        np.testing.assert_allclose(rep.rho(g), rep.rho(g.astype(np.float64)), atol=1e-6)


def test_products_are_kronecker_products_and_sums_block_diagonal():
    group = groups.Sp(2)
    vector, scalar = reps.vector(group), reps.scalar(group)
    (g,) = draw(group, 1, 0)
    dual = np.linalg.inv(g).T
    np.testing.assert_allclose((vector * vector.dual).rho(g), np.kron(g, dual), atol=1e-13)
    np.testing.assert_allclose(
        (2 * vector + scalar + vector.dual).rho(g), scipy.linalg.block_diag(g, g, 1, dual)
    )


def test_the_algebra_simplifies():
    group = groups.Sp(2)
    vector, scalar = reps.vector(group), reps.scalar(group)
    dual = vector.dual
    assert vector + scalar + vector == 2 * vector + scalar
    assert vector + scalar != scalar + vector
    assert vector * scalar == vector and scalar**5 == scalar and vector**0 == scalar
    assert vector * (dual + 2 * scalar) == vector * dual + 2 * vector
    assert (vector * vector) * dual == vector * (vector * dual) != vector * dual * vector
    assert 0 * vector + dual == dual and 1 * vector == vector
    assert (vector * dual).dual == dual * vector
    assert vector**3 * vector == vector**4
    assert hash(2 * vector + dual) == hash(vector + dual + reps.vector(groups.Sp(2)))
    assert reps.vector(groups.O(3)).dual == reps.vector(groups.O(3))
    assert repr(2 * vector + vector * dual) == "2*V + V*V' of Sp(2)"
    assert str((vector + scalar) * dual) == "V*V' + V'"


def test_determinants():
    sign = reps.determinant(groups.S(4))
    assert reps.determinant(groups.S(4), power=3) == sign == reps.determinant(groups.S(4), power=-1)
    assert reps.determinant(groups.S(4), power=2) == reps.scalar(groups.S(4))
    for group in (groups.A(4), groups.SO(3), groups.SU(2), groups.SL(2), groups.Z(3), groups.S(1)):
        assert reps.determinant(group) == reps.scalar(group)
    volume = reps.determinant(groups.GL(2), power=-2)
    np.testing.assert_allclose(volume.rho(np.diag([2.0, -0.5])), [[1.0]])
    np.testing.assert_allclose(volume.rho(np.diag([2.0, 3.0])), [[1 / 36]])
    assert volume.dual == reps.determinant(groups.GL(2), power=2)
    # A quarter turn of the phase: only the fourth power is trivial.
    quarter = groups.MatrixGroup([[[1j]]])
    assert reps.determinant(quarter, power=2) != reps.scalar(quarter)
    assert reps.determinant(quarter, power=4) == reps.scalar(quarter)


def test_factors_of_products_act_alone():
    group = groups.O(2) * groups.S(3)
    plane, points = reps.vector(groups.O(2)), reps.vector(groups.S(3))
    first, second = reps.of_factor(group, 0, plane), reps.of_factor(group, 1, points)
    g = draw(group, 1, 3)[0]
    left, right = group.split(g)
    np.testing.assert_allclose((first * second).rho(g), np.kron(left, right), atol=1e-13)
    assert reps.vector(group) == first + second
    np.testing.assert_allclose(reps.vector(group).rho(g), g)
    np.testing.assert_allclose(reps.determinant(group).rho(g), [[np.linalg.det(g)]])
    mixed = plane * plane + 2 * reps.scalar(groups.O(2))
    assert reps.of_factor(group, 0, mixed) == first * first + 2 * reps.scalar(group)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda v: v + reps.vector(groups.SO(2)), "one group"),
        (lambda v: v * reps.vector(groups.SO(2)), "one group"),
        (lambda v: -1 * v, "multiplicity is a whole number"),
        (lambda v: True * v, "multiplicity is a whole number"),
        (lambda v: 1.5 * v, "multiplicity is a whole number"),
        (lambda v: v**-1, "exponent is a whole number"),
        (lambda v: v.rho(np.eye(2)), r"have shape \[\.\.\., 3, 3\], got \(2, 2\)"),
        (lambda v: v.drho(np.ones(3)), "elements of the Lie algebra"),
        (lambda v: reps.of_factor(groups.SO(3), 0, v), "DirectProduct"),
        (lambda v: reps.of_factor(groups.SO(3) * groups.S(2), 2, v), "factors 0 to 1, got 2"),
        (lambda v: reps.of_factor(groups.SO(3) * groups.S(2), 1, v), r"is S\(2\), got"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(reps.vector(groups.SO(3)))


@pytest.mark.parametrize("operation", [lambda v: v + 1, lambda v: v * 2.0, lambda v: "V" * v])
def test_other_types_are_refused(operation):
    with pytest.raises((TypeError, ValueError)):
        operation(reps.vector(groups.SO(3)))
