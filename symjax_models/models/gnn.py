"""Plain message passing on coordinates: the baseline without symmetry."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, Dense, EdgeDense
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class GNNLayer(nn.Module):
    """Update node features by messages m_ij = phi_e(h_i, h_j, a_ij).

    h_i <- h_i + phi_h(h_i, sum_j m_ij)

    Attributes:
        features: Width of h, of the messages and of all hidden layers.

    Equivariance:
        Permutations of nodes.

    Source:
        Gilmer et al. 2017, arXiv:1704.01212, as set up by Satorras et al. 2021 (arXiv:2102.09844,
        table 1).
    """

    features: int

    @nn.compact
    def __call__(self, graph: Graph, h: Array, attributes: Array) -> Array:
        """Map node features `[*batch, N, C]` and edge attributes `[..., F]` to new features."""
        width = self.features
        first = nn.silu(EdgeDense(width, name="phi_e_first")(graph, h, attributes))
        messages = nn.silu(Dense(width, name="phi_e_second")(first))
        received = message_passing.sum_messages(graph, messages)
        return h + MLP((width, width), name="phi_h")(jnp.concatenate([h, received], axis=-1))


class GNN(nn.Module):
    """Predict future positions from coordinates as if they were any other features.

    h_i = W [x_i, v_i] + b at the start, `num_layers` times `GNNLayer` with the interaction as
    edge attribute, then a decoder that gives the absolute position.

    Attributes:
        features: Width of all hidden layers.
        num_layers: Number of layers.

    Equivariance:
        Permutations of nodes only: neither rotations nor translations.

    Source:
        The "GNN" row of Satorras, Hoogeboom, Welling 2021, section 5.1, arXiv:2102.09844:
        104,387 parameters at 64 features and 4 layers.
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
        states = jnp.concatenate([positions, velocities], axis=-1)
        h = Dense(self.features, name="embedding")(states)
        for index in range(self.num_layers):
            h = GNNLayer(self.features, name=f"layer_{index}")(graph, h, graph.edges["interaction"])
        return MLP((self.features, positions.shape[-1]), name="decoder")(h)
