"""An affine map of each particle's own position and velocity."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import Dense
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class Affine(nn.Module):
    """Predict W [x_i, v_i] + b for each particle on its own.

    Equivariance:
        Permutations of nodes only.

    Source:
        The "Linear" row of Liu et al. 2024 (SEGNO), arXiv:2308.13212, which is this map and not
        the `LinearDynamics` of the EGNN table.
    """

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, d]`. Either layout.

        Returns:
            Predicted positions, `[*batch, N, d]`, in the unit of the input.
        """
        positions, velocities = graph.nodes["positions"], graph.nodes["velocities"]
        states = jnp.concatenate([positions, velocities], axis=-1)
        return Dense(positions.shape[-1], name="map")(states)
