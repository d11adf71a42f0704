"""Linear maps and perceptrons against the same kernels applied by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import layers
from symjax_models.layers import initializers
from symjax_models.ops import graph, message_passing

RNG = np.random.default_rng(0)
INPUTS = jnp.asarray(RNG.normal(size=(2, 3, 5)), jnp.float32)
BATCH, N, WIDTH, ATTRIBUTES = 2, 4, 3, 2


def float64(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["params"])


def silu(x):
    return x / (1 + np.exp(-x))


@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_is_a_matrix_product_and_a_bias(use_bias):
    outputs, params = layers.Dense(7, use_bias=use_bias).init_with_output(jax.random.key(0), INPUTS)
    found = float64(params)
    assert set(found) == ({"kernel", "bias"} if use_bias else {"kernel"})
    assert found["kernel"].shape == (5, 7)
    expected = np.asarray(INPUTS, np.float64) @ found["kernel"] + found.get("bias", 0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activate_final", [True, False])
@pytest.mark.parametrize("final_use_bias", [True, False])
def test_mlp_alternates_dense_and_silu(activate_final, final_use_bias):
    model = layers.MLP((6, 7, 2), activate_final=activate_final, final_use_bias=final_use_bias)
    outputs, params = model.init_with_output(jax.random.key(0), INPUTS)
    found = float64(params)
    assert set(found) == {"Dense_0", "Dense_1", "Dense_2"}
    assert ("bias" in found["Dense_2"]) == final_use_bias
    assert "bias" in found["Dense_0"] and "bias" in found["Dense_1"]
    expected = np.asarray(INPUTS, np.float64)
    for index in range(3):
        layer = found[f"Dense_{index}"]
        expected = expected @ layer["kernel"] + layer.get("bias", 0)
        expected = silu(expected) if activate_final or index < 2 else expected
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_mlp_initialises_the_last_kernel_alone_as_asked():
    model = layers.MLP((6, 2), final_kernel_init=nn.initializers.constant(3.0))
    params = float64(model.init(jax.random.key(0), INPUTS))
    assert np.all(params["Dense_1"]["kernel"] == 3)
    assert np.abs(params["Dense_0"]["kernel"]).max() < 1


@pytest.fixture(scope="module")
def edge_case():
    """A dense graph with features, and an `EdgeDense` layer with parameters and a jitted apply."""
    features = jnp.asarray(RNG.normal(size=(BATCH, N, WIDTH)), jnp.float32)
    pairs = jnp.asarray(RNG.normal(size=(BATCH, N, N, ATTRIBUTES)), jnp.float32)
    dense = graph.complete({"h": features}, pairs={"e": pairs})
    layer = layers.EdgeDense(7)
    params = jax.jit(layer.init)(jax.random.key(0), dense, dense.nodes["h"], dense.edges["e"])
    apply = jax.jit(lambda params, g: layer.apply(params, g, g.nodes["h"], g.edges["e"]))
    return dense, params, apply


def test_edge_dense_equals_dense_on_the_concatenation(edge_case):
    dense, params, apply = edge_case
    outputs = apply(params, dense)
    assert params["params"]["kernel"].shape == (2 * WIDTH + ATTRIBUTES, 7)
    assert outputs.shape == (BATCH, N, N - 1, 7)
    h = dense.nodes["h"]
    shape = (BATCH, N, N - 1, WIDTH)
    parts = [
        jnp.broadcast_to(message_passing.gather_receivers(dense, h), shape),
        jnp.broadcast_to(message_passing.gather_senders(dense, h), shape),
        dense.edges["e"],
    ]
    concatenated = layers.Dense(7).apply(params, jnp.concatenate(parts, axis=-1))
    np.testing.assert_allclose(outputs, concatenated, rtol=1e-5, atol=1e-6)
    # The order of the parts matters to whoever brings kernels from elsewhere.
    swapped = layers.Dense(7).apply(
        params, jnp.concatenate([parts[1], parts[0], parts[2]], axis=-1)
    )
    assert np.abs(outputs - swapped).max() > 0.1


def test_edge_dense_equals_itself_on_the_edge_list(edge_case):
    dense, params, apply = edge_case
    outputs = apply(params, graph.to_sparse(dense))
    np.testing.assert_allclose(outputs, apply(params, dense).reshape(-1, 7), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("filler", [1e30, np.nan, np.inf])
def test_edge_dense_does_not_read_padding_edges(edge_case, filler):
    dense, params, _ = edge_case
    sparse = graph.to_sparse(dense, num_nodes=BATCH * N + 1, num_edges=BATCH * N * (N - 1) + 5)
    mask = sparse.edge_mask[:, None]
    filled = sparse.replace(edges={"e": jnp.where(mask, sparse.edges["e"], filler)})

    def functional(params, given):
        edges = layers.EdgeDense(7).apply(params, given, given.nodes["h"], given.edges["e"])
        return jnp.sum(jnp.sin(message_passing.sum_messages(given, edges)))

    evaluate = jax.jit(jax.value_and_grad(functional))
    jax.tree.map(np.testing.assert_array_equal, evaluate(params, filled), evaluate(params, sparse))


def test_edge_dense_of_one_node_has_no_edges(edge_case):
    _, params, apply = edge_case
    single = graph.complete({"h": jnp.ones((1, WIDTH))}, pairs={"e": jnp.zeros((1, 1, ATTRIBUTES))})
    assert apply(params, single).shape == (1, 0, 7)
    assert apply(params, graph.to_sparse(single)).shape == (0, 7)


def test_xavier_gain_reaches_the_kernel():
    model = layers.Dense(50, kernel_init=initializers.xavier_uniform(gain=0.001))
    params = float64(model.init(jax.random.key(0), jnp.ones((1, 100))))
    bound = 0.001 * np.sqrt(6 / 150)
    assert 0.99 * bound < np.abs(params["kernel"]).max() <= bound
