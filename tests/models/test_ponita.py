"""PONITA for n-body systems: exact along principal axes, approximate on a fixed grid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.data.nbody_graphs import make_graph
from symjax_models.models.ponita import Ponita
from symjax_models.ops.graph import to_sparse
from symjax_models.ops.orientation_grids import orientation_grid

RNG = np.random.default_rng(0)
POSITIONS, VELOCITIES = RNG.normal(size=(2, 2, 4, 3))
INTERACTIONS = RNG.normal(size=(2, 4, 4))
KINDS = {"inputs": ("point", "vector", "pair", "invariant"), "output": "vector"}
TINY = {"features": 8, "num_layers": 2, "basis": 8, "widening": 2, "layer_scale": 1.0}
ATTACHED, FIXED = Ponita(**TINY), Ponita(**TINY, grid="fixed")


def make(dtype=np.float32, *, dimension=3):
    x, v = (np.asarray(a[..., :dimension], dtype) for a in (POSITIONS, VELOCITIES))
    return make_graph(x, v, np.asarray(INTERACTIONS, dtype))


def draw_params(model, graph):
    """Draw parameters of unit size, biases too: with small ones little would be tested."""
    rng = np.random.default_rng(0)

    def draw(leaf):
        width = np.prod(leaf.shape[:-1], dtype=int) ** -0.5
        return jnp.asarray(width * rng.normal(size=leaf.shape), leaf.dtype)

    return jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(0), graph))


PARAMS = draw_params(ATTACHED, make())
apply_attached = jax.jit(ATTACHED.apply)
apply_fixed = jax.jit(FIXED.apply)


def displace(model):
    """Return a function of arrays to the displacement, next to which nothing can hide."""
    return lambda x, v, q, params: model.apply(params, make_graph(x, v, q)) - x


def measure(model, dtype, **parts):
    arguments = (POSITIONS, VELOCITIES, INTERACTIONS, PARAMS)
    return audit.equivariance_error(
        displace(model), *arguments, **KINDS, dtype=dtype, num_samples=2, **parts
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_grid_along_principal_axes_is_exact_and_a_fixed_grid_is_not(dtype, tolerance):
    error = measure(ATTACHED, dtype)
    assert set(error.parts) >= {"rotations", "reflections", "translations", "permutations"}
    assert error.max < tolerance
    broken = measure(FIXED, dtype)
    assert 1e-2 < broken.parts["rotations"] < 0.6
    assert max(broken.parts["translations"], broken.parts["permutations"]) < tolerance


def test_sixteen_orientations_are_exact_for_rotations_but_not_for_reflections():
    model = Ponita(**TINY, num_orientations=16)
    error = measure(model, "float64")
    assert error.parts["rotations"] < 1e-12
    assert error.parts["reflections"] > 1e-2


def test_plane_is_exact_for_rotations_but_not_for_reflections():
    model = Ponita(**TINY, num_orientations=6)
    params = draw_params(model, make(dimension=2))
    arguments = (POSITIONS[..., :2], VELOCITIES[..., :2], INTERACTIONS, params)
    error = audit.equivariance_error(
        displace(model), *arguments, **KINDS, dtype="float64", num_samples=2
    )
    assert error.parts["rotations"] < 1e-12
    assert error.parts["reflections"] > 1e-2


def test_fixed_grid_is_exact_for_rotations_that_map_it_to_itself():
    # The fifth of a turn about a vertex of the icosahedron.
    axis = orientation_grid(12)[0]
    cross = np.cross(np.eye(3), axis)
    angle = 2 * np.pi / 5
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross

    def errors(turn):
        graph = make()
        turned = make_graph(
            *(np.float32(a @ turn.T) for a in (POSITIONS, VELOCITIES)), np.float32(INTERACTIONS)
        )
        expected = apply_fixed(PARAMS, graph) @ turn.T
        return np.abs(apply_fixed(PARAMS, turned) - expected).max()

    assert errors(turn) < 2e-5
    assert errors(turn @ turn @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])) > 1e-2


def test_random_turns_of_a_fixed_grid_change_its_prediction():
    graph = make()
    one, other = (apply_fixed(PARAMS, graph, key=jax.random.key(seed)) for seed in (0, 1))
    assert np.abs(one - other).max() > 1e-3
    # An attached grid does not listen to the key.
    keyed = apply_attached(PARAMS, graph, key=jax.random.key(0))
    np.testing.assert_array_equal(keyed, apply_attached(PARAMS, graph))


def test_padded_edge_list_equals_dense_axis_whatever_padding_holds():
    graph = make()
    expected = np.asarray(apply_attached(PARAMS, graph)).reshape(-1, 3)

    @jax.jit
    def evaluate(sparse):
        def loss(params):
            real = ATTACHED.apply(params, sparse)[:8]
            return jnp.sum(jnp.square(real)), real

        return jax.grad(loss, has_aux=True)(PARAMS)

    sparse = to_sparse(graph, num_nodes=10, num_edges=30)
    gradients, found = evaluate(sparse)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    filled = sparse.replace(
        nodes=jax.tree.map(
            lambda leaf: jnp.where(sparse.node_mask[:, None], leaf, 7.0), sparse.nodes
        ),
        edges=jax.tree.map(
            lambda leaf: jnp.where(sparse.edge_mask[:, None], leaf, jnp.nan), sparse.edges
        ),
    )
    jax.tree.map(np.testing.assert_array_equal, evaluate(filled), (gradients, found))
    unmasked = sparse.replace(
        edge_mask=jnp.ones_like(sparse.edge_mask), receivers=sparse.receivers.at[24:].set(0)
    )
    assert np.abs(evaluate(unmasked)[1] - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_orientations": 0}, "at least one"),
        ({"num_orientations": 10}, "a multiple of 4 of orientations, got 10"),
        ({"grid": "principal"}, "did you mean 'principal_axes'"),
    ],
)
def test_wrong_grid_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(Ponita(**TINY, **fields).init, jax.random.key(0), make())
