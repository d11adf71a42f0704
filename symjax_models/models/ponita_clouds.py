"""PONITA for point clouds: convolution over positions and orientations of nearest neighbours."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers.point_clouds import (
    check_categories,
    check_points,
    concatenate_globals,
    max_and_mean,
    read_out,
)
from symjax_models.models.ponita import PonitaTrunk, make_bases, make_grid, place_grid
from symjax_models.ops import position_orientation, safe
from symjax_models.ops.local_frames import principal_axes
from symjax_models.ops.nearest_neighbours import gather_neighbours, nearest_neighbours
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


class _CloudNetwork(nn.Module):
    """Hold the fields of the networks on clouds, and compute invariant features of points."""

    features: int = 64
    num_layers: int = 4
    num_orientations: int = 12
    num_neighbours: int = 16
    basis: int = 64
    degree: int = 3
    widening: int = 4
    layer_scale: float = 1e-6
    length_scale: float = 0.2
    grid: str = "principal_axes"
    embedding: int = 128
    head: tuple[int, ...] = (128,)
    dropout: float = 0.3

    def _per_point(self, points: Array, scalars: Array | None) -> Array:
        """Compute `[*batch, N, embedding]` of points and scalars `[*batch, N, S]`."""
        check_points(points)
        grid = make_grid(self.num_orientations, dimension=points.shape[-1], grid=self.grid)
        centred = points - jnp.mean(points, axis=-2, keepdims=True)
        is_attached = self.grid == "principal_axes" and self.num_orientations > 0
        covariance = jnp.einsum("...ni,...nj->...ij", centred, centred, precision=_HIGHEST)
        axes = principal_axes(covariance) if is_attached else None
        placed = place_grid(grid, axes, shape=covariance.shape, dtype=points.dtype, key=None)
        orientations = placed[..., None, :, :]

        # Of centred points: far from the origin differences of coordinates lose digits.
        neighbours = nearest_neighbours(centred, k=self.num_neighbours)
        displacements = gather_neighbours(centred, neighbours) - centred[..., None, :]
        invariants = position_orientation.pair_invariants(
            displacements / self.length_scale, orientations[..., None, :, :]
        )
        bases = make_bases(invariants, grid, features=self.basis, degree=self.degree)
        known = safe.norm(centred, keepdims=True)
        if scalars is not None:
            known = jnp.concatenate([known, scalars], axis=-1)
        lifted = position_orientation.lift(known, centred[..., None], orientations)
        outputs = PonitaTrunk(
            self.features,
            self.num_layers,
            self.embedding,
            self.widening,
            self.layer_scale,
            name="trunk",
        )(lifted, bases, neighbours=neighbours)
        return nn.silu(jnp.mean(outputs, axis=-2))


class PonitaClassifier(_CloudNetwork):
    """Classify point clouds.

    Lifts |x| and x . o of the centred points, convolves over the nearest neighbours, and averages
    over orientations; then SiLU, the mean and the maximum over points, and a multilayer perceptron.

    Attributes:
        features: Width of the features.
        num_layers: Number of blocks.
        num_orientations: O; 0 works on distances alone.
        num_neighbours: k, a point itself among them.
        basis: Number of basis functions of the kernels.
        degree: Highest degree of the polynomials in the invariants.
        widening: Hidden width of a block, in widths of the features.
        layer_scale: Factor on the update of a block at the start.
        length_scale: Unit of the displacements to neighbours, about their distance.
        grid: "principal_axes" or "fixed"; see `models.ponita`.
        embedding: Length of what is pooled.
        head: Widths of the hidden layers behind the pooling.
        dropout: Rate behind each of them.
        num_classes: Number of classes.

    Equivariance:
        Invariant under permutations and translations, and under rotations and reflections as
        `models.ponita.Ponita` states it; with 0 orientations exactly, for every input.

    Source:
        As `models.ponita.Ponita`; the lifted centred position is ours, for clouds have no input.
        Mean and maximum as in Y. Wang et al. 2019, section 4.1, arXiv:1801.07829: the mean alone,
        as published for other tasks, learns slowly which kinds of points a cloud has.
    """

    num_classes: int = 40

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Compute logits.

        Args:
            points: `[*batch, N, 3]`.
            deterministic: Whether to leave out dropout.

        Returns:
            `[*batch, num_classes]`.

        Raises:
            ValueError: If there are fewer points than neighbours, or the grid does not fit.
        """
        pooled = max_and_mean(self._per_point(points, None))
        return read_out(pooled, self.head, self.num_classes, self.dropout, deterministic)


class PonitaSegmenter(_CloudNetwork):
    """Label the points of clouds of known categories.

    As `PonitaClassifier`, with the category lifted too; every point sees its own features and what
    the classifier pools.

    Attributes:
        num_parts: Number of labels; the other fields are those of `PonitaClassifier`.

    Equivariance:
        Permutations; else that of `PonitaClassifier`.
    """

    num_parts: int = 50

    @nn.compact
    def __call__(
        self,
        points: Array,
        categories: Array,
        *,
        deterministic: bool = True,
    ) -> Array:
        """Compute logits of every point.

        Args:
            points: `[*batch, N, 3]`.
            categories: One-hot, `[*batch, num_categories]`.
            deterministic: Whether to leave out dropout.

        Returns:
            `[*batch, N, num_parts]`.

        Raises:
            ValueError: If there are fewer points than neighbours, or the grid does not fit.
        """
        check_categories(points, categories)
        shape = (*points.shape[:-1], categories.shape[-1])
        scalars = jnp.broadcast_to(categories[..., None, :], shape).astype(points.dtype)
        local = self._per_point(points, scalars)
        joined = concatenate_globals([local], [max_and_mean(local)])
        return read_out(joined, self.head, self.num_parts, self.dropout, deterministic)
