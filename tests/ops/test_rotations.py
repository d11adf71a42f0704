"""Rotations against SciPy, their derivatives, and frames aligned with directions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial.transform

from symjax_models.ops import rotations, safe
from symjax_models.reps.rotation import generators, wigner_d

Rotation = scipy.spatial.transform.Rotation
RANDOM = Rotation.random(40, random_state=0)
AXES = np.concatenate([np.eye(3), -np.eye(3)])
NEARLY = np.concatenate(
    [AXES + 1e-8 * np.array([0.3, -0.7, 0.5]), AXES - 1e-8 * np.array([0.9, 0.2, -0.4])]
)
# On the border of the two charts, y = 0; along z they agree.
BORDER = np.array([[0.6, 0.0, 0.8], [-0.8, 0.0, 0.6], [1.0, 0.0, 0.0]])
ABOVE, BELOW = (BORDER + np.array([0, sign * 1e-13, 0]) for sign in (1, -1))
SPECIAL = np.concatenate([AXES, NEARLY, ABOVE, BELOW])
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])

align = jax.jit(rotations.align_frames)
rng = np.random.default_rng(0)
FEATURES, EVEN, ODD = rng.normal(size=(3, 5))


def in_dtype(dtype):
    return jax.enable_x64(dtype == np.float64)


def wxyz(rotation):
    quaternions = np.roll(rotation.as_quat(), 1, axis=-1)
    return quaternions * np.where(quaternions[..., :1] < 0, -1, 1)


def derivatives(function, x):
    """Return value, first and second derivatives at every row of x."""
    first = jax.jacfwd(function)
    evaluate = jax.jit(jax.vmap(lambda x: (function(x), first(x), jax.jacfwd(first)(x))))
    return jax.tree.map(np.asarray, evaluate(x))


def convolution(direction):
    """Apply an SO(2) convolution in the frame of the direction: independent of the roll."""
    m = np.arange(-2, 3)
    odd = (np.sign(m) * ODD[np.abs(m)])[:, None] * np.eye(5)[::-1]
    mixing = np.diag(EVEN[np.abs(m)]) + odd
    d, turned = in_frame(direction)
    return jnp.einsum("ji,jk,k->i", d, mixing.astype(d.dtype), turned)


def in_frame(direction):
    d = wigner_d(rotations.align_frames(direction), degree=2)
    return d, jnp.einsum("ij,j->i", d, FEATURES.astype(d.dtype))


def angle_sum(matrix):
    return jnp.stack(rotations.angles_from_matrix(matrix))


@functools.lru_cache
def special_derivatives(dtype):
    """Return the derivatives of frames and of the convolution at all special directions."""
    with in_dtype(dtype):
        return derivatives(
            lambda x: (rotations.align_frames(x), convolution(x)), SPECIAL.astype(dtype)
        )


def test_published_angles():
    expected = [
        [0.39069604, 0.14167993, 0.90955121],
        [0.37554693, 0.87758256, -0.29801569],
        [-0.84042912, 0.45801271, 0.28966056],
    ]
    np.testing.assert_allclose(rotations.matrix_from_angles(0.3, 0.5, 0.9), expected, atol=2e-7)


@DTYPES
def test_angles_and_matrices_agree(dtype, tolerance):
    with in_dtype(dtype):
        angles = np.stack(RANDOM.as_euler("YXY"), axis=1).astype(dtype)
        matrix = rotations.matrix_from_angles(*angles)
        assert matrix.dtype == dtype
        np.testing.assert_allclose(matrix, RANDOM.as_matrix(), atol=tolerance)
        alpha, beta, gamma = rotations.angles_from_matrix(matrix)
        assert alpha.dtype == dtype and beta.min() >= 0
        np.testing.assert_allclose(
            rotations.matrix_from_angles(alpha, beta, gamma), matrix, atol=tolerance
        )
        np.testing.assert_allclose(beta, np.arccos(RANDOM.as_matrix()[:, 1, 1]), atol=1e-5)


@pytest.mark.parametrize("beta", [0.0, 1e-9, 1e-4, np.pi - 1e-4, np.pi])
def test_angles_on_and_near_the_polar_axis(beta):
    matrix = Rotation.from_euler("YXY", [0.4, beta, 1.3]).as_matrix().astype(np.float32)
    angles = rotations.angles_from_matrix(matrix)
    np.testing.assert_allclose(rotations.matrix_from_angles(*angles), matrix, atol=1e-6)


def test_angles_on_the_polar_axis_have_finite_derivatives():
    exact = jnp.stack([jnp.eye(3), jnp.diag(jnp.array([1.0, -1.0, -1.0]))])
    for found in derivatives(angle_sum, exact):
        assert np.isfinite(found).all()


@DTYPES
def test_rotation_vectors(dtype, tolerance):
    vectors = RANDOM.as_rotvec() * np.logspace(-9, 0.5, 40)[:, None]
    vectors[0] = 0
    expected = Rotation.from_rotvec(vectors).as_matrix()
    with in_dtype(dtype):
        matrix = jax.jit(rotations.matrix_from_rotation_vector)(vectors.astype(dtype))
        assert matrix.dtype == dtype
        np.testing.assert_allclose(matrix, expected, atol=tolerance)


def test_rotation_vectors_have_true_derivatives_at_zero_and_between_the_formulas():
    x = generators(1)
    with jax.enable_x64(True):
        border = np.sqrt(0.5) * np.array([0.6, 0.0, 0.8])
        points = np.stack([np.zeros(3), border * (1 - 1e-9), border * (1 + 1e-9)])
        value, first, second = derivatives(rotations.matrix_from_rotation_vector, points)
    np.testing.assert_array_equal(value[0], np.eye(3))
    np.testing.assert_allclose(first[0], x.transpose(1, 2, 0), atol=1e-15)
    expected = np.einsum("aij,bjk->ikab", x, x)
    np.testing.assert_allclose(second[0], (expected + expected.mT) / 2, atol=1e-15)
    for found in (value, first, second):
        np.testing.assert_allclose(found[1], found[2], atol=1e-8)
    change = [scipy.linalg.expm_frechet(np.tensordot(border, x, 1), part)[1] for part in x]
    np.testing.assert_allclose(first[1], np.stack(change, axis=-1), atol=1e-8)


@DTYPES
def test_quaternions(dtype, tolerance):
    scales = np.logspace(-15, 15, 40)[:, None]
    p, q = (wxyz(Rotation.random(40, random_state=seed)) for seed in (0, 1))
    with in_dtype(dtype):
        matrix = rotations.matrix_from_quaternion((p * scales).astype(dtype))
        assert matrix.dtype == dtype
        np.testing.assert_allclose(matrix, RANDOM.as_matrix(), atol=tolerance)
        found = rotations.quaternion_from_matrix(matrix)
        np.testing.assert_allclose(found, p, atol=tolerance)
        product = rotations.quaternion_multiply(p.astype(dtype), q.astype(dtype))
        other = rotations.matrix_from_quaternion(q.astype(dtype))
        np.testing.assert_allclose(
            rotations.matrix_from_quaternion(product), matrix @ other, atol=2 * tolerance
        )
        assert np.abs(rotations.quaternion_multiply(q, p) - product).max() > 0.1


def test_quaternions_in_every_branch():
    angles = np.array([0.0, 1e-6, 1.5, np.pi - 1e-6, np.pi])[:, None, None]
    rotation = Rotation.from_rotvec((angles * np.eye(3) + 1e-9).reshape(-1, 3))
    # The derivative of q along the rotation by t u is half of u q.
    u = np.array([0.3, -0.5, 0.8])
    velocity = np.tensordot(u, generators(1), 1) @ rotation.as_matrix()
    with jax.enable_x64(True):
        found, change = jax.jit(lambda r, v: jax.jvp(rotations.quaternion_from_matrix, (r,), (v,)))(
            rotation.as_matrix(), velocity
        )
        expected = rotations.quaternion_multiply(np.array([0.0, *u]), found) / 2
    np.testing.assert_allclose(change, expected, atol=1e-14)
    found = np.asarray(found)
    # At angle pi rounding decides between q and -q.
    signs = np.sign(np.sum(found * wxyz(rotation), axis=-1, keepdims=True))
    np.testing.assert_allclose(found * signs, wxyz(rotation), atol=1e-15)


def test_the_zero_quaternion_is_the_identity():
    value, first, second = derivatives(rotations.matrix_from_quaternion, jnp.zeros((1, 4)))
    np.testing.assert_array_equal(value[0], np.eye(3))
    assert not first.any() and not second.any()


@DTYPES
@pytest.mark.parametrize("length", [1e-25, 1.0, 1e15])
def test_frames_are_rotations_that_align(dtype, tolerance, length):
    directions = np.concatenate([RANDOM.as_matrix()[:, 0], AXES, NEARLY, BORDER])
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    with in_dtype(dtype):
        frames = np.asarray(align((length * directions).astype(dtype)))
    assert frames.dtype == dtype
    np.testing.assert_allclose(
        frames @ frames.mT, np.tile(np.eye(3), (len(unit), 1, 1)), atol=tolerance
    )
    np.testing.assert_allclose(np.linalg.det(frames), 1, atol=tolerance)
    turned = (frames @ unit[..., None])[..., 0]
    np.testing.assert_allclose(turned, np.tile([0, 1, 0], (len(unit), 1)), atol=tolerance)


@DTYPES
def test_derivatives_of_frames_are_finite_in_special_directions(dtype, tolerance):
    for frame, convolved in special_derivatives(dtype):
        assert frame.dtype == convolved.dtype == dtype
        assert np.isfinite(frame).all() and np.abs(frame).max() < 20
        assert np.isfinite(convolved).all() and np.abs(convolved).max() < 200


def test_frames_of_the_zero_vector():
    value, first, second = derivatives(rotations.align_frames, jnp.zeros((1, 3)))
    np.testing.assert_array_equal(value[0], np.eye(3))
    assert not first.any() and not second.any()


def test_what_is_independent_of_the_roll_is_smooth_on_the_border_of_the_charts():
    above, below = (slice(-len(BORDER) * k, -len(BORDER) * (k - 1) or None) for k in (2, 1))
    for frame, convolved in special_derivatives(np.float64):
        np.testing.assert_allclose(convolved[above], convolved[below], atol=1e-10)
        jump = np.abs(frame[above] - frame[below]).reshape(len(BORDER), -1).max(axis=-1)
        assert jump.min() > 0.1


def test_derivatives_are_those_of_finite_differences_also_across_the_border():
    step = 1e-5
    with jax.enable_x64(True):
        evaluate = jax.jit(jax.vmap(jax.vmap(jax.vmap(convolution))))
        shifts = step * np.array([np.eye(3), -np.eye(3)])[:, :, None]
        ahead, behind = np.asarray(evaluate(SPECIAL + shifts))
    expected = np.moveaxis(ahead - behind, 0, -1) / (2 * step)
    _, (_, found), _ = special_derivatives(np.float64)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_frames_turn_with_the_directions_up_to_a_roll():
    directions = Rotation.random(40, random_state=5).as_matrix()[:, 2].astype(np.float32)
    turn = RANDOM.as_matrix().astype(np.float32)
    turned = np.einsum("bij,bj->bi", turn, directions)
    roll = align(turned) @ turn @ align(directions).mT
    np.testing.assert_allclose(roll[:, 1], np.tile([0, 1, 0], (40, 1)), atol=1e-6)
    # The frames themselves do not turn: there is a roll.
    assert np.abs(roll - np.eye(3)).max() > 0.5


def test_naive_frames_have_no_derivative_at_the_pole():
    def naive(direction):
        side = jnp.cross(direction, jnp.array([0.0, 1.0, 0.0]))
        side = side / jnp.linalg.norm(side)
        return jnp.stack([side, direction / safe.norm(direction), jnp.cross(side, direction)])

    assert not np.isfinite(jax.jacfwd(naive)(jnp.array([0.0, 1.0, 0.0]))).all()


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (rotations.align_frames, (3,)),
        (rotations.matrix_from_rotation_vector, (3,)),
        (rotations.matrix_from_quaternion, (4,)),
        (rotations.quaternion_from_matrix, (3, 3)),
        (angle_sum, (3, 3)),
    ],
)
def test_compiled_eager_batched_and_looped_agree(function, shape):
    if shape == (3, 3):
        batch = RANDOM[:6].as_matrix().reshape(2, 3, 3, 3).astype(np.float32)
    else:
        batch = np.random.default_rng(0).normal(size=(2, 3, *shape)).astype(np.float32)
    if function is not angle_sum:
        np.testing.assert_allclose(jax.jit(function)(batch), function(batch), atol=1e-6)
        looped = [[function(x) for x in row] for row in batch]
        np.testing.assert_allclose(function(batch), looped, atol=1e-6)
    mapped = jax.jit(jax.vmap(jax.vmap(function)))(batch)
    np.testing.assert_allclose(mapped[1, 2], function(batch[1, 2]), atol=1e-6)


def test_whole_numbers_and_half_precision_are_taken():
    half_turn = rotations.matrix_from_quaternion([0, 0, 1, 0])
    np.testing.assert_array_equal(half_turn, np.diag([-1.0, 1.0, -1.0]))
    assert rotations.align_frames(jnp.ones(3, jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("function", "shape", "expected"),
    [
        (rotations.align_frames, (2,), r"\[..., 3\], got \(2,\)"),
        (rotations.matrix_from_rotation_vector, (), r"\[..., 3\], got \(\)"),
        (rotations.matrix_from_quaternion, (5, 3), r"\[..., 4\], got \(5, 3\)"),
        (rotations.quaternion_from_matrix, (2, 2), r"\[..., 3, 3\], got \(2, 2\)"),
        (rotations.angles_from_matrix, (3,), r"\[..., 3, 3\], got \(3,\)"),
    ],
)
def test_bad_input(function, shape, expected):
    with pytest.raises(ValueError, match=expected):
        function(jnp.ones(shape))
    with pytest.raises(ValueError, match=r"\[..., 4\], got \(3,\)"):
        rotations.quaternion_multiply(jnp.ones(4), jnp.ones(3))
