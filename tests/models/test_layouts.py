"""One model, one set of parameters, one answer: layouts, padding, order, batches."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.data.nbody_graphs import make_graph
from symjax_models.ops import graph

SPARE_NODES, SPARE_EDGES = 3, 10
TOLERANCES = {np.float32: 5e-6, np.float64: 1e-13}
# Tests of steerable models that compile more than the ones around them are slow.
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("segnn", "tfn")]
INTERACTING = ["egnn", "gnn", "leapfrog", "radial_field"]
MODELS = [*INTERACTING, "segnn", "tfn"]
TARGETS = np.random.default_rng(1).normal(size=(3, 4, 3))


@functools.partial(jax.jit, static_argnums=0)
def evaluate(model, params, given):
    """Return predictions for real nodes and the parameter gradients of a squared error."""

    def loss(params):
        predictions = model.apply(params, given)
        real = predictions.reshape(-1, 3)[: TARGETS.size // 3]
        return jnp.sum(jnp.square(real - TARGETS.reshape(-1, 3))), real

    gradients, predictions = jax.grad(loss, has_aux=True)(params)
    return {"predictions": predictions, "gradients": gradients}


def pad(given):
    """Turn a dense batch of up to 3 x 4 nodes into an edge list of one size, with room to spare."""
    return graph.to_sparse(given, num_nodes=12 + SPARE_NODES, num_edges=36 + SPARE_EDGES)


def fill(given, *, nodes, edges):
    """Write numbers into the padding of a sparse graph."""
    node_mask, edge_mask = given.node_mask[:, None], given.edge_mask[:, None]
    return given.replace(
        nodes=jax.tree.map(lambda leaf: jnp.where(node_mask, leaf, nodes), given.nodes),
        edges=jax.tree.map(lambda leaf: jnp.where(edge_mask, leaf, edges), given.edges),
    )


def assert_close(found, expected, dtype=np.float32, *, factor=1):
    """Assert that each leaf agrees to rounding, relative to its root mean square."""
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype == dtype
        scale = np.sqrt(np.mean(np.square(other)))
        assert np.abs(np.asarray(one - other)).max() <= factor * TOLERANCES[dtype] * scale


def assert_agree(found, expected, dtype):
    """Assert that predictions and gradients agree; sums of gradients cancel, and round more."""
    assert_close(found["predictions"], expected["predictions"], dtype)
    assert_close(found["gradients"], expected["gradients"], dtype, factor=20)


def assert_layouts_agree(case, dtype):
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), case.params)
    dense = case.graph(dtype)
    expected = evaluate(case.model, params, dense)
    assert expected["predictions"].dtype == dtype
    assert_agree(evaluate(case.model, params, pad(dense)), expected, dtype)


@pytest.mark.parametrize("case", ["affine", "linear", *INTERACTING, *SLOW], indirect=True)
def test_dense_equals_padded_edge_list_in_single_precision(case):
    assert_layouts_agree(case, np.float32)


@pytest.mark.parametrize(
    "case",
    ["egnn", pytest.param("leapfrog", marks=pytest.mark.slow), "radial_field", *SLOW],
    indirect=True,
)
def test_dense_equals_padded_edge_list_in_double_precision(case):
    with jax.enable_x64(True):
        assert_layouts_agree(case, np.float64)


@pytest.mark.parametrize("case", MODELS, indirect=True)
def test_what_padding_holds_changes_nothing_to_the_bit(case):
    sparse = pad(case.graph())
    expected = evaluate(case.model, case.params, sparse)
    for nodes, edges in [(7.0, 1e30), (-1e3, np.nan), (0.0, np.inf)]:
        filled = fill(sparse, nodes=nodes, edges=edges)
        found = evaluate(case.model, case.params, filled)
        jax.tree.map(np.testing.assert_array_equal, found, expected)
    # Without the mask it would.
    unmasked = fill(sparse, nodes=7.0, edges=5.0).replace(
        edge_mask=jnp.ones_like(sparse.edge_mask),
        receivers=sparse.receivers.at[-SPARE_EDGES:].set(0),
    )
    found = evaluate(case.model, case.params, unmasked)["predictions"]
    assert np.abs(found - expected["predictions"]).max() > 1e-3


@pytest.mark.parametrize("case", MODELS, indirect=True)
def test_order_of_edges_does_not_matter(case):
    sparse = pad(case.graph())
    order = np.random.default_rng(0).permutation(len(sparse.senders))
    shuffled = sparse.replace(
        senders=sparse.senders[order],
        receivers=sparse.receivers[order],
        edge_mask=sparse.edge_mask[order],
        edges=jax.tree.map(lambda leaf: leaf[order], sparse.edges),
    )
    found = evaluate(case.model, case.params, shuffled)
    assert_agree(found, evaluate(case.model, case.params, sparse), np.float32)


@pytest.mark.parametrize("case", [*INTERACTING, *SLOW], indirect=True)
def test_masked_node_on_the_dense_axis_equals_smaller_graph(case):
    x, v, q = (np.float32(a) for a in case.arguments[:3])
    smaller = pad(make_graph(x[:, :3], v[:, :3], q[:, :3, :3]))
    expected = evaluate(case.model, case.params, smaller)["predictions"][:9].reshape(3, 3, 3)
    real = np.arange(4) < 3

    def predict(real):
        masks = {"node_mask": real, "edge_mask": graph.off_diagonal(real[:, None] & real, axis=0)}
        masks = {name: jnp.broadcast_to(mask, (3, *mask.shape)) for name, mask in masks.items()}
        return case.apply(case.params, case.graph().replace(**masks))

    masked, unmasked = predict(real), predict(np.ones_like(real))
    assert_close(masked[:, :3], expected)
    assert np.abs(unmasked[:, :3] - expected).max() > 1e-2


def test_prediction_does_not_depend_on_the_rest_of_the_batch(case):
    x, v, q = (np.float32(a) for a in case.arguments[:3])
    expected = case.apply(case.params, case.graph())[0]
    for array in (x, v, q):
        array[1:] = np.nan
    spoilt = make_graph(x, v, q)
    dense = case.apply(case.params, spoilt)
    sparse = evaluate(case.model, case.params, pad(spoilt))["predictions"].reshape(3, 4, 3)
    for found in (dense, sparse):
        assert_close(found[0], expected)
        assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("case", MODELS, indirect=True)
def test_order_of_the_batch_does_not_matter(case):
    given = case.graph()
    expected = np.asarray(case.apply(case.params, given))
    reverse = case.apply(case.params, jax.tree.map(lambda leaf: leaf[::-1], given))
    assert_close(reverse, expected[::-1])


@pytest.mark.parametrize("case", ["radial_field", "linear", *SLOW], indirect=True)
def test_number_of_batch_axes_does_not_matter(case):
    given = case.graph()
    expected = np.asarray(case.apply(case.params, given))
    nested = case.apply(case.params, jax.tree.map(lambda leaf: leaf[None], given))
    assert_close(nested, expected[None])
    single = case.apply(case.params, jax.tree.map(lambda leaf: leaf[0], given))
    assert_close(single, expected[0])


@pytest.mark.parametrize("case", ["affine", "linear", *INTERACTING, *SLOW], indirect=True)
def test_jit_equals_eager(case):
    given = case.graph()
    with jax.disable_jit():
        eager = case.model.apply(case.params, given)
    assert_close(eager, case.apply(case.params, given))


@pytest.mark.parametrize("case", [*INTERACTING, *SLOW], indirect=True)
def test_vmap_over_seeds_equals_loop(case):
    given = case.graph()
    params = [jax.tree.map(lambda leaf: leaf * factor, case.params) for factor in (0.9, 1.0, 1.1)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *params)
    outputs = jax.jit(jax.vmap(case.model.apply, in_axes=(0, None)))(stacked, given)
    for output, alone in zip(outputs, params, strict=True):
        assert_close(output, case.apply(alone, given))
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


@pytest.mark.parametrize("case", ["affine"], indirect=True)
def test_vmap_over_initial_seeds_equals_loop_to_the_bit(case):
    given = case.graph()
    initialise = jax.jit(case.model.init)
    together = jax.jit(jax.vmap(case.model.init, in_axes=(0, None)))(
        jax.vmap(jax.random.key)(np.arange(2)), given
    )
    for seed in range(2):
        alone = initialise(jax.random.key(seed), given)
        row = jax.tree.map(lambda leaf: leaf[seed], together)
        jax.tree.map(np.testing.assert_array_equal, row, alone)


@pytest.mark.parametrize("case", [*INTERACTING, *SLOW], indirect=True)
def test_single_particle_has_a_finite_prediction(case):
    x, v, q = (np.float32(a) for a in case.arguments[:3])
    alone = make_graph(x[:, :1], v[:, :1], q[:, :1, :1])
    predictions = case.apply(case.params, alone)
    assert np.isfinite(predictions).all()
    on_list = evaluate(case.model, case.params, pad(alone))["predictions"][:3]
    assert_close(on_list.reshape(3, 1, 3), predictions)
