"""Point-pair features and normals: invariant, or turning with the cloud, under O(3)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops import point_pair_features
from symjax_models.ops.normals import estimate_normals

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
pair_features = jax.jit(point_pair_features.pair_features, static_argnames="scale")


def surface(count=12):
    """Return points of half an ellipsoid, and its normals."""
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(count, 3))
    unit[:, 2] = np.abs(unit[:, 2])
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    axes = np.array([1.0, 0.8, 0.6])
    normals = unit / axes
    return unit * axes + 3, normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def all_pairs(points, normals):
    rolled = (jnp.roll(x, 1, axis=0) for x in (points, normals))
    return point_pair_features.pair_features(points, normals, *rolled, scale=0.5)


@DTYPES
def test_features_are_invariant_under_proper_and_improper_motions(dtype):
    kinds = {
        "inputs": ["point", "vector"],
        "output": "scalar",
        "permutations": False,
        "dtype": dtype,
    }
    audit.assert_equivariant(all_pairs, *surface(), **kinds)

    def by_component(points, normals):
        return all_pairs(points, normals * jnp.sign(jnp.sum(normals, -1, keepdims=True)))

    assert audit.equivariance_error(by_component, *surface(), **kinds).max > 1e-2


def test_features_are_those_of_the_definition():
    x, n = surface()
    found = pair_features(x[0], n[0], x[1], n[1], scale=0.5)
    d = x[1] - x[0]
    cosine = [n[0] @ d / np.linalg.norm(d), n[1] @ d / np.linalg.norm(d), n[0] @ n[1]]
    expected = [np.linalg.norm(d) / 0.5, *np.arccos(cosine) / np.pi]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_small_angles_keep_their_digits():
    x = np.eye(3, dtype=np.float32)[0]
    found = pair_features(0 * x, x + np.array([0, 1e-5, 0], np.float32), x, x)
    np.testing.assert_allclose(found[1] * np.pi, 1e-5, rtol=1e-4)


def test_coincident_points_and_zero_normals_have_finite_derivatives():
    zero, up = jnp.zeros(3), jnp.array([0.0, 0.0, 1.0])

    def total(x, n):
        return point_pair_features.pair_features(x, n, zero, up).sum()

    @jax.jit
    def derivatives(x, n):
        first = jax.value_and_grad(total, argnums=(0, 1))
        return jax.jvp(first, (x, n), (jnp.arange(1.0, 4.0), jnp.arange(3.0)))

    for x, n in ((zero, up), (zero, zero), (up, up), (up, -up)):
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(derivatives(x, n)))


def test_neighbours_are_described_from_the_point():
    x, n = surface()
    indices = np.stack([np.arange(12), np.roll(np.arange(12), -1)], axis=-1)
    found = jax.jit(point_pair_features.neighbour_pair_features)(x, n, indices)
    assert found.shape == (12, 2, 4)
    expected = pair_features(x, n, np.roll(x, -1, axis=0), np.roll(n, -1, axis=0))
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-5, atol=1e-6)


@DTYPES
def test_normals_turn_with_the_cloud(dtype):
    points, _ = surface()
    viewpoint = np.array([[9.0, 3.0, 5.0]] * 12)
    kinds = {"output": ("vector", "vector"), "dtype": dtype}

    def both(x, eye):
        return estimate_normals(x, k=6), estimate_normals(x, k=6, viewpoint=eye[0])

    audit.assert_equivariant(both, points, viewpoint, inputs=["point", "point"], **kinds)

    def by_component(x, eye):
        return tuple(n * jnp.sign(n.sum(-1, keepdims=True)) for n in both(x, eye))

    error = audit.equivariance_error(
        by_component, points, viewpoint, inputs=["point", "point"], **kinds
    )
    assert error.max > 1e-2


def test_normals_of_a_surface_and_of_degenerate_clouds():
    points, normals = surface(400)
    estimate = jax.jit(estimate_normals, static_argnames="k")
    # Away from the cut, the normals of the surface, outward.
    inner = points[:, 2] > 3.2
    found = np.asarray(estimate(points, k=8))[inner]
    assert np.median(np.sum(found * normals[inner], axis=-1)) > 0.99
    for cloud in (np.zeros((400, 3)), points * np.array([1, 0, 0])):
        found = estimate(cloud, k=8)
        np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-5)


def test_too_few_neighbours_are_refused():
    with pytest.raises(ValueError, match="k of at least 3, got 2"):
        estimate_normals(jnp.zeros((5, 3)), k=2)
