"""Moments of clouds: tensors that rotate, and exact poses and distances between embeddings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops import geometric_moments as moments
from tests.ops.test_registration import random_pair

DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
similarity_of = jax.jit(moments.subspace_similarity)
solve = jax.jit(moments.pose_from_embeddings)
distance = jax.jit(moments.subspace_distance)
embed = jax.jit(moments.manifold_embedding)


def features(count=7, channels=6, *, batch=()):
    return np.random.default_rng(5).normal(size=(*batch, count, channels))


def embeddings(dtype="float64", *, batch=(), far=0.0):
    source, target, true = random_pair(batch=batch)
    f = np.square(features(batch=batch))
    arrays = (x.astype(dtype) for x in (source, target + far, f))
    source, target, f = arrays
    return embed(source, f), embed(target, f), true


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_rotate_with_the_cloud(dtype):
    # Equal counts of points, features and directions: all are rows of the audit's arrays.
    points, f = random_pair(count=4)[0], features(4, 2)
    a, b = np.random.default_rng(6).normal(size=(2, 4, 3))

    def contracted(x, f, a, b):
        """Return the invariant, and contract all axes but one of the tensors with vectors."""
        zeroth, first, second, third = moments.geometric_moments(x, f, max_order=3)
        vectors = (
            a + first.sum(-1),
            jnp.einsum("ijc,nj->ni", second, a),
            jnp.einsum("ijkc,nj,nk->ni", third, a, b),
        )
        return zeroth, vectors

    kinds = {
        "inputs": ["point", "scalar", "vector", "vector"],
        "output": ("invariant", ("vector",) * 3),
        "dtype": dtype,
    }
    audit.assert_equivariant(contracted, points, f, a, b, **kinds)
    # Directions that stay where they are.
    kinds["inputs"][3] = "scalar"
    assert audit.equivariance_error(contracted, points, f, a, b, **kinds).max > 1e-2


def test_moments_are_those_of_the_definition_and_padding_is_not_read():
    points, f = random_pair()[0], features(channels=2)
    central = points - points.mean(0)
    expected = np.einsum("ni,nj,nc->ijc", central, central, f) / len(points)
    padded = np.concatenate([points, np.full((2, 3), np.nan)])
    padded_f = np.concatenate([f, np.full((2, 2), np.nan)])
    mask = np.arange(9) < 7
    found = moments.geometric_moments(padded, padded_f, max_order=2, mask=mask)
    assert [x.shape for x in found] == [(2,), (3, 2), (3, 3, 2)]
    np.testing.assert_allclose(found[2], expected, atol=1e-6)
    np.testing.assert_allclose(found[1], central.T @ f / 7, atol=1e-6)
    np.testing.assert_allclose(
        embed(padded, padded_f, mask=mask), embed(points, f), rtol=1e-4, atol=1e-6
    )
    with pytest.raises(ValueError, match="at least 0, got -1"):
        moments.geometric_moments(points, f, max_order=-1)


@DTYPES
def test_the_pose_is_exact_without_noise(dtype, tolerance):
    with jax.enable_x64(True):
        first, second, true = embeddings(dtype, batch=(2,))
        found = solve(first, second)
        assert found.rotation.dtype == dtype
        np.testing.assert_allclose(found.rotation, true.rotation, atol=tolerance)
        np.testing.assert_allclose(found.translation, true.translation, atol=tolerance)


def test_masses_of_any_sign_and_size_and_weights():
    with jax.enable_x64(True):
        source, target, true = random_pair()
        f = features()
        f[:, 0] -= f[:, 0].mean()  # a mass of zero up to rounding
        found = solve(embed(source, f), embed(target, f))
        np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-11)
        spoiled = np.array(embed(target, f))
        spoiled[1] += 3
        spoiled[1, 0] = embed(source, f)[1, 0]
        weights = np.array([1.0, 0, 1, 1, 1, 1])
        found = solve(embed(source, f), spoiled, weights=weights)
        np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-11)
        assert np.abs(solve(embed(source, f), spoiled).rotation - true.rotation).max() > 1e-2


@DTYPES
def test_clouds_that_a_motion_relates_are_at_distance_zero(dtype, tolerance):
    with jax.enable_x64(True):
        first, second, _ = embeddings(dtype)
        assert distance(first, second) < tolerance
        other = embed(*(x.astype(dtype) for x in (features(channels=3), features())))
        expected = np.linalg.norm(projector(first) - projector(other)) / np.sqrt(2)
        assert expected > 0.1
        np.testing.assert_allclose(distance(first, other), expected, rtol=10 * tolerance)
        similarity = similarity_of(first, other)
        np.testing.assert_allclose(similarity, 1 - expected, atol=10 * tolerance)


def projector(matrix):
    q, _ = np.linalg.qr(np.asarray(matrix, float))
    return q @ q.T


def test_small_distances_keep_their_digits():
    first = np.eye(6, 4, dtype=np.float32)
    second = first.copy()
    second[4, 0] = 1e-5
    # From the traces, 4 - |Q^T Q'|^2, nothing would be left of it.
    np.testing.assert_allclose(distance(first, second), 1e-5, rtol=1e-4)


def test_planar_clouds_lose_a_column_not_their_meaning():
    with jax.enable_x64(True):
        source, _, true = random_pair()
        source[:, 2] = 0
        target = source @ true.rotation.T + true.translation
        f = features()
        assert distance(embed(source, f), embed(target, f)) < 1e-12
        full = embed(random_pair()[0], f)
        expected = np.linalg.norm(projector(embed(source, f)[:, :3]) - projector(full)) / np.sqrt(2)
        np.testing.assert_allclose(distance(embed(source, f), full), expected, rtol=1e-10)


def test_gradients_are_finite_at_equal_and_empty_clouds():
    def loss(first, second):
        pose = moments.pose_from_embeddings(first, second)
        return moments.subspace_distance(first, second) + pose.rotation.sum()

    gradient = jax.jit(jax.grad(loss))
    first, second, _ = embeddings("float32")
    assert np.isfinite(gradient(first, second)).all()
    assert np.isfinite(gradient(first, first)).all()
    assert not np.asarray(gradient(jnp.zeros((6, 4)), jnp.zeros((6, 4)))).any()


def test_arrays_that_are_no_embeddings_are_refused():
    for call in (moments.pose_from_embeddings, moments.subspace_distance):
        with pytest.raises(ValueError, match=r"one shape \[\.\.\., C, 4\], got \[5, 3\] and"):
            call(jnp.zeros((5, 3)), jnp.zeros((5, 3)))
