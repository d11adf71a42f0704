"""Plain message passing in a pose that a network of vector neurons chooses, or draws."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.layers import Symmetrize, VectorCanonicalizer, VectorDistribution
from symjax_models.layers.vector_neurons import VNLeakyReLU, VNLinear
from symjax_models.models.gnn import GNN
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph, check_unpadded
from symjax_models.ops.symmetrization import Source
from symjax_models.typing import Array


class ParticlePose(nn.Module):
    """Say how a system of particles is turned: vectors of a deep set of vector neurons.

    Every particle has the vectors position, velocity and `sum_j a_ij (x_i - x_j)`, where a_ij is
    the interaction; every layer maps them and their mean over the particles.

    Attributes:
        features: Number of channels.
        num_layers: Number of layers.
        dropout: Rate at which vectors are dropped behind every layer in training, that is, where
            there is the random stream `"dropout"`. The pose is then random to some degree, and the
            network that works in it sees more of them.

    Equivariance:
        Without dropout O(d), and invariant under permutations of the particles; exact.

    Source:
        S.-O. Kaba et al. 2023, section 5.3, arXiv:2211.06489: deep sets of vector neurons, 4 layers
        of 16 channels. Deviation: the third vector is there the charge times the position.
    """

    features: int = 16
    num_layers: int = 4
    dropout: float = 0.5

    @nn.compact
    def __call__(self, positions: Array, *rest: Any) -> Array:
        """Say the pose of particles.

        Args:
            positions: Less their mean, `[*batch, N, d]`.
            *rest: Noise `[*batch, N, d, channels]`, if there is any; velocities `[*batch, N, d]`;
                and the graph, with edges `interaction` `[..., 1]`.

        Returns:
            Vectors `[*batch, d, d]`, as columns.
        """
        *noise, velocities, graph = rest
        pulls = message_passing.sum_messages(
            graph, graph.edges["interaction"] * message_passing.displacements(graph, positions)
        )
        v = jnp.stack([positions, velocities, pulls], axis=-1)
        v = jnp.concatenate([v, *noise], axis=-1)
        for _ in range(self.num_layers):
            mean = jnp.broadcast_to(jnp.mean(v, axis=-3, keepdims=True), v.shape)
            v = jnp.concatenate([v, mean], axis=-1)
            v = VNLeakyReLU(self.features, num_point_axes=1)(v)
            drop = nn.Dropout(self.dropout, broadcast_dims=(-2,))
            v = drop(v, deterministic=not self.has_rng("dropout"))
        return VNLinear(positions.shape[-1])(jnp.mean(v, axis=-3))


class _OnMovedGraph(nn.Module):
    """Predict displacements of particles that were moved, from distances along edges too."""

    network: nn.Module

    @nn.compact
    def __call__(self, positions: Array, velocities: Array, graph: Graph) -> Array:
        squares = jnp.square(message_passing.displacements(graph, positions))
        attributes = [graph.edges["interaction"], jnp.sum(squares, axis=-1, keepdims=True)]
        moved = dataclasses.replace(
            graph,
            nodes={**graph.nodes, "positions": positions, "velocities": velocities},
            edges={**graph.edges, "interaction": jnp.concatenate(attributes, axis=-1)},
        )
        return positions + self.network(moved)


class CNGNN(nn.Module):
    """Predict future positions by a plain network, in the pose that a learned function chooses.

    Attributes:
        features: Width of `GNN`.
        num_layers: Its number of layers.
        pose_features: Channels of `ParticlePose`.
        pose_layers: Its number of layers.
        pose_dropout: Its dropout.

    Equivariance:
        E(d) and permutations of particles, exact where the vectors of `ParticlePose` are
        independent; see `VectorCanonicalizer`.

    Source:
        S.-O. Kaba et al. 2023, section 5.3, arXiv:2211.06489, "CN-GNN": 4 layers of width 32.
        Deviations: those of `ParticlePose`; the translation is the mean and not learned; the
        network sees the squared distances and predicts displacements, as that of EGNN does.
    """

    features: int = 32
    num_layers: int = 4
    pose_features: int = 16
    pose_layers: int = 4
    pose_dropout: float = 0.5

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
        pose = ParticlePose(self.pose_features, self.pose_layers, self.pose_dropout, parent=None)
        group = groups.E(graph.nodes["positions"].shape[-1])
        source = VectorCanonicalizer(pose, group, parent=None)
        return _symmetrized(GNN(self.features, self.num_layers, parent=None), source, graph)


class PSGNN(nn.Module):
    """Predict future positions by a plain network, averaged over poses drawn from a learned law.

    Attributes:
        features, num_layers, pose_features, pose_layers, pose_dropout: As of `CNGNN`.
        num_samples: Poses that are drawn for every system.
        num_training_samples: The same in training, where there is the random stream `"dropout"`.
        noise_channels: Vectors of noise that every particle has.

    Equivariance:
        E(d) and permutations of particles, in expectation over the random stream `"frames"`; see
        `VectorDistribution`.

    Source:
        J. Kim et al. 2023, section 3.2, arXiv:2306.02866, with the networks of `CNGNN` in place of
        theirs.
    """

    features: int = 32
    num_layers: int = 4
    pose_features: int = 16
    pose_layers: int = 4
    pose_dropout: float = 0.0
    num_samples: int = 10
    num_training_samples: int = 1
    noise_channels: int = 1

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions; arguments and result are those of `CNGNN`."""
        is_training = self.has_rng("dropout")
        source = VectorDistribution(
            ParticlePose(self.pose_features, self.pose_layers, self.pose_dropout, parent=None),
            groups.E(graph.nodes["positions"].shape[-1]),
            num_samples=self.num_training_samples if is_training else self.num_samples,
            channels=self.noise_channels,
            parent=None,
        )
        return _symmetrized(GNN(self.features, self.num_layers, parent=None), source, graph)


def _symmetrized(network: nn.Module, source: Source, graph: Graph) -> Array:
    check_unpadded(graph)
    symmetrized = Symmetrize(
        _OnMovedGraph(network, parent=None),
        source,
        rep_in=("point", "vector", "invariant"),
        rep_out="point",
        read=lambda *arguments: arguments,
        name="symmetrized",
    )
    return symmetrized(graph.nodes["positions"], graph.nodes["velocities"], graph)
