"""Convolution of vector features over neighbours, with weights that depend on where they lie."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers import initializers
from symjax_models.layers.dense import MLP
from symjax_models.layers.vector_neurons import VNLinear
from symjax_models.ops import safe, vector_neurons
from symjax_models.ops.nearest_neighbours import gather_neighbours
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def neighbour_vectors(points: Array, indices: Array) -> Array:
    """Describe every neighbour by vectors: [r_ij, m_i, r_ij x m_i], m_i = mean_j r_ij.

    Args:
        points: x, `[*batch, N, 3]`, with r_ij = x_j - x_i.
        indices: Neighbours j of every point i, `[*batch, N, K]`.

    Returns:
        Vectors `[*batch, N, K, 3, 3]`: components, then the three channels.

    Equivariance:
        SO(3), exact, invariant under translations. The last channel keeps its sign under the
        inversion, so O(3) is broken: mirror images can be told apart.

    >>> x = jnp.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> neighbour_vectors(x, jnp.array([[1, 2]] * 3))[0, 0].tolist()
    [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    r = gather_neighbours(points, indices) - points[..., None, :]
    mean = jnp.broadcast_to(jnp.mean(r, axis=-2, keepdims=True), r.shape)
    return jnp.stack([r, mean, jnp.cross(r, mean)], axis=-1)


class PositionAwareConvolution(nn.Module):
    """Sum the features of neighbours, each mapped by a mixture of kernels that its place chooses.

    y_i = mean_j sum_s a_ijs W_s [v_j, g_ij],  a_ij = softmax_s MLP(|VN(g_ij)|)

    with g the `neighbour_vectors`, VN a linear map of vectors with a vector ReLU, and | | the
    lengths of its channels: the weights a are invariant, so the features stay vectors.

    Attributes:
        features: Number of channels of the output.
        num_kernels: Number S of matrices W.
        hidden: Channels of VN, and width of the MLP.

    Equivariance:
        SO(3), and translations of the points; permutations of the points; exact. Not O(3), see
        `neighbour_vectors`.

    Numerics:
        Neighbours at the point itself add their features with the weights of g = 0. Lengths of
        zero vectors have derivative zero.

    Source:
        R. Yao, S. Du, W. Cui, C. Tang, C. Yang 2024 (PARE-Net), arXiv:2407.10142, section 3.2.
        Deviations: no batch normalization in VN and the MLP; SiLU for the ReLU of the MLP.
    """

    features: int
    num_kernels: int = 4
    hidden: int = 8

    @nn.compact
    def __call__(self, vectors: Array | None, points: Array, indices: Array) -> Array:
        """Convolve.

        Args:
            vectors: v, `[*batch, N, 3, C]`; None for points without features.
            points: `[*batch, N, 3]`, in units in which neighbours are about 1 apart.
            indices: Neighbours `[*batch, N, K]`.

        Returns:
            Vectors `[*batch, N, 3, features]`.
        """
        geometry = neighbour_vectors(points, indices)
        weights = self._weights(geometry) / indices.shape[-1]
        # Neighbours are summed before channels are mixed: S matrices per point, not per pair.
        summed = _weighted_sums(weights, geometry)
        if vectors is not None:
            of_features = _weighted_sums(weights, gather_neighbours(vectors, indices))
            summed = jnp.concatenate([of_features, summed], axis=-1)
        init = initializers.uniform_fan_in(summed.shape[-1])
        shape = (self.num_kernels, summed.shape[-1], self.features)
        kernel = self.param("kernel", init, shape)
        return jnp.einsum("...sdc,scf->...df", summed, kernel, precision=_HIGHEST)

    def _weights(self, geometry: Array) -> Array:
        hidden = VNLinear(self.hidden, name="vectors")(geometry)
        directions = VNLinear(self.hidden, name="directions")(hidden)
        hidden = vector_neurons.leaky_relu(hidden, directions, negative_slope=0.2)
        lengths = vector_neurons.channel_norms(hidden)
        logits = MLP((self.hidden, self.num_kernels), name="scores")(lengths)
        return jax.nn.softmax(logits, axis=-1)


def _weighted_sums(weights: Array, vectors: Array) -> Array:
    """Sum `[..., K, 3, C]` over K with weights `[..., K, S]`, to `[..., S, 3, C]`."""
    flat = vectors.reshape(*vectors.shape[:-2], -1)
    sums = jnp.einsum("...ks,...kx->...sx", weights, flat, precision=_HIGHEST)
    return sums.reshape(*sums.shape[:-1], *vectors.shape[-2:])


class VectorBlock(nn.Module):
    """Convolve vector features, normalize them, cut them off, and add the features before.

    Attributes:
        features: Number of channels of the output.
        num_kernels: Of the `PositionAwareConvolution`.

    Equivariance:
        As `PositionAwareConvolution`.

    Source:
        As `PositionAwareConvolution`: vectors are divided by the root mean square of their lengths
        over channels, with learned scales, instead of a batch normalization.
    """

    features: int
    num_kernels: int = 4

    @nn.compact
    def __call__(self, vectors: Array | None, points: Array, indices: Array) -> Array:
        """Map `[*batch, N, 3, C]` to `[*batch, N, 3, features]`; see the convolution."""
        h = PositionAwareConvolution(self.features, self.num_kernels)(vectors, points, indices)
        scale = self.param("scale", nn.initializers.ones_init(), (self.features,))
        flat = safe.unit(h.reshape(*h.shape[:-2], -1))
        h = flat.reshape(h.shape) * self.features**0.5 * scale
        directions = VNLinear(self.features, name="directions")(h)
        h = vector_neurons.leaky_relu(h, directions, negative_slope=0.2)
        h = VNLinear(self.features, name="mix")(h)
        if vectors is None:
            return h
        return h + VNLinear(self.features, name="residual")(vectors)
