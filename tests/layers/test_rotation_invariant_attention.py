"""Attention by invariants of how points lie: E(3) and permutations."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.layers import rotation_invariant_attention as attention
from symjax_models.ops.nearest_neighbours import nearest_neighbours
from symjax_models.ops.point_pair_features import neighbour_pair_features

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(6, 3))
NORMALS = RNG.normal(size=(6, 3))
FEATURES = RNG.normal(size=(6, 4))


class Both(nn.Module):
    """Local, then global attention."""

    @nn.compact
    def __call__(self, points, normals, features):
        indices = nearest_neighbours(points, k=3)
        pairs = neighbour_pair_features(points, normals, indices)
        h = attention.PointPairAttention(num_heads=2)(features, pairs, indices)
        embedding = attention.PairEmbedding(4, distance_unit=1.0, num_references=2)(points)
        return attention.GlobalInvariantAttention(num_heads=2)(h, embedding)


NET = Both()
SHAPES = jax.eval_shape(NET.init, jax.random.key(0), POINTS, NORMALS, FEATURES)
PARAMS = jax.tree.map(lambda leaf: RNG.normal(size=leaf.shape), SHAPES)
KINDS = {"inputs": ["invariant", "point", "vector", "scalar"], "output": "scalar"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attention_is_invariant(dtype):
    audit.assert_equivariant(NET.apply, PARAMS, POINTS, NORMALS, FEATURES, **KINDS, dtype=dtype)


@jax.jit
def apply_with_gradient(points, normals):
    def total(points, normals):
        found = NET.apply(PARAMS, points, normals, FEATURES)
        return jnp.sum(jnp.sin(found)), found

    gradient, found = jax.grad(total, argnums=(0, 1), has_aux=True)(points, normals)
    return found, gradient


def test_attention_reads_the_geometry():
    found, _ = apply_with_gradient(POINTS, NORMALS)
    for points, normals in ((POINTS * 1.1, NORMALS), (POINTS, np.roll(NORMALS, 1, axis=0))):
        assert np.abs(apply_with_gradient(points, normals)[0] - found).max() > 1e-2


def test_normals_that_stay_behind_are_found():
    kinds = KINDS | {"inputs": ["invariant", "point", "scalar", "scalar"]}
    error = audit.equivariance_error(NET.apply, PARAMS, POINTS, NORMALS, FEATURES, **kinds)
    assert error.max > 1e-2


def test_coincident_points_and_zero_normals_have_finite_derivatives():
    for points, normals in ((POINTS, NORMALS), (np.zeros((6, 3)), np.zeros((6, 3)))):
        _, gradient = apply_with_gradient(points, normals)
        assert all(np.isfinite(leaf).all() for leaf in gradient)


def test_sizes_that_do_not_fit_are_refused():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="3 heads divide evenly, got 4"):
        attention.GlobalInvariantAttention(num_heads=3).init(key, FEATURES, np.zeros((6, 6, 2)))
    with pytest.raises(ValueError, match="even length, got 5"):
        attention.PairEmbedding(5).init(key, POINTS)
    with pytest.raises(ValueError, match="3 references need more points, got 3"):
        attention.PairEmbedding(4).init(key, POINTS[:3])
