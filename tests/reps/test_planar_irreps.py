"""Irreducible representations of SO(2) and O(2)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups, reps

GROUPS = pytest.mark.parametrize("group", [groups.SO(2), groups.O(2)], ids=repr)


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def draw(group, shape):
    rng = np.random.default_rng(0)
    elements = rotation(rng.uniform(0, 2 * np.pi, shape)).transpose(*range(2, 2 + len(shape)), 0, 1)
    if isinstance(group, groups.O):
        elements = elements * rng.choice([1.0, -1.0], (*shape, 1, 1)) ** np.array([0, 1])
    return elements


@pytest.mark.parametrize("k", [1, 2, 3, 6, 17])
@GROUPS
def test_homomorphism(group, k):
    rep = reps.planar_irrep(group, k)
    g, h = draw(group, (2, 7))
    np.testing.assert_allclose(rep.rho(g @ h), rep.rho(g) @ rep.rho(h), atol=1e-12)
    np.testing.assert_allclose(rep.rho(rotation(0.4)), rotation(0.4 * k), atol=1e-13)
    if isinstance(group, groups.O):
        mirror = np.diag([1.0, -1.0])
        np.testing.assert_allclose(rep.rho(mirror), mirror, atol=0)
    algebra = group.lie_algebra[0]
    expected = scipy.linalg.expm(0.3 * rep.drho(algebra))
    np.testing.assert_allclose(rep.rho(scipy.linalg.expm(0.3 * algebra)), expected, atol=1e-13)


def test_reflections_need_the_determinant():
    g, h = draw(groups.O(2), (2, 40))
    rep = reps.planar_irrep(groups.SO(2), 2)
    assert np.abs(rep.rho(g @ h) - rep.rho(g) @ rep.rho(h)).max() > 0.5


@GROUPS
def test_jax_batches_and_derivatives(group):
    rep = reps.planar_irrep(group, 5)
    g = jnp.asarray(draw(group, (2, 3)), np.float32)
    found = jax.jit(rep.rho)(g)
    assert found.shape == (2, 3, 2, 2) and found.dtype == np.float32
    np.testing.assert_allclose(found, rep.rho(np.asarray(g)), atol=1e-6)

    algebra = group.lie_algebra[0]
    _, velocity = jax.jvp(rep.rho, (jnp.eye(2),), (jnp.asarray(algebra, np.float32),))
    np.testing.assert_allclose(velocity, rep.drho(algebra), atol=1e-6)


@GROUPS
def test_counts_and_bases(group):
    units = 1 if isinstance(group, groups.O) else 2
    one, two, three = (reps.planar_irrep(group, k) for k in (1, 2, 3))
    assert reps.dimension_of_maps(two, two) == units
    assert reps.dimension_of_maps(one * two, three) == units
    assert reps.dimension_of_maps(one * two, two) == 0
    assert reps.dimension_of_maps(one * one, two) == units
    assert reps.dimension_of_maps(one * one, reps.scalar(group)) == units
    for source, target in ((two, two), (one * two, three), (two, three), (one, two)):
        basis = reps.equivariant_basis(source, target)
        assert basis.size == reps.dimension_of_maps(source, target)
        g = draw(group, (4,))
        for matrix in basis.dense():
            moved = target.rho(g) @ matrix - matrix @ source.rho(g)
            np.testing.assert_allclose(moved, 0, atol=1e-12)


def test_simple_cases_and_errors():
    group = groups.O(2)
    assert reps.planar_irrep(group, 0) == reps.scalar(group)
    assert reps.planar_irrep(group, 1) == reps.vector(group)
    rep = reps.planar_irrep(group, 4)
    assert repr(rep) == "V(4) of O(2)" and rep.dual is rep and rep.is_orthogonal
    with pytest.raises(ValueError, match="a frequency is a whole number of at least 0, got -1"):
        reps.planar_irrep(group, -1)
    with pytest.raises(ValueError, match="expected groups.SO\\(2\\) or groups.O\\(2\\), got SO"):
        reps.planar_irrep(groups.SO(3), 2)
