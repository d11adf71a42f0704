"""The gated nonlinearity against the same by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps

SO3, U2 = groups.SO(3), groups.U(2)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.mark.parametrize("group", [SO3, U2], ids=repr)
def test_gates_are_affine_in_the_scalars(features, parameters, group):
    V, one = reps.vector(group), reps.scalar(group)
    x = features(2 * V + 4 * one + V**2, (5,))
    layer = layers.Gate(activation=jnp.tanh)
    params = parameters(layer, x)
    y = jax.jit(layer.apply)(params, x)
    dense = params["params"]["Dense_0"]
    assert dense["kernel"].shape == (4, 3)
    scalars = np.asarray(x[one])
    gates = sigmoid(scalars[:, 0].real @ dense["kernel"] + dense["bias"])
    np.testing.assert_allclose(y[V], x[V] * gates[:, None, :2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y[V**2], x[V**2] * gates[:, None, 2:], rtol=1e-5, atol=1e-6)
    expected = np.tanh(scalars.real)
    if group.is_complex:
        expected = expected + 1j * np.tanh(scalars.imag)
    np.testing.assert_allclose(y[one], expected, rtol=1e-5, atol=1e-6)
    assert y.rep == x.rep


def test_scalars_alone_need_no_gates(features):
    x = features(4 * reps.scalar(SO3), (5,))
    y, params = layers.Gate().init_with_output(jax.random.key(0), x)
    assert not params
    np.testing.assert_allclose(y.blocks[0], nn.silu(x.blocks[0]), rtol=1e-6)


def test_features_without_scalars_are_refused(features):
    x = features(2 * reps.vector(SO3), (5,))
    sentence = (
        r"Gate needs scalars to make gates from, got features of 2\*V of SO\(3\); add some "
        r"\(\+ 8 \* reps.scalar\(group\)\) or take NormActivation"
    )
    with pytest.raises(ValueError, match=sentence):
        layers.Gate().init(jax.random.key(0), x)
    # The determinant is no scalar of O(3), though it has one component.
    pseudoscalars = features(2 * reps.determinant(groups.O(3)), (5,))
    with pytest.raises(ValueError, match="Gate needs scalars"):
        layers.Gate().init(jax.random.key(0), pseudoscalars)
    with pytest.raises(ValueError, match=r"Gate takes a reps.RepArray, got ndarray"):
        layers.Gate().init(jax.random.key(0), x.blocks[0])


@pytest.mark.parametrize("group", [SO3, U2], ids=repr)
def test_gates_by_channels_are_the_last_scalars(features, group):
    V, one = reps.vector(group), reps.scalar(group)
    rep = 2 * V + 3 * one + V**2
    assert layers.with_gates(rep) == 2 * V + 6 * one + V**2
    x = features(layers.with_gates(rep), (5,))
    y = layers.gate_by_channels(x, rep)
    assert y.rep == rep
    scalars = np.asarray(x[one])
    gates = sigmoid(scalars[..., 3:].real)
    np.testing.assert_allclose(y[V], x[V] * gates[..., :2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y[V**2], x[V**2] * gates[..., 2:], rtol=1e-5, atol=1e-6)
    own = scalars[..., :3]
    expected = own.real * sigmoid(own.real)
    if group.is_complex:
        expected = expected + 1j * own.imag * sigmoid(own.imag)
    np.testing.assert_allclose(y[one], expected, rtol=1e-5, atol=1e-6)


def test_gates_by_channels_with_one_kind_of_features(features):
    V, one = reps.vector(SO3), reps.scalar(SO3)
    assert layers.with_gates(3 * one) == 3 * one
    scalars = features(3 * one, (5,))
    y = layers.gate_by_channels(scalars, 3 * one)
    np.testing.assert_allclose(y[one], nn.silu(scalars[one]), rtol=1e-6)
    x = features(layers.with_gates(2 * V), (5,))
    y = layers.gate_by_channels(x, 2 * V)
    np.testing.assert_allclose(y[V], x[V] * sigmoid(x[one]), rtol=1e-5, atol=1e-6)


def test_gates_by_channels_keep_the_symmetry_and_signs_do_not(features):
    V, one = reps.vector(groups.O(3)), reps.scalar(groups.O(3))
    rep = 2 * V + one
    x = features(layers.with_gates(rep), (3,))
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
        error = audit.equivariance_error(
            lambda x: layers.gate_by_channels(x, rep), x, dtype=dtype, num_samples=3
        )
        assert error.max < tolerance
    # An odd scalar is no gate.
    pseudo = reps.determinant(groups.O(3))
    wrong = features(2 * V + one + 2 * pseudo, (3,))

    def gate_by_odd(x):
        gates = jnp.concatenate([x[one], x[pseudo]], axis=-1)
        return layers.gate_by_channels(reps.RepArray(layers.with_gates(rep), [x[V], gates]), rep)

    assert audit.equivariance_error(gate_by_odd, wrong, num_samples=3).max > 1e-2


def test_gates_by_channels_refuse_other_features(features):
    V, one = reps.vector(SO3), reps.scalar(SO3)
    x = features(2 * V + 3 * one, (5,))
    with pytest.raises(ValueError, match=r"expected features of 2\*V \+ 5\*1 of SO\(3\), got 2\*V"):
        layers.gate_by_channels(x, 2 * V + 3 * one)
    with pytest.raises(ValueError, match=r"gate_by_channels takes a reps.RepArray, got ndarray"):
        layers.gate_by_channels(x.blocks[0], 2 * V)
