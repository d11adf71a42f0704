"""The Symmetrize layer: exactness, parameters, random streams, one evaluation."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers
from symjax_models.ops.frames import PCAFrames
from symjax_models.ops.symmetrization import symmetrize

POINTS = np.random.default_rng(0).gamma(2.0, size=(2, 12, 3)) * np.array([1.0, 0.5, 0.2])


class Plain(nn.Module):
    """A network without symmetry."""

    @nn.compact
    def __call__(self, points, *, deterministic=True):
        init = nn.initializers.normal(1.0)  # without biases the average is nearly zero
        h = nn.tanh(nn.Dense(8, precision="highest", bias_init=init)(points))
        h = nn.Dropout(0.5)(h, deterministic=deterministic)
        return nn.Dense(3, precision="highest")(h.mean(-2))


@pytest.fixture(scope="module")
def layer():
    return layers.Symmetrize(Plain(), source=layers.frames(groups.SE(3)))


@pytest.fixture(scope="module")
def params(layer):
    return layer.init(jax.random.key(0), POINTS.astype(np.float32))


def test_exact_and_the_bare_network_is_not(layer, params):
    kinds = {"inputs": ["invariant", "point"], "output": "invariant", "reflections": False}
    for dtype in ("float32", "float64"):
        audit.assert_equivariant(layer.apply, params, POINTS, **kinds, dtype=dtype)
    bare = {"params": params["params"]["network"]}
    error = audit.equivariance_error(Plain().apply, bare, POINTS, **kinds)
    assert error.max > 1e-2


def test_parameters_are_those_of_the_network_once(layer, params):
    bare = Plain().init(jax.random.key(0), POINTS.astype(np.float32))
    shapes = jax.tree.map(jnp.shape, params["params"]["network"])
    assert shapes == jax.tree.map(jnp.shape, bare["params"])


def test_agrees_with_the_function(layer, params):
    points = jnp.asarray(POINTS, jnp.float32)
    bare = {"params": params["params"]["network"]}
    function = symmetrize(
        lambda x: Plain().apply(bare, x),
        source=layer.source,
        rep_in="point",
        rep_out="invariant",
    )
    np.testing.assert_allclose(layer.apply(params, points), function(points), atol=1e-6)


class Noise(nn.Module):
    """Say noise of a stream of its own, a dropped constant, and sow one."""

    @nn.compact
    def __call__(self, points):
        batch = points.shape[:-2]
        self.sow("intermediates", "seen", jnp.ones(batch))
        noise = jax.random.normal(self.make_rng("noise"), batch)
        return noise, nn.Dropout(0.5, deterministic=False)(jnp.ones((*batch, 64)))


def test_every_stream_differs_between_elements_and_intermediates_come_back():
    layer = layers.Symmetrize(
        Noise(), source=layers.frames(groups.SE(3)), rep_out=("invariant", "invariant")
    )
    keys = dict(zip(("noise", "dropout"), jax.random.split(jax.random.key(0)), strict=True))
    (_, dropped), state = layer.apply({}, POINTS, rngs=keys, mutable=["intermediates"])
    # One mask for all elements would leave 0 and 2 alone.
    assert len(np.unique(dropped)) > 2
    assert state["intermediates"]["network"]["seen"][0].shape == (4, len(POINTS))


def test_random_frames_take_the_stream_or_the_key(params):
    layer = layers.Symmetrize(Plain(), source=PCAFrames(groups.SE(3), signs="random"))
    points = POINTS.astype(np.float32)
    with pytest.raises(ValueError, match="random signs need a key"):
        layer.apply(params, points)
    drawn = [layer.apply(params, points, rngs={"frames": jax.random.key(i)}) for i in range(6)]
    assert len({np.asarray(y).tobytes() for y in drawn}) > 1
    by_key = [layer.apply(params, points, key=jax.random.key(4)) for _ in range(2)]
    np.testing.assert_array_equal(*by_key)


def test_learned_source_is_trained_with_the_network():
    class Vectors(nn.Module):
        @nn.compact
        def __call__(self, points):
            weights = nn.Dense(2)(jnp.linalg.norm(points, axis=-1, keepdims=True))
            return jnp.einsum("...nd,...nk->...dk", points, weights)

    source = layers.VectorCanonicalizer(Vectors(), groups.SE(3))
    layer = layers.Symmetrize(Plain(), source=source)
    points = jnp.asarray(POINTS, jnp.float32)
    params = layer.init(jax.random.key(0), points)
    assert set(params["params"]) == {"network", "source"}
    gradient = jax.grad(lambda p: jnp.sum(layer.apply(p, points) ** 2))(params)
    assert np.abs(gradient["params"]["source"]["network"]["Dense_0"]["kernel"]).max() > 0
