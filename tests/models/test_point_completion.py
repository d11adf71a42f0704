"""Completion: similarities of the partial cloud carry over, and degenerate clouds are completed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.models.point_completion import PointCompletion
from symjax_models.ops.chamfer import chamfer_l1

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(7, 3))
MODEL = PointCompletion(5, k=3, channels=(8,), embedding=16, decoder=(16,))
PARAMS = jax.jit(MODEL.init)(jax.random.key(0), jnp.asarray(POINTS, jnp.float32))
APPLY = jax.jit(MODEL.apply)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_isometries_carry_over(dtype):
    # One point per row, as the audit would permute inputs and outputs alike.
    audit.assert_equivariant(
        lambda params, rows: MODEL.apply(params, rows[:, 0])[:, None],
        PARAMS,
        POINTS[:, None],
        inputs=["invariant", "point"],
        output="point",
        num_samples=4,
        dtype=dtype,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scale_carries_over_and_the_order_does_not_matter(dtype):
    tolerance = {"float32": 5e-6, "float64": 1e-12}[dtype]
    with jax.enable_x64(dtype == "float64"):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), PARAMS)
        points = jnp.asarray(POINTS, dtype)
        inputs = points, 300 * points, points[::-1]
        one, large, reordered = (np.asarray(APPLY(params, x)) for x in inputs)
    size = np.sqrt(np.mean(one**2))
    assert np.abs(large / 300 - one).max() / size < tolerance
    assert np.abs(reordered - one).max() / size < tolerance
    # A network that normalizes by a scale of its own, not of the cloud, does not carry it over.
    assert np.abs(one - large).max() / size > 1e-2


def test_loss_and_gradient_are_finite_at_degenerate_clouds():
    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1))
    def loss(params, points):
        return chamfer_l1(MODEL.apply(params, points), jnp.asarray(POINTS, jnp.float32))

    line = np.arange(7)[:, None] * np.array([1.0, 2.0, 2.0])
    for points in (np.zeros((7, 3)), np.broadcast_to(POINTS[0], (7, 3)), line, POINTS):
        for leaf in jax.tree.leaves(loss(PARAMS, jnp.asarray(points, jnp.float32))):
            assert np.isfinite(leaf).all()


def test_one_point_is_completed_to_copies_of_it():
    same = np.broadcast_to(np.float32(POINTS[0]), (7, 3))
    np.testing.assert_allclose(APPLY(PARAMS, same), np.broadcast_to(same[0], (5, 3)), rtol=1e-6)
