"""Axioms that hold for every group: new families go into `GROUPS`."""

import functools

import jax
import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups

# Size 1 has no rotations and no permutations but the identity.
GROUPS = [
    groups.O(1),
    groups.O(3),
    groups.SO(1),
    groups.SO(2),
    groups.SO(4),
    groups.S(1),
    groups.S(5),
    groups.T(3),
]
COMPACT = [group for group in GROUPS if not isinstance(group, groups.T)]
DRAWS = 4096
# Groups are hashable values, so that jit takes them as static arguments.
SAMPLE = jax.jit(groups.Group.sample, static_argnums=(0, 2), static_argnames="dtype")


@functools.cache
def draw(group: groups.Group) -> np.ndarray:
    """Draw once per group, in float64, for all tests that need elements."""
    with jax.enable_x64(True):
        return np.asarray(SAMPLE(group, jax.random.key(0), (DRAWS,), dtype=np.float64))


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_elements_belong_to_the_group(group):
    elements = draw(group)
    assert elements.shape == (DRAWS, group.n, group.n)
    assert group.residual(elements).max() < 1e-13


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_products_and_inverses_belong_to_the_group(group):
    g, h = draw(group)[:64], draw(group)[64:128]
    assert group.contains(np.einsum("...ij,...jk->...ik", g, h), tolerance=1e-13).all()
    assert group.contains(np.linalg.inv(g), tolerance=1e-13).all()
    assert group.contains(np.eye(group.n), tolerance=0.0)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_matrices_off_the_group_are_refused(group):
    element = draw(group)[0]
    assert not group.contains(element + 1e-3 * np.eye(group.n))
    assert not group.contains(2.0 * element)
    assert not group.contains(np.zeros((group.n, group.n)))
    assert not group.contains(np.full((group.n, group.n), np.nan))
    with pytest.raises(ValueError, match="has matrices of shape"):
        group.residual(np.eye(group.n + 1))


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_generators_generate_elements(group):
    algebra, discrete = group.lie_algebra, group.discrete_generators
    assert algebra.shape[1:] == discrete.shape[1:] == (group.n, group.n)
    assert algebra.dtype == discrete.dtype == np.float64
    assert np.linalg.matrix_rank(algebra.reshape(len(algebra), group.n**2)) == len(algebra)
    for a in algebra:
        assert group.contains(scipy.linalg.expm(0.7 * a), tolerance=1e-13)
        # Tangent: off the group at second order in the step only.
        assert group.residual(np.eye(group.n) + 1e-4 * a) < 1e-7
    assert group.contains(discrete, tolerance=1e-13).all()


@pytest.mark.parametrize("group", COMPACT, ids=repr)
def test_second_moment_is_the_projection_on_what_generators_fix(group):
    # The Haar mean of g (x) g projects on the tensors that the group leaves alone. Those are found
    # here from the generators, which sampling does not use.
    n = group.n
    elements = draw(group)
    mean = np.einsum("bij,bkl->ikjl", elements, elements).reshape(n * n, n * n) / DRAWS
    one = np.eye(n)
    constraints = [np.zeros((n * n, n * n))]
    constraints += [np.kron(a, one) + np.kron(one, a) for a in group.lie_algebra]
    constraints += [np.kron(g, g) - np.eye(n * n) for g in group.discrete_generators]
    kernel = scipy.linalg.null_space(np.concatenate(constraints))
    # Entries of g are at most 1, so each mean has a standard error below 1 / sqrt(DRAWS).
    assert np.abs(mean - kernel @ kernel.T).max() < 4.0 / np.sqrt(DRAWS)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_values_are_hashable_equal_and_readable(group):
    same = type(group)(group.n - isinstance(group, groups.T))
    assert same == group and hash(same) == hash(group) and same is not group
    assert same.lie_algebra is group.lie_algebra
    assert type(group)(7) != group
    assert repr(group) == f"{type(group).__name__}({group.n - isinstance(group, groups.T)})"
    assert len(set(GROUPS)) == len(GROUPS)
    with pytest.raises(ValueError, match="read-only"):
        group.lie_algebra[...] = 0.0


@pytest.mark.parametrize("group", [groups.SO(3), groups.S(4), groups.T(3)], ids=repr)
def test_sample_depends_on_key_shape_and_dtype_alone(group):
    key, shape = jax.random.key(1), (2, 3)
    elements = SAMPLE(group, key, shape, dtype=np.float32)
    assert elements.shape == (*shape, group.n, group.n) and elements.dtype == np.float32
    assert group.residual(elements).max() < 2e-6
    np.testing.assert_array_equal(elements, SAMPLE(group, key, shape, dtype=np.float32))
    assert not np.array_equal(elements, SAMPLE(group, jax.random.key(2), shape, dtype=np.float32))
    with jax.enable_x64(True):
        np.testing.assert_array_equal(elements, SAMPLE(group, key, shape, dtype=np.float32))


def test_sample_in_jit_is_sample():
    key = jax.random.key(1)
    single = groups.O(3).sample(key)
    assert single.shape == (3, 3) and single.dtype == np.float32
    np.testing.assert_allclose(single, SAMPLE(groups.O(3), key, ()), atol=1e-6)
    half = SAMPLE(groups.O(3), key, (), dtype="bfloat16")
    assert half.dtype == "bfloat16"
    np.testing.assert_allclose(single, half.astype("float32"), atol=1e-2)
