"""Closed forms of registration: exact on pairs without noise, defined and smooth elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops import registration
from symjax_models.ops.registration import RigidMotion, apply_rigid, kabsch, nearest_rotation

DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
solve = jax.jit(kabsch)
project = jax.jit(nearest_rotation)
measure_angle = jax.jit(registration.rotation_error)


def random_rotations(rng, shape=()):
    q, r = np.linalg.qr(rng.normal(size=(*shape, 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    return q * np.linalg.det(q)[..., None, None]


def random_pair(*, batch=(), count=7, dtype="float64"):
    rng = np.random.default_rng(0)
    source = rng.normal(size=(*batch, count, 3))
    motion = RigidMotion(random_rotations(rng, batch), rng.normal(size=(*batch, 3)))
    target = np.einsum("...ij,...nj->...ni", *(motion.rotation, source))
    target = target + motion.translation[..., None, :]
    return (*(x.astype(dtype) for x in (source, target)), motion)


@DTYPES
def test_noise_free_pairs_are_solved_exactly(dtype, tolerance):
    with jax.enable_x64(True):
        source, target, true = random_pair(batch=(2, 3), dtype=dtype)
        found = solve(source, target)
        assert found.rotation.dtype == dtype
        np.testing.assert_allclose(found.rotation, true.rotation, atol=tolerance)
        np.testing.assert_allclose(found.translation, true.translation, atol=tolerance)
        np.testing.assert_allclose(apply_rigid(source, found), target, atol=2 * tolerance)


def test_weights_choose_the_pairs_and_padding_is_not_read():
    with jax.enable_x64(True):
        source, target, true = random_pair()
        target[-2:] = np.nan
        weights = np.array([1.0, 2.0, 1.0, 0.5, 3.0, 0.0, 0.0])
        found = solve(source, target, weights=weights)
        np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-12)
        gradient = jax.jit(jax.grad(lambda y: kabsch(source, y, weights=weights).rotation.sum()))
        gradient = np.asarray(gradient(target))
        assert np.isfinite(gradient).all() and not gradient[-2:].any() and gradient[:5].any()


@DTYPES
def test_the_motion_moves_with_either_cloud(dtype, tolerance):
    source, target, _ = random_pair()
    target = target + 0.3 * np.random.default_rng(1).normal(size=target.shape)

    def moved(x, y):
        return apply_rigid(x, kabsch(x, y))

    wanted = {"reflections": False, "dtype": dtype}
    audit.assert_equivariant(moved, source, target, inputs=["point"] * 2, output="point", **wanted)
    # The target stays where it is.
    error = audit.equivariance_error(
        moved, source, target, inputs=["point", "invariant"], output="point", **wanted
    )
    assert error.max > 1e-2


def test_rotations_are_proper_also_where_a_reflection_fits_better():
    source, _, _ = random_pair()
    found = solve(source, source * np.array([1, 1, -1]))
    np.testing.assert_allclose(np.linalg.det(found.rotation), 1, rtol=1e-5)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_degenerate_pairs_have_a_proper_rotation_and_finite_derivatives(rank):
    with jax.enable_x64(True):
        source, _, true = random_pair()
        source[:, rank:] = 0
        target = source @ true.rotation.T + 5
        found = solve(source, target)
        np.testing.assert_allclose(np.linalg.det(found.rotation), 1, rtol=1e-12)
        # The motion fits, whether or not it is the only one; with rank 2 it is.
        np.testing.assert_allclose(apply_rigid(source, found), target, atol=1e-12)
        if rank == 2:
            np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-12)
        if rank == 0:
            np.testing.assert_array_equal(found.rotation, np.eye(3))
        gradient = hessian_and_gradient(source, target)
        assert all(np.isfinite(x).all() for x in gradient)
        assert gradient[0].any() == (rank == 2)


@jax.jit
def hessian_and_gradient(source, target):
    def total(y):
        return jnp.sum(kabsch(source, y).rotation * jnp.arange(9.0).reshape(3, 3))

    def along(y):
        return jnp.vdot(jax.grad(total)(y), jnp.cos(jnp.arange(y.size)).reshape(y.shape))

    return jax.grad(total)(target), jax.grad(along)(target)


@pytest.mark.parametrize("diagonal", [(3.0, 2.0, 1.0), (1.0, 1.0, 1.0), (2.0, 2.0, -1.0)])
def test_derivatives_are_true_also_at_equal_singular_values(diagonal):
    with jax.enable_x64(True):
        rng = np.random.default_rng(2)
        left, right = random_rotations(rng, (2,))
        m = left @ np.diag(diagonal) @ right
        dm = rng.normal(size=(3, 3))
        _, tangent = jax.jvp(project, (m,), (dm,))
        step = 1e-5
        expected = (project(m + step * dm) - project(m - step * dm)) / (2 * step)
        np.testing.assert_allclose(tangent, expected, atol=1e-8)

        def slope(s):
            return jax.jvp(project, (m + s * dm,), (dm,))[1]

        _, second = jax.jvp(slope, (0.0,), (1.0,))
        np.testing.assert_allclose(
            second, (slope(step) - slope(-step)) / (2 * step), atol=1e-7 * np.abs(second).max()
        )


@DTYPES
def test_the_scale_of_a_matrix_does_not_matter(dtype, tolerance):
    with jax.enable_x64(True):
        m = np.random.default_rng(3).normal(size=(3, 3)).astype(dtype)
        expected = project(m)
        for scale in (1e-30, 1e30):
            found = project((m * np.dtype(dtype).type(scale)).astype(dtype))
            np.testing.assert_allclose(found, expected, atol=tolerance)


def test_small_and_large_angles_keep_their_digits():
    for degrees in (0.0, 1e-3, 5.0, 90.0, 179.999):
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
        found = measure_angle(turn, np.eye(3, dtype=np.float32))
        np.testing.assert_allclose(found, degrees, rtol=1e-4)
        # What the arc cosine makes of the smallest angle.
        if degrees == 1e-3:
            lost = np.rad2deg(np.arccos((np.trace(turn) - 1) / 2))
            assert abs(lost - degrees) > 1e-4
    gradient = jax.jit(jax.grad(measure_angle))(*np.eye(3, dtype=np.float32)[None].repeat(2, 0))
    assert np.isfinite(gradient).all()


def test_recall_counts_pairs_within_both_limits():
    still = RigidMotion(np.tile(np.eye(3, dtype=np.float32), (3, 1, 1)), np.zeros((3, 3), "f4"))
    c, s = np.cos(0.1), np.sin(0.1)  # 5.7 degrees
    turned, moved = (np.array(x) for x in still)
    turned[1] = [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    moved[2, 0] = 0.11
    is_registered = jax.jit(
        registration.is_registered, static_argnames=("max_degrees", "max_distance")
    )
    found = is_registered(RigidMotion(turned, moved), still)
    assert found.tolist() == [True, False, False]
    loose = is_registered(RigidMotion(turned, moved), still, max_degrees=6.0, max_distance=0.2)
    assert loose.all()


@pytest.mark.parametrize(
    "shapes", [((4, 3), (5, 3)), ((4, 2), (4, 2)), ((3,), (3,)), ((0, 3),) * 2]
)
def test_points_that_are_no_pairs_are_refused(shapes):
    with pytest.raises(ValueError, match=r"one shape \[\.\.\., N, 3\] with N >= 1, got"):
        kabsch(*(jnp.zeros(shape) for shape in shapes))


def test_weights_have_one_entry_per_pair():
    with pytest.raises(ValueError, match=r"expected weights \[6\], one per pair, got \[6, 1\]"):
        kabsch(jnp.zeros((6, 3)), jnp.zeros((6, 3)), weights=jnp.ones((6, 1)))
