"""Uniform motion with one learned time: the simplest row of the n-body table."""

import flax.linen as nn
import jax

from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class LinearDynamics(nn.Module):
    """Predict x_i + t v_i with one scalar t for all particles.

    Equivariance:
        E(d) and permutations of nodes.

    Source:
        The "Linear" row of Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, table 2;
        t starts at 0.7 there too.
    """

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, d]`. Either layout.

        Returns:
            Predicted positions, `[*batch, N, d]`, in the unit of the input.
        """
        time = self.param("time", jax.nn.initializers.constant(0.7), ())
        return graph.nodes["positions"] + time * graph.nodes["velocities"]
