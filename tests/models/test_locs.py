"""LoCS: exact with frames of motion and centre, bound to the z axis with those of motion alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.data.nbody_graphs import make_graph
from symjax_models.models.locs import LoCS
from symjax_models.ops.graph import to_sparse

RNG = np.random.default_rng(0)
POSITIONS, VELOCITIES = RNG.normal(size=(2, 2, 4, 3))
INTERACTIONS = RNG.normal(size=(2, 4, 4))
KINDS = {"inputs": ("point", "vector", "pair", "invariant"), "output": "vector"}
TINY = {"features": 6, "num_layers": 2, "filter_features": 4}
MODEL, PUBLISHED = LoCS(**TINY), LoCS(**TINY, frame="motion")


def make(dimension=3):
    x, v = (np.float32(a[..., :dimension]) for a in (POSITIONS, VELOCITIES))
    return make_graph(x, v, np.float32(INTERACTIONS))


PARAMS = jax.jit(MODEL.init)(jax.random.key(0), make())
apply = jax.jit(MODEL.apply)


def measure(model, dtype, *, params=PARAMS, velocities=VELOCITIES, dimension=3):
    # The displacement, for next to the positions nothing else would be seen.
    return audit.equivariance_error(
        lambda x, v, q, params: model.apply(params, make_graph(x, v, q)) - x,
        POSITIONS[..., :dimension], velocities[..., :dimension], INTERACTIONS, params,
        **KINDS, dtype=dtype, num_samples=2,
    )  # fmt: skip


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_exact_for_rotations_translations_and_permutations(dtype, tolerance):
    error = measure(MODEL, dtype)
    exact = ("rotations", "translations", "permutations")
    assert max(error.parts[part] for part in exact) < tolerance
    # Two controls: frames have a hand, and those of motion alone a fixed axis.
    assert error.parts["reflections"] > 1e-2
    published = measure(PUBLISHED, dtype)
    assert published.parts["rotations"] > 1e-2
    assert max(published.parts[part] for part in exact[1:]) < tolerance


def test_nodes_at_rest_turn_with_their_place():
    assert measure(MODEL, "float64", velocities=0 * VELOCITIES).parts["rotations"] < 1e-12


def test_frames_of_motion_are_exact_in_the_plane():
    params = jax.jit(PUBLISHED.init)(jax.random.key(0), make(2))
    error = measure(PUBLISHED, "float64", params=params, dimension=2)
    assert error.parts["rotations"] < 1e-12 < 1e-2 < error.parts["reflections"]


def test_padded_edge_list_equals_dense_axis_whatever_padding_holds():
    expected = np.asarray(apply(PARAMS, make())).reshape(-1, 3)

    @jax.jit
    def evaluate(sparse):
        def loss(params):
            real = MODEL.apply(params, sparse)[:8]
            return jnp.sum(jnp.square(real)), real

        return jax.grad(loss, has_aux=True)(PARAMS)

    sparse = to_sparse(make(), num_nodes=10, num_edges=30)
    gradients, found = evaluate(sparse)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    nodes, edges = (
        {name: jnp.where(mask[:, None], leaf, value) for name, leaf in leaves.items()}
        for mask, leaves, value in (
            (sparse.node_mask, sparse.nodes, 7.0),
            (sparse.edge_mask, sparse.edges, jnp.nan),
        )
    )
    filled = evaluate(sparse.replace(nodes=nodes, edges=edges))
    jax.tree.map(np.testing.assert_array_equal, filled, (gradients, found))
    unmasked = sparse.replace(
        edge_mask=jnp.ones_like(sparse.edge_mask), receivers=sparse.receivers.at[24:].set(0)
    )
    assert np.abs(evaluate(unmasked)[1] - expected).max() > 1e-3


def test_unknown_frame_is_refused():
    with pytest.raises(ValueError, match="did you mean 'motion'"):
        jax.eval_shape(LoCS(**TINY, frame="motions").init, jax.random.key(0), make())
