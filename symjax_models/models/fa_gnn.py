"""Message passing on coordinates, made equivariant by averaging every layer over frames."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.layers import MLP, Dense, Symmetrize
from symjax_models.models.gnn import GNNLayer
from symjax_models.ops import message_passing
from symjax_models.ops.frames import PCAFrames
from symjax_models.ops.graph import Graph, check_unpadded
from symjax_models.typing import Array


class _FrameLayer(nn.Module):
    """One layer as the network inside a frame sees it: vectors are components like any others."""

    features: int
    is_first: bool = False
    is_last: bool = False

    @nn.compact
    def __call__(self, vectors: Array, attributes: Array, graph: Graph) -> Array:
        """Map vectors `[*batch, N, V, d]` to the vectors of the next layer."""
        d = vectors.shape[-1]
        h = vectors.reshape(*vectors.shape[:-2], -1)
        if self.is_first:
            h = Dense(self.features, name="embedding")(h)
        h = GNNLayer(self.features, name="layer")(graph, h, attributes)
        if self.is_last:
            h = MLP((self.features, d), name="decoder")(h)
        return h.reshape(*h.shape[:-1], -1, d)


class FAGNN(nn.Module):
    """Predict future positions by a plain network whose every layer is averaged over frames.

    The hidden state of a particle is C / d vectors. Every layer takes the frames of all vectors of
    all particles by their principal axes, applies a layer of `GNN` to the components in each of
    the 2^d frames, and averages what it returns, turned back. The first layer sees the position
    relative to the mean and the velocity; the last one gives the displacement from the mean.

    Attributes:
        features: Width C of all hidden layers, a multiple of d.
        num_layers: Number of layers, each with frames of its own.
        draws_in_training: In training, that is, where there is the random stream `"dropout"`, draw
            one element of every frame (stream `"frames"`) instead of averaging over all of them:
            the cost of `GNN`, and noise that regularizes.

    Raises:
        ValueError: If the width is no multiple of d.

    Equivariance:
        E(d) and permutations of nodes, exact where the principal moments of every layer differ;
        see `PCAFrames`.

    Numerics:
        2^d times the operations of `GNN`. Gradients do not pass through the frames.

    Source:
        O. Puny et al. 2022, section 4.3, arXiv:2110.03336: 4 layers of width 60, frames between
        all layers, edge attributes of the charges and the squared distance. Deviation: frames are
        those of all hidden vectors, and later layers do not move the origin again.
    """

    features: int = 60
    num_layers: int = 4
    draws_in_training: bool = False

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, d]`; edges `interaction`
                `[..., 1]`. The dense layout.

        Returns:
            Predicted positions, `[*batch, N, d]`, in the unit of the input.

        Raises:
            ValueError: If the graph is sparse or padded.
        """
        check_unpadded(graph)
        positions, velocities = graph.nodes["positions"], graph.nodes["velocities"]
        d = positions.shape[-1]
        if self.features % d:
            raise ValueError(f"features must be a multiple of d = {d}, got {self.features}")
        displacements = message_passing.displacements(graph, positions)
        squared_distances = jnp.sum(jnp.square(displacements), axis=-1, keepdims=True)
        attributes = jnp.concatenate([graph.edges["interaction"], squared_distances], axis=-1)
        centre = jnp.mean(positions, axis=-2, keepdims=True)
        vectors = jnp.stack([positions - centre, velocities], axis=-2)
        draws = self.draws_in_training and self.has_rng("dropout")
        source = PCAFrames(groups.O(d), signs="random" if draws else "all")
        for index in range(self.num_layers):
            vectors = Symmetrize(
                _FrameLayer(
                    self.features, is_first=index == 0, is_last=index == self.num_layers - 1
                ),
                source=source,
                rep_in=("vector", "invariant", "invariant"),
                rep_out="vector",
                read=_as_points,
                name=f"layer_{index}",
            )(vectors, attributes, graph)
        return centre + vectors[..., 0, :]


def _as_points(vectors: Array, *_: object) -> Array:
    return vectors.reshape(*vectors.shape[:-3], -1, vectors.shape[-1])
