"""VN-DGCNN: edge convolutions of vector neurons."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers.point_clouds import (
    NormalizedDense,
    PointHead,
    check_categories,
    check_points,
    concatenate_globals,
    leaky_relu,
    max_and_mean,
    per_point_head,
)
from symjax_models.layers.vector_neurons import VNInvariant, VNLeakyReLU, VNLinear, VNPool
from symjax_models.ops import safe, vector_neurons
from symjax_models.typing import Array


class VNEdgeConvolution(nn.Module):
    """Pool vectors of the edges to the nearest points in feature space.

    Attributes:
        channels: Channels of the blocks that every edge passes.
        k: How many neighbours.
        pooling: "mean" or "max".
        has_cross: Whether edges have the cross products too.
        negative_slope: Of the nonlinearities.

    Equivariance:
        O(3), or SO(3) with cross products; permutations of the points.

    Source:
        C. Deng et al., "Vector Neurons", 2021, arXiv:2104.12229.
    """

    channels: tuple[int, ...]
    k: int
    pooling: str = "mean"
    has_cross: bool = False
    negative_slope: float = 0.2

    @nn.compact
    def __call__(self, v: Array) -> Array:
        """Map `[*batch, N, 3, C]` to `[*batch, N, 3, channels[-1]]`."""
        indices = vector_neurons.feature_neighbours(v, k=self.k)
        first, *rest = self.channels
        edges = vector_neurons.Edges(v, indices, self.has_cross)
        v = VNLeakyReLU(first, 2, self.negative_slope)(edges)
        for width in rest:
            v = VNLeakyReLU(width, 2, self.negative_slope)(v)
        return VNPool(self.pooling)(v)


class VNDGCNN(nn.Module):
    """Classify clouds whatever their orientation.

    Attributes:
        num_classes: Length of the logits.
        k: How many neighbours; at most the number of points.
        channels: Channels of vectors inside each `VNEdgeConvolution`.
        embedding: Channels of vectors of the layer that reads all convolutions.
        head: Widths of the hidden layers behind the pooling.
        dropout: Rate behind each of them.
        pooling: "mean" or "max", over neighbours.

    Equivariance:
        Invariant under O(3) about the origin, reflections included, for there are no cross
        products; and under permutations of the points. Exact but for ties of neighbours. Not under
        translations: centre the clouds.

    Source:
        C. Deng et al. 2021, arXiv:2104.12229; sizes of the authors' public code,
        2,899,830 parameters for 40 classes. Deviation: layer for batch normalization.
    """

    num_classes: int = 40
    k: int = 20
    channels: tuple[tuple[int, ...], ...] = ((21,), (21,), (42,), (85,))
    embedding: int = 341
    head: tuple[int, ...] = (512, 256)
    dropout: float = 0.5
    pooling: str = "mean"

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        v, _ = embed_vectors(
            points,
            channels=self.channels,
            k=self.k,
            embedding=self.embedding,
            pooling=self.pooling,
        )
        x, _ = VNInvariant(num_point_axes=1)(v)
        return PointHead(
            self.head,
            self.num_classes,
            dropout=(self.dropout,) * len(self.head),
            num_point_axes=0,
            activation=leaky_relu,
            use_bias=(True,) * (len(self.head) + 1),
        )(max_and_mean(x), deterministic=deterministic)


class VNDGCNNSegmenter(nn.Module):
    """Label the points of clouds whatever their orientation.

    Attributes:
        num_parts: Length of the logits.
        k, channels, embedding, pooling: As of `VNDGCNN`.
        category_features: Length of what is learned of the category.
        head: Widths of the hidden layers that read every point.
        dropout: Rate behind all of them but the last.

    Equivariance:
        Invariant under O(3) about the origin; permutes with the points.

    Source:
        C. Deng et al. 2021, arXiv:2104.12229; sizes of the authors' public code.
        Deviation: layer for batch normalization.
    """

    num_parts: int = 50
    k: int = 20
    channels: tuple[tuple[int, ...], ...] = ((21, 21), (21, 21), (21,))
    embedding: int = 341
    category_features: int = 64
    head: tuple[int, ...] = (256, 256, 128)
    dropout: float = 0.5
    pooling: str = "mean"

    @nn.compact
    def __call__(self, points: Array, categories: Array, *, deterministic: bool = True) -> Array:
        """Label points.

        Args:
            points: Clouds, `[*batch, N, 3]`.
            categories: One-hot categories of the clouds, `[*batch, num_categories]`.
            deterministic: Whether to leave out dropout.

        Returns:
            Logits `[*batch, N, num_parts]`.
        """
        check_categories(points, categories)
        v, local = embed_vectors(
            points,
            channels=self.channels,
            k=self.k,
            embedding=self.embedding,
            pooling=self.pooling,
        )
        x, frame = VNInvariant(num_point_axes=1)(v)
        category = NormalizedDense(self.category_features, 0, leaky_relu, use_bias=False)(
            categories
        )
        joined = concatenate_globals(
            [vector_neurons.read_in_frame(local, frame)], [safe.maximum_over(x, axis=-2), category]
        )
        head = per_point_head(self.head, self.num_parts, self.dropout, activation=leaky_relu)
        return head(joined, deterministic=deterministic)


class VNDGCNNNormals(nn.Module):
    """Estimate normals that turn with the cloud.

    Attributes:
        k, channels, embedding, pooling: As of `VNDGCNNSegmenter`.
        head: Channels of vectors of the blocks that read every point.
        dropout: Rate at which the head drops channels, whole vectors.

    Equivariance:
        SO(3) about the origin; permutations of the points. Not reflections: edges have cross
        products, without which the normal of a flat piece, along which nothing tells one side from
        the other, could not be found.

    Source:
        C. Deng et al. 2021, arXiv:2104.12229, for the layers; the task and its loss as of
        `DGCNNNormals`. Deviations: layer for batch normalization, cross products, and a head of
        vectors.
    """

    k: int = 20
    channels: tuple[tuple[int, ...], ...] = ((21, 21), (21, 21), (21,))
    embedding: int = 341
    head: tuple[int, ...] = (85, 42)
    dropout: float = 0.5
    pooling: str = "mean"

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to vectors along the normals, `[*batch, N, 3]`.

        Neither their signs nor their lengths mean anything: to divide by a length that happens to
        be small would blow rounding up.
        """
        v, local = embed_vectors(
            points,
            channels=self.channels,
            k=self.k,
            embedding=self.embedding,
            pooling=self.pooling,
            has_cross=True,
        )
        v = jnp.concatenate([local, v], axis=-1)
        for width in self.head:
            v = VNLeakyReLU(width, num_point_axes=1)(v)
            v = nn.Dropout(self.dropout, broadcast_dims=(-2,))(v, deterministic=deterministic)
        return VNLinear(1)(v)[..., 0]


def embed_vectors(
    points: Array,
    *,
    channels: tuple[tuple[int, ...], ...],
    k: int,
    embedding: int,
    pooling: str,
    has_cross: bool = False,
) -> tuple[Array, Array]:
    """Apply edge convolutions one after another and embed all their outputs together.

    Creates submodules: to be called in a compact method.

    Args:
        points: Clouds, `[*batch, N, 3]`.
        channels: Channels inside each convolution.
        k: How many neighbours.
        embedding: Channels of the embedding.
        pooling: "mean" or "max", over neighbours.
        has_cross: Whether edges have cross products.

    Returns:
        The embedding with its mean over the cloud `[*batch, N, 3, 2 embedding]`, and what it is
        made of, `[*batch, N, 3, sum of the last channels]`.
    """
    check_points(points)
    v, outputs = points[..., None], []
    for widths in channels:
        v = VNEdgeConvolution(widths, k=k, pooling=pooling, has_cross=has_cross)(v)
        outputs.append(v)
    local = jnp.concatenate(outputs, axis=-1)
    v = VNLeakyReLU(embedding, num_point_axes=1, has_shared_direction=True)(local)
    return vector_neurons.append_mean(v), local
