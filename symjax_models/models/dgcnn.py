"""DGCNN: convolution on graphs of nearest neighbours that every layer finds anew."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers.point_clouds import (
    EdgeConvolution,
    NormalizedDense,
    PointHead,
    TransformNet,
    check_categories,
    check_points,
    concatenate_globals,
    leaky_relu,
    max_and_mean,
    per_point_head,
)
from symjax_models.ops import safe
from symjax_models.typing import Array


class DGCNN(nn.Module):
    """Classify clouds by edge convolutions.

    Attributes:
        num_classes: Length of the logits.
        k: How many neighbours; at most the number of points.
        channels: Widths inside each `EdgeConvolution`.
        embedding: Channels of the layer that reads all convolutions, before pooling.
        head: Widths of the hidden layers behind the pooling.
        dropout: Rate behind each of them.

    Equivariance:
        Invariant under permutations of the points, and nothing else: the plain baseline.

    Source:
        Y. Wang et al., "Dynamic Graph CNN for Learning on Point Clouds", 2019, section 4.1 and
        figure 3, arXiv:1801.07829; the sizes and biases are those of the authors' public code for
        1,024 points, 1,809,576 parameters for 40 classes. Deviation: layer for batch normalization.
    """

    num_classes: int = 40
    k: int = 20
    channels: tuple[tuple[int, ...], ...] = ((64,), (64,), (128,), (256,))
    embedding: int = 1024
    head: tuple[int, ...] = (512, 256)
    dropout: float = 0.5

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        check_points(points)
        x = embed(points, channels=self.channels, k=self.k, embedding=self.embedding)[0]
        return PointHead(
            self.head,
            self.num_classes,
            dropout=(self.dropout,) * len(self.head),
            num_point_axes=0,
            activation=leaky_relu,
            use_bias=(False, *(True,) * len(self.head)),
        )(max_and_mean(x), deterministic=deterministic)


class DGCNNSegmenter(nn.Module):
    """Label the points of clouds by edge convolutions.

    Attributes:
        num_parts: Length of the logits.
        k, channels, embedding, head: As of `DGCNN`; the head reads every point.
        category_features: Length of what is learned of the category.
        transform: Widths of the net that predicts a matrix for the points: on edges, on points, and
            behind the pooling.
        dropout: Rate behind all hidden layers of the head but the last.

    Equivariance:
        Permutations of the points.

    Source:
        Y. Wang et al. 2019, section 4.3 and figure 3, arXiv:1801.07829; sizes of the public PyTorch
        code. Deviation: layer for batch normalization.
    """

    num_parts: int = 50
    k: int = 20
    channels: tuple[tuple[int, ...], ...] = ((64, 64), (64, 64), (64,))
    embedding: int = 1024
    category_features: int = 64
    head: tuple[int, ...] = (256, 256, 128)
    transform: tuple[tuple[int, ...], ...] = ((64, 128), (1024,), (512, 256))
    dropout: float = 0.5

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
        check_points(points)
        check_categories(points, categories)
        on_edges, on_points, behind = self.transform
        summary = EdgeConvolution(on_edges, k=self.k)(points)
        matrix = TransformNet(3, on_points, behind, leaky_relu, use_bias=False)(summary)
        x, local = embed(
            points @ matrix, channels=self.channels, k=self.k, embedding=self.embedding
        )
        category = NormalizedDense(self.category_features, 0, leaky_relu, use_bias=False)(
            categories
        )
        joined = concatenate_globals([local], [safe.maximum_over(x, axis=-2), category])
        head = per_point_head(self.head, self.num_parts, self.dropout, activation=leaky_relu)
        return head(joined, deterministic=deterministic)


class DGCNNNormals(nn.Module):
    """Estimate normals by edge convolutions.

    Attributes:
        k, channels, embedding, head, dropout: As of `DGCNNSegmenter`.

    Equivariance:
        Permutations of the points.

    Source:
        Y. Wang et al. 2019, section 4.3, arXiv:1801.07829, with a read-out of three components; the
        task, and the loss `1 - <n, n'>^2` that signs do not matter to, are those of O. Puny et al.,
        "Frame Averaging", 2022, arXiv:2110.03336. Deviations: layer for batch normalization; no net
        that transforms the points.
    """

    k: int = 20
    channels: tuple[tuple[int, ...], ...] = ((64, 64), (64, 64), (64,))
    embedding: int = 1024
    head: tuple[int, ...] = (256, 256, 128)
    dropout: float = 0.5

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to vectors along the normals, `[*batch, N, 3]`.

        Neither their signs nor their lengths mean anything.
        """
        check_points(points)
        x, local = embed(points, channels=self.channels, k=self.k, embedding=self.embedding)
        joined = concatenate_globals([local], [safe.maximum_over(x, axis=-2)])
        head = per_point_head(self.head, 3, self.dropout, activation=leaky_relu)
        return head(joined, deterministic=deterministic)


def embed(
    x: Array, *, channels: tuple[tuple[int, ...], ...], k: int, embedding: int
) -> tuple[Array, Array]:
    """Apply edge convolutions one after another and embed all their outputs together.

    Creates submodules: to be called in a compact method.

    Args:
        x: Positions, `[*batch, N, 3]`.
        channels: Widths inside each convolution.
        k: How many neighbours.
        embedding: Channels of the embedding.

    Returns:
        The embedding `[*batch, N, embedding]`, and what it is made of, `[*batch, N, sum of the last
        widths]`.
    """
    outputs = []
    for widths in channels:
        x = EdgeConvolution(widths, k=k)(x)
        outputs.append(x)
    local = jnp.concatenate(outputs, axis=-1)
    return NormalizedDense(embedding, 1, leaky_relu, use_bias=False)(local), local
