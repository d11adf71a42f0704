"""Softened layers: what their penalties measure."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps

O3, SO3, SO2 = (
    groups.O(3),
    groups.SO(3),
    groups.MatrixGroup(
        lie_algebra=[[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]], name="SO2"
    ),
)
V, DET, ONE = reps.vector(O3), reps.determinant(O3), reps.scalar(O3)
CANDIDATES = (O3, SO3, SO2)
NAMES = ("O(3)", "SO(3)", "SO2")
SCALE = 0.1


@pytest.fixture(scope="module")
def soft(features, parameters):
    """A soft layer, its parameters, and inputs; only SO(3) takes pseudoscalars to scalars."""
    x = features(2 * V + 2 * DET, (4,))
    layer = layers.Linear(3 * V + ONE, soft=layers.Soft(CANDIDATES, scale=SCALE))
    return layer, parameters(layer, x), x


@pytest.fixture(scope="module")
def evaluate(soft):
    layer, _, _ = soft
    return jax.jit(lambda params, x: layers.apply_with_penalties(layer, params, x))


def with_residuals(params, make):
    """Replace the residuals by what a function makes of their shapes."""
    return {
        "params": {
            name: make(name, leaf) if name.startswith("residual") else leaf
            for name, leaf in params["params"].items()
        }
    }


def no_residual(_, leaf):
    return np.zeros_like(leaf)


def test_without_residual_nothing_is_penalized_and_the_layer_is_strict(soft, evaluate):
    layer, params, x = soft
    strict = layers.Linear(layer.rep_out)
    params = with_residuals(params, no_residual)
    y, penalties = evaluate(params, x)
    assert penalties == {"residual": 0} | dict.fromkeys(NAMES, 0)
    own = {k: v for k, v in params["params"].items() if not k.startswith("residual")}
    expected = jax.jit(strict.apply)({"params": own}, x)
    jax.tree.map(np.testing.assert_array_equal, y, expected)


def test_each_penalty_is_the_distance_from_the_maps_of_its_group(soft, evaluate):
    _, params, x = soft
    _, penalties = evaluate(params, x)
    expected = dict.fromkeys(("residual", *NAMES), 0.0)
    outputs, inputs = (V, ONE), (V, DET)
    for o, target in enumerate(outputs):
        for i, source in enumerate(inputs):
            leaf = np.asarray(params["params"][f"residual_{o}_{i}"], np.float64)
            expected["residual"] += np.square(leaf).sum()
            for group in CANDIDATES:
                maps = reps.equivariant_basis(
                    reps.restrict(source, group), reps.restrict(target, group)
                ).dense()
                inside = np.einsum("koi,ocid->kcd", maps, leaf)
                expected[repr(group)] += np.square(leaf).sum() - np.square(inside).sum()
    assert set(penalties) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(penalties[name], value, rtol=1e-5)
    # The smaller the group, the more maps it allows.
    assert penalties["residual"] > penalties["O(3)"] > penalties["SO(3)"] > penalties["SO2"] > 0


def test_what_is_equivariant_under_a_candidate_costs_nothing_there(soft, evaluate):
    layer, params, x = soft

    def about_the_axis(name, leaf):
        # Rotations about the axis leave it alone, and turn a vector into its perpendicular;
        # a determinant is a scalar to them.
        turn = np.array([[0.5, -2.0, 0.0], [2.0, 0.5, 0.0], [0.0, 0.0, 1.5]])
        axis = np.array([[0.0, 0.0, 1.0]])
        matrix = {
            "residual_0_0": turn,
            "residual_0_1": axis.T,
            "residual_1_0": axis,
            "residual_1_1": np.ones((1, 1)),
        }[name]
        channels = np.random.default_rng(0).normal(size=(leaf.shape[1], leaf.shape[3]))
        return np.einsum("oi,cd->ocid", matrix, channels).astype(np.float32)

    relaxed = with_residuals(params, about_the_axis)
    y, penalties = evaluate(relaxed, x)
    assert 0 <= penalties["SO2"] < 1e-10 * penalties["residual"]
    assert penalties["SO(3)"] > 0.1 * penalties["residual"]
    assert penalties["O(3)"] > 0.1 * penalties["residual"]
    # And the layer has that symmetry, and not that of its type.
    turned = x.transform(np.asarray(SO2.exp(np.array([0.7], np.float32))))
    moved, _ = evaluate(relaxed, turned)
    expected = y.transform(np.asarray(SO2.exp(np.array([0.7], np.float32))))
    for a, b in zip(moved.blocks, expected.blocks, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert audit.equivariance_error(layer.apply, relaxed, x).max > 1e-2


def test_gradients_of_penalties_point_away_from_the_symmetry(soft):
    layer, params, x = soft

    @functools.partial(jax.jit, static_argnums=1)
    def penalize(params, name):
        def penalty(params):
            return layers.apply_with_penalties(layer, params, x)[1][name]

        return jax.value_and_grad(penalty)(params)

    for name in ("residual", "SO(3)"):
        gradient = penalize(params, name)[1]["params"]
        assert all(np.isfinite(leaf).all() for leaf in gradient.values())
        assert np.all(gradient["kernel_0_0"] == 0)
        assert np.abs(gradient["residual_0_0"]).max() > 1e-3
        # A quadratic form: half its gradient, taken off, leaves nothing.
        half = {k: params["params"][k] - gradient[k] / 2 for k in gradient}
        assert penalize({"params": half}, name)[0] < 1e-8
    none = with_residuals(params, no_residual)
    gradient = penalize(none, "residual")[1]["params"]
    assert all(np.isfinite(leaf).all() for leaf in gradient.values())


def test_initial_residuals_have_their_scale(features):
    rep = 20 * V
    layer = layers.Linear(rep, soft=layers.Soft(scale=SCALE))
    x = features(rep, (50,))
    params = jax.jit(layer.init)(jax.random.key(0), x)
    assert set(params) == {"params"}
    strict, apply = with_residuals(params, no_residual), jax.jit(layer.apply)
    rest = apply(params, x) - apply(strict, x)
    np.testing.assert_allclose(np.std(rest.blocks[0]), SCALE, rtol=0.1)


def test_penalties_of_all_layers_are_summed_however_often_it_is_asked(features, parameters):
    soft = layers.Soft((SO3,))
    model = nn.Sequential([layers.Linear(2 * V, soft=soft), layers.Linear(V, soft=soft)])
    x = features(V, (2,))
    params = parameters(model, x)
    leaves = [
        leaf
        for layer in params["params"].values()
        for name, leaf in layer.items()
        if name.startswith("residual")
    ]
    expected = sum(np.square(leaf).sum() for leaf in leaves)
    evaluate = jax.jit(lambda params: layers.apply_with_penalties(model, params, x)[1])
    for _ in range(2):
        penalties = evaluate(params)
        assert set(penalties) == {"residual", "SO(3)"}
        np.testing.assert_allclose(penalties["residual"], expected, rtol=1e-5)
    # What init returns goes in as it is.
    drawn = jax.jit(model.init)(jax.random.key(0), x)
    total = sum(jnp.sum(jnp.square(layer["residual_0_0"])) for layer in drawn["params"].values())
    penalties = evaluate(drawn)
    np.testing.assert_allclose(penalties["residual"], total, rtol=1e-5)


def test_layers_without_residual_have_no_penalties(features, parameters):
    layer, x = layers.Linear(V), features(V, (2,))
    _, penalties = layers.apply_with_penalties(layer, parameters(layer, x), x)
    assert penalties == {}


def test_candidates_are_subgroups(features):
    layer = layers.Linear(V, soft=layers.Soft((groups.GL(3),)))
    with pytest.raises(ValueError, match=r"expected a subgroup of O\(3\), got GL\(3\)"):
        layer.init(jax.random.key(0), features(V, (2,)))
