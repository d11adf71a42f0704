"""Vector neurons: equivariance with broken controls, exact values, derivatives at zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops import vector_neurons

RNG = np.random.default_rng(0)
# For the audit one vector per row, as it permutes no rows when there is one.
V, DIRECTIONS = RNG.normal(size=(2, 24, 1, 3))
VECTORS = {"inputs": ["vector", "vector"], "translations": False}
INDICES = jnp.asarray(np.argsort(RNG.normal(size=(6, 6)), axis=-1)[:, :3])
EQUIVARIANT = ("leaky_relu", "shared", "lengths", "edges", "mean", "pool")


def columns(rows):
    """Six points of four channels, `[6, 3, 4]`."""
    return jnp.swapaxes(rows.reshape(6, 4, 3), -1, -2)


def edge_features(v, *, has_cross=False):
    """The features of edges themselves, mapped by nothing."""
    edges = vector_neurons.Edges(v, INDICES, has_cross)
    return vector_neurons.mix_channels(edges, jnp.eye(edges.num_channels, dtype=v.dtype))


def rows(v):
    return jnp.swapaxes(v, -1, -2).reshape(-1, 1, 3)


def every(v, d):
    """All maps that commute with O(3), as equivariant and invariant outputs."""
    v, d = columns(v), columns(d)
    lengths = vector_neurons.channel_norms(d)
    vectors = (
        vector_neurons.leaky_relu(v, d, negative_slope=0.2),
        vector_neurons.leaky_relu(v, d[..., :1]),
        vector_neurons.map_lengths(v, lambda _: jnp.sin(lengths)),
        edge_features(v),
        vector_neurons.append_mean(v),
        vector_neurons.argmax_pool(v, d, axis=-3),
    )
    invariants = {
        "norms": lengths,
        "read": vector_neurons.read_in_frame(v, d[..., :3]),
        "neighbours": vector_neurons.feature_neighbours(v, k=3).astype(v.dtype),
    }
    return dict(zip(EQUIVARIANT, map(rows, vectors), strict=True)), invariants


KINDS = (dict.fromkeys(EQUIVARIANT, "vector"), "invariant")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_maps_commute_with_rotations_and_reflections(dtype):
    audit.assert_equivariant(every, V, DIRECTIONS, **VECTORS, output=KINDS, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edges_with_cross_products_commute_with_rotations_only(dtype):
    error = audit.equivariance_error(
        lambda v: rows(edge_features(columns(v), has_cross=True)),
        V,
        inputs=["vector"],
        output="vector",
        translations=False,
        dtype=dtype,
    )
    assert error.parts["rotations"] < {"float32": 5e-6, "float64": 1e-12}[dtype]
    assert error.parts["reflections"] > 1e-2


def test_edges_are_mixed_as_if_they_were_there():
    x, kernel = np.float32(columns(V)), RNG.normal(size=(12, 5)).astype(np.float32)
    neighbours, centres = x[INDICES], np.broadcast_to(x[:, None], (6, 3, 3, 4))
    features = [neighbours - centres, centres, np.cross(centres, neighbours, axis=-2)]
    for count in (2, 3):
        edges = vector_neurons.Edges(jnp.asarray(x), INDICES, has_cross=count == 3)
        expected = np.concatenate(features[:count], axis=-1) @ kernel[: 4 * count]
        mixed = vector_neurons.mix_channels(edges, kernel[: 4 * count])
        np.testing.assert_allclose(mixed, expected, rtol=1e-4, atol=1e-5)


def test_a_relu_of_components_breaks_it():
    error = audit.equivariance_error(
        lambda v, d: jnp.maximum(v, 0.2 * v), V, DIRECTIONS, **VECTORS, output="vector"
    )
    assert error.max > 1e-2


def test_leaky_relu_is_the_projection_of_the_paper():
    q, k = RNG.normal(size=(2, 3))
    along = q @ k / (k @ k) * k
    for sign in (1, -1):
        expected = q if sign * (q @ k) >= 0 else 0.2 * q + 0.8 * (q - along)
        with jax.enable_x64(True):
            found = vector_neurons.leaky_relu(
                jnp.asarray(q)[:, None], sign * jnp.asarray(k)[:, None], negative_slope=0.2
            )
        np.testing.assert_allclose(found[:, 0], expected, rtol=1e-13)


def test_pooling_and_directions_of_any_length():
    v, d = columns(V), columns(DIRECTIONS)
    tiny = vector_neurons.leaky_relu(v, 1e-30 * d)
    np.testing.assert_allclose(tiny, vector_neurons.leaky_relu(v, d), rtol=1e-5, atol=1e-6)
    best = np.argmax(np.sum(np.asarray(v * d), axis=-2), axis=0)
    expected = np.stack([v[n, :, c] for c, n in enumerate(best)], axis=-1)
    np.testing.assert_allclose(vector_neurons.argmax_pool(v, d, axis=-3), expected, rtol=1e-6)


@jax.jit
def derivatives_of_all(v, d):
    def total(v, d):
        return sum(jnp.sum(jnp.sin(part)) for part in jax.tree.leaves(every(v, d)))

    gradient = jax.grad(total, argnums=(0, 1))
    return gradient(v, d), jax.jvp(gradient, (v, d), (jnp.ones_like(v), jnp.ones_like(d)))


def test_derivatives_are_finite_at_zero_vectors():
    zeros, some = jnp.zeros(V.shape), jnp.asarray(V, jnp.float32)
    for leaf in jax.tree.leaves(derivatives_of_all(some, 1e-25 * some)[0]):
        assert np.isfinite(leaf).all()
    for v, d in ((zeros, some), (some, zeros), (zeros, zeros)):
        for leaf in jax.tree.leaves(derivatives_of_all(v, d)):
            assert np.isfinite(leaf).all()
