"""Coordinates from distances: the distances back, frames on top, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups
from symjax_models.ops import safe
from symjax_models.ops.frames.minimal import MinimalFrames
from symjax_models.ops.multidimensional_scaling import mds_coordinates
from symjax_models.ops.symmetrization import symmetrize

POINTS = np.random.default_rng(0).normal(size=(2, 7, 3))


def distances_of(x):
    return safe.norm(x[..., :, None, :] - x[..., None, :, :])


def network(x):
    """Return a function of points with no symmetry but permutations."""
    rng = np.random.default_rng(0)
    first, last = (jnp.asarray(rng.normal(size=size), x.dtype) for size in [(3, 16), (16, 2)])
    hidden = jnp.tanh(jnp.matmul(x, first, precision="highest") + 0.5)
    return jnp.matmul(hidden, last, precision="highest").mean(-2)


def invariant(x, *, framed=True):
    # Each column has either sign, and the decomposition may choose another for other rounding.
    signed = symmetrize(
        network, source=MinimalFrames(groups.O(3)), rep_in="point", rep_out="invariant"
    )
    return (signed if framed else network)(mds_coordinates(distances_of(x), d=3))


def error_of(function, dtype):
    return audit.equivariance_error(
        function, POINTS, inputs=["point"], output="invariant", dtype=dtype, num_samples=3
    ).max


def test_distances_come_back():
    with jax.enable_x64(True):
        distances = distances_of(POINTS)
        found = mds_coordinates(distances, d=3)
        np.testing.assert_allclose(distances_of(found), distances, atol=1e-12)
        np.testing.assert_allclose(found.mean(-2), 0, atol=1e-12)
        more = mds_coordinates(distances, d=5)
        np.testing.assert_array_equal(more[..., 3:], 0)
    single = mds_coordinates(distances_of(POINTS.astype(np.float32)), d=3)
    assert single.dtype == np.float32
    np.testing.assert_allclose(distances_of(single), distances, atol=1e-5)


def test_a_frame_on_top_is_invariant_and_none_is_not():
    assert error_of(invariant, "float32") < 5e-6
    assert error_of(invariant, "float64") < 1e-12
    for dtype in ("float32", "float64"):
        assert error_of(lambda x: invariant(x, framed=False), dtype) > 1e-2


def test_derivatives_are_true_for_invariants_and_finite_for_symmetric_shapes():
    def stress(x):
        # An invariant of the coordinates that is not a function of their distances alone.
        coordinates = mds_coordinates(distances_of(x), d=3)
        gram = jnp.einsum("...ni,...mi->...nm", coordinates, coordinates, precision="highest")
        return jnp.sum(jnp.tanh(gram) * jnp.arange(7.0))

    with jax.enable_x64(True):
        evaluate = jax.jit(jax.value_and_grad(stress))
        direction, step = np.random.default_rng(1).normal(size=POINTS.shape), 1e-6
        up, down = (float(evaluate(POINTS + sign * step * direction)[0]) for sign in (1, -1))
        slope = np.sum(evaluate(POINTS)[1] * direction)
        octahedron = np.concatenate([np.eye(3), -np.eye(3), np.zeros((1, 3))])
        symmetric = np.stack([octahedron, np.ones((7, 3))])
        assert np.isfinite(evaluate(symmetric)[1]).all()
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6)


def test_errors_name_what_fits():
    with pytest.raises(ValueError, match=r"distances \[..., N, N\]"):
        mds_coordinates(np.ones((4, 3)), d=2)
    with pytest.raises(ValueError, match="between 1 and 4"):
        mds_coordinates(np.ones((4, 4)), d=5)
