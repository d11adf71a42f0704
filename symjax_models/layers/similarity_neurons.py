"""Layers of vector neurons that move and grow with space: SIM(3).

Features are points `[..., 3, C]`: components, then channels. An element of SIM(3), or its improper
half, acts on every channel as `s r @ v + t`. All layers commute with it exactly.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers.point_clouds import cloud_norm
from symjax_models.ops import safe, vector_neurons
from symjax_models.typing import Array, PRNGKey


class SimilarityLinear(nn.Module):
    """Mix the channels of points with weights whose sum is one.

    y = x_C + sum_{c < C} (x_c - x_C) W_c

    where x_C is the last channel, so that its weight is 1 - sum_c W_c.

    Attributes:
        features: Number of channels of the output.

    Equivariance:
        Similarities, improper ones too; exact.

    Numerics:
        Works on differences of channels, which keep their digits far from the origin, at the
        highest precision. At first the outputs spread about the mean of the inputs as much as the
        inputs do.

    Source:
        Y. Wang, Z. Chen, X. X. Zhu, "Learning Generalizable Shape Completion with SIM(3)
        Equivariance" (SIMECO), 2025, arXiv:2509.26631; weights as in its public code, which adds a
        bias of length 1e-6 that breaks the equivariance and is left out here.

    Raises:
        ValueError: If the input has one channel only, which can only be copied.
    """

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[..., 3, C]` to `[..., 3, features]`."""
        channels = x.shape[-1]
        if channels < 2:
            raise ValueError("SimilarityLinear mixes at least 2 channels of points, got 1")

        def init(key: PRNGKey, shape: tuple[int, ...]) -> Array:
            # The last channel spreads too, so that a difference has twice the variance of one.
            return 1 / channels + jax.random.normal(key, shape) / math.sqrt(2 * (channels - 1))

        kernel = jnp.asarray(self.param("kernel", init, (channels - 1, self.features)))
        last = x[..., -1:]
        return last + jnp.matmul(x[..., :-1] - last, kernel, precision=jax.lax.Precision.HIGHEST)


class SimilarityLayerNorm(nn.Module):
    """Normalize the distances of the channels from their centre, but not the scale.

    o + (x - o) / |x - o| * s * LayerNorm(|x - o| / s)

    with o the mean over the channels of every point, and s the mean of all |x - o| of the cloud.

    Attributes:
        num_point_axes: How many axes before that of the components belong to one cloud; see
            `point_clouds.cloud_norm`.

    Equivariance:
        Similarities, improper ones too, and permutations of the points; exact.

    Numerics:
        Where all channels are the same point, or all clouds are one point, they stay so.

    Source:
        SIMECO, as of `SimilarityLinear`, normalizes and restores the scale once, at the end of the
        network; here every layer does.
    """

    num_point_axes: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalize `[..., 3, C]`."""
        centres = jnp.mean(x, axis=-1, keepdims=True)
        axes = tuple(range(-1 - self.num_point_axes, 0))
        norm = cloud_norm(num_point_axes=self.num_point_axes)

        def normalize(lengths: Array) -> Array:
            scale = jnp.mean(lengths, axis=axes, keepdims=True)
            return scale * norm(safe.divide(lengths, scale))

        return centres + vector_neurons.map_lengths(x - centres, normalize)


class SimilarityLeakyReLU(nn.Module):
    """Apply a linear map, normalization and the leaky ReLU about a learned origin.

    o + leaky_relu(q - o, k - o),  q = SimilarityLayerNorm(W x),  k = U x,  o = O x

    Attributes:
        features: Number of channels of the output.
        num_point_axes: See `SimilarityLayerNorm`.
        negative_slope: Factor on what points against the direction.

    Equivariance:
        Similarities, improper ones too, and permutations of the points; exact.

    Source:
        SIMECO, as of `SimilarityLinear`: direction and origin per channel. Deviations: both are
        read off the input, as in `VNLeakyReLU`.
    """

    features: int
    num_point_axes: int
    negative_slope: float = 0.2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[..., 3, C]` to `[..., 3, features]`."""
        q = SimilarityLinear(self.features, name="linear")(x)
        q = SimilarityLayerNorm(self.num_point_axes)(q)
        origin = SimilarityLinear(self.features, name="origin")(x)
        k = SimilarityLinear(self.features, name="direction")(x)
        moved = vector_neurons.leaky_relu(
            q - origin, k - origin, negative_slope=self.negative_slope
        )
        return origin + moved
