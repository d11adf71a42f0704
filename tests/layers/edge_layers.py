"""Layers on the edges of a graph, and small graphs on which all of them are tested alike."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import layers, reps
from symjax_models.layers.equiformer_attention import EquivariantGraphAttention
from symjax_models.layers.neighbour_attention import NeighbourAttention
from symjax_models.ops import graph, message_passing

BATCH, N = 2, 4
EDGES = BATCH * N * (N - 1)
REP = reps.parse_irreps("3x0e+2x1o")


def waves(r):
    """Evaluate radial functions whose squares are 1 on average, so that weights matter."""
    return jnp.sqrt(2.0) * jnp.sin(2 * r[..., None] + jnp.arange(3.0))


def cutoff(r):
    return jnp.where(r < 4, jnp.square(1 - r / 4), 0)


_OPTIONS = {"max_degree": 1, "radial": waves, "cutoff": cutoff, "hidden": (4,)}
LAYERS = {
    "Convolution": layers.Convolution("2x0e+1x1o", num_channels=2, **_OPTIONS),
    "NeighbourAttention": NeighbourAttention("2x0e+2x1o", num_heads=2, **_OPTIONS),
    "EquivariantGraphAttention": EquivariantGraphAttention(
        "2x0e+2x1o", num_channels=4, num_heads=2, num_invariants=3, **_OPTIONS
    ),
}


def make_graph(positions, pairs):
    given = graph.complete({"positions": positions}, pairs={"pairs": pairs})
    displacements = message_passing.displacements(given, positions)
    return given.replace(edges=given.edges | {"displacements": displacements})


def with_displacements(given, displacements):
    return given.replace(edges=given.edges | {"displacements": displacements})


@functools.partial(jax.jit, static_argnums=0)
def apply(layer, params, x, given):
    return layer.apply(params, x, given, edge_features=given.edges.get("pairs"))


@functools.partial(jax.jit, static_argnums=0)
def gradients(layer, params, x, given):
    """Differentiate a number made of the outputs of the first B N nodes, which come too."""

    def functional(params, x, displacements):
        y = apply(layer, params, x, with_displacements(given, displacements))
        rows = y.flat.reshape(-1, y.rep.dim)[: BATCH * N]
        return jnp.sum(jnp.sin(rows)), rows

    arguments = (params, x, given.edges["displacements"])
    return jax.grad(functional, argnums=(0, 1, 2), has_aux=True)(*arguments)


def pad(given, x, filler):
    """Return an edge list with padding that holds `filler`, and the features of its nodes."""
    sparse = graph.to_sparse(given, num_nodes=BATCH * N + 2, num_edges=EDGES + 3)
    real = sparse.edge_mask[:, None]
    edges = {name: jnp.where(real, values, filler) for name, values in sparse.edges.items()}
    features = x.map(lambda b: jnp.pad(b.reshape(-1, *b.shape[2:]), [(0, 2), (0, 0), (0, 0)]))
    return sparse.replace(edges=edges), features


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)
