"""Completion of partial clouds that moves, turns and grows with them."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers.point_clouds import check_points
from symjax_models.layers.similarity_neurons import SimilarityLeakyReLU
from symjax_models.layers.vector_neurons import VNLeakyReLU, VNLinear
from symjax_models.ops import safe, vector_neurons
from symjax_models.ops.nearest_neighbours import gather_neighbours
from symjax_models.typing import Array


class PointCompletion(nn.Module):
    """Predict a complete cloud from a part of it.

    The encoder works on points of SIM(3): edge convolutions on `[x_j, x_i, c]`, c the centre of the
    partial cloud. The mean over the cloud of their embedding, less the centre and divided by the
    scale, is vectors, which the decoder maps to M vectors; these are multiplied by the scale and
    put about the centre. The scale is the root mean square distance from the centre. Both are those
    of the partial cloud alone, so that nothing of the answer leaks in.

    Attributes:
        num_points: M.
        k: How many neighbours; at most the number of points.
        channels: Channels of points of each edge convolution.
        embedding: Channels of the layer that reads all convolutions.
        decoder: Channels of vectors of the hidden layers of the decoder.

    Equivariance:
        Similarities `s r x + t`, reflections included; invariant under permutations of the partial
        cloud. Exact but for ties of neighbours.

    Numerics:
        A partial cloud whose points all coincide is completed to copies of it.

    Source:
        Y. Wang, Z. Chen, X. X. Zhu, "Learning Generalizable Shape Completion with SIM(3)
        Equivariance" (SIMECO), 2025, arXiv:2509.26631. Deviations: an encoder by edge convolutions
        and a decoder by vector neurons for its transformers; no cross products, so that reflections
        are symmetries too.
    """

    num_points: int = 2048
    k: int = 20
    channels: tuple[int, ...] = (21, 42, 85)
    embedding: int = 341
    decoder: tuple[int, ...] = (341, 341)

    @nn.compact
    def __call__(self, points: Array) -> Array:
        """Map partial clouds `[*batch, N, 3]` to complete ones `[*batch, num_points, 3]`."""
        check_points(points)
        centre = jnp.mean(points, axis=-2, keepdims=True)
        # Layers commute with translations; about the centre coordinates keep more digits.
        x = (points - centre)[..., None]
        count = points.shape[-2]
        flat = x.reshape(*x.shape[:-3], 3 * count)
        scale = safe.norm(flat)[..., None, None] / count**0.5
        outputs = []
        for width in self.channels:
            x = self._convolve(x, width)
            outputs.append(x)
        joined = jnp.concatenate(outputs, axis=-1)
        x = SimilarityLeakyReLU(self.embedding, num_point_axes=1)(joined)
        v = safe.divide(jnp.mean(x, axis=-3), scale)
        for width in self.decoder:
            v = VNLeakyReLU(width, num_point_axes=0)(v)
        completed = VNLinear(self.num_points)(v)
        return centre + scale * jnp.swapaxes(completed, -1, -2)

    def _convolve(self, x: Array, width: int) -> Array:
        indices = vector_neurons.feature_neighbours(x, k=self.k)
        neighbours = gather_neighbours(x, indices)
        centres = jnp.broadcast_to(x[..., None, :, :], neighbours.shape)
        of_cloud = jnp.zeros((*neighbours.shape[:-1], 1), x.dtype)
        edges = jnp.concatenate([neighbours, centres, of_cloud], axis=-1)
        return jnp.mean(SimilarityLeakyReLU(width, num_point_axes=2)(edges), axis=-3)
