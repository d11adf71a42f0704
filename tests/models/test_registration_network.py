"""Registration networks: the equivariant one moves with either cloud, the plain one does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.models import registration_network as networks
from symjax_models.ops.registration import RigidMotion, apply_rigid
from tests.ops.test_registration import random_pair

SIZES = {"channels": (3,), "num_descriptors": 4, "num_neighbours": 4, "spacing": 1.0}
NET = networks.RegistrationNetwork(**SIZES)
PLAIN = networks.PlainRegistrationNetwork(**SIZES)
SOURCE, TARGET, TRUE = random_pair(count=8, dtype="float32")
MOTION = RigidMotion(*(x.astype(np.float32) for x in TRUE))
KINDS = {
    "inputs": ["invariant", "point", "point"],
    "reflections": False,
    "permutations": False,
}


def random_parameters(net):
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(net.init, jax.random.key(0), SOURCE, TARGET)
    return jax.tree.map(lambda leaf: 0.7 * rng.normal(size=leaf.shape), shapes)


PARAMS = random_parameters(NET)
PLAIN_PARAMS = random_parameters(PLAIN)


def pieces(net):
    """Return what the audit can turn, and where the source is moved to.

    One function for all audits: the compiler, which takes seconds for it, keeps its program.
    """

    def call(params, source, target):
        found = net.apply(params, source, target)
        plan = jnp.exp(found.log_plan)
        of_source = (found.source.descriptors, plan[:-1])
        vectors = tuple(found.target.vectors[..., c] for c in range(8))
        return of_source, plan[-1], vectors, apply_rigid(source, found.motion)

    return call


OUTPUT = ("invariant", "invariant", ("vector",) * 8, "point")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_motion_moves_with_the_clouds(dtype):
    wanted = {**KINDS, "output": OUTPUT, "dtype": dtype}
    audit.assert_equivariant(pieces(NET), PARAMS, SOURCE, TARGET, **wanted)


def test_a_target_that_stays_behind_is_found():
    wanted = {**KINDS, "inputs": ["invariant", "point", "invariant"], "output": OUTPUT}
    assert audit.equivariance_error(pieces(NET), PARAMS, SOURCE, TARGET, **wanted).max > 1e-2


# As T becomes T g^-1, the place T x of a point stays where it is; with the points its row moves.
SOURCE_ALONE = {
    "inputs": ["invariant", "point", "invariant"],
    "output": (("scalar", "scalar"), "invariant", "invariant", "scalar"),
    "reflections": False,
    "num_samples": 4,
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_the_source_may_move_alone_and_its_points_change_places(dtype, tolerance):
    error = audit.equivariance_error(
        pieces(NET), PARAMS, SOURCE, TARGET, dtype=dtype, **SOURCE_ALONE
    )
    assert {"rotations", "translations", "permutations"} < set(error.parts)
    assert error.max < tolerance, error


def test_a_target_that_moves_too_is_found():
    wanted = SOURCE_ALONE | {"inputs": ["invariant", "point", "point"], "permutations": False}
    error = audit.equivariance_error(pieces(NET), PARAMS, SOURCE, TARGET, **wanted)
    assert min(error.parts["rotations"], error.parts["translations"]) > 1e-2


def with_loss(net):
    """Return the loss, its gradient and the output in one compiled function."""

    def loss(params, source, target, motion):
        found = net.apply(params, source, target)
        return networks.registration_loss(found, source, target, motion, radius=0.05), found

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def sharp(params):
    """Give the matching the sharpness that training starts with."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), params)
    return {"params": params["params"] | {"sharpness": np.float32(16), "dustbin": np.float32(8)}}


STEPS = {"equivariant": with_loss(NET), "plain": with_loss(PLAIN)}
START = {"equivariant": sharp(PARAMS), "plain": sharp(PLAIN_PARAMS)}
TURN = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)


def register(name, source, target):
    return STEPS[name](START[name], source, target, MOTION)[0][1]


def test_equal_clouds_are_registered_without_any_training():
    order = np.random.default_rng(2).permutation(8)
    found = register("equivariant", SOURCE, TARGET[order])
    # Soft matches leave a little weight on wrong partners.
    np.testing.assert_allclose(found.motion.rotation, TRUE.rotation, atol=5e-3)
    np.testing.assert_allclose(found.motion.translation, TRUE.translation, atol=5e-3)


def test_points_that_are_no_numbers_leave_no_motion():
    source = SOURCE.copy()
    source[0, 0] = np.nan
    sources, targets = np.stack([SOURCE, source]), np.stack([TARGET, TARGET])
    motion = jax.jit(NET.apply)(PARAMS, sources, targets).motion
    for part in motion:
        assert np.isfinite(part[0]).all()
        assert np.isnan(part[1]).all()


def test_each_cloud_moves_by_itself():
    """With the sharp matches that training starts with, which rounding moves more."""
    found = register("equivariant", SOURCE, TARGET)
    moved = register("equivariant", SOURCE @ TURN.T + 0.5, TARGET)
    np.testing.assert_allclose(moved.log_plan, found.log_plan, atol=1e-3)
    back = found.motion.rotation @ TURN.T
    np.testing.assert_allclose(moved.motion.rotation, back, atol=2e-3)


def test_the_plain_network_is_invariant_under_translations_only():
    found = register("plain", SOURCE, TARGET).log_plan
    moved = register("plain", SOURCE + 0.5, TARGET).log_plan
    np.testing.assert_allclose(moved, found, atol=1e-3)
    assert np.abs(register("plain", SOURCE @ TURN.T, TARGET).log_plan - found).max() > 0.1


@pytest.mark.parametrize("name", ["equivariant", "plain"])
def test_the_loss_learns(name):
    step, params = STEPS[name], START[name]
    (before, _), gradient = step(params, SOURCE, TARGET, MOTION)
    leaves = jax.tree.leaves(gradient)
    assert all(np.isfinite(leaf).all() and np.any(leaf) for leaf in leaves)
    scale = 1e-2 / np.sqrt(sum(np.sum(np.square(leaf)) for leaf in leaves))
    moved = jax.tree.map(lambda p, g: p - scale * g, params, gradient)
    (after, _), _ = step(moved, SOURCE, TARGET, MOTION)
    assert after < before
    # Nothing in common, and points in one place: only the dustbin is left.
    for source, target in ((SOURCE, TARGET + 50), (0 * SOURCE, 0 * TARGET)):
        (value, _), gradient = step(params, source, target, MOTION)
        assert np.isfinite(value) and all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))
