"""PaiNN against its formula, written with loops, and where its vectors vanish."""

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.models.painn import PaiNN
from symjax_models.ops.graph import Graph

MODEL = PaiNN(
    species=(1, 8), num_neighbours=2.0, features=4, num_layers=2, cutoff=3.0, num_radial=2
)
APPLY = jax.jit(MODEL.apply)
RECEIVERS, SENDERS = np.nonzero(~np.eye(3, dtype=bool))


def make_graph(positions):
    return Graph(
        nodes={"numbers": jnp.array([8, 1, 1])},
        edges={"displacements": jnp.asarray(positions[RECEIVERS] - positions[SENDERS])},
        senders=jnp.asarray(SENDERS),
        receivers=jnp.asarray(RECEIVERS),
        n_node=jnp.array([3]),
        n_edge=jnp.array([6]),
    )


def draw_params(positions):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0), make_graph(positions))

    def draw(leaf):
        return 0.5 * rng.normal(size=leaf.shape).astype(np.float32)

    return jax.tree.map(draw, shapes)


def dense(params, x):
    return x @ params["kernel"] + params.get("bias", 0)


def perceptron(params, x):
    hidden = dense(params["Dense_0"], x)
    return dense(params["Dense_1"], hidden / (1 + np.exp(-hidden)))


def filters(params, r):
    d = r / 3
    waves = np.sin(np.array([1, 2]) * np.pi * d) / r
    envelope = 1 - 28 * d**6 + 48 * d**7 - 21 * d**8 if d < 1 else 0.0
    return envelope * dense(params, waves) / np.sqrt(2)


def energies_by_loops(params, positions, indices):
    q = params["embedding"]["embedding"][indices]
    mu = np.zeros((len(q), 4, 3))
    for layer in range(2):
        new_q, new_mu = q.copy(), mu.copy()
        for i, j in np.ndindex(len(q), len(q)):
            if i == j:
                continue
            displacement = positions[i] - positions[j]
            r = np.linalg.norm(displacement)
            weights = filters(params[f"filter_{layer}"], r)
            weights = weights * perceptron(params[f"message_{layer}"], q[j])
            a, b, d = np.split(weights, 3)
            new_q[i] += a
            new_mu[i] += b[:, None] * displacement / r + d[:, None] * mu[j]
        q, mu = new_q, new_mu
        u, v = np.split(params[f"vectors_{layer}"]["kernel"].T @ mu, 2, axis=1)
        sizes = np.sqrt(1 + np.sum(v**2, axis=-1)) - 1
        factors = perceptron(params[f"update_{layer}"], np.concatenate([q, sizes], axis=-1))
        a, b, d = np.split(factors, 3, axis=-1)
        q, mu = q + a + b * np.sum(u * v, axis=-1), mu + d[..., None] * u
    return perceptron(params["readout"], q)


def test_is_the_formula():
    positions = 1.2 * np.random.default_rng(0).normal(size=(3, 3))
    params = draw_params(np.float32(positions))
    expected = energies_by_loops(params["params"], positions, np.array([1, 0, 0]))
    found = APPLY(params, make_graph(np.float32(positions)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_energy_is_smooth_where_symmetry_makes_vectors_vanish():
    with jax.enable_x64(True):
        # A linear molecule, whose middle atom has no vector, and is moved along the axis.
        line = np.array([[0.0, 0, 0], [0, 0, 1.2], [0, 0, -1.2]])
        params = jax.tree.map(np.float64, draw_params(line))

        def energy(step):
            moved = line + np.array([[0, 0, step], [0, 0, 0], [0, 0, 0]])
            return float(APPLY(params, make_graph(moved)).sum())

        # With the norm there would be a kink: a difference of the order of the step.
        h = 1e-3
        one, two = (energy(k * h) - 2 * energy(0) + energy(-k * h) for k in (1, 2))
    np.testing.assert_allclose(two, 4 * one, rtol=1e-3)
