"""Frames that turn with the input, and what is left of that where it does not fix them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import local_frames

RNG = np.random.default_rng(0)
TOLERANCES = {np.float32: 5e-6, np.float64: 1e-12}
MAKERS = {
    "vectors": jax.jit(local_frames.frames_from_vectors),
    "neighbourhood": jax.jit(lambda v: local_frames.neighbourhood_frames(jnp.swapaxes(v, -1, -2))),
    "velocity": jax.jit(lambda v: local_frames.velocity_frames(v[..., 0])),
    "principal": jax.jit(lambda v: local_frames.principal_axes(v @ jnp.swapaxes(v, -1, -2))),
}


def rotation(d, *, seed=0):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))
    q = q * np.sign(np.diag(r))
    q[:, 0] *= np.linalg.det(q)
    return q


def error_of(name, d, dtype, turn):
    vectors = RNG.normal(size=(6, d, 5)) + np.arange(5) % 2
    moved = np.einsum("ij,njk->nik", turn, vectors)
    frames, turned = (np.asarray(MAKERS[name](v.astype(dtype))) for v in (vectors, moved))
    assert frames.dtype == dtype
    identity = np.swapaxes(frames, -1, -2) @ frames
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(d), identity.shape), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(frames), 1, atol=1e-6)
    return np.abs(turned - turn @ frames).max()


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    ("name", "d"), [("vectors", 3), ("vectors", 2), ("neighbourhood", 3), ("velocity", 2)]
)
def test_frames_turn_with_the_input(name, d, dtype):
    with jax.enable_x64(dtype is np.float64):
        assert error_of(name, d, dtype, rotation(d)) < TOLERANCES[dtype]
        # The control: a reflection is none of the rotations that they turn with.
        reflection = rotation(d) * np.array([-1] + [1] * (d - 1))
        assert error_of(name, d, dtype, reflection) > 1e-2


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_frames_of_velocities_alone_turn_about_z_alone(dtype):
    about_z = np.eye(3)
    about_z[:2, :2] = rotation(2)
    with jax.enable_x64(dtype is np.float64):
        assert error_of("velocity", 3, dtype, about_z) < TOLERANCES[dtype]
        assert error_of("velocity", 3, dtype, rotation(3)) > 1e-2
        # Nor do bare principal axes, whose signs are anything.
        assert error_of("principal", 3, dtype, rotation(3)) > 1e-2


def test_the_first_vectors_that_span_are_used():
    v, w = np.array([0.0, 0.0, 2.0]), np.array([0.0, 1.0, 1.0])
    expected = MAKERS["vectors"](np.stack([v, w, w], axis=-1))
    for candidates in ([np.zeros(3), v, w], [v, -3 * v, w], [v, np.zeros(3), w]):
        np.testing.assert_allclose(MAKERS["vectors"](np.stack(candidates, axis=-1)), expected)


def test_where_nothing_spans_frames_are_orthonormal_and_derivatives_finite():
    weights = RNG.normal(size=(3, 3))
    loss = lambda v: jnp.sum(weights * local_frames.frames_from_vectors(v))  # noqa: E731
    differentiate = jax.jit(lambda v: (jax.grad(loss)(v), jax.hessian(loss)(v)))
    along = np.outer([1.0, 2.0, 2.0], [1.0, -1.0, 0.5])
    for vectors in (np.zeros((3, 3)), along):
        frame = MAKERS["vectors"](vectors)
        np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-6)
        assert all(jnp.all(jnp.isfinite(leaf)) for leaf in differentiate(vectors))
    np.testing.assert_allclose(MAKERS["vectors"](along)[:, 0], along[:, 0] / 3, atol=1e-6)


def test_frames_of_velocities_have_yaw_and_pitch_and_stand_still_at_rest():
    velocity = jax.jit(local_frames.velocity_frames)
    np.testing.assert_array_equal(velocity(np.zeros(3)), np.eye(3))
    np.testing.assert_array_equal(velocity(np.zeros(2)), np.eye(2))
    # No roll: the second axis is level, also where the velocity is vertical.
    for v in ([1.0, 2.0, 3.0], [0.0, 0.0, -2.0]):
        frame = velocity(np.array(v))
        np.testing.assert_allclose(frame[:, 0], np.array(v) / np.linalg.norm(v), rtol=1e-6)
        assert frame[2, 1] == 0


def test_local_and_global_undo_each_other():
    frames, vectors = np.stack([rotation(3), rotation(3, seed=1)]), RNG.normal(size=(2, 3, 4))
    local = local_frames.to_local(frames, vectors)
    np.testing.assert_allclose(local[1], rotation(3, seed=1).T @ vectors[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(local_frames.to_global(frames, local), vectors, rtol=1e-5, atol=1e-6)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="at least d - 1 candidates"):
        local_frames.frames_from_vectors(jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="2 or 3 components"):
        local_frames.velocity_frames(jnp.ones(4))
