"""Each model against its formulas, written as loops over particles in NumPy and float64."""

import jax
import numpy as np
import pytest

from symjax_models.models.egnn import EGNNLayer


def silu(x):
    return x * sigmoid(x)


def sigmoid(x):
    # 1 / (1 + exp(-x)), where the exponential cannot overflow.
    return 0.5 * (1 + np.tanh(0.5 * x))


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


def leapfrog(params, x, v, q):
    n, step = len(x), params["step"]
    h = [dense(params["embedding"], length(v[i])) for i in range(n)]
    for _ in range(2):
        accelerations, new_h = np.zeros_like(x), []
        for i in range(n):
            received = np.zeros(8)
            for j in others(i, n):
                r, w = length(x[i] - x[j]), v[i] - v[j]
                n_ij = (x[i] - x[j]) / r
                of_edge = (r, np.exp(-r), np.exp(-4 * r), n_ij @ w, length(w), q[i, j])
                m = silu(dense(step["phi_m_first"], h[i], h[j], *of_edge))
                m = silu(dense(step["phi_m_second"], m))
                alpha, beta = dense(step["force"], m)
                accelerations[i] += alpha * n_ij + beta * w
                received += m
            lengths = length(v[i]), length(accelerations[i])
            new_h.append(h[i] + mlp(step["phi_h"], h[i], received, *lengths))
        v = v + accelerations / 2
        x, h = x + v / 2, new_h
    return x


def affine(params, x, v, q):
    return np.stack([dense(params["map"], x[i], v[i]) for i in range(len(x))])


def linear(params, x, v, q):
    return x + params["time"] * v


def steer(params, scalars, vectors, attribute):
    """Multiply scalars [C] and vectors [3, C] by a scalar and a vector; two paths lead to each."""
    bias = params.get("bias_0", np.zeros(0))
    of_scalars, of_vectors = scalars @ params["kernel_0"], vectors @ params["kernel_1"]
    n = len(bias)
    scalar, vector = attribute
    inner = scalar * of_scalars[:n] + vector @ of_vectors[:, :n] / np.sqrt(3)
    outer = np.outer(vector, of_scalars[n:]) + scalar * of_vectors[:, n:]
    return inner / np.sqrt(2) + bias, outer / np.sqrt(2)


def gated(params, scalars, vectors, attribute):
    scalars, vectors = steer(params, scalars, vectors, attribute)
    own = len(scalars) - vectors.shape[1]
    return silu(scalars[:own]), vectors * sigmoid(scalars[own:])


def joined(*features):
    scalars, vectors = zip(*features, strict=True)
    return np.concatenate(scalars), np.concatenate(vectors, axis=1)


def harmonic(r):
    return np.sqrt(3) * r / length(r)


# Harmonics in the normalization "component" over those in "integral".
INTEGRAL = np.sqrt(4 * np.pi)


def segnn(params, x, v, q):
    n = len(x)
    steered, f = [], []
    for i in range(n):
        of_edges = [harmonic(x[i] - x[j]) for j in others(i, n)]
        steered.append((1.0, (np.mean(of_edges, axis=0) + harmonic(v[i])) / INTEGRAL))
        start = np.array([length(v[i])]), np.stack([x[i] - np.mean(x, axis=0), v[i]], axis=1)
        f.append(steer(params["embedding"], *start, steered[i]))
    new = []
    for i in range(n):
        received = [np.zeros(2), np.zeros((3, 2))]
        for j in others(i, n):
            r = x[i] - x[j]
            of_edge = np.array([length(r), q[i, j]]), np.zeros((3, 0))
            attribute = 1 / INTEGRAL, harmonic(r) / INTEGRAL
            m = gated(params["message_0_first"], *joined(f[i], f[j], of_edge), attribute)
            m = gated(params["message_0_second"], *m, attribute)
            received = [a + b for a, b in zip(received, m, strict=True)]
        u = gated(params["update_0_first"], *joined(f[i], received), steered[i])
        u = steer(params["update_0_second"], *u, steered[i])
        new.append([a + b for a, b in zip(f[i], u, strict=True)])
    final = [gated(params["head_first"], *new[i], steered[i]) for i in range(n)]
    moves = [steer(params["head_second"], *final[i], steered[i])[1][:, 0] for i in range(n)]
    return x + np.stack(moves)


def linear_map(params, scalars, vectors):
    """Mix channels; the orthonormal map of vectors to themselves is the identity over sqrt(3)."""
    of_scalars = scalars @ params["kernel_0_0"][0] + params.get("bias_0", np.zeros((1, 1, 1)))[0, 0]
    return of_scalars, vectors @ params["kernel_1_1"][0] / np.sqrt(3)


def radial_weights(params, r, e):
    u, k = 1 - np.exp(-r), np.arange(16)
    h = np.append(np.exp(-np.sqrt(32) / 15 * (15 * u - k) ** 2), e)
    for index in range(2):
        h = 1.67653247 * silu(h @ params[f"kernel_{index}"] + params[f"bias_{index}"])
    return (h @ params["kernel_out"]).reshape(-1, 2)


def convolve(params, f, x, q):
    """Return the mean scalars and vectors that reach each node, before the last map."""
    n, results = len(x), []
    mixed = [linear_map(params["linear_in"], *f[i]) for i in range(n)]
    for i in range(n):
        scalars, vectors = np.zeros(2), np.zeros((3, 2))
        for j in others(i, n):
            r, (s, v) = x[i] - x[j], mixed[j]
            *to_scalars, outer, kept = radial_weights(params["weights"], length(r), q[i, j])
            vectors += (outer * np.outer(harmonic(r), s) + kept * v) / np.sqrt(2)
            if to_scalars:
                inner = harmonic(r) @ v / np.sqrt(3)
                scalars += (to_scalars[0] * s + to_scalars[1] * inner) / np.sqrt(2)
        results.append((scalars / (n - 1), vectors / (n - 1)))
    return results


def tfn(params, x, v, q):
    n = len(x)
    f = [(np.array([length(v[i])]), v[i][:, None]) for i in range(n)]
    new = []
    for i, z in enumerate(convolve(params["layer_0"], f, x, q)):
        parts = linear_map(params["layer_0"]["linear_out"], *z), linear_map(params["self_0"], *f[i])
        s, w = (a + b for a, b in zip(*parts, strict=True))
        b = params["NormActivation_0"]
        sizes = np.sqrt(np.sum(w**2, axis=0))
        new.append((s * sigmoid(np.abs(s) + b["bias_0"]), w * sigmoid(sizes + b["bias_1"])))
    kernel = params["head"]["linear_out"]["kernel_0_0"][0] / np.sqrt(3)
    moves = [(w @ kernel)[:, 0] for _, w in convolve(params["head"], new, x, q)]
    return x + params["scale"] * np.stack(moves)


ORACLES = {f.__name__: f for f in (affine, egnn, gnn, leapfrog, linear, radial_field, segnn, tfn)}


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
    # Whole numbers that JAX first meets in double precision stay 64 bits long in single.
    single = evaluate_model(case, case.params, np.float32)
    double = evaluate_model(case, case.params, np.float64)
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


@pytest.mark.parametrize(
    "case", ["egnn", "gnn", "leapfrog", "radial_field", "segnn", "tfn"], indirect=True
)
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
