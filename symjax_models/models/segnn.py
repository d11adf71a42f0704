"""Steerable E(3) equivariant graph network."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import groups, reps
from symjax_models.layers import EdgeTensorProduct, TensorProduct, gate_by_channels, with_gates
from symjax_models.ops import harmonics, message_passing, pooling, safe
from symjax_models.ops.graph import Graph
from symjax_models.reps import RepArray
from symjax_models.typing import Array


class SEGNN(nn.Module):
    """Predict future positions, with messages steered by directions and velocities.

    Attributes a_ij of edges are harmonics of x_i - x_j in the normalization "integral", and a_i =
    mean_j a_ij + Y(v_i) of nodes, with the scalar set to 1. With O a `TensorProduct` and G one that
    ends in a gate,

    f_i = O([x_i - mean x, v_i, |v_i|], a_i)
    m_ij = G(G([f_i, f_j, |x_ij|, q_ij], a_ij), a_ij)
    f_i <- f_i + O(G([f_i, sum_j m_ij], a_i), a_i)

    and the prediction is x + O(G(f, a), a).

    Attributes:
        features: Copies of every irrep 0e, 1o, 2e, ... of the hidden features.
        num_layers: Number of messages.
        max_degree: Highest degree of attributes and features.

    Equivariance:
        E(3) (reflections included) and permutations of nodes, exact up to rounding.

    Numerics:
        In float32 the error of the positions is some units in the last place of their distance from
        the origin.

    Source:
        Brandstetter et al. 2022, arXiv:2110.02905, equations 7 and 8, and appendix C for the task
        (SEGNN with geometric and physical attributes, "G+P"). There 32 copies match the number
        of weights of 64 scalars. Deviation: the mean position is that of the nodes, while the
        authors' code takes a mean over coordinates, which is not equivariant.
    """

    features: int = 32
    num_layers: int = 4
    max_degree: int = 1

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
        distances = safe.norm(displacements, keepdims=True)
        a_edges, a_nodes = self._attributes(graph, displacements, velocities)
        hidden = self.features * a_nodes.rep
        gated = with_gates(hidden)
        invariants = jnp.concatenate([distances, graph.edges["interaction"]], axis=-1)
        edges = RepArray(2 * reps.scalar(groups.O(3)), [invariants[..., None, :]])

        f = TensorProduct(hidden, name="embedding")(_inputs(graph, positions, velocities), a_nodes)
        for index in range(self.num_layers):
            message = EdgeTensorProduct(gated, name=f"message_{index}_first")(
                graph, f, edges, a_edges
            )
            message = gate_by_channels(message, hidden)
            message = TensorProduct(gated, name=f"message_{index}_second")(message, a_edges)
            message = gate_by_channels(message, hidden)
            received = message.map(lambda block: message_passing.sum_messages(graph, block))
            update = TensorProduct(gated, name=f"update_{index}_first")(
                reps.concatenate([f, received]), a_nodes
            )
            update = gate_by_channels(update, hidden)
            f = f + TensorProduct(hidden, name=f"update_{index}_second")(update, a_nodes)
        f = gate_by_channels(TensorProduct(gated, name="head_first")(f, a_nodes), hidden)
        out = TensorProduct("1o", name="head_second")(f, a_nodes)
        return positions + out["1o"][..., 0]

    def _attributes(
        self, graph: Graph, displacements: Array, velocities: Array
    ) -> tuple[RepArray, RepArray]:
        rep = reps.harmonic_irreps(self.max_degree)

        def evaluate(vectors: Array) -> Array:
            return harmonics.spherical_harmonics(
                vectors, max_degree=self.max_degree, normalization="integral"
            )

        of_edges = evaluate(displacements)
        of_nodes = message_passing.mean_messages(graph, of_edges) + evaluate(velocities)
        of_nodes = of_nodes.at[..., 0].set(1)
        return RepArray.from_flat(rep, of_edges), RepArray.from_flat(rep, of_nodes)


def _inputs(graph: Graph, positions: Array, velocities: Array) -> RepArray:
    """Return positions relative to their mean, velocities and speeds as typed features."""
    mean = pooling.pool_nodes(graph, positions, how="mean")
    centred = positions - message_passing.gather_graphs(graph, mean)
    speeds = safe.norm(velocities, keepdims=True)
    vectors = jnp.stack([centred, velocities], axis=-1)
    return RepArray(reps.parse_irreps("0e+2x1o"), [speeds[..., None], vectors])
