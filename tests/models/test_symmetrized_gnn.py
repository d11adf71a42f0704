"""Plain message passing made symmetric from outside: over frames, in a pose chosen or drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.data.nbody_graphs import make_graph
from symjax_models.models.canonicalized_gnn import CNGNN, PSGNN
from symjax_models.models.fa_gnn import FAGNN
from symjax_models.models.gnn import GNN
from symjax_models.ops.graph import to_sparse
from symjax_models.ops.symmetrization import Frame

RNG = np.random.default_rng(0)
POSITIONS, VELOCITIES, NOISE = RNG.normal(size=(3, 2, 4, 3))
# Clearly different principal moments: rounding moves principal axes by the inverse of the gaps.
POSITIONS, VELOCITIES = (a * np.array([0.5, 1.0, 2.0]) for a in (POSITIONS, VELOCITIES))
INTERACTIONS = RNG.normal(size=(2, 4, 4))
ARRAYS = (POSITIONS, VELOCITIES, INTERACTIONS)
KINDS = {"inputs": ("point", "vector", "pair", "vector", "invariant"), "output": "vector"}
POSE = {"features": 6, "num_layers": 1, "pose_features": 6, "pose_layers": 1}
MODELS = {
    "fa_gnn": FAGNN(features=6, num_layers=2, draws_in_training=True),
    "cn_gnn": CNGNN(**POSE),
    "ps_gnn": PSGNN(**POSE, num_samples=1),
}
PLAIN = GNN(features=6, num_layers=1)
EXACT = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])


def make(*arrays, dtype=np.float32):
    return make_graph(*(np.asarray(array, dtype) for array in arrays or ARRAYS))


def keys(*names, seed=0):
    return {name: jax.random.key(seed) for name in names}


def draw_params(model):
    """Draw parameters of unit size, biases too: with small ones little would be tested."""
    rng = np.random.default_rng(0)

    def draw(leaf):
        width = np.prod(leaf.shape[:-1], dtype=int) ** -0.5
        return np.asarray(width * rng.normal(size=leaf.shape), leaf.dtype)

    return jax.tree.map(draw, jax.eval_shape(model.init, keys("params", "frames"), make()))


PARAMS = {name: draw_params(model) for name, model in MODELS.items()}


def measure(model, params, dtype):
    def displace(x, v, q, noise, params):
        # A key that changes with the pose must not matter outside training.
        rngs = {"frames": jax.random.key(jnp.int32(1000 * noise[0, 0, 0]))}
        # The displacement, for next to the positions nothing else would be seen.
        return model.apply(params, make_graph(x, v, q), rngs=rngs) - x

    return audit.equivariance_error(
        displace, *ARRAYS, NOISE, params, **KINDS, dtype=dtype, num_samples=2
    )


@EXACT
@pytest.mark.parametrize("name", ["fa_gnn", "cn_gnn"])
def test_exact_for_e3_and_permutations_whatever_the_key(name, dtype, tolerance):
    error = measure(MODELS[name], PARAMS[name], dtype)
    assert {"rotations", "reflections", "translations", "permutations"} < set(error.parts)
    assert error.max < tolerance, error


def test_without_poses_only_permutations_are_exact():
    error = measure(PLAIN, draw_params(PLAIN), "float64")
    assert error.parts["permutations"] < 1e-12
    assert min(error.parts[part] for part in ("rotations", "reflections", "translations")) > 1e-2


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [pytest.param("float32", 5e-6, marks=pytest.mark.slow), ("float64", 1e-12)],
)
def test_one_drawn_pose_is_exact_where_its_noise_moves_along(dtype, tolerance, monkeypatch):
    model, params = MODELS["ps_gnn"], PARAMS["ps_gnn"]

    def displace(x, v, q, noise, params):
        with monkeypatch.context() as patched:
            patched.setattr(jax.random, "normal", lambda *_: noise[None, ..., None])
            return model.apply(params, make_graph(x, v, q), rngs=keys("frames")) - x

    error = audit.equivariance_error(
        displace, *ARRAYS, NOISE, params, **KINDS, dtype=dtype, num_samples=2
    )
    assert error.max < tolerance, error


def test_law_of_drawn_poses_moves_with_the_particles():
    model, params, count = MODELS["ps_gnn"], PARAMS["ps_gnn"], 2048
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn = turn * -np.linalg.det(turn)
    x, v, q = (array[0] for array in ARRAYS)
    graph = make(*map(np.stack, ([x, x @ turn.T + 1.0], [v, v @ turn.T], [q, q])))
    sample = jax.jit(jax.vmap(lambda key: model.apply(params, graph, rngs={"frames": key})))
    found = np.asarray(sample(jax.random.split(jax.random.key(0), count)), np.float64)
    here, there = found[:, 0], (found[:, 1] - 1.0) @ turn

    # One sample does not.
    assert np.abs(here - there)[0].max() > 1e-2
    error = np.sqrt((here.var(0) + there.var(0)) / count)
    assert (np.abs(here.mean(0) - there.mean(0)) < 5 * error).all()
    not_turned_back = found[:, 1] - 1.0
    assert (np.abs(here.mean(0) - not_turned_back.mean(0)) > 5 * error).any()


@pytest.mark.parametrize(
    ("model", "in_training", "else_"),
    [
        (MODELS["fa_gnn"], 1, 8),
        (MODELS["fa_gnn"].clone(draws_in_training=False), 8, 8),
        (MODELS["cn_gnn"], 1, 1),
        (PSGNN(**POSE, num_samples=5, num_training_samples=3), 3, 5),
    ],
    ids=["fa_gnn", "fa_gnn_without_draws", "cn_gnn", "ps_gnn"],
)
def test_evaluations_of_the_network(model, in_training, else_):
    def sizes(*names):
        rngs = keys("params", "frames", *names)
        shapes = jax.eval_shape(
            lambda graph: model.init_with_output(rngs, graph, mutable=True)[1], make()
        )
        frames = jax.tree.leaves(
            shapes["intermediates"], is_leaf=lambda leaf: isinstance(leaf, Frame)
        )
        return {frame.size for frame in frames}

    assert sizes("dropout") == {in_training}
    assert sizes() == {else_}


LINE = np.arange(4.0)[:, None] * np.array([1.0, 2.0, 2.0])
ZEROS = np.zeros((4, 3))
# All in one place, with velocities and without; on a line; at rest.
DEGENERATE = (
    np.stack([ZEROS + 1, ZEROS, LINE, POSITIONS[0]]),
    np.stack([VELOCITIES[0], ZEROS, -LINE, ZEROS]),
    np.tile(INTERACTIONS, (2, 1, 1)),
)


def train_with(name):
    """Return the gradient of a loss and the output in one compiled function of key and system."""
    # With frames, one layer is the first and the last one: half the time of the compiler.
    model = MODELS[name].clone(num_layers=1)
    drawn = draw_params(model)

    @jax.jit
    def evaluate(key, params, x, v, q):
        def total(params, x, v):
            rngs = {"frames": key} | ({"dropout": key} if name == "fa_gnn" else {})
            found = model.apply(params, make_graph(x, v, q), rngs=rngs)
            return jnp.sum(jnp.sin(found)), found

        return jax.grad(total, argnums=(0, 1, 2), has_aux=True)(params, x, v)

    return lambda key, *arrays: evaluate(key, drawn, *map(np.float32, arrays))


train_fa_gnn = train_with("fa_gnn")


@pytest.mark.parametrize(
    "train",
    [
        train_fa_gnn,
        train_with("cn_gnn"),
        # Noise makes its vectors independent, always.
        pytest.param(train_with("ps_gnn"), marks=pytest.mark.slow),
    ],
    ids=MODELS,
)
def test_values_and_gradients_are_finite_at_degenerate_systems(train):
    for leaf in jax.tree.leaves(train(jax.random.key(0), *DEGENERATE)):
        assert np.isfinite(leaf).all()


def test_in_training_one_element_is_drawn_and_exact_for_translations_only():
    x, v, q = (np.tile(array, (2, 1, 1)) for array in ARRAYS)
    turn = np.diag([-1.0, 1.0, 1.0])[[2, 0, 1]]
    key, other = jax.random.key(0), jax.random.key(1)
    found = train_fa_gnn(key, x, v, q)[1]
    assert np.abs(train_fa_gnn(other, x, v, q)[1] - found).max() > 1e-2
    np.testing.assert_allclose(train_fa_gnn(key, x + 1, v, q)[1], found + 1, atol=1e-4)
    assert np.abs(train_fa_gnn(key, x @ turn.T, v @ turn.T, q)[1] - found @ turn.T).max() > 1e-2


def test_width_that_is_no_number_of_vectors_is_refused():
    with pytest.raises(ValueError, match="a multiple of d = 3, got 8"):
        jax.eval_shape(FAGNN(features=8).init, jax.random.key(0), make())


@pytest.mark.parametrize("name", MODELS)
def test_layouts_whose_systems_would_mix_are_refused(name):
    with pytest.raises(ValueError, match="a dense graph without masks"):
        jax.eval_shape(
            lambda: MODELS[name].apply(PARAMS[name], to_sparse(make()), rngs=keys("frames"))
        )
