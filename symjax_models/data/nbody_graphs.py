"""n-body simulations as graphs, in the form that models and the training loop take."""

from typing import Any

import jax.numpy as jnp

from symjax_models.data.nbody import NBodySplit
from symjax_models.ops import graph
from symjax_models.typing import Array


def make_graph(positions: Array, velocities: Array, interactions: Array) -> graph.Graph:
    """Build the complete graph of interacting particles, on the dense neighbour axis.

    Args:
        positions: `[*batch, N, d]`.
        velocities: `[*batch, N, d]`.
        interactions: One number per pair, such as q_i q_j, `[*batch, N, N]`; the diagonal is
            not used.

    Returns:
        The graph, with nodes `positions` and `velocities` and edges `interaction` `[..., 1]`.
    """
    return graph.complete(
        {"positions": positions, "velocities": velocities},
        pairs={"interaction": interactions[..., None]},
    )


def make_examples(split: NBodySplit, *, dtype: Any = jnp.float32) -> dict[str, Any]:
    """Turn M simulations into a pytree of examples.

    Args:
        split: The simulations.
        dtype: Precision of all arrays.

    Returns:
        `graph`, a dense `Graph` whose leaves have the leading axis M, and `targets`, the
        positions to predict, `[M, N, 3]`.
    """
    inputs = (split.positions, split.velocities, split.interactions)
    return {
        "graph": make_graph(*(jnp.asarray(array, dtype) for array in inputs)),
        "targets": jnp.asarray(split.targets, dtype),
    }
