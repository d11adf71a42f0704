"""Position-aware convolution of vectors: equivariant under SO(3), not under reflections."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.layers import point_convolution
from symjax_models.ops.nearest_neighbours import nearest_neighbours

POINTS = np.random.default_rng(0).normal(size=(6, 3))


class Two(nn.Module):
    """Two blocks, the first without features of the points."""

    @nn.compact
    def __call__(self, points):
        indices = nearest_neighbours(points, k=4)
        h = point_convolution.VectorBlock(2)(None, points, indices)
        h = point_convolution.VectorBlock(2)(h, points, indices)
        return h[..., 0], h[..., 1]


NET = Two()
PARAMS = jax.eval_shape(NET.init, jax.random.key(0), jnp.zeros((6, 3)))


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: 0.6 * rng.normal(size=leaf.shape), PARAMS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_features_turn_with_the_points(params, dtype):
    kinds = {"inputs": ["invariant", "point"], "output": ("vector", "vector"), "dtype": dtype}
    audit.assert_equivariant(NET.apply, params, POINTS, **kinds, reflections=False)


def test_cross_products_tell_mirror_images_apart(params):
    kinds = {"inputs": ["invariant", "point"], "output": ("vector", "vector")}
    assert audit.equivariance_error(NET.apply, params, POINTS, **kinds).parts["reflections"] > 1e-2


def test_coincident_and_collinear_points_have_finite_derivatives(params):
    def total(points):
        return sum(jnp.sum(jnp.sin(v)) for v in NET.apply(params, points))

    gradient = jax.jit(jax.grad(total))
    for points in (np.zeros((6, 3)), POINTS * np.array([1, 0, 0]), POINTS):
        assert np.isfinite(gradient(points)).all()
    assert np.asarray(gradient(POINTS)).any()


def test_kernels_are_mixed_by_weights_that_sum_to_one():
    layer = point_convolution.PositionAwareConvolution(2, num_kernels=3)
    indices = np.stack([np.arange(6)] * 4, axis=-1)
    vectors = np.random.default_rng(2).normal(size=(6, 3, 5)).astype(np.float32)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), vectors, POINTS, indices)
    rng = np.random.default_rng(4)
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), shapes)
    # With equal kernels the weights do not matter; every neighbour is the point itself.
    kernel = np.random.default_rng(3).normal(size=(1, 8, 2)).repeat(3, axis=0)
    params["params"]["kernel"] = kernel
    found = jax.jit(layer.apply)(params, vectors, POINTS, indices)
    np.testing.assert_allclose(found, vectors @ kernel[0, :5], rtol=1e-4, atol=1e-5)
