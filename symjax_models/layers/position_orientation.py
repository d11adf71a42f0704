"""Separable convolution over positions and orientations, and the block around it."""

import dataclasses

import flax.linen as nn
import jax

from symjax_models.layers.dense import Dense
from symjax_models.ops import position_orientation
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array

# E[gelu(z)^2] for standard normal z.
_GELU_SECOND_MOMENT = 0.425


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class KernelBases:
    """Hold the functions that the kernels of all layers of a network are combinations of.

    Attributes:
        spatial: At the neighbours, `[*edge, O, K]`, or `[*batch, N, k, O, K]` for a cloud.
        own: At the node itself, `[K]`; None for a cloud, where every point is its own neighbour.
        angular: At pairs of orientations, `[O, O, K]`.
    """

    spatial: Array
    own: Array | None
    angular: Array


class InvariantBasis(nn.Module):
    """Turn invariants into learned basis functions: polynomials and two layers.

    Attributes:
        features: K, the number of basis functions.
        degree: The highest degree of the polynomials.

    Equivariance:
        Any group that leaves the inputs invariant.

    Numerics:
        For inputs that are independent standard normal, the functions start with the mean square
        of gelu(z), z standard normal: 0.425.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, appendix on implementation. GELU in its tanh form.
    """

    features: int
    degree: int = 3

    @nn.compact
    def __call__(self, invariants: Array) -> Array:
        """Map `[..., M]` to `[..., features]`."""
        values = position_orientation.polynomials(invariants, degree=self.degree)
        first = nn.initializers.normal(values.shape[-1] ** -0.5)
        # The polynomials hold the constant, so that a bias would be a double.
        hidden = nn.gelu(Dense(self.features, use_bias=False, kernel_init=first)(values))
        second = nn.initializers.normal((self.features * _GELU_SECOND_MOMENT) ** -0.5)
        return nn.gelu(Dense(self.features, kernel_init=second)(hidden))


class PositionOrientationConv(nn.Module):
    """Convolve every channel over positions, then over orientations.

    `y_i(o) = 1/sqrt(O) sum_o' k2(o, o') sum_j k1(x_j - x_i, o') f_j(o') + b`, with kernels that are
    learned combinations of the basis functions, one per channel.

    Equivariance:
        Rotations of positions and orientations together, translations, permutations of nodes and of
        orientations; exact. See `models.ponita` for what that is worth on a grid.

    Numerics:
        Kernels are drawn so that independent features of variance 1 give outputs of variance about
        1, for the number of neighbours that the network is initialized with.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, equation 8. There, kernels are rescaled by the
        standard deviation of the first batch of the training, a state that this layer does without.
    """

    @nn.compact
    def __call__(self, features: Array, bases: KernelBases, *, neighbours: Graph | Array) -> Array:
        """Map features `[*batch, N, O, C]` to features of the same shape.

        Args:
            features: f, `[*batch, N, O, C]`.
            bases: The basis functions.
            neighbours: As `ops.position_orientation.convolve_positions` takes it.
        """
        size, channels = bases.angular.shape[-1], features.shape[-1]
        deviation = (size * _GELU_SECOND_MOMENT) ** -0.5
        degree = _count_neighbours(neighbours)
        spatial_init = nn.initializers.normal(deviation * degree**-0.5)
        spatial = self.param("spatial_kernel", spatial_init, (size, channels))
        angular_init = nn.initializers.normal(deviation)
        angular = self.param("angular_kernel", angular_init, (size, channels))
        bias = self.param("bias", nn.initializers.zeros_init(), (channels,))
        gathered = position_orientation.convolve_positions(
            bases.spatial @ spatial,
            features,
            neighbours=neighbours,
            own_kernel=None if bases.own is None else bases.own @ spatial,
        )
        turned = position_orientation.convolve_orientations(bases.angular @ angular, gathered)
        return turned + bias


class PositionOrientationBlock(nn.Module):
    """Convolve, normalize over channels, widen, and add to the input.

    `f + s * W2 gelu(W1 LayerNorm(conv(f)))`

    Attributes:
        widening: Width of the hidden layer, in widths of the features.
        layer_scale: s of every channel at the start.

    Equivariance:
        That of `PositionOrientationConv`.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, section 4, after Z. Liu et al. 2022 (ConvNeXt),
        arXiv:2201.03545. The layer norm adds 1e-6 to variances.
    """

    widening: int = 4
    layer_scale: float = 1e-6

    @nn.compact
    def __call__(self, features: Array, bases: KernelBases, *, neighbours: Graph | Array) -> Array:
        """Map features `[*batch, N, O, C]`; arguments as those of `PositionOrientationConv`."""
        channels = features.shape[-1]
        update = PositionOrientationConv(name="conv")(features, bases, neighbours=neighbours)
        update = nn.LayerNorm(use_fast_variance=False, name="norm")(update)
        update = nn.gelu(Dense(self.widening * channels, name="widen")(update))
        update = Dense(channels, name="narrow")(update)
        scale_init = nn.initializers.constant(self.layer_scale)
        return features + update * self.param("layer_scale", scale_init, (channels,))


def _count_neighbours(neighbours: Graph | Array) -> int:
    """Return how many nodes a node hears, itself included; on an edge list, the mean over slots."""
    if not isinstance(neighbours, Graph):
        return neighbours.shape[-1]
    nodes = jax.tree.leaves(neighbours.nodes)[0].shape[neighbours.node_axis]
    if neighbours.senders is None:
        return nodes
    return 1 + round(neighbours.senders.shape[0] / nodes)
