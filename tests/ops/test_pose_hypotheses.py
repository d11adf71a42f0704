"""Hypotheses of a motion: outliers are outvoted, and true pairs found."""

import functools

import jax
import numpy as np

from symjax_models.ops import pose_hypotheses
from symjax_models.ops.registration import RigidMotion
from tests.ops.test_registration import random_pair, random_rotations

choose = jax.jit(functools.partial(pose_hypotheses.most_agreed_motion, radius=0.1))


def test_one_good_proposal_among_outliers_is_enough():
    source, target, true = random_pair(batch=(2,), count=12, dtype="float32")
    rng = np.random.default_rng(1)
    rotations = random_rotations(rng, (2, 12)).astype(np.float32)
    target[:, 5:] += rng.normal(size=(2, 7, 3))
    weights = np.ones((2, 12), np.float32)
    # A good proposal a little off, which the fit to its inliers mends.
    c, s = np.cos(0.01), np.sin(0.01)
    rotations[:, 3] = true.rotation @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    found = choose(source, target, rotations, weights=weights)
    np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-5)
    np.testing.assert_allclose(found.translation, true.translation, atol=1e-5)
    # Without any weight on its inliers, another one wins.
    weights[:, :5] = 0
    found = choose(source, target, rotations, weights=weights)
    assert np.abs(found.rotation - true.rotation).max() > 1e-2


def test_too_few_inliers_keep_the_hypothesis():
    source, target, true = random_pair(count=2, dtype="float32")
    rotations = np.stack([true.rotation] * 2).astype(np.float32)
    found = choose(source, target, rotations, weights=np.ones(2, np.float32))
    np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-6)


def test_true_matches_are_mutual_and_near():
    source, target, true = random_pair(count=6, dtype="float32")
    order = np.array([3, 1, 0, 5, 2, 4])
    target = target[order]
    target[0] += 5
    true = RigidMotion(*(x.astype(np.float32) for x in true))
    find = jax.jit(functools.partial(pose_hypotheses.true_matches, radius=0.01))
    expected = order == np.arange(6)[:, None]
    expected[:, 0] = False
    np.testing.assert_array_equal(find(source, target, true), expected)


def test_collinear_inliers_keep_the_hypothesis():
    source = np.arange(4.0)[:, None] * np.array([1.0, 2.0, -1.0])
    rotation = random_rotations(np.random.default_rng(3))
    motion = pose_hypotheses.most_agreed_motion(
        source,
        source @ rotation.T,
        np.broadcast_to(rotation, (4, 3, 3)),
        weights=np.ones(4),
        radius=0.1,
    )
    np.testing.assert_allclose(motion.rotation, rotation, atol=1e-6)
