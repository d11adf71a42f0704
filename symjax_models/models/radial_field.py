"""Radial Field: forces along the lines between particles, and nothing else."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, initializers
from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class RadialField(nn.Module):
    """Predict future positions by `num_layers` rounds of learned radial forces.

    x_i <- x_i + mean_j (x_i - x_j) tanh(phi(|x_i - x_j|, a_ij)) + v_i psi(|v_i|)

    with a_ij = [interaction_ij, |x_i - x_j|^2 of the input]; no node has hidden features.

    Attributes:
        features: Width of the hidden layers of phi and psi.
        num_layers: Number of rounds.

    Equivariance:
        E(d) (reflections included) and permutations of nodes, exact up to rounding.

    Numerics:
        Distances go through `ops.safe`, so coincident particles have finite derivatives.

    Source:
        Koehler, Klein, Noe 2019, arXiv:1910.00753, as set up by Satorras et al. 2021,
        arXiv:2102.09844, section 5.1: 2,052 parameters at 64 features and 4 layers.
    """

    features: int = 64
    num_layers: int = 4

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, d]`; edges `interaction`
                `[..., 1]`. Either layout.

        Returns:
            Predicted positions, `[*batch, N, d]`, in the unit of the input.
        """
        positions, velocities = graph.nodes["positions"], graph.nodes["velocities"]
        interactions = message_passing.mask_edges(graph, graph.edges["interaction"])
        speeds = safe.norm(velocities, keepdims=True)
        attributes = None
        for index in range(self.num_layers):
            displacements = message_passing.displacements(graph, positions)
            distances = safe.norm(displacements, keepdims=True)
            if attributes is None:
                attributes = jnp.concatenate([interactions, jnp.square(distances)], axis=-1)
            strengths = MLP(
                (self.features, 1),
                final_use_bias=False,
                final_kernel_init=initializers.xavier_uniform(gain=0.001),
                name=f"phi_{index}",
            )(jnp.concatenate([distances, attributes], axis=-1))
            pulls = message_passing.mean_messages(graph, displacements * jnp.tanh(strengths))
            drift = velocities * MLP((self.features, 1), name=f"psi_{index}")(speeds)
            positions = positions + pulls + drift
        return positions
