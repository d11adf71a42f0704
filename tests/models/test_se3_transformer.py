"""The SE(3)-Transformer, iterated: symmetry, layouts, and gradients through moved positions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.data.nbody_graphs import make_graph
from symjax_models.models.se3_transformer import IterativeSE3Transformer, SE3Transformer
from symjax_models.ops import graph

BATCH, N = 2, 3
MODEL = IterativeSE3Transformer(num_layers=1, max_degree=1, features=4, num_heads=2, hidden=(4,))
KINDS = {"inputs": ("point", "vector", "pair", *["invariant"] * 3), "output": "point"}


@pytest.fixture(scope="module")
def arguments():
    rng = np.random.default_rng(0)
    positions, velocities = rng.normal(size=(2, BATCH, N, 3))
    charges = rng.choice([-1.0, 1.0], size=(BATCH, N))
    return positions, velocities, charges[:, :, None] * charges[:, None]


@pytest.fixture(scope="module")
def params(arguments):
    """Draw parameters that are larger than the initial ones, so that particles are felt."""
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0), make_graph(*arguments))

    def draw(leaf):
        width = np.prod(leaf.shape[:-1], dtype=int) ** -0.5
        return (2 * width * rng.normal(size=leaf.shape)).astype(np.float32)

    drawn = jax.tree.map(draw, shapes)["params"]
    return {"params": drawn | {"scale_0": np.float32(0.7), "scale_1": np.float32(0.5)}}


@functools.partial(jax.jit, static_argnums=0)
def predict(model, params, given):
    return model.apply(params, given)


@functools.partial(jax.jit, static_argnums=0)
def directional_derivative(model, params, given, direction):
    """Differentiate the sum of the squared predictions, in reverse, along a change of positions."""

    def functional(positions):
        nodes = given.nodes | {"positions": positions}
        return jnp.sum(jnp.square(model.apply(params, given.replace(nodes=nodes))))

    return jnp.vdot(jax.grad(functional)(given.nodes["positions"]), direction)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "num_iterations"), [("float32", 2e-5, 1), ("float64", 1e-12, 2)]
)
def test_symmetries_of_space_and_of_particles(arguments, params, dtype, tolerance, num_iterations):
    model = MODEL.clone(num_iterations=num_iterations)

    def measure(shift, leak):
        def function(x, v, interactions, params, shift, leak):
            return model.apply(params, make_graph(x, v + shift + leak * x, interactions))

        invariants = (params, np.asarray(shift), np.asarray(leak))
        return audit.equivariance_error(
            function, *arguments, *invariants, **KINDS, dtype=dtype, num_samples=2
        )

    error = measure([0.0, 0.0, 0.0], 0.0)
    assert error.max < tolerance, error
    # A constant velocity prefers a direction, one that grows with positions an origin.
    broken = measure([0.5, 0.0, 0.0], 0.3).parts
    assert min(broken[part] for part in ("rotations", "reflections", "translations")) > 1e-2
    assert broken["permutations"] < tolerance


def test_layouts_agree(arguments, params):
    model = MODEL.clone(num_iterations=1)
    given = make_graph(*(jnp.asarray(a, jnp.float32) for a in arguments))
    expected = predict(model, params, given)
    sparse = graph.to_sparse(given, num_nodes=BATCH * N + 2, num_edges=BATCH * N * (N - 1) + 3)
    for filler in (0.0, np.nan):
        real = sparse.edge_mask[:, None]
        edges = {name: jnp.where(real, e, filler) for name, e in sparse.edges.items()}
        found = predict(model, params, sparse.replace(edges=edges))[: BATCH * N]
        np.testing.assert_allclose(found, expected.reshape(-1, 3), rtol=1e-5, atol=1e-5)
    assert np.abs(expected - given.nodes["positions"]).max() > 0.1


def test_the_second_block_sees_what_the_first_one_moved(arguments, params):
    with jax.enable_x64(True):
        values = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), params["params"])
        given = make_graph(*(jnp.asarray(a, float) for a in arguments))

        def at(scale):
            return predict(MODEL, {"params": values | {"scale_0": jnp.asarray(scale)}}, given)

        # Without feedback the prediction would be an affine function of this number.
        low, middle, high = at(0.2), at(0.7), at(1.2)
        assert np.abs(low + high - 2 * middle).max() > 1e-2


@pytest.mark.slow
def test_gradient_goes_through_moved_positions(arguments, params):
    with jax.enable_x64(True):
        values = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), params)
        given = make_graph(*(jnp.asarray(a, float) for a in arguments))
        x = given.nodes["positions"]
        direction = jnp.asarray(np.random.default_rng(2).normal(size=x.shape))

        def value(step):
            nodes = given.nodes | {"positions": x + step * direction}
            return float(jnp.sum(jnp.square(predict(MODEL, values, given.replace(nodes=nodes)))))

        slope = (value(1e-5) - value(-1e-5)) / 2e-5
        found = directional_derivative(MODEL, values, given, direction)
        np.testing.assert_allclose(found, slope, rtol=1e-6)
        # Two particles at one place, and one at rest.
        singular = given.replace(
            nodes={
                "positions": x.at[:, 1].set(x[:, 0]),
                "velocities": given.nodes["velocities"].at[:, 0].set(0),
            }
        )
        assert np.isfinite(directional_derivative(MODEL, values, singular, direction))


def test_sizes():
    given = make_graph(np.zeros((5, 3)), np.zeros((5, 3)), np.ones((5, 5)))
    shapes = jax.eval_shape(SE3Transformer(features=21).init, jax.random.key(0), given)
    # Attended values and x itself, of degree 2.
    assert shapes["params"]["attention_0_3"]["linear_out"]["kernel_2_2"].shape == (1, 42, 21)
    assert {name for name in shapes["params"] if name.startswith("scale")} == {"scale_0"}
