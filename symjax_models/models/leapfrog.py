"""A learned integrator: a graph network whose layers are time steps."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, Dense, EdgeDense, initializers
from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class LeapfrogStep(nn.Module):
    """Accelerate and move every node for a time step, and update its invariant features.

    With x_ij = x_i - x_j, r = |x_ij|, n = x_ij / r and v_ij = v_i - v_j,

    m_ij = phi_m(h_i, h_j, r, exp(-r), exp(-4 r), n . v_ij, |v_ij|, q_ij)
    a_i = sum_j (alpha(m_ij) n_ij + beta(m_ij) v_ij)
    v_i <- v_i + dt a_i, then x_i <- x_i + dt v_i
    h_i <- h_i + phi_h(h_i, sum_j m_ij, |v_i|, |a_i|)

    with linear functions alpha and beta.

    Attributes:
        features: Width of h, of the messages and of all hidden layers.

    Equivariance:
        E(d) on positions, O(d) on velocities, permutations of nodes; h is invariant; exact up to
        rounding.

    Numerics:
        The direction n of coincident nodes is zero, with derivatives zero. Accelerations start a
        thousand times smaller than what makes them, so that steps at the start keep velocities.

    Source:
        Ours. The order of kick and drift is that of the semi-implicit Euler method; a network with
        second-order motion per layer is SEGNO, Liu et al. 2023, arXiv:2308.13212.
    """

    features: int

    @nn.compact
    def __call__(
        self,
        graph: Graph,
        h: Array,
        positions: Array,
        velocities: Array,
        interaction: Array,
        *,
        time_step: float,
    ) -> tuple[Array, Array, Array]:
        """Step.

        Args:
            graph: The graph, read for its connectivity only.
            h: Invariant node features, `[*batch, N, C]`.
            positions: x, `[*batch, N, d]`.
            velocities: v, `[*batch, N, d]`.
            interaction: q_ij, edge layout, `[..., 1]`.
            time_step: dt.

        Returns:
            The new h, positions and velocities.
        """
        width = self.features
        displacements = message_passing.displacements(graph, positions)
        relative = message_passing.displacements(graph, velocities)
        distances = safe.norm(displacements, keepdims=True)
        directions = safe.divide(displacements, distances)
        approach = jnp.sum(directions * relative, axis=-1, keepdims=True)
        invariants = [
            distances,
            jnp.exp(-distances),
            jnp.exp(-4 * distances),
            approach,
            safe.norm(relative, keepdims=True),
            interaction,
        ]
        edges = jnp.concatenate(invariants, axis=-1)
        messages = nn.silu(EdgeDense(width, name="phi_m_first")(graph, h, edges))
        messages = nn.silu(Dense(width, name="phi_m_second")(messages))
        init = initializers.xavier_uniform(gain=0.001)
        alpha, beta = jnp.split(
            Dense(2, use_bias=False, kernel_init=init, name="force")(messages), 2, axis=-1
        )
        pulls = alpha * directions + beta * relative
        accelerations = message_passing.sum_messages(graph, pulls)
        received = message_passing.sum_messages(graph, messages)
        sizes = [safe.norm(vectors, keepdims=True) for vectors in (velocities, accelerations)]
        update = MLP((width, width), name="phi_h")(jnp.concatenate([h, received, *sizes], axis=-1))
        velocities = velocities + time_step * accelerations
        return h + update, positions + time_step * velocities, velocities


class LeapfrogNetwork(nn.Module):
    """Predict future positions by integrating learned accelerations over a time of one unit.

    h_i = W |v_i| + b at the start, then `num_steps` times the same `LeapfrogStep` with
    dt = 1 / num_steps; the prediction is the last x.

    Attributes:
        features: Width of all hidden layers.
        num_steps: Number of time steps.

    Equivariance:
        E(d) (reflections included) and permutations of nodes, exact up to rounding.

    Numerics:
        All steps share their parameters, which is what makes the model small and hard to over-fit.

    Source:
        Ours, see `LeapfrogStep`.
    """

    features: int = 64
    num_steps: int = 8

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
        interaction = graph.edges["interaction"]
        h = Dense(self.features, name="embedding")(safe.norm(velocities, keepdims=True))
        step = LeapfrogStep(self.features, name="step")
        for _ in range(self.num_steps):
            h, positions, velocities = step(
                graph, h, positions, velocities, interaction, time_step=1 / self.num_steps
            )
        return positions
