"""How an element acts on each kind, and the parts it is drawn with, against plain matrices."""

import jax
import numpy as np
import pytest

from symjax_models.audit import actions, elements

RNG = np.random.default_rng(0)
N, D = 4, 3


def draw(parts=elements.PARTS, **options):
    settings = {"nodes": N, "dimension": D, "radius": 2.0, "parts": parts, "num_samples": 8}
    return elements.draw_elements(jax.random.key(0), **(settings | options))


def test_kinds_act_as_matrices_do():
    g = draw()["together"][1]
    permutation = np.eye(N)[g.order]
    x, h, pair = RNG.normal(size=(N, D)), RNG.normal(size=(N, 2)), RNG.normal(size=(N, N))
    vectors = permutation @ x @ g.linear.T
    expected = {
        "point": (x, vectors + g.shift),
        "vector": (x, vectors),
        "scalar": (h, permutation @ h),
        "pair": (pair, permutation @ pair @ permutation.T),
        "invariant": (x, x),
    }
    assert set(expected) == set(actions.KINDS)
    for name, (value, moved) in expected.items():
        np.testing.assert_allclose(actions.KINDS[name].act(g, value), moved, atol=1e-14)
        batched = actions.KINDS[name].act(g, np.stack([value, 2 * value]))
        np.testing.assert_allclose(batched[0], moved, atol=1e-14)
        single = value.astype(np.float32)
        assert actions.KINDS[name].act(g, single).dtype == np.float32
    species = np.arange(N)[:, None]
    np.testing.assert_array_equal(
        actions.KINDS["scalar"].act(g, species), np.arange(N)[g.order][:, None]
    )


def test_elements_are_parts_of_one_another():
    drawn = draw()
    assert list(drawn) == ["together", *elements.PARTS]
    signs = [np.linalg.det(g.linear) for g in drawn["together"]]
    np.testing.assert_allclose(signs, [-1, 1] * 4, atol=1e-12)
    for name, sign in {"rotations": 1, "reflections": -1, "translations": 1}.items():
        for g, whole in zip(drawn[name], drawn["together"], strict=True):
            np.testing.assert_allclose(g.linear @ g.linear.T, np.eye(D), atol=1e-14)
            np.testing.assert_allclose(np.linalg.det(g.linear), sign, atol=1e-12)
            np.testing.assert_array_equal(g.order, np.arange(N))
            np.testing.assert_array_equal(g.shift, whole.shift * (name == "translations"))
    lengths = [np.linalg.norm(g.shift) for g in drawn["together"]]
    assert 0.5 < max(lengths) <= 2.0
    orders = [g.order for g in drawn["permutations"]]
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(N), (8, 1)))
    np.testing.assert_array_equal(orders, [g.order for g in drawn["together"]])


def test_elements_leave_out_what_is_not_asked_for():
    drawn = draw(parts=("rotations",))
    assert list(drawn) == ["together", "rotations"]
    for g, h in zip(drawn["together"], drawn["rotations"], strict=True):
        np.testing.assert_array_equal(g.linear, h.linear)
        assert np.linalg.det(g.linear) > 0 and not g.shift.any()
        np.testing.assert_array_equal(g.order, np.arange(N))


@pytest.mark.parametrize("name", ["point", "vector", "scalar", "pair"])
def test_gradients_of_points_are_vectors(name):
    expected = "vector" if name == "point" else name
    assert actions.KINDS[name].cotangent.name == expected
