"""Matrices of frames aligned with directions, and the three contractions of what they do."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops.tensor_products import frames
from symjax_models.ops.tensor_products.trilinear import contract
from symjax_models.reps.rotation import wigner_ds

DEGREES = (0, 2, 1, 2)
MAX_DEGREE, ROWS, ENTRIES = 2, 14, 35
# The matrices may go on to degrees that no irrep has.
FORMS = {"turn": frames.Turn(DEGREES, ENTRIES + 49), "tilt": frames.Tilt(DEGREES)}
AXES = np.concatenate([np.eye(3), -np.eye(3), 1e-9 * np.eye(3)[:1] + np.eye(3)[1]])

matrices_of = jax.jit(frames.frame_matrices, static_argnums=1)


def by_degree(entries):
    found, start = [], 0
    for l in range(MAX_DEGREE + 1):
        size = 2 * l + 1
        matrix = np.asarray(entries[..., start : start + size**2, 0]).reshape(-1, size, size)
        # The rows are of the orders 0, 1, -1, 2, -2, ...
        found.append(matrix[:, np.argsort([0, *(s * m for m in range(1, l + 1) for s in (1, -1))])])
        start += size**2
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_matrices_are_those_of_a_rotation_to_the_pole(dtype, tolerance):
    directions = np.concatenate(
        [AXES, np.random.default_rng(0).normal(size=(5, 3)), np.zeros((1, 3))]
    )
    with jax.enable_x64(dtype == np.float64):
        found = by_degree(matrices_of(jnp.asarray(directions, dtype), MAX_DEGREE))
    rotations = found[1].astype(np.float64)
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=3 * tolerance)
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    poles = np.einsum("eij,ej->ei", rotations, directions)
    np.testing.assert_allclose(poles, lengths * [[0, 1, 0]], atol=3 * tolerance)
    np.testing.assert_array_equal(rotations[-1], np.eye(3))
    for matrix, expected in zip(found, wigner_ds(rotations, max_degree=MAX_DEGREE), strict=True):
        np.testing.assert_allclose(matrix, expected, atol=5 * tolerance)


def test_derivative_is_that_of_a_frame_without_roll():
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        d, v = (jnp.asarray(rng.normal(size=(4, 3))) for _ in range(2))
        value, change = jax.jvp(lambda d: frames.frame_matrices(d, MAX_DEGREE), (d,), (v,))
        step = 1e-6
        moved = by_degree(matrices_of(d + step * v, MAX_DEGREE))
    value, change = by_degree(value), by_degree(change)
    # The row of order 0 does not know the roll: its derivative is the true one.
    for l in (1, 2):
        difference = (moved[l] - value[l])[:, l] / step
        np.testing.assert_allclose(change[l][:, l], difference, atol=1e-5)
    # Turned without a roll: dR R^T, about x, y and z in the frame, has no part about y.
    spin = change[1] @ value[1].transpose(0, 2, 1)
    np.testing.assert_allclose(spin[:, 0, 2], 0, atol=1e-14)
    assert np.abs(spin).max() > 0.1


def arrays_of(form, seed=0):
    rng = np.random.default_rng(seed)
    left = form.num_entries if form == FORMS["turn"] else 2
    return [
        jnp.asarray(rng.normal(size=(2, *shape))) for shape in ((left, 1), (ROWS, 3), (ROWS, 3))
    ]


@pytest.mark.parametrize("name", FORMS)
def test_contractions_are_derivatives_of_one_number(name):
    form = FORMS[name]

    @jax.jit
    def contractions(arrays):
        a, x, z = arrays
        return contract(form, 0, x, z), contract(form, 1, a, z), contract(form, 2, a, x)

    with jax.enable_x64(True):
        arrays = arrays_of(form)
        found = contractions(arrays)
        for array, derivative in zip(arrays, found, strict=True):
            assert derivative.shape == array.shape
        numbers = [jnp.vdot(a, b) for a, b in zip(arrays, found, strict=True)]
        np.testing.assert_allclose(numbers, [numbers[0]] * 3, rtol=1e-12)


@pytest.mark.parametrize("name", FORMS)
def test_both_modes_and_maps(name):
    form = FORMS[name]
    with jax.enable_x64(True):
        (a, x, z), (b, y, _) = arrays_of(form), arrays_of(form, seed=1)

        @jax.jit
        def everything(a, x, b, y, z):
            function = functools.partial(contract, form, 2)
            value, change = jax.jvp(function, (a, x), (b, y))
            _, pull = jax.vjp(function, a, x)
            mapped = jax.vmap(function, in_axes=(0, None))(a, x[0])
            one_by_one = jnp.stack([function(a[i], x[0]) for i in range(2)])
            return value, change, pull(z), mapped, one_by_one

        value, change, pulled, mapped, one_by_one = everything(a, x, b, y, z)
        np.testing.assert_allclose(mapped, one_by_one, atol=1e-13)
        np.testing.assert_allclose(
            jnp.vdot(change, z), jnp.vdot(pulled[0], b) + jnp.vdot(pulled[1], y), rtol=1e-12
        )
        # In two variables of one degree each, the second difference is the derivative twice.
        total = contract(form, 2, a + b, x + y) - value - contract(form, 2, b, y)
        np.testing.assert_allclose(change, total, atol=1e-12)
