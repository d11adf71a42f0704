"""Networks of adjacency matrices: what they tell apart, and that frames make them invariant."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups
from symjax_models.layers import Symmetrize
from symjax_models.models.graph_networks import GCN, GIN, AdjacencyMLP
from symjax_models.ops.frames import WholeGroup

NETWORKS = {
    "mlp": AdjacencyMLP(features=3, hidden=(8, 6)),
    "gin": GIN(features=3, width=8, num_layers=2),
    "gin_ids": GIN(features=3, width=8, num_layers=2, has_node_ids=True),
    "gcn": GCN(features=3, width=8, num_layers=2),
    "gcn_ids": GCN(features=3, width=8, num_layers=2, has_node_ids=True),
}
PATH = np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)


def average(network, n):
    """Average over all permutations of n nodes."""
    return Symmetrize(network, source=WholeGroup(groups.S(n)), rep_in="pair")


@functools.partial(jax.jit, static_argnums=0)
def _apply(network, *arguments, **options):
    return network.apply(*arguments, **options)


def apply(network, *arguments, **options):
    """Apply a network in float64."""
    with jax.enable_x64(True):
        return np.asarray(_apply(network, *arguments, **options))


def cycles(*lengths):
    """Return the adjacency of cycles side by side."""
    n = sum(lengths)
    adjacency, start = np.zeros((n, n)), 0
    for length in lengths:
        places = start + np.arange(length)
        adjacency[places, np.roll(places, 1)] = adjacency[np.roll(places, 1), places] = 1
        start += length
    return adjacency


def draw_params(network, *arguments, scale=1.0):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(network.init, jax.random.key(0), *arguments)

    def draw(leaf):
        width = scale * (leaf.shape[-2] ** -0.5 if leaf.ndim > 1 else 0.3)
        return width * rng.normal(size=leaf.shape)

    return jax.tree.map(draw, shapes)


def count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def permutation_error(network, dtype):
    adjacency = np.random.default_rng(1).normal(size=(2, 4, 4))
    params = draw_params(network, adjacency)
    error = audit.equivariance_error(
        network.apply,
        params,
        adjacency,
        inputs=["invariant", "pair"],
        output="invariant",
        dtype=dtype,
        num_samples=4,
    )
    return error.max


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("name", ["mlp", "gin_ids", "gin", "gcn"])
def test_invariant_under_permutations(name, dtype, tolerance):
    network = NETWORKS[name]
    if name in ("mlp", "gin_ids"):
        network = average(network, 4)
    if name == "gcn":  # squares, for weights must not be negative
        network = Squared(network)
    assert permutation_error(network, dtype) < tolerance


class Squared:
    """Square the adjacency before a network."""

    def __init__(self, network):
        self.network = network
        self.init = network.init

    def apply(self, params, adjacency):
        return self.network.apply(params, jnp.square(adjacency))


@pytest.mark.parametrize("name", ["mlp", "gin_ids", "gcn_ids"])
def test_without_frames_the_order_of_nodes_is_seen(name):
    network = Squared(NETWORKS[name]) if name == "gcn_ids" else NETWORKS[name]
    assert permutation_error(network, "float32") > 1e-2


@pytest.mark.parametrize("name", ["gin", "gcn"])
def test_graphs_that_refinement_cannot_tell_apart_stay_equal(name):
    pair = np.stack([cycles(3, 3), cycles(6)])
    params = draw_params(NETWORKS[name], pair)
    path = np.pad(PATH, (0, 2))
    one, other, path = apply(NETWORKS[name], params, np.stack([*pair, path]))
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert np.abs(path - one).max() > 1e-2


@pytest.mark.parametrize("name", ["mlp", "gin_ids"])
def test_frames_tell_two_triangles_from_a_hexagon(name):
    network = average(NETWORKS[name], 6)
    pair = np.stack([cycles(3, 3), cycles(6)])
    params = draw_params(network, pair, scale=2.0)
    shuffled = np.random.default_rng(2).permutation(6)
    again = pair[:1, shuffled][:, :, shuffled]
    one, other, again = apply(network, params, np.concatenate([pair, again]))
    assert np.abs(one - other).sum() > 1e-3
    np.testing.assert_allclose(again, one, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["gin", "gcn"])
def test_padding_may_hold_anything(name):
    network = NETWORKS[name]
    nodes = np.random.default_rng(3).normal(size=(4, 2))
    params = draw_params(network, PATH, nodes)
    expected = apply(network, params, PATH, nodes)
    padded = np.pad(PATH, (0, 2), constant_values=np.nan)
    more = np.pad(nodes, ((0, 2), (0, 0)), constant_values=np.nan)

    @jax.jit
    def evaluate(params):
        def total(params):
            found = network.apply(params, padded, more, mask=jnp.arange(6) < 4)
            return jnp.sum(found), found

        return jax.grad(total, has_aux=True)(params)

    with jax.enable_x64(True):
        slopes, found = evaluate(params)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_one_layer_of_gin_is_the_formula():
    network = GIN(features=2, width=3, num_layers=1)
    params = draw_params(network, PATH)["params"]
    sums = (1 + params["epsilon_0"]) + PATH.sum(1, keepdims=True)
    h = np.tanh(sums @ params["first_0"]["kernel"] + params["first_0"]["bias"])
    h = np.tanh(h @ params["second_0"]["kernel"] + params["second_0"]["bias"])
    expected = h.sum(0) @ params["readout"]["kernel"] + params["readout"]["bias"]
    found = apply(network, {"params": params}, PATH)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_averages_of_gcn_keep_what_is_the_same_everywhere():
    # On a regular graph the rows of S sum to 1, so that every node is like one node alone.
    network = GCN(features=2, width=3, num_layers=1)
    params = draw_params(network, cycles(4))
    whole, single = apply(network, params, cycles(4)), apply(network, params, np.zeros((1, 1)))
    bias = params["params"]["readout"]["bias"]
    np.testing.assert_allclose(whole - bias, 4 * (single - bias), rtol=1e-12)


def test_the_default_sizes_are_those_of_the_paper():
    shapes = jax.eval_shape(AdjacencyMLP().init, jax.random.key(0), np.zeros((8, 8)))
    assert count(shapes) == 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10 == 17226
    shapes = jax.eval_shape(GIN().init, jax.random.key(0), np.zeros((8, 8)))
    assert count(shapes) == 3 + 64 + 5 * 64 * 64 + 6 * 64 + 64 * 10 + 10


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_matrix_that_is_not_square_is_refused(name):
    with pytest.raises(ValueError, match=r"\[\*batch, n, n\] with n >= 1, got \[2, 3\]"):
        NETWORKS[name].init(jax.random.key(0), jnp.ones((2, 3)))
