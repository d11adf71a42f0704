"""Gram-Schmidt: orthogonality, equivariance, vectors that do not span."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups
from symjax_models.ops.orthogonalization import gram_schmidt

run = jax.jit(gram_schmidt, static_argnames="special")


@pytest.mark.parametrize(("d", "count"), [(2, 1), (2, 2), (3, 2), (3, 3), (4, 3)])
def test_columns_are_orthonormal_and_span_in_order(d, count):
    vectors = np.random.default_rng(0).normal(size=(5, d, count)).astype(np.float32)
    frame = np.asarray(run(vectors))
    np.testing.assert_allclose(frame.swapaxes(1, 2) @ frame, np.eye(d) + 0 * frame, atol=2e-6)
    triangle = frame.swapaxes(1, 2) @ vectors
    np.testing.assert_allclose(np.tril(triangle, -1), 0, atol=2e-6)
    assert (np.diagonal(triangle, axis1=1, axis2=2) > 0).all()
    if count < d:
        np.testing.assert_allclose(np.linalg.det(frame), 1, atol=1e-5)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_equivariance(special, dtype, tolerance):
    with jax.enable_x64(dtype == "float64"):
        group = groups.SO(3) if special else groups.O(3)
        turns = np.asarray(group.sample(jax.random.key(0), (6,), dtype=dtype))
        vectors = np.random.default_rng(0).normal(size=(3, 3)).astype(dtype)
        moved = run(np.matmul(turns, vectors), special=special)
        expected = np.matmul(turns, np.asarray(run(vectors, special=special)))
        np.testing.assert_allclose(moved, expected, atol=tolerance)
    # A rotation cannot turn into a reflection.
    if special:
        mirrored = run(-vectors, special=True)
        assert np.abs(mirrored + np.asarray(run(vectors, special=True))).max() > 1e-2


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((3, 3)),
        np.ones((3, 3)),
        np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 2.0, 5.0]]),
        1e-30 * np.eye(3),
    ],
    ids=["zero", "equal", "planar", "tiny"],
)
def test_missing_columns_are_filled(vectors):
    frame = np.asarray(run(vectors.astype(np.float32)))
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=2e-6)
    assert abs(np.linalg.det(run(vectors.astype(np.float32), special=True)) - 1) < 1e-5
    gradient = jax.jit(jax.grad(lambda v: jnp.sum(gram_schmidt(v) * jnp.arange(9.0).reshape(3, 3))))
    assert np.isfinite(gradient(vectors.astype(np.float32))).all()


def test_nearly_parallel_vectors():
    vectors = np.array([[1.0, 1.0, 0.0], [0.0, 1e-4, 0.0], [0.0, 0.0, 1.0]], np.float32)
    np.testing.assert_allclose(run(vectors), np.eye(3), atol=1e-6)


def test_wrong_number_of_vectors():
    with pytest.raises(ValueError, match=r"expected 2 or 3 vectors of 3 components.*\(3, 1\)"):
        gram_schmidt(np.zeros((3, 1)))


def test_nan_is_not_hidden():
    assert np.isnan(gram_schmidt(jnp.full((3, 2), np.nan))).any()
