"""The EGNN of molecules against its formula, written with loops."""

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.models.egnn_potential import EGNNPotential
from symjax_models.ops.graph import Graph

MODEL = EGNNPotential(species=(1, 8), num_neighbours=2.0, features=4, num_layers=2, cutoff=3.0)


def silu(x):
    return x / (1 + np.exp(-x))


def dense(params, x):
    return x @ params["kernel"] + params["bias"]


def perceptron(params, x):
    return dense(params["Dense_1"], silu(dense(params["Dense_0"], x)))


def polynomial(d):
    return 1 - 28 * d**6 + 48 * d**7 - 21 * d**8 if d < 1 else 0.0


def energies_by_loops(params, positions, indices):
    h = params["embedding"]["embedding"][indices]
    for layer in range(2):
        received = np.zeros_like(h)
        for i, j in np.ndindex(len(h), len(h)):
            if i == j:
                continue
            d = np.linalg.norm(positions[i] - positions[j]) / 3
            pair = np.concatenate([h[i], h[j], [d**2]])
            message = silu(perceptron(params[f"message_{layer}"], pair))
            gate = 1 / (1 + np.exp(-dense(params[f"gate_{layer}"], message)))
            received[i] += polynomial(d) * gate * message / np.sqrt(2)
        h = h + perceptron(params[f"update_{layer}"], np.concatenate([h, received], axis=-1))
    return perceptron(params["readout"], h)


def test_is_the_formula():
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(3, 3)) * 1.2
    receivers, senders = np.nonzero(~np.eye(3, dtype=bool))
    graph = Graph(
        nodes={"numbers": jnp.array([8, 1, 1])},
        edges={"displacements": jnp.float32(positions[receivers] - positions[senders])},
        senders=jnp.asarray(senders),
        receivers=jnp.asarray(receivers),
        n_node=jnp.array([3]),
        n_edge=jnp.array([6]),
    )
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0), graph)
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    expected = energies_by_loops(params["params"], positions, np.array([1, 0, 0]))
    np.testing.assert_allclose(MODEL.apply(params, graph), expected, rtol=1e-4, atol=1e-5)
