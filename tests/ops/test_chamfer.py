"""Distances of clouds against sums written out, with masks and at coincident points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops import chamfer

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(2, 7, 3))
DISTANCES = np.linalg.norm(A[:, :, None] - B[:, None], axis=-1)
TO_B, TO_A = DISTANCES.min(axis=2), DISTANCES.min(axis=1)
THRESHOLD = float(np.median(TO_B))


def every(a, b, mask_a=None, mask_b=None):
    masks = {"mask_a": mask_a, "mask_b": mask_b}
    score = chamfer.f_score(a, b, threshold=THRESHOLD, mask_predicted=mask_a, mask_target=mask_b)
    return chamfer.chamfer_l1(a, b, **masks), chamfer.chamfer_l2(a, b, **masks), score


@jax.jit
def gradients(a, b, mask_a, mask_b):
    """Of both distances by the first cloud, `[2, *batch, N, d]`."""
    l1 = jax.grad(lambda a: every(a, b, mask_a, mask_b)[0].sum())
    l2 = jax.grad(lambda a: every(a, b, mask_a, mask_b)[1].sum())
    return jnp.stack([l1(a), l2(a)])


compiled = jax.jit(every)


def test_values_are_those_of_the_definitions():
    l1, l2, score = compiled(A, B)
    np.testing.assert_allclose(l1, (TO_B.mean(1) + TO_A.mean(1)) / 2, rtol=1e-5)
    np.testing.assert_allclose(l2, (TO_B**2).mean(1) + (TO_A**2).mean(1), rtol=1e-5)
    precision, recall = (TO_B < THRESHOLD).mean(1), (TO_A < THRESHOLD).mean(1)
    np.testing.assert_allclose(score, 2 * precision * recall / (precision + recall), rtol=1e-5)


def test_padding_may_hold_anything():
    padded_a = np.concatenate([A, np.full((2, 2, 3), np.nan)], axis=1)
    padded_b = np.concatenate([B, np.zeros((2, 1, 3))], axis=1)
    masks = np.arange(7) < np.full((2, 1), 5), np.arange(8) < np.full((2, 1), 7)
    for found, expected in zip(compiled(padded_a, padded_b, *masks), compiled(A, B), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    found = np.asarray(gradients(padded_a, padded_b, *masks))
    assert np.isfinite(found).all()
    assert found[:, :, :5].any()
    assert not found[:, :, 5:].any()


def per_point(a, b):
    """The same for one pair of clouds, with a row of its own for every point."""
    return every(a[:, 0], b[:, 0])


ROWS = A[0][:, None], B[0][:, None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_isometries_of_both_change_nothing(dtype):
    options = {"inputs": ["point", "point"], "output": "invariant"}
    audit.assert_equivariant(per_point, *ROWS, **options, dtype=dtype)


def test_moving_one_cloud_alone_is_seen():
    options = {"inputs": ["point", "invariant"], "output": "invariant"}
    assert audit.equivariance_error(per_point, *ROWS, **options).max > 1e-2


def test_equal_clouds_are_at_distance_zero_with_gradient_zero():
    masks = np.ones((2, 5), bool), np.ones((2, 5), bool)
    np.testing.assert_array_equal(np.asarray(compiled(A, A, *masks)), [[0, 0], [0, 0], [1, 1]])
    assert not np.asarray(gradients(A, A, *masks)).any()


@pytest.mark.parametrize("shapes", [((4, 2), (5, 3)), ((2, 4, 3), (3, 4, 3)), ((0, 3), (5, 3))])
def test_clouds_that_do_not_fit_are_refused(shapes):
    a, b = (np.zeros(shape, np.float32) for shape in shapes)
    with pytest.raises(ValueError, match="not empty, got"):
        chamfer.chamfer_l1(a, b)


def test_single_precision_stays():
    with jax.enable_x64(True):
        cloud = np.zeros((2, 3), np.float32)
        assert chamfer.chamfer_l2(cloud, cloud).dtype == np.float32
