"""Actions of matrices on plain arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops.actions import act

RNG = np.random.default_rng(0)


def elements(group, shape=(2,)):
    return group.sample(jax.random.key(0), shape)


CASES = {
    "vector of SO(3)": ("vector", groups.SO(3), (5, 3)),
    "vector of E(3)": ("vector", groups.E(3), (5, 3)),
    "one vector": ("vector", groups.SO(3), (3,)),
    "point of SO(3)": ("point", groups.SO(3), (5, 3)),
    "point of SE(2)": ("point", groups.SE(2), (4, 5, 2)),
    "four-vector": (reps.vector(groups.Lorentz()), groups.Lorentz(), (5, 4)),
    "tensor": (reps.vector(groups.O(3)) ** 2, groups.O(3), (9,)),
    "scalar": ("scalar", groups.S(4), (4, 2)),
    "pair": ("pair", groups.S(4), (4, 4)),
    "invariant": ("invariant", groups.S(4), (4, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_homomorphism_and_batches(case):
    kind, group, shape = CASES[case]
    g, h = elements(group), group.sample(jax.random.key(1), (2,))
    x = RNG.normal(size=(2, *shape)).astype(np.float32)
    twice = act(kind, g, act(kind, h, x))
    once = act(kind, jnp.matmul(g, h, precision="highest"), x)
    np.testing.assert_allclose(twice, once, rtol=1e-3, atol=1e-4)
    assert once.shape == x.shape
    one_by_one = jnp.stack([act(kind, g[i], x[i]) for i in range(2)])
    np.testing.assert_allclose(act(kind, g, x), one_by_one, atol=1e-5)
    # One element for all of a batch.
    shared = act(kind, g[0], x)
    np.testing.assert_allclose(shared[0], act(kind, g, x)[0], atol=1e-5)
    if kind != "invariant":
        assert np.abs(once - x).max() > 1e-2


def test_points_are_shifted_and_vectors_are_not():
    shift = jnp.eye(3).at[0, 2].set(5.0)
    x = jnp.zeros((4, 2))
    np.testing.assert_array_equal(act("point", shift, x)[:, 0], 5)
    np.testing.assert_array_equal(act("vector", shift, x), 0)


def test_trees_of_kinds():
    turn = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    x = {"positions": jnp.ones((3, 2)), "rest": (jnp.ones(3), {"a": 1})}
    moved = act({"positions": "vector", "rest": "invariant"}, turn, x)
    np.testing.assert_array_equal(moved["positions"], [[-1, 1]] * 3)
    assert moved["rest"][1] == {"a": 1}


def test_typed_features_move_by_their_own_representation():
    V = reps.vector(groups.SO(3))
    x = reps.normal(jax.random.key(0), 2 * V, (4,))
    g = groups.SO(3).sample(jax.random.key(1))
    np.testing.assert_array_equal(act("typed", g, x).flat, x.transform(g).flat)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns_of_images_are_exact(turns):
    images = RNG.normal(size=(2, 5, 5, 3)).astype(np.float32)
    angle = turns * np.pi / 2
    g = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    expected = np.rot90(images, turns, axes=(1, 2))
    np.testing.assert_allclose(act("image", g, images), expected, atol=2e-6)
    each = np.broadcast_to(g, (2, 2, 2))
    np.testing.assert_allclose(act("image", each, images), expected, atol=2e-6)


def test_reflections_of_images():
    images = RNG.normal(size=(4, 6, 1)).astype(np.float32)
    mirror = np.diag([-1.0, 1.0]).astype(np.float32)
    np.testing.assert_allclose(act("image", mirror, images), images[:, ::-1], atol=2e-6)


@pytest.mark.parametrize(
    ("kind", "g", "x", "message"),
    [
        ("vektor", np.eye(3), np.ones((4, 3)), "unknown action 'vektor'; did you mean 'vector'"),
        ("vector", np.eye(3), np.ones((4, 5)), "of 3 components"),
        ("scalar", np.eye(3), np.ones((4, 5)), r"features of 3 nodes.*\[4, 5\]"),
        ("vector", np.ones((2, 3, 3)), np.ones((4, 5, 3)), r"first axes \[2\]"),
        ("image", np.eye(3), np.ones((4, 4, 1)), "elements of O"),
        ("image", np.eye(2), np.ones((4, 4)), r"\[..., H, W, C\]"),
        ("typed", np.eye(3), np.ones((4, 3)), "expected a RepArray"),
    ],
)
def test_errors(kind, g, x, message):
    with pytest.raises(ValueError, match=message):
        act(kind, g, x)


def test_elements_are_not_rounded_to_integers():
    turn = jnp.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(act("vector", turn, np.array([[10, 0]])), [[6, 8]], rtol=1e-6)
    image = np.arange(4).reshape(2, 2, 1)
    quarter = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_allclose(act("image", quarter, image)[..., 0], [[1, 3], [0, 2]], atol=1e-5)
