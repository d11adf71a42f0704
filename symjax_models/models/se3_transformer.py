"""SE(3)-Transformer for particles with velocities, in one pass or iterated."""

import dataclasses

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers.activations import NormActivation
from symjax_models.layers.convolution import Convolution
from symjax_models.layers.linear import Linear
from symjax_models.layers.neighbour_attention import NeighbourAttention
from symjax_models.ops import message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class SE3Transformer(nn.Module):
    """Predict future positions by equivariant attention between particles.

    Particles hold the scalars 1 and |v_i| and the vector v_i at the start. A block is `num_layers`
    times `NeighbourAttention` and `NormActivation`, then a convolution to one vector u_i beside a
    linear map of what the particle holds, and `x_i <- x_i + s u_i` with a learned number s, .01 at
    the start. Radial weights see the distance and the interaction q_i q_j. With several iterations
    the next block starts from the new positions, and from the features of the one before.

    Attributes:
        num_layers: Layers of attention in a block.
        max_degree: Highest degree of features and harmonics.
        features: Channels of every degree of features, and of keys and values.
        num_heads: Number of heads, which are groups of channels.
        num_iterations: Number of blocks; above 1 it is the iterative SE(3)-Transformer.
        hidden: Widths of the network of the radial weights.

    Equivariance:
        E(3) (reflections included) and permutations of nodes, exact up to rounding.

    Numerics:
        Smooth, also in the positions after a block: the gradient goes through the harmonics and
        distances of the next one. In float32 the error of positions is some units in the last place
        of their distance from the origin: subtract the mean of inputs that lie far out.

    Source:
        F. B. Fuchs, D. E. Worrall, V. Fischer, M. Welling, 2020, arXiv:2006.10503, with the scaled
        output of its run by Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, table 2 (degrees 0
        to 2, 21 channels, one head); iterated as in F. B. Fuchs, E. Wagstaff, J. Dauparas, I.
        Posner, 2021, arXiv:2102.13419. Deviations: those of `NeighbourAttention`; that
        run has charges on nodes and radial functions of the distance alone, while here, as in the
        first paper's own experiment, edges hold q_i q_j; `NormActivation` scales a channel by a
        sigmoid of its own norm, with neither layer norm nor a network over channels.
    """

    num_layers: int = 4
    max_degree: int = 2
    features: int = 16
    num_heads: int = 1
    num_iterations: int = 1
    hidden: tuple[int, ...] = (32, 32)

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
        interaction = graph.edges["interaction"]
        speeds = safe.norm(velocities)
        scalars = jnp.stack([jnp.ones_like(speeds), speeds], axis=-1)[..., None, :]
        f = reps.RepArray(reps.parse_irreps("2x0e+1x1o"), [scalars, velocities[..., None]])
        hidden = self.features * reps.harmonic_irreps(self.max_degree)
        for block in range(self.num_iterations):
            displacements = message_passing.displacements(graph, positions)
            geometry = dataclasses.replace(graph, edges={"displacements": displacements})
            for layer in range(self.num_layers):
                attended = NeighbourAttention(
                    hidden,
                    max_degree=self.max_degree,
                    num_heads=self.num_heads,
                    hidden=self.hidden,
                    name=f"attention_{block}_{layer}",
                )(f, geometry, edge_features=interaction)
                f = NormActivation(name=f"activation_{block}_{layer}")(attended)
            convolved = Convolution(
                "1o", max_degree=self.max_degree, hidden=self.hidden, name=f"convolution_{block}"
            )(f, geometry, edge_features=interaction)
            update = convolved + Linear("1o", name=f"linear_{block}")(f)
            scale = self.param(f"scale_{block}", nn.initializers.constant(0.01), ())
            positions = positions + jnp.asarray(scale) * update["1o"][..., 0]
        return positions


class IterativeSE3Transformer(SE3Transformer):
    """`SE3Transformer` with two blocks of two layers, the second from the positions of the first.

    Source:
        F. B. Fuchs, E. Wagstaff, J. Dauparas, I. Posner, 2021, arXiv:2102.13419, section 3.
    """

    num_layers: int = 2
    features: int = 8
    num_iterations: int = 2
