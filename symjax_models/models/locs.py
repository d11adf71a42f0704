"""LoCS: every node sees its neighbours from a frame of its own."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, Dense
from symjax_models.ops import local_frames, message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.pooling import pool_nodes
from symjax_models.suggestion import nearest_of
from symjax_models.typing import Array

_FRAMES = ("motion_and_centre", "motion")


class AnisotropicConvolution(nn.Module):
    """Average the features of neighbours, each times a matrix made of where it lies.

    `y_i = mean_j W(e_ij) f_ij`, with W(e) = sum_k silu(A e + a)_k W_k + W_0.

    Attributes:
        features: Length of the output.
        filter_features: Width of the hidden layer that makes the matrices.

    Equivariance:
        Permutations of nodes; invariant where geometry and features are.

    Source:
        M. Kofinas, N. S. Nagaraja, E. Gavves 2021, section 3.3, arXiv:2110.14961.
    """

    features: int
    filter_features: int

    @nn.compact
    def __call__(self, graph: Graph, geometry: Array, inputs: Array) -> Array:
        """Convolve.

        Args:
            graph: The graph, read for its connectivity only.
            geometry: e, on edges, `[*edge, G]`.
            inputs: f, on edges, `[*edge, F]`.

        Returns:
            y, `[*batch, N, features]`.
        """
        width = inputs.shape[-1]
        factors = nn.silu(Dense(self.filter_features, name="filter_first")(geometry))
        # The constant is the bias of the filter.
        factors = jnp.concatenate([factors, jnp.ones_like(factors[..., :1])], axis=-1)
        # W is linear in the factors, so that products can be averaged before it is applied: no
        # matrix per edge exists.
        products = factors[..., :, None] * inputs[..., None, :]
        products = products.reshape(*factors.shape[:-1], -1)
        # Hidden features have a mean square of about .36.
        deviation = ((1 + 0.36 * self.filter_features) * width) ** -0.5
        return Dense(
            self.features,
            use_bias=False,
            kernel_init=nn.initializers.normal(deviation),
            name="filter_second",
        )(message_passing.mean_messages(graph, products))


class LoCS(nn.Module):
    """Predict future positions from positions, velocities and pair interactions.

    With R_i the frame of node i, everything is seen from there: the neighbours' places
    R_i^T (x_j - x_i), orientations R_i^T R_j and velocities R_i^T v_j. Convolutions with filters of
    these update hidden features h_i, and the prediction is x_i + R_i u(h_i).

    Attributes:
        features: Width of the hidden features.
        num_layers: Number of convolutions.
        filter_features: Width of the hidden layer that makes the filters.
        frame: "motion_and_centre": of v_i, then of x_i less the mean, then of sum_j |x_ij| x_ij,
            the first ones that are independent. "motion": of v_i alone, as published.

    Equivariance:
        Permutations and translations, exact. With "motion_and_centre" SE(d), exact up to rounding,
        for every input whose three vectors per node span d - 1 dimensions; a node at rest thus
        turns with its place, and only collinear systems, moving along their line, have nodes
        without a frame. With "motion" in the plane SE(2), for nodes that move; in space only
        rotations about z are exact, for yaw and pitch leave the roll to the fixed axes. Not
        equivariant under reflections.

    Numerics:
        Frames jump where v_i passes zero or the direction of the centre; near there, rounding grows
        as 1 / sin of the angle between the two vectors.

    Source:
        M. Kofinas, N. S. Nagaraja, E. Gavves 2021, arXiv:2110.14961, as a model of one step without
        the variational encoder. Deviations: orientations enter as the entries of R_i^T R_j in
        place of Euler angles over pi, directions as unit vectors in place of spherical angles, both
        without jumps; the roll of the frame; residual updates of h.
    """

    features: int = 64
    num_layers: int = 3
    filter_features: int = 16
    frame: str = "motion_and_centre"

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Predict positions.

        Args:
            graph: Nodes `positions` and `velocities` `[*batch, N, d]`, d = 2 or 3; edges
                `interaction` `[..., 1]`. Either layout.

        Returns:
            Predicted positions, `[*batch, N, d]`, in the unit of the input.

        Raises:
            ValueError: If `frame` is unknown.
        """
        positions, velocities = graph.nodes["positions"], graph.nodes["velocities"]
        if self.frame not in _FRAMES:
            raise ValueError(f"unknown frame {self.frame!r}; {nearest_of(self.frame, _FRAMES)}")
        if self.frame == "motion":
            frames = local_frames.velocity_frames(velocities)
        else:
            frames = _frames_of_motion_and_centre(graph, positions, velocities)
        geometry = _edge_geometry(graph, frames, positions, velocities)

        own = local_frames.to_local(frames, velocities[..., None])[..., 0]
        h = Dense(self.features, name="embedding")(own)
        for index in range(self.num_layers):
            sent = message_passing.gather_senders(graph, nn.silu(h))
            received = AnisotropicConvolution(
                self.features, self.filter_features, name=f"convolution_{index}"
            )(graph, geometry, jnp.concatenate([geometry, sent], axis=-1))
            widths = (self.features, self.features)
            update = MLP(widths, name=f"update_{index}")(jnp.concatenate([h, received], axis=-1))
            h = h + update
        dimension = positions.shape[-1]
        local = MLP((self.features, self.features, dimension), name="output")(h)
        return positions + local_frames.to_global(frames, local[..., None])[..., 0]


def _frames_of_motion_and_centre(graph: Graph, positions: Array, velocities: Array) -> Array:
    mean = pool_nodes(graph, positions, how="mean")
    centred = positions - message_passing.gather_graphs(graph, mean)
    displacements = message_passing.displacements(graph, positions)
    distances = safe.norm(displacements, keepdims=True)
    pull = message_passing.mean_messages(graph, distances * displacements)
    return local_frames.frames_from_vectors(jnp.stack([velocities, centred, pull], axis=-1))


def _edge_geometry(graph: Graph, frames: Array, positions: Array, velocities: Array) -> Array:
    """Return what the receiver sees of the sender, `[*edge, 3 d + d^2 + 2]`."""
    displacements = -message_passing.displacements(graph, positions)
    # Masked here, for the filters' gradients are products with the geometry: 0 * NaN.
    displacements = message_passing.mask_edges(graph, displacements)
    distances = safe.norm(displacements, keepdims=True)
    sender_velocities = message_passing.gather_senders(graph, velocities)
    sender_frames = message_passing.gather_senders(graph, frames)
    directions = safe.divide(displacements, distances)
    vectors = jnp.stack([displacements, directions, sender_velocities], axis=-1)
    seen = local_frames.to_local(
        message_passing.gather_receivers(graph, frames),
        jnp.concatenate([vectors, sender_frames], axis=-1),
    )
    seen = seen.reshape(*seen.shape[:-2], -1)
    interaction = message_passing.mask_edges(graph, graph.edges["interaction"])
    return jnp.concatenate([seen, distances, interaction], axis=-1)
