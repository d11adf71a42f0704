"""PointNet: the same network on every point, then the maximum over points."""

import flax.linen as nn
import jax

from symjax_models.layers.point_clouds import (
    NormalizedDense,
    PointHead,
    TransformNet,
    check_categories,
    check_points,
    concatenate_globals,
    per_point_head,
)
from symjax_models.ops import safe
from symjax_models.typing import Array

_TRANSFORM = ((64, 128, 1024), (512, 256))


class PointNet(nn.Module):
    """Classify clouds by the maximum of functions of single points.

    Attributes:
        num_classes: Length of the logits.
        before: Widths of the layers of every point before the transformation of features.
        after: Widths of those behind it.
        transform: Widths of the nets that predict the transformations, before and behind their
            pooling.
        head: Widths of the hidden layers behind the pooling.
        dropout: Rate behind each of them.

    Equivariance:
        Invariant under permutations of the points, and nothing else: the plain baseline.

    Source:
        C. R. Qi et al., "PointNet: Deep Learning on Point Sets for 3D Classification and
        Segmentation", 2017, figure 2, arXiv:1612.00593; sizes and biases of the authors' public
        code, 3,480,049 parameters for 40 classes. Deviations: layer for batch normalization; the
        loss that keeps the matrix of features near an orthogonal one (equation 2) is left out.
    """

    num_classes: int = 40
    before: tuple[int, ...] = (64, 64)
    after: tuple[int, ...] = (64, 128, 1024)
    transform: tuple[tuple[int, ...], tuple[int, ...]] = _TRANSFORM
    head: tuple[int, ...] = (512, 256)
    dropout: float = 0.3

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        stages = embed_points(
            points,
            before=self.before,
            after=self.after,
            transform=self.transform,
        )
        return PointHead(
            self.head,
            self.num_classes,
            dropout=(self.dropout,) * len(self.head),
            num_point_axes=0,
            activation=jax.nn.relu,
            use_bias=(True,) * (len(self.head) + 1),
        )(safe.maximum_over(stages[-1], axis=-2), deterministic=deterministic)


class PointNetSegmenter(nn.Module):
    """Label points by functions of the point, of the maximum over the cloud and of its category.

    Attributes:
        num_parts: Length of the logits.
        before, after, transform: As of `PointNet`.
        head: Widths of the hidden layers that read every point.
        dropout: Rate behind all of them but the last.

    Equivariance:
        Permutations of the points.

    Source:
        C. R. Qi et al. 2017, supplementary C and figure 9, arXiv:1612.00593. Deviations: layer for
        batch normalization; the nets of both transformations have the sizes of the classifier's;
        neither the second output, which classifies, nor the loss of equation 2.
    """

    num_parts: int = 50
    before: tuple[int, ...] = (64, 128, 128)
    after: tuple[int, ...] = (512, 2048)
    transform: tuple[tuple[int, ...], tuple[int, ...]] = _TRANSFORM
    head: tuple[int, ...] = (256, 256, 128)
    dropout: float = 0.2

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
        stages = embed_points(
            points,
            before=self.before,
            after=self.after,
            transform=self.transform,
        )
        joined = concatenate_globals(stages, [safe.maximum_over(stages[-1], axis=-2), categories])
        head = per_point_head(
            self.head, self.num_parts, self.dropout, activation=jax.nn.relu, use_bias=True
        )
        return head(joined, deterministic=deterministic)


def embed_points(
    points: Array,
    *,
    before: tuple[int, ...],
    after: tuple[int, ...],
    transform: tuple[tuple[int, ...], tuple[int, ...]],
) -> list[Array]:
    """Apply the layers of single points, with both transformations.

    Creates submodules: to be called in a compact method.

    Args:
        points: Clouds, `[*batch, N, 3]`.
        before: Widths before the transformation of features.
        after: Widths behind it.
        transform: Widths of the nets that predict the transformations.

    Returns:
        The outputs of all layers, `[*batch, N, width]` each.
    """
    check_points(points)
    x = points @ TransformNet(3, *transform, jax.nn.relu, name="input_transform")(points)
    stages = []
    for width in before:
        x = NormalizedDense(width, 1, jax.nn.relu)(x)
        stages.append(x)
    x = x @ TransformNet(x.shape[-1], *transform, jax.nn.relu, name="feature_transform")(x)
    for width in after:
        x = NormalizedDense(width, 1, jax.nn.relu)(x)
        stages.append(x)
    return stages
