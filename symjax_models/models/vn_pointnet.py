"""VN-PointNet: PointNet of vector neurons."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers.point_clouds import (
    PointHead,
    check_categories,
    check_points,
    concatenate_globals,
    per_point_head,
)
from symjax_models.layers.vector_neurons import (
    VNInvariant,
    VNLayerNorm,
    VNLeakyReLU,
    VNLinear,
    VNPool,
)
from symjax_models.models.vn_dgcnn import VNEdgeConvolution
from symjax_models.ops import safe, vector_neurons
from symjax_models.typing import Array

_TRANSFORM = ((21, 42, 341), (170, 85))


class VNPointNet(nn.Module):
    """Classify clouds whatever their orientation, without edges but in the first layer.

    Attributes:
        num_classes: Length of the logits.
        k: How many neighbours the first layer sees; at most the number of points.
        edge: Channels of vectors of the first layer.
        before: Channels of the layers of every point before the transformation of features.
        after: Channels of those behind it; the last one has no nonlinearity.
        transform: Channels of the net that predicts the transformation, before and behind its
            pooling.
        head: Widths of the hidden layers behind the pooling.
        dropout: Rate behind each of them.
        pooling: "mean" or "max", over neighbours and in the transformation.

    Equivariance:
        Invariant under SO(3) about the origin, not under reflections, for the first layer has cross
        products: without them all features of a point were near to multiples of its position.
        Invariant under permutations of the points. Exact but for ties of neighbours. Not under
        translations: centre the clouds.

    Source:
        C. Deng et al., "Vector Neurons", 2021, arXiv:2104.12229; sizes of the authors'
        public code, 1,972,745 parameters for 40 classes. Deviations: layer for batch normalization;
        dropout behind both hidden layers of the head.
    """

    num_classes: int = 40
    k: int = 20
    edge: int = 21
    before: tuple[int, ...] = (21,)
    after: tuple[int, ...] = (42, 341)
    transform: tuple[tuple[int, ...], tuple[int, ...]] = _TRANSFORM
    head: tuple[int, ...] = (512, 256)
    dropout: float = 0.4
    pooling: str = "mean"

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        *_, last = embed_vectors(
            points,
            k=self.k,
            edge=self.edge,
            before=self.before,
            after=self.after,
            transform=self.transform,
            pooling=self.pooling,
        )
        x, _ = VNInvariant(1, negative_slope=0.0)(vector_neurons.append_mean(last))
        return PointHead(
            self.head,
            self.num_classes,
            dropout=(self.dropout,) * len(self.head),
            num_point_axes=0,
            activation=jax.nn.relu,
            use_bias=(True,) * (len(self.head) + 1),
        )(safe.maximum_over(x, axis=-2), deterministic=deterministic)


class VNPointNetSegmenter(nn.Module):
    """Label the points of clouds whatever their orientation.

    Attributes:
        num_parts: Length of the logits.
        k, edge, before, after, transform, pooling: As of `VNPointNet`.
        head: Widths of the hidden layers that read every point.
        dropout: Rate behind all of them but the last.

    Equivariance:
        Invariant under SO(3) about the origin; permutes with the points.

    Source:
        C. Deng et al. 2021, arXiv:2104.12229; sizes of the authors' public code.
        Deviations: layer for batch normalization; dropout as in `PointNetSegmenter`.
    """

    num_parts: int = 50
    k: int = 20
    edge: int = 21
    before: tuple[int, ...] = (21, 42, 42)
    after: tuple[int, ...] = (170, 682)
    transform: tuple[tuple[int, ...], tuple[int, ...]] = _TRANSFORM
    head: tuple[int, ...] = (256, 256, 128)
    dropout: float = 0.2
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
        *stages, last = embed_vectors(
            points,
            k=self.k,
            edge=self.edge,
            before=self.before,
            after=self.after,
            transform=self.transform,
            pooling=self.pooling,
        )
        x, frame = VNInvariant(1, negative_slope=0.0)(vector_neurons.append_mean(last))
        local = vector_neurons.read_in_frame(jnp.concatenate(stages, axis=-1), frame)
        joined = concatenate_globals([local, x], [safe.maximum_over(x, axis=-2), categories])
        head = per_point_head(
            self.head, self.num_parts, self.dropout, activation=jax.nn.relu, use_bias=True
        )
        return head(joined, deterministic=deterministic)


class VNTransform(nn.Module):
    """Predict vectors of the whole cloud from those of its points.

    Attributes:
        features: Number of channels of the output.
        point_widths: Channels of the layers of every point, before the pooling.
        global_widths: Channels of those behind it.
        pooling: "mean" or "max".

    Equivariance:
        O(3); invariant under permutations of the points.
    """

    features: int
    point_widths: tuple[int, ...]
    global_widths: tuple[int, ...]
    pooling: str

    @nn.compact
    def __call__(self, v: Array) -> Array:
        """Map `[*batch, N, 3, C]` to `[*batch, 3, features]`."""
        for width in self.point_widths:
            v = VNLeakyReLU(width, 1, negative_slope=0.0)(v)
        v = VNPool(self.pooling)(v)
        for width in self.global_widths:
            v = VNLeakyReLU(width, 0, negative_slope=0.0)(v)
        return VNLinear(self.features)(v)


def embed_vectors(
    points: Array,
    *,
    k: int,
    edge: int,
    before: tuple[int, ...],
    after: tuple[int, ...],
    transform: tuple[tuple[int, ...], tuple[int, ...]],
    pooling: str,
) -> list[Array]:
    """Apply the layers of vectors.

    Creates submodules: to be called in a compact method.

    Args:
        points: Clouds, `[*batch, N, 3]`.
        k: How many neighbours the first layer sees.
        edge: Channels of the first layer.
        before: Channels before the transformation.
        after: Channels behind it; the last layer has no nonlinearity.
        transform: Channels of the net that predicts vectors of the whole cloud.
        pooling: "mean" or "max".

    Returns:
        The outputs of all layers but the first, `[*batch, N, 3, channels]` each.
    """
    check_points(points)
    first = VNEdgeConvolution((edge,), k=k, pooling=pooling, has_cross=True, negative_slope=0.0)
    v, stages = first(points[..., None]), []
    for width in before:
        v = VNLeakyReLU(width, 1, negative_slope=0.0)(v)
        stages.append(v)
    of_cloud = VNTransform(v.shape[-1], *transform, pooling)(v)
    v = jnp.concatenate([v, jnp.broadcast_to(of_cloud[..., None, :, :], v.shape)], axis=-1)
    for width in after[:-1]:
        v = VNLeakyReLU(width, 1, negative_slope=0.0)(v)
        stages.append(v)
    return [*stages, VNLayerNorm(1)(VNLinear(after[-1])(v))]
