"""Layers of vector neurons: linear maps, nonlinearity, normalization, pooling, read-out.

Features are `[..., 3, C]`: components, then channels. SO(3) acts on the components.
"""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import initializers
from symjax_models.layers.point_clouds import cloud_norm
from symjax_models.ops import vector_neurons
from symjax_models.suggestion import look_up
from symjax_models.typing import Array


class VNLinear(nn.Module):
    """Mix the channels of vectors: V W, without bias.

    Attributes:
        features: Number of channels of the output.

    Equivariance:
        O(3), exact: a bias would be a direction that does not turn.

    Source:
        C. Deng et al., "Vector Neurons", 2021, its linear layer, arXiv:2104.12229.
    """

    features: int

    @nn.compact
    def __call__(self, v: Array | vector_neurons.Edges) -> Array:
        """Map `[..., 3, C]`, or edges of C channels, to `[..., 3, features]`."""
        is_edges = isinstance(v, vector_neurons.Edges)
        channels = v.num_channels if is_edges else v.shape[-1]
        init = initializers.uniform_fan_in(channels)
        kernel = self.param("kernel", init, (channels, self.features))
        return vector_neurons.mix_channels(v, jnp.asarray(kernel))


class VNLayerNorm(nn.Module):
    """Normalize the lengths of vectors: `v / |v| * LayerNorm(|v|)`.

    Attributes:
        num_point_axes: How many axes before that of the components belong to one cloud; see
            `point_clouds.cloud_norm`.

    Equivariance:
        O(3), and permutations of the points; exact.

    Numerics:
        Zero vectors stay zero, with derivative zero; elsewhere the gradient grows as 1 / |v|.

    Source:
        C. Deng et al. 2021, its normalization, arXiv:2104.12229. Deviation: layer for batch
        normalization, with the same 2 C parameters.
    """

    num_point_axes: int

    @nn.compact
    def __call__(self, v: Array) -> Array:
        """Normalize `[..., 3, C]`."""
        return vector_neurons.map_lengths(v, cloud_norm(num_point_axes=self.num_point_axes))


class VNLeakyReLU(nn.Module):
    """Apply a linear map, normalization and the leaky ReLU along learned directions.

    leaky_relu(q, k),  q = VNLayerNorm(V W),  k = V U

    Attributes:
        features: Number of channels of the output.
        num_point_axes: See `VNLayerNorm`.
        negative_slope: Factor on what points against the direction.
        has_shared_direction: Whether all channels share one direction.

    Equivariance:
        O(3), exact.

    Source:
        C. Deng et al. 2021, its non-linear layer, arXiv:2104.12229; the order of normalization and
        nonlinearity is that of the public code.
    """

    features: int
    num_point_axes: int
    negative_slope: float = 0.2
    has_shared_direction: bool = False

    @nn.compact
    def __call__(self, v: Array | vector_neurons.Edges) -> Array:
        """Map `[..., 3, C]`, or edges of C channels, to `[..., 3, features]`."""
        q = VNLayerNorm(self.num_point_axes)(VNLinear(self.features, name="linear")(v))
        k = VNLinear(1 if self.has_shared_direction else self.features, name="direction")(v)
        return vector_neurons.leaky_relu(q, k, negative_slope=self.negative_slope)


class VNMaxPool(nn.Module):
    """Take, per channel, the vector that reaches farthest along a direction of its own.

    The direction is a random linear map of the vector: no gradient passes through the choice, as
    none does in the public code, so that training leaves the map as it is.

    Equivariance:
        O(3), and invariant under permutations of what is pooled; exact but for ties.

    Source:
        C. Deng et al. 2021, its max pooling, arXiv:2104.12229.
    """

    @nn.compact
    def __call__(self, v: Array) -> Array:
        """Map `[..., N, 3, C]` to `[..., 3, C]`."""
        directions = VNLinear(v.shape[-1], name="direction")(v)
        return vector_neurons.argmax_pool(v, directions, axis=-3)


class VNPool(nn.Module):
    """Pool vectors by the mean, or by `VNMaxPool`.

    Attributes:
        how: "mean" or "max".
    """

    how: str = "mean"

    @nn.compact
    def __call__(self, v: Array) -> Array:
        """Map `[..., N, 3, C]` to `[..., 3, C]`."""
        is_max = look_up(self.how, {"mean": False, "max": True}, what="way of pooling")
        return VNMaxPool()(v) if is_max else jnp.mean(v, axis=-3)


class VNInvariant(nn.Module):
    """Read out invariants: coordinates of vectors in a frame of three vectors that is learned.

    V T^T,  T = VNLinear(3)(block_2(block_1(V)))

    The blocks halve the number of channels, each.

    Attributes:
        num_point_axes: See `VNLayerNorm`.
        negative_slope: Of the nonlinearities.

    Equivariance:
        Invariant under O(3), exact; the frame turns with the vectors.

    Source:
        C. Deng et al. 2021, its invariant layer, arXiv:2104.12229. As there by default,
        the frame is not made orthonormal.
    """

    num_point_axes: int
    negative_slope: float = 0.2

    @nn.compact
    def __call__(self, v: Array) -> tuple[Array, Array]:
        """Read out.

        Args:
            v: Vectors, `[..., 3, C]`.

        Returns:
            Invariants `[..., 3 C]` and the frame `[..., 3, 3]`, its vectors as columns.
        """
        frame, channels = v, v.shape[-1]
        for width in (max(channels // 2, 1), max(channels // 4, 1)):
            frame = VNLeakyReLU(width, self.num_point_axes, self.negative_slope)(frame)
        frame = VNLinear(3, name="frame")(frame)
        return vector_neurons.read_in_frame(v, frame), frame
