"""Tensor field network."""

import dataclasses

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import groups, reps
from symjax_models.layers import Convolution, Linear, NormActivation
from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.reps import RepArray
from symjax_models.typing import Array


class TFN(nn.Module):
    """Predict future positions by equivariant convolutions with filters of the distance.

    From f_i = [|v_i|, v_i], `num_layers` times f <- norm activation(Convolution(f) + Linear(f)),
    where convolutions take the mean over neighbours; then x_i + s Convolution(f)_i, to one vector.

    Attributes:
        features: Copies of every irrep of the hidden features.
        num_layers: Number of convolutions before the last one.
        max_degree: Highest degree of harmonics and features, which have parity (-1)^l.

    Equivariance:
        E(3) (reflections included) and permutations of nodes, exact up to rounding.

    Numerics:
        In float32 the error of the positions is some units in the last place of their distance from
        the origin. s starts at 0.01, and the prediction near x.

    Source:
        Thomas et al. 2018, arXiv:1802.08219, sections 3 and 4; as run for the n-body table by
        Satorras et al. 2021, arXiv:2102.09844, section 5.1. Deviations from that run: one filter
        per channel and a matrix after it (as in the paper) instead of a filter for every pair of
        channels; filters see q_i q_j beside the distance, and nodes have no charges; no
        features that change sign against (-1)^l; s.
    """

    features: int = 16
    num_layers: int = 3
    max_degree: int = 2

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, 3]`; edges `interaction`
                `[..., 1]`. Either layout.

        Returns:
            Predicted positions, `[*batch, N, 3]`, in the unit of the input.
        """
        positions, velocities = graph.nodes["positions"], graph.nodes["velocities"]
        displacements = message_passing.displacements(graph, positions)
        geometry = dataclasses.replace(graph, edges={"displacements": displacements})
        interaction = graph.edges["interaction"]
        speeds = safe.norm(velocities, keepdims=True)
        f = RepArray(reps.parse_irreps("0e+1o"), [speeds[..., None], velocities[..., None]])
        hidden = self.features * reps.harmonic_irreps(self.max_degree, group=groups.O(3))
        for index in range(self.num_layers):
            convolved = Convolution(
                hidden,
                max_degree=self.max_degree,
                num_channels=self.features,
                name=f"layer_{index}",
            )(f, geometry, edge_features=interaction)
            f = NormActivation()(convolved + Linear(hidden, name=f"self_{index}")(f))
        out = Convolution("1o", max_degree=self.max_degree, name="head")(
            f, geometry, edge_features=interaction
        )
        scale = self.param("scale", nn.initializers.constant(0.01), ())
        return positions + jnp.asarray(scale) * out["1o"][..., 0]
