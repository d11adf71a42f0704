"""Symmetric contractions against characters, tensor powers and the group."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops import symmetric_contraction, symmetric_powers
from symjax_models.ops.symmetric_contraction import SymmetricContraction
from symjax_models.reps import harmonic_irreps, parse_irreps

BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
IMPROPER = pytest.mark.parametrize("sign", [1, -1], ids=["proper", "improper"])
RNG = np.random.default_rng(0)
# Twice the scalar in the input and the vector in the output, and an irrep of the other parity.
SMALL = SymmetricContraction(parse_irreps("2x0e+1o+1e"), parse_irreps("0e+2x1o+2e"), 3)
LARGE = SymmetricContraction(harmonic_irreps(2), parse_irreps("0e+1o+1e+2e"), 4)


@functools.partial(jax.jit, static_argnums=0)
def contract(contraction, x, weights):
    return contraction.apply(x, weights)


def draw(contraction, *, batch=(2,), channels=3, shared=False):
    weights = RNG.normal(size=(*(() if shared else batch), contraction.size, channels))
    return RNG.normal(size=(*batch, contraction.rep.dim, channels)), weights


def count_by_characters(rep, order, degree):
    """Count copies of an irrep of SO(3) in a symmetric power, by a sum over angles."""
    angles = 2 * np.pi * np.arange(64) / 64
    roots = np.concatenate(
        [wave(angles, (term.dim - 1) // 2) for k, term in rep.terms for _ in range(k)]
    )
    # The generating function of the characters of symmetric powers is prod 1 / (1 - t root).
    powers = np.zeros((order + 1, len(angles)), complex)
    powers[0] = 1
    for root in roots:
        for n in range(1, order + 1):
            powers[n] += root * powers[n - 1]
    overlap = powers[order] * wave(angles, degree).sum(axis=0) * (1 - np.cos(angles))
    assert abs(overlap.mean().imag) < 1e-9
    return round(overlap.mean().real)


def wave(angles, degree):
    return np.exp(1j * np.arange(-degree, degree + 1)[:, None] * angles)


@pytest.mark.parametrize(
    ("max_degree", "max_order", "counts"),
    [
        (1, 4, {"0e": (1, 2, 2, 3), "1o": (1, 1, 2, 2), "2e": (0, 1, 1, 2), "1e": (0, 0, 0, 0)}),
        (2, 4, {"0e": (1, 3, 5, 9), "1o": (1, 2, 5, 9), "2e": (1, 3, 6, 13), "1e": (0, 0, 1, 2)}),
        (3, 3, {"0e": (1, 4, 8), "1o": (1, 3, 12), "3o": (1, 3, 15), "1e": (0, 0, 4)}),
    ],
)
def test_counts_of_symmetric_powers_of_harmonics(max_degree, max_order, counts):
    rep_out = parse_irreps("+".join(counts))
    found = SymmetricContraction(harmonic_irreps(max_degree), rep_out, max_order)
    assert found.num_weights == tuple(counts.values())
    assert found.size == sum(map(sum, counts.values()))


@pytest.mark.parametrize("text", ["0+1+2", "2x1", "3", "0+2x2"])
def test_counts_are_those_of_characters(text):
    group = groups.SO(3)
    rep, degrees = parse_irreps(text, group=group), range(4)
    found = SymmetricContraction(rep, parse_irreps("0+1+2+3", group=group), 3).num_weights
    for degree in degrees:
        expected = tuple(count_by_characters(rep, order, degree) for order in (1, 2, 3))
        assert found[degree] == expected


def test_weights_of_cuequivariance():
    group = groups.SO(3)
    rep, rep_out = parse_irreps("0+1+2", group=group), parse_irreps("0+1", group=group)
    counts = SymmetricContraction(rep, rep_out, 3).num_weights
    assert [a + b for a, b in zip(*counts, strict=True)] == [2, 5, 11]


@functools.cache
def tensors(rep, rep_out, order):
    """Return the tensors of all paths of one order, `[K, D_out, D, ..., D]`, as derivatives."""
    contraction = SymmetricContraction(rep, rep_out, order)

    def values(x):
        return contraction.apply(x[:, None], np.eye(contraction.size)[:, :, None])[..., 0]

    with jax.enable_x64(True):
        result = values
        for _ in range(order):
            result = jax.jacfwd(result)
        found = np.asarray(jax.jit(result)(np.zeros(rep.dim))) / math.factorial(order)
    assert found.shape == (contraction.size, rep_out.dim, *[rep.dim] * order)
    return found


def symmetric_maps(rep, irrep, order):
    """Project on the symmetric equivariant maps from a tensor power, by their definition."""
    rows = np.eye(irrep.dim * rep.dim**order)
    unknown = rows.reshape(-1, irrep.dim, *[rep.dim] * order)
    conditions = [unknown.swapaxes(2, 2 + i) - unknown for i in range(1, order)]
    for g in (*np.linalg.qr(np.random.default_rng(1).normal(size=(2, 3, 3)))[0], -np.eye(3)):
        moved = np.moveaxis(np.tensordot(unknown, irrep.rho(g), axes=(1, 1)), -1, 1)
        for axis in range(order):
            moved = np.moveaxis(np.tensordot(moved, rep.rho(g), axes=(2 + axis, 1)), -1, 2 + axis)
        conditions.append(moved - unknown)
    matrix = np.concatenate([c.reshape(len(rows), -1) for c in conditions], axis=1)
    _, values, vectors = np.linalg.svd(matrix @ matrix.T)
    null = vectors[values < 1e-9]
    return null.T @ null


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", ["0e", "1o", "2e"])
def test_paths_are_a_basis_of_all_symmetric_maps(name, order):
    rep, irrep = parse_irreps("0e+1o"), parse_irreps(name)
    expected = symmetric_maps(rep, irrep, order)
    count = SymmetricContraction(rep, irrep, order).num_weights[0][-1]
    maps = tensors(rep, irrep, order).reshape(-1, len(expected))
    gram = maps @ maps.T
    # Derivatives at zero of polynomials of lower order are zero, and these come first.
    np.testing.assert_array_equal(maps[: len(maps) - count], 0)
    assert round(np.trace(expected)) == count
    if count:
        size = gram[-1, -1]
        np.testing.assert_allclose(gram[-count:, -count:], size * np.eye(count), atol=1e-12)
        np.testing.assert_allclose(maps.T @ maps / size, expected, atol=1e-12)


def test_values_are_those_of_tensor_powers():
    rep, rep_out = parse_irreps("0e+1o"), parse_irreps("1o")
    contraction = SymmetricContraction(rep, rep_out, 3)
    x, weights = draw(contraction)
    expected, counts = np.zeros((2, 3, 3)), np.cumsum((0, *contraction.num_weights[0]))
    for n in (1, 2, 3):
        power, letters = x, "xyz"[:n]
        maps = tensors(rep, rep_out, n)[counts[n - 1] :]
        # The weights of a shorter contraction share its variance between fewer orders.
        maps = maps * math.sqrt(n / 3)
        operands = ",".join(f"b{letter}c" for letter in letters)
        kernel = weights[:, counts[n - 1] : counts[n]]
        expected += np.einsum(f"km{letters},bkc,{operands}->bmc", maps, kernel, *[power] * n)
    with jax.enable_x64(True):
        found = contract(contraction, x, weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@BOTH
@IMPROPER
@pytest.mark.parametrize("contraction", [SMALL, LARGE], ids=["small", "large"])
def test_equivariance(contraction, sign, dtype):
    orthogonal = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    orthogonal *= sign * np.sign(np.linalg.det(orthogonal))
    x, weights = draw(contraction)
    moved = contraction.rep.rho(orthogonal) @ x
    with jax.enable_x64(dtype == np.float64):
        before, after = (
            np.asarray(contract(contraction, a.astype(dtype), weights.astype(dtype)))
            for a in (moved, x)
        )
    assert before.dtype == dtype
    after = contraction.rep_out.rho(orthogonal) @ after
    scale = np.abs(after).max()
    np.testing.assert_allclose(before, after, atol=30 * scale * np.finfo(dtype).eps)


def equivariance_error(contraction):
    """Return the error in float64, of a function that is compiled anew."""
    orthogonal = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    x, weights = draw(contraction)
    with jax.enable_x64(True):
        apply = jax.jit(lambda x: contraction.apply(x, weights))
        before = np.asarray(apply(contraction.rep.rho(orthogonal) @ x))
        after = contraction.rep_out.rho(orthogonal) @ np.asarray(apply(x))
    return np.abs(before - after).max() / np.abs(after).max()


def random_lower_orders(maps):
    return [[RNG.normal(size=of_order.shape) for of_order in orders] for orders in maps]


def random_highest_order(found):
    before, lasts = found
    wrong = [last._replace(of_features=RNG.normal(size=last.of_features.shape)) for last in lasts]
    return before, tuple(wrong)


@pytest.mark.parametrize(
    ("name", "broken"),
    [("polynomial_maps", random_lower_orders), ("last_order", random_highest_order)],
)
def test_maps_that_are_no_couplings_are_not_equivariant(monkeypatch, name, broken):
    right = getattr(symmetric_contraction, name)(SMALL.rep, SMALL.rep_out, SMALL.max_order)
    errors = []
    for constants in (right, broken(right)):
        monkeypatch.setattr(symmetric_contraction, name, lambda *key, made=constants: made)
        errors.append(equivariance_error(SMALL))
    assert errors[0] < 1e-14
    assert errors[1] > 1e-2


def test_orders_are_homogeneous():
    x, weights = draw(LARGE)
    ends = np.cumsum([n for counts in LARGE.num_weights for n in counts])
    of_order = np.repeat(np.tile([1, 2, 3, 4], 4), np.diff(ends, prepend=0))
    with jax.enable_x64(True):
        for order in (1, 2, 3, 4):
            only = np.where(of_order[:, None] == order, weights, 0)
            once, twice = (np.asarray(contract(LARGE, scale * x, only)) for scale in (1, 2))
            np.testing.assert_allclose(twice, 2**order * once, rtol=1e-12)
            assert np.abs(once[:, :4]).max() > 0.01


@pytest.mark.parametrize("contraction", [SMALL, LARGE], ids=["small", "large"])
def test_outputs_have_unit_variance(contraction):
    x, weights = (a.astype(np.float32) for a in draw(contraction, batch=(3000,), channels=4))
    found = np.asarray(contract(contraction, x, weights), float)
    start = 0
    for count, term in contraction.rep_out.terms:
        for _ in range(count):
            part = found[:, start : start + term.dim]
            assert np.mean(part**2) == pytest.approx(1, abs=0.12)
            assert np.mean(part) == pytest.approx(0, abs=0.05)
            start += term.dim


def test_orders_have_equal_shares_of_the_variance():
    x, weights = (a.astype(np.float32) for a in draw(LARGE, batch=(3000,), channels=4))
    start = 0
    for order, count in enumerate(LARGE.num_weights[0], 1):
        only = np.zeros_like(weights)
        only[:, start : start + count] = weights[:, start : start + count]
        scalars = np.asarray(contract(LARGE, x, only), float)[:, 0]
        assert np.mean(scalars**2) == pytest.approx(1 / 4, rel=0.2), order
        start += count


def test_derivatives_are_finite_differences():
    (x, weights), (dx, dw) = draw(LARGE), draw(LARGE)
    target = RNG.normal(size=(2, LARGE.rep_out.dim, 3))
    with jax.enable_x64(True):

        def energy(x, weights):
            return jnp.sum(target * contract(LARGE, x, weights))

        gradients = jax.grad(energy, argnums=(0, 1))(x, weights)
        found = sum(float(jnp.sum(g * d)) for g, d in zip(gradients, (dx, dw), strict=True))
        step = 1e-5
        ends = [energy(x + s * step * dx, weights + s * step * dw) for s in (1, -1)]
    assert found == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-7)


def test_derivatives_at_zero():
    weights = jnp.ones((SMALL.size, 1))

    def scalar(x):
        return SMALL.apply(x[:, None], weights)[0, 0]

    zero = jnp.zeros(SMALL.rep.dim)
    value, gradient, hessian = jax.jit(
        lambda x: (scalar(x), jax.grad(scalar)(x), jax.hessian(scalar)(x))
    )(zero)
    assert value == 0
    assert np.abs(gradient[:2]).min() > 0.1  # the two scalars
    np.testing.assert_array_equal(gradient[2:], 0)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-6)
    assert np.linalg.matrix_rank(np.asarray(hessian), tol=1e-3) >= 6  # both kinds of vectors


def test_weights_may_be_shared_or_gathered_by_species():
    x, weights = (a.astype(np.float32) for a in draw(SMALL, batch=(5,)))
    species = np.array([1, 0, 1, 1, 0])
    gathered = contract(SMALL, x, weights[species])
    for index, row in enumerate(species):
        shared = contract(SMALL, x, weights[row])
        np.testing.assert_allclose(gathered[index], shared[index], atol=2e-5)
    mapped = jax.jit(jax.vmap(SMALL.apply))(x, weights[species])
    np.testing.assert_allclose(mapped, gathered, atol=2e-5)


def test_channels_do_not_mix():
    x, weights = (a.astype(np.float32) for a in draw(SMALL))
    other = x.copy()
    other[..., 1] += 1
    difference = np.asarray(contract(SMALL, other, weights) - contract(SMALL, x, weights))
    np.testing.assert_array_equal(difference[..., [0, 2]], 0)
    assert np.abs(difference[..., 1]).min(axis=0).max() > 1e-3


def test_irreps_out_of_reach_are_zero():
    contraction = SymmetricContraction(harmonic_irreps(1), parse_irreps("0o+1e+0e"), 2)
    assert contraction.num_weights == ((0, 0), (0, 0), (1, 2))
    x, weights = draw(contraction)
    found = np.asarray(contract(contraction, x.astype(np.float32), weights.astype(np.float32)))
    np.testing.assert_array_equal(found[:, :4], 0)
    assert np.abs(found[:, 4]).min() > 0
    empty = jax.eval_shape(contraction.apply, jnp.ones((0, 4, 3)), jnp.ones((3, 3)))
    assert empty.shape == (0, 5, 3)


def test_is_a_value():
    again = SymmetricContraction(harmonic_irreps(2), parse_irreps("0e+1o+1e+2e"), 4)
    assert again == LARGE and hash(again) == hash(LARGE) and again != SMALL
    x, weights = draw(SMALL)
    half = jax.eval_shape(SMALL.apply, jnp.ones(x.shape, jnp.bfloat16), weights.astype("bfloat16"))
    assert half.dtype == jnp.bfloat16 and half.shape == (2, SMALL.rep_out.dim, 3)


def test_bad_input(monkeypatch):
    rep, out = harmonic_irreps(1), parse_irreps("0e")
    vector = reps.vector(groups.O(3))
    with pytest.raises(ValueError, match="rep of a symmetric contraction is a sum of irreps"):
        SymmetricContraction(vector * vector, out, 2)
    with pytest.raises(ValueError, match="rep_out of a symmetric contraction is a sum of irreps"):
        SymmetricContraction(rep, 0 * out, 2)
    with pytest.raises(ValueError, match="expected representations of one group"):
        SymmetricContraction(rep, reps.scalar(groups.SO(3)), 2)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        SymmetricContraction(rep, out, 0)
    with pytest.raises(ValueError, match="max_order is a whole number"):
        SymmetricContraction(rep, out, 1.5)
    good = SymmetricContraction(rep, out, 2)
    x, weights = jnp.ones((2, 4, 3)), jnp.ones((3, 3))
    with pytest.raises(ValueError, match=r"expected features \[..., 4, C\]"):
        good.apply(x[:, 1:], weights)
    for wrong in (weights[1:], weights[:, 1:], weights[0]):
        with pytest.raises(ValueError, match=r"expected weights \[..., 3, 3\]"):
            good.apply(x, wrong)
    monkeypatch.setattr(symmetric_powers, "_MAX_ENTRIES", 10_000)
    with pytest.raises(ValueError, match="basis of order 3 takes more than 10000 numbers"):
        SymmetricContraction(harmonic_irreps(2), out, 5).apply(jnp.ones((9, 1)), weights)


def test_constants_are_read_only():
    for orders in symmetric_contraction.polynomial_maps(SMALL.rep, SMALL.rep_out, SMALL.max_order):
        for maps in orders:
            assert maps.dtype == np.float64 and not maps.flags.writeable
