"""Orbit distances: zero on the group, invariant, positive off it; inverses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups
from symjax_models.ops import orbit_distance as module

GROUPS = [
    groups.SO(2),
    groups.U(2),
    groups.SU(2),
    groups.IndefiniteO(1, 3),
    groups.Lorentz(),
    groups.Sp(4),
]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_zero_on_the_group_and_invariant_off_it(group):
    off = np.random.default_rng(0).normal(size=(4, group.n, group.n))
    off[:, 0, 0] += 20

    @jax.jit
    def measure(off):
        g = group.sample(jax.random.key(0), (4,), dtype=jnp.float64)
        there = [module.orbit_distance(g, group=group, norm=norm) for norm in module.NORMS]
        off = off.astype(g.dtype)
        moved = jnp.einsum("...ij,...jk->...ik", g, off)
        here = [module.orbit_distance(x, group=group) for x in (off, moved)]
        product = jnp.einsum("...ij,...jk->...ik", module.approximate_inverse(g, group=group), g)
        return there, here, product

    with jax.enable_x64(True):
        there, here, product = jax.tree.map(np.asarray, measure(off))
    np.testing.assert_allclose(there, np.zeros((2, 4)), atol=1e-11)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(group.n), product.shape), atol=1e-11)
    assert (here[0] > 1).all()
    # That time runs forward is no equation: its part of the loss is not invariant.
    if group != groups.Lorentz():
        np.testing.assert_allclose(*here, rtol=1e-9)


def test_single_precision_and_the_equations_of_rotations_of_the_plane():
    matrix = np.random.default_rng(1).normal(size=(2, 2)).astype(np.float32)
    a, b = matrix.T
    gram = np.square([a @ a - 1, b @ b - 1, a @ b, a @ b]).mean()
    expected = gram + (np.linalg.det(matrix) - 1) ** 2
    found = module.orbit_distance(matrix, group=groups.SO(2))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_reflections_and_reversals_of_time_are_off_their_connected_groups():
    mirror, reversal = np.diag(np.float32([1, 1, 1, -1])), np.diag(np.float32([-1, -1, 1, 1]))
    for matrix in (mirror, reversal):
        assert module.orbit_distance(matrix, group=groups.Lorentz()) > 1
        assert module.orbit_distance(matrix, group=groups.IndefiniteO(1, 3)) == 0


def test_descending_the_distance_reaches_the_group():
    group = groups.Lorentz()
    loss = lambda m: module.orbit_distance(m, group=group)  # noqa: E731
    start = np.eye(4) + 0.2 * np.random.default_rng(0).normal(size=(4, 4))
    step = lambda m, _: (m - 0.2 * jax.grad(loss)(m), None)  # noqa: E731
    end = jax.jit(lambda m: jax.lax.scan(step, m, None, length=400)[0])(jnp.asarray(start))
    assert group.contains(end, tolerance=1e-3)
    assert not group.contains(start, tolerance=1e-1)


def test_errors_name_what_fits():
    with pytest.raises(ValueError, match=r"invariant polynomials.*GL\(2\)"):
        module.orbit_distance(np.eye(2), group=groups.GL(2))
    with pytest.raises(ValueError, match=r"\[..., 2, 2\]"):
        module.approximate_inverse(np.eye(3), group=groups.SO(2))
    with pytest.raises(ValueError, match="known are squared, absolute"):
        module.orbit_distance(np.eye(2), group=groups.SO(2), norm="l1")
