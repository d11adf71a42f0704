"""A learned integrator: a graph network whose layers are time steps."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, Dense, EdgeDense, initializers
from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class LeapfrogStep(nn.Module):
    """Accelerate and move every node for a time step, and update its invariant features.

    With x_ij = x_i - x_j, r_ij = |x_ij|, n_ij = x_ij / r_ij and v_ij = v_i - v_j,

    m_ij = phi_m(h_i, h_j, r_ij, exp(-r_ij), exp(-4 r_ij), n_ij . v_ij, |v_ij|, q_ij)
    a_i = sum_j (alpha(m_ij) n_ij + beta(m_ij) v_ij)
    h_i <- h_i + phi_h(h_i, sum_j m_ij, |v_i|, |a_i|)
    v_i <- v_i + dt a_i
    x_i <- x_i + dt v_i

    in this order, so that h sees the old v, and x moves with the new one; alpha and beta are linear
    without a constant.

    Attributes:
        features: Width of h, of the messages and of all hidden layers.

    Equivariance:
        E(d) on positions, O(d) on velocities, permutations of nodes; h is invariant; exact up to
        rounding.

    Numerics:
        The direction n_ij of coincident nodes is zero, with derivatives zero: values and
        derivatives are finite, but jump there, for nothing makes alpha vanish. Where |v_ij|, |v_i|
        or |a_i| is zero, derivatives alone jump. The kernel of alpha and beta starts with a gain of
        0.001, so that nodes at the start move nearly uniformly.

    Source:
        Ours. Kick, then drift, is the semi-implicit Euler method: the leapfrog method if velocities
        belong to half a step before the positions. A network with second-order motion per layer is
        SEGNO, Liu et al. 2023, arXiv:2308.13212.
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
            h: Invariant node features, `[*batch, N, features]`.
            positions: x, `[*batch, N, d]`.
            velocities: v, `[*batch, N, d]`.
            interaction: q_ij, edge layout, `[..., 1]`.
            time_step: dt.

        Returns:
            The new h `[*batch, N, features]`, positions and velocities, `[*batch, N, d]`.
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

    h_i = W |v_i| + b at the start, then `num_steps` times the same `LeapfrogStep`, with the same
    parameters, and dt = 1 / num_steps; the prediction is the last x, near x + v at initialization.

    Attributes:
        features: Width of all hidden layers.
        num_steps: Number of time steps.

    Equivariance:
        E(d) (reflections included) and permutations of nodes, exact up to rounding.

    Numerics:
        25,600 parameters at 64 features, whatever `num_steps`. The memory of a training step grows
        with `num_steps`. In float32 the error of the positions is some units in the last place of
        their distance from the origin: subtract the mean of inputs that lie far out.

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
