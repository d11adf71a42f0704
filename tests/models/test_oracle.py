"""Each model against its formulas, written as loops over particles in NumPy and float64."""

import jax
import numpy as np
import pytest

from symjax_models.models.egnn import EGNNLayer


def silu(x):
    # x / (1 + exp(-x)), where the exponential cannot overflow.
    return 0.5 * x * (1 + np.tanh(0.5 * x))


def dense(params, *inputs):
    bias = params.get("bias", 0.0)
    return np.concatenate([np.atleast_1d(x) for x in inputs]) @ params["kernel"] + bias


def mlp(params, *inputs):
    """Linear, SiLU, Linear."""
    return dense(params["Dense_1"], silu(dense(params["Dense_0"], *inputs)))


def message(params, *inputs):
    """Linear, SiLU, Linear, SiLU."""
    return silu(dense(params["phi_e_second"], silu(dense(params["phi_e_first"], *inputs))))


def layers_of(params, prefix):
    return [params[f"{prefix}_{index}"] for index in range(2)]


def square(x):
    return np.sum(x**2)


def length(x):
    return np.sqrt(np.sum(x**2))


def others(i, count):
    return [j for j in range(count) if j != i]


def egnn(params, x, v, q):
    n = len(x)
    start, h = x, [dense(params["embedding"], length(v[i])) for i in range(n)]
    for layer in layers_of(params, "layer"):
        new_x, new_h = np.zeros_like(x), []
        for i in range(n):
            pull, received = np.zeros(3), np.zeros(8)
            for j in others(i, n):
                m = message(
                    layer,
                    h[i],
                    h[j],
                    square(x[i] - x[j]),
                    q[i, j],
                    square(start[i] - start[j]),
                )
                pull += np.clip((x[i] - x[j]) * mlp(layer["phi_x"], m), -100, 100)
                received += m
            new_x[i] = x[i] + pull / (n - 1) + mlp(layer["phi_v"], h[i]) * v[i]
            new_h.append(h[i] + mlp(layer["phi_h"], h[i], received))
        x, h = new_x, new_h
    return x


def gnn(params, x, v, q):
    n = len(x)
    h = [dense(params["embedding"], x[i], v[i]) for i in range(n)]
    for layer in layers_of(params, "layer"):
        new_h = []
        for i in range(n):
            received = sum(message(layer, h[i], h[j], q[i, j]) for j in others(i, n))
            new_h.append(h[i] + mlp(layer["phi_h"], h[i], received))
        h = new_h
    return np.stack([mlp(params["decoder"], h[i]) for i in range(n)])


def radial_field(params, x, v, q):
    n = len(x)
    start = x
    for phi, psi in zip(layers_of(params, "phi"), layers_of(params, "psi"), strict=True):
        new_x = np.zeros_like(x)
        for i in range(n):
            pull = np.zeros(3)
            for j in others(i, n):
                inputs = (length(x[i] - x[j]), q[i, j], square(start[i] - start[j]))
                pull += (x[i] - x[j]) * np.tanh(mlp(phi, *inputs))
            new_x[i] = x[i] + pull / (n - 1) + v[i] * mlp(psi, length(v[i]))
        x = new_x
    return x


def affine(params, x, v, q):
    return np.stack([dense(params["map"], x[i], v[i]) for i in range(len(x))])


def linear(params, x, v, q):
    return x + params["time"] * v


ORACLES = {f.__name__: f for f in (affine, egnn, gnn, linear, radial_field)}


def evaluate_oracle(case, params):
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["params"])
    inputs = zip(case.positions, case.velocities, case.interactions, strict=True)
    return np.stack([ORACLES[case.name](params, *graph) for graph in inputs])


def evaluate_model(case, params, dtype):
    with jax.enable_x64(dtype == np.float64):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), params)
        outputs = np.asarray(case.apply(params, case.graph(dtype)))
    assert outputs.dtype == dtype
    return outputs


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.sqrt(np.mean(expected**2))


def test_model_equals_its_formulas(case):
    expected = evaluate_oracle(case, case.params)
    double = evaluate_model(case, case.params, np.float64)
    single = evaluate_model(case, case.params, np.float32)
    assert relative_error(double, expected) < 1e-13
    assert relative_error(single, expected) < 3e-6


@pytest.mark.parametrize("case", ["egnn"], indirect=True)
def test_egnn_clips_each_component_along_an_edge(case):
    params = case.scale_forces(case.params, 1e3)
    expected = evaluate_oracle(case, params)
    assert relative_error(evaluate_model(case, params, np.float64), expected) < 1e-12
    # It was the clip that decided: the bound of one layer holds and is reached.
    layer = EGNNLayer(8, clip=2.0)
    one_layer = {"params": params["params"]["layer_0"]}
    x, v = np.float32(case.positions), np.zeros_like(case.velocities, np.float32)
    given = case.graph()
    h = np.ones((*x.shape[:-1], 8), np.float32)
    attributes = np.ones((*given.edges["interaction"].shape[:-1], 2), np.float32)
    _, moved = jax.jit(layer.apply)(one_layer, given, h, x, v, attributes)
    largest = np.abs(moved - x).max()
    assert largest == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize("case", ["egnn", "gnn", "radial_field"], indirect=True)
def test_oracle_notices_every_parameter(case):
    # A parameter that both sides ignore would make the comparison above worth less.
    expected = evaluate_oracle(case, case.params)
    leaves, treedef = jax.tree.flatten(case.params)
    silent = []
    for index, (path, leaf) in enumerate(jax.tree_util.tree_leaves_with_path(case.params)):
        changed = treedef.unflatten([*leaves[:index], leaf + 0.1, *leaves[index + 1 :]])
        if relative_error(evaluate_oracle(case, changed), expected) < 1e-8:
            silent.append(jax.tree_util.keystr(path, simple=True, separator="/"))
    # The last layer's new features are not read by anything: EGNN predicts its positions.
    last = "params/layer_1/phi_h/"
    assert all(case.name == "egnn" and name.startswith(last) for name in silent), silent
    assert len(silent) == (4 if case.name == "egnn" else 0)
