"""The gated nonlinearity against the same by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, layers, reps

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
