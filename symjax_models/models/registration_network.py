"""Registration of two point clouds by learned features: rotation-equivariant ones, and plain."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers.dense import MLP, Dense
from symjax_models.layers.point_clouds import check_points
from symjax_models.layers.point_convolution import VectorBlock
from symjax_models.ops import safe, vector_neurons
from symjax_models.ops.nearest_neighbours import gather_neighbours, nearest_neighbours
from symjax_models.ops.optimal_transport import matching_loss, sinkhorn
from symjax_models.ops.pose_hypotheses import most_agreed_motion, true_matches
from symjax_models.ops.registration import RigidMotion, nearest_rotation
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


class PointFeatures(NamedTuple):
    """Hold what a network says about every point of a cloud.

    Attributes:
        descriptors: Unit vectors to match points by, `[*batch, N, D]`.
        vectors: Vectors that tell how the surroundings are turned, `[*batch, N, 3, C]`.
    """

    descriptors: Array
    vectors: Array


class Registration(NamedTuple):
    """Hold the registration of a source with a target.

    Attributes:
        source: Features of the source of M points.
        target: Features of the target of N points.
        log_plan: Logarithm of the soft matches, `[*batch, M+1, N+1]`, see `sinkhorn`.
        motion: The motion from source to target, batch axes `[*batch]`.
    """

    source: PointFeatures
    target: PointFeatures
    log_plan: Array
    motion: RigidMotion


class RegistrationNetwork(nn.Module):
    """Register clouds by features that turn with them.

    Blocks of position-aware convolutions give every point vectors; their products with a few
    learned ones are invariants, from which an MLP makes a descriptor. Descriptors of both clouds
    are matched by `sinkhorn`, every source point with its likeliest target; every match proposes
    the rotation that brings the vectors of one point to those of the other (Kabsch); the proposal
    with most inliers is fitted to them.

    Attributes:
        channels: Channels of the blocks.
        num_descriptors: Length D of the descriptors.
        num_neighbours: Neighbours of a point, itself among them.
        spacing: Typical distance of neighbours; the unit that the network sees.
        radius: Largest distance of matched points that agree with a motion.

    Equivariance:
        SE(3) on either cloud: features and matches are invariant, vectors turn, and the motion T
        becomes g T under g on the target, T g^-1 under g on the source; exact up to ties. Points
        of each cloud may be permuted.

    Numerics:
        Gradients reach the motion through the last fit alone; `registration_loss` does not read
        it, and under `jit` it is not computed where only the loss is.

    Source:
        R. Yao, S. Du, W. Cui, C. Tang, C. Yang 2024 (PARE-Net), arXiv:2407.10142. Deviations: one
        resolution, so no superpoints with a transformer over them, and no pooling; root mean
        squares instead of batch normalization; a dustbin in the fine matching only.
    """

    channels: tuple[int, ...] = (16, 32, 32)
    num_descriptors: int = 32
    num_neighbours: int = 16
    spacing: float = 0.2
    radius: float = 0.1

    @nn.compact
    def __call__(self, source: Array, target: Array) -> Registration:
        """Register.

        Args:
            source: Points `[*batch, M, 3]`.
            target: Points `[*batch, N, 3]`.

        Returns:
            Features, matches and the motion.
        """
        encoder = VectorEncoder(
            self.channels, self.num_descriptors, self.num_neighbours, self.spacing
        )
        return _register(self, source, target, encoder)


class PlainRegistrationNetwork(nn.Module):
    """Register clouds by features of their coordinates, which no symmetry constrains.

    The baseline of `RegistrationNetwork`, with the same fields and output. The features are those
    of edge convolutions, MLPs of [h_i, h_j - h_i] and a maximum over neighbours, that start from
    coordinates about the centroid. Its vectors are three components of features like any other.

    Attributes:
        channels: Thirds of the channels of the layers, so that both networks have equally many
            numbers per point.
        num_descriptors: Length D of the descriptors.
        num_neighbours: Neighbours of a point, itself among them.
        spacing: Typical distance of neighbours; the unit that the network sees.
        radius: Largest distance of matched points that agree with a motion.

    Equivariance:
        Permutations of the points of each cloud, and translations. None under rotations.

    Source:
        Y. Wang et al. 2019 (DGCNN), arXiv:1801.07829, for the convolution, with neighbours in space
        throughout and layer instead of batch normalization.
    """

    channels: tuple[int, ...] = (16, 32, 32)
    num_descriptors: int = 32
    num_neighbours: int = 16
    spacing: float = 0.2
    radius: float = 0.1

    @nn.compact
    def __call__(self, source: Array, target: Array) -> Registration:
        """Register, see `RegistrationNetwork`."""
        encoder = CoordinateEncoder(
            self.channels, self.num_descriptors, self.num_neighbours, self.spacing
        )
        return _register(self, source, target, encoder)


class VectorEncoder(nn.Module):
    """Make invariant descriptors and equivariant vectors; see `RegistrationNetwork`."""

    channels: tuple[int, ...]
    num_descriptors: int
    num_neighbours: int
    spacing: float

    @nn.compact
    def __call__(self, points: Array) -> PointFeatures:
        """Describe the points of a cloud `[*batch, N, 3]`."""
        indices = nearest_neighbours(points, k=self.num_neighbours)
        points = points / self.spacing
        first, *others = self.channels
        vectors = VectorBlock(first)(None, points, indices)
        for channels in others:
            vectors = VectorBlock(channels)(vectors, points, indices)
        frame = Dense(4, use_bias=False, name="frame")(vectors)
        invariants = vector_neurons.read_in_frame(vectors, frame)
        invariants = nn.LayerNorm(name="norm")(
            jnp.concatenate([invariants, vector_neurons.channel_norms(vectors)], axis=-1)
        )
        descriptors = MLP((2 * self.num_descriptors, self.num_descriptors))(invariants)
        vectors = Dense(8, use_bias=False, name="orientation")(vectors)
        return PointFeatures(safe.unit(descriptors), vectors)


class CoordinateEncoder(nn.Module):
    """Make descriptors and vectors of coordinates; see `PlainRegistrationNetwork`."""

    channels: tuple[int, ...]
    num_descriptors: int
    num_neighbours: int
    spacing: float

    @nn.compact
    def __call__(self, points: Array) -> PointFeatures:
        """Describe the points of a cloud `[*batch, N, 3]`."""
        indices = nearest_neighbours(points, k=self.num_neighbours)
        h = (points - jnp.mean(points, axis=-2, keepdims=True)) / self.spacing
        for channels in self.channels:
            of_point = Dense(3 * channels)(h)
            of_neighbour = Dense(3 * channels, use_bias=False)(h)
            edges = gather_neighbours(of_neighbour, indices) + of_point[..., None, :]
            h = safe.maximum_over(nn.silu(nn.LayerNorm()(edges)), axis=-2)
        descriptors = MLP((2 * self.num_descriptors, self.num_descriptors))(h)
        vectors = Dense(24, name="orientation")(h)
        return PointFeatures(safe.unit(descriptors), vectors.reshape(*vectors.shape[:-1], 3, 8))


def registration_loss(
    output: Registration, source: Array, target: Array, motion: RigidMotion, *, radius: float
) -> Array:
    """Compute the loss of matches and of the rotations that they propose.

    The `matching_loss` of the plan on the true pairs, mutual nearest neighbours within `radius`,
    plus the mean over these pairs of |R_mn - R|^2 / 8, between 0 and 1: R_mn is the rotation from
    the vectors of source point m to those of target point n.

    Args:
        output: Of a registration network.
        source: Points `[*batch, M, 3]`.
        target: Points `[*batch, N, 3]`.
        motion: The truth.
        radius: Largest distance of true pairs.

    Returns:
        The loss, `[*batch]`.

    Source:
        PARE-Net (see `RegistrationNetwork`), which has a contrastive loss on R v and v' in place of
        the second part, and one more, for its coarse matches.
    """
    matches = true_matches(source, target, motion, radius=radius)
    partner = jnp.argmax(matches, axis=-1)[..., None]
    proposed = proposed_rotations(output.source.vectors, _take(output.target.vectors, partner))
    squares = jnp.sum(jnp.square(proposed - motion.rotation[..., None, :, :]), axis=(-2, -1)) / 8
    is_matched = jnp.any(matches, axis=-1)
    count = jnp.sum(is_matched, axis=-1).astype(squares.dtype)
    orientation = safe.divide(jnp.sum(jnp.where(is_matched, squares, 0), axis=-1), count)
    return matching_loss(output.log_plan, matches) + orientation


def proposed_rotations(source: Array, target: Array) -> Array:
    """Find the rotations that bring vectors closest to others, `[..., 3, C]` -> `[..., 3, 3]`."""
    covariance = jnp.einsum("...ic,...jc->...ij", target, source, precision=_HIGHEST)
    return nearest_rotation(covariance)


def _register(
    network: RegistrationNetwork | PlainRegistrationNetwork,
    source: Array,
    target: Array,
    encoder: nn.Module,
) -> Registration:
    for cloud in (source, target):
        check_points(cloud)
    if source.shape == target.shape:
        # One call for both clouds: the program has half the size, and compiles in half the time.
        both = encoder(jnp.stack([source, target]))
        of_source, of_target = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in range(2))
    else:
        of_source, of_target = encoder(source), encoder(target)
    sharpness = network.param("sharpness", nn.initializers.constant(16.0), ())
    dustbin = network.param("dustbin", nn.initializers.constant(8.0), ())
    scores = sharpness * jnp.einsum(
        "...md,...nd->...mn", of_source.descriptors, of_target.descriptors, precision=_HIGHEST
    )
    log_plan = sinkhorn(scores, dustbin)
    likely = log_plan[..., :-1, :-1]
    partner = jnp.argmax(likely, axis=-1)[..., None]
    motion = most_agreed_motion(
        source,
        _take(target, partner),
        proposed_rotations(of_source.vectors, _take(of_target.vectors, partner)),
        weights=jnp.exp(jnp.max(likely, axis=-1)),
        radius=network.radius,
    )
    # The choice of a hypothesis would pass over points that are no numbers.
    is_finite = jnp.isfinite(jnp.sum(source, (-2, -1)) + jnp.sum(target, (-2, -1)))
    motion = RigidMotion(
        jnp.where(is_finite[..., None, None], motion.rotation, jnp.nan),
        jnp.where(is_finite[..., None], motion.translation, jnp.nan),
    )
    return Registration(of_source, of_target, log_plan, motion)


def _take(values: Array, partner: Array) -> Array:
    """Take the values of the partner `[*batch, M, 1]` of every point."""
    taken = gather_neighbours(values, partner)
    return jnp.squeeze(taken, axis=partner.ndim - 1)
