"""SchNet against its formula, written with loops."""

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.models.schnet import SchNet
from symjax_models.ops.graph import Graph

MODEL = SchNet(
    species=(1, 8), num_neighbours=2.0, features=4, num_layers=2, cutoff=3.0, num_radial=3
)


def shifted_softplus(x):
    return np.log((1 + np.exp(x)) / 2)


def dense(params, x):
    return x @ params["kernel"] + params.get("bias", 0)


def polynomial(r):
    d = r / 3
    return 1 - 28 * d**6 + 48 * d**7 - 21 * d**8 if d < 1 else 0.0


def energies_by_loops(params, positions, indices):
    x = params["embedding"]["embedding"][indices]
    for layer in range(2):
        sums = np.zeros_like(x)
        for i, j in np.ndindex(len(x), len(x)):
            if i == j:
                continue
            r = np.linalg.norm(positions[i] - positions[j])
            gaussians = np.exp(-((r - np.array([0, 1.5, 3])) ** 2) / (2 * 1.5**2))
            filters = shifted_softplus(dense(params[f"filter_{layer}_first"], gaussians))
            filters = polynomial(r) * dense(params[f"filter_{layer}_second"], filters)
            sums[i] += filters * dense(params[f"sent_{layer}"], x[j]) / np.sqrt(2)
        update = shifted_softplus(dense(params[f"update_{layer}_first"], sums))
        x = x + dense(params[f"update_{layer}_second"], update)
    x = shifted_softplus(dense(params["readout_first"], x))
    return dense(params["readout_second"], x)


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
    found = jax.jit(MODEL.apply)(params, graph)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
