"""Layers that networks of point clouds share: normalized dense layers, heads and edge features."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers import initializers
from symjax_models.layers.dense import Dense
from symjax_models.ops import safe
from symjax_models.ops.nearest_neighbours import map_edges, nearest_neighbours
from symjax_models.typing import Array

Activation = Callable[[Array], Array]


def leaky_relu(x: Array) -> Array:
    """Apply max(x, 0.2 x), the activation of DGCNN."""
    return jax.nn.leaky_relu(x, 0.2)


def check_points(points: Array) -> None:
    """Raise unless an array holds clouds of at least one point, `[*batch, N, 3]`.

    Args:
        points: The array.

    Raises:
        ValueError: If not.
    """
    shape = jnp.shape(points)
    if len(shape) < 2 or shape[-1] != 3 or shape[-2] < 1:
        raise ValueError(f"expected clouds of shape [*batch, N, 3] with N >= 1, got {list(shape)}")


def check_categories(points: Array, categories: Array) -> None:
    """Raise unless there are one-hot categories `[*batch, C]` of clouds `[*batch, N, 3]`.

    Args:
        points: The clouds.
        categories: The categories.

    Raises:
        ValueError: If not.
    """
    batch, shape = list(points.shape[:-2]), list(jnp.shape(categories))
    if len(shape) != len(batch) + 1 or shape[:-1] != batch:
        raise ValueError(
            f"expected one-hot categories {[*batch, 'num_categories']} of clouds "
            f"{list(points.shape)}, got shape {shape}"
        )


def cloud_norm(*, num_point_axes: int) -> nn.LayerNorm:
    """Make the layer normalization of features of a cloud.

    `(x - mean) / std * w + b` with a learned w and b per channel; mean and standard deviation of
    one cloud, over all its points and channels. Over the channels of every point alone, a first
    layer without bias would lose the lengths of its inputs.

    Args:
        num_point_axes: How many axes before that of the channels belong to one cloud: 2 for edges
            `[*batch, N, K, C]`, 1 for points `[*batch, N, C]`, 0 for features of a whole cloud.

    Returns:
        The module; 2 C parameters.

    Source:
        J. L. Ba, J. R. Kiros, G. E. Hinton, 2016, equations 3 and 4, arXiv:1607.06450; over points
        and channels as in Y. Wu, K. He, 2018, figure 2, arXiv:1803.08494.
    """
    axes = tuple(range(-1 - num_point_axes, 0))
    return nn.LayerNorm(reduction_axes=axes, feature_axes=-1, use_fast_variance=False)


class NormalizedDense(nn.Module):
    """Apply a linear map, layer normalization and an activation.

    Attributes:
        features: Length of the output.
        num_point_axes: See `cloud_norm`.
        activation: Applied last.
        use_bias: Whether the linear map has a bias.

    Equivariance:
        Permutations of the points.
    """

    features: int
    num_point_axes: int
    activation: Activation
    use_bias: bool = True

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map `[..., C]` to `[..., features]`."""
        outputs = Dense(self.features, use_bias=self.use_bias)(inputs)
        return self.activation(cloud_norm(num_point_axes=self.num_point_axes)(outputs))


class NormalizedEdgeDense(nn.Module):
    """Apply `NormalizedDense` with leaky ReLU, without bias, to the edges `[x_j - x_i, x_i]`.

    Attributes:
        features: Length of the output.

    Equivariance:
        Permutations of the points.
    """

    features: int

    @nn.compact
    def __call__(self, x: Array, indices: Array) -> Array:
        """Map points `[*batch, N, C]` and neighbours `[*batch, N, k]` to `[*batch, N, k, F]`."""
        fan_in = 2 * x.shape[-1]
        init = initializers.uniform_fan_in(fan_in)
        edges = map_edges(x, indices, self.param("kernel", init, (fan_in, self.features)))
        return leaky_relu(cloud_norm(num_point_axes=2)(edges))


class PointHead(nn.Module):
    """Read out with `NormalizedDense` layers, dropout and a last linear map.

    Attributes:
        widths: Lengths of the hidden layers.
        features: Length of the output.
        dropout: Rate of the dropout behind every hidden layer.
        num_point_axes: See `cloud_norm`.
        activation: Of the hidden layers.
        use_bias: Whether each linear map, the last one too, has a bias.
    """

    widths: tuple[int, ...]
    features: int
    dropout: tuple[float, ...]
    num_point_axes: int
    activation: Activation
    use_bias: tuple[bool, ...]

    @nn.compact
    def __call__(self, inputs: Array, *, deterministic: bool) -> Array:
        """Map `[..., C]` to `[..., features]`; dropout reads the random stream `"dropout"`."""
        outputs = inputs
        for width, rate, use_bias in zip(
            self.widths, self.dropout, self.use_bias[:-1], strict=True
        ):
            outputs = NormalizedDense(width, self.num_point_axes, self.activation, use_bias)(
                outputs
            )
            outputs = nn.Dropout(rate)(outputs, deterministic=deterministic)
        return Dense(self.features, use_bias=self.use_bias[-1])(outputs)


def per_point_head(
    widths: tuple[int, ...],
    features: int,
    dropout: float,
    *,
    activation: Activation,
    use_bias: bool = False,
) -> PointHead:
    """Make the read-out of every point.

    Args:
        widths: Lengths of the hidden layers.
        features: Length of the output.
        dropout: Rate behind all hidden layers but the last.
        activation: Of the hidden layers.
        use_bias: Whether the linear maps have biases.

    Returns:
        The module.
    """
    return PointHead(
        widths,
        features,
        dropout=(*(dropout,) * (len(widths) - 1), 0.0),
        num_point_axes=1,
        activation=activation,
        use_bias=(use_bias,) * (len(widths) + 1),
    )


def max_and_mean(x: Array) -> Array:
    """Pool features of points by maximum and mean, `[*batch, N, C]` -> `[*batch, 2 C]`."""
    return jnp.concatenate([safe.maximum_over(x, axis=-2), jnp.mean(x, axis=-2)], axis=-1)


class EdgeConvolution(nn.Module):
    """Pool functions of the edges to the nearest points in feature space.

    y_i = max_j h([x_j - x_i, x_i]),  j among the k nearest neighbours of i in the space of x

    Attributes:
        channels: Widths of the layers of h, `NormalizedDense` with leaky ReLU and without bias.
        k: How many neighbours; a point is its own first one.

    Equivariance:
        Permutations of the points.

    Source:
        Y. Wang et al., "Dynamic Graph CNN for Learning on Point Clouds", 2019, equations 1, 7 and
        8, arXiv:1801.07829. Deviation: layer for batch normalization.
    """

    channels: tuple[int, ...]
    k: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[*batch, N, C]` to `[*batch, N, channels[-1]]`."""
        first, *rest = self.channels
        edges = NormalizedEdgeDense(first)(x, nearest_neighbours(x, k=self.k))
        for width in rest:
            edges = NormalizedDense(width, 2, leaky_relu, use_bias=False)(edges)
        return safe.maximum_over(edges, axis=-2)


class TransformNet(nn.Module):
    """Predict a matrix from a cloud, the identity at first.

    Attributes:
        size: Rows and columns of the matrix.
        point_widths: Layers that every point passes by itself, before the maximum over points.
        global_widths: Layers behind it.
        activation: Of all layers.
        use_bias: Whether their linear maps have biases; the last one has.

    Equivariance:
        Invariant under permutations of the points.

    Source:
        C. R. Qi et al., "PointNet", 2017, section 4.2 and supplementary C, arXiv:1612.00593.
        Deviation: layer for batch normalization.
    """

    size: int
    point_widths: tuple[int, ...]
    global_widths: tuple[int, ...]
    activation: Activation
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[*batch, N, C]` to `[*batch, size, size]`."""
        for width in self.point_widths:
            x = NormalizedDense(width, 1, self.activation, self.use_bias)(x)
        x = safe.maximum_over(x, axis=-2)
        for width in self.global_widths:
            x = NormalizedDense(width, 0, self.activation, self.use_bias)(x)
        zeros = nn.initializers.zeros_init()
        entries = nn.Dense(self.size**2, kernel_init=zeros, bias_init=zeros)(x)
        matrices = entries.reshape(*x.shape[:-1], self.size, self.size)
        return matrices + jnp.eye(self.size, dtype=x.dtype)


def concatenate_globals(of_points: list[Array], of_cloud: list[Array]) -> Array:
    """Concatenate features of points with those of their cloud.

    Args:
        of_points: Arrays `[*batch, N, C_i]`.
        of_cloud: Arrays `[*batch, D_i]`, repeated for every point.

    Returns:
        `[*batch, N, sum_i C_i + sum_i D_i]`.
    """
    leading = of_points[0].shape[:-1]
    repeated = [jnp.broadcast_to(x[..., None, :], (*leading, x.shape[-1])) for x in of_cloud]
    return jnp.concatenate([*of_points, *repeated], axis=-1)


def read_out(
    x: Array, widths: tuple[int, ...], features: int, dropout: float, deterministic: bool
) -> Array:
    """Apply a multilayer perceptron with SiLU and dropout, without normalization.

    Creates submodules: to be called in a compact method.

    Args:
        x: Features of points or clouds, `[..., C]`.
        widths: Lengths of the hidden layers.
        features: Length of the output.
        dropout: Rate behind every hidden layer.
        deterministic: Whether to leave out dropout.

    Returns:
        `[..., features]`.
    """
    for index, width in enumerate(widths):
        x = nn.silu(Dense(width, name=f"head_{index}")(x))
        x = nn.Dropout(dropout, name=f"dropout_{index}")(x, deterministic=deterministic)
    return Dense(features, name="logits")(x)
