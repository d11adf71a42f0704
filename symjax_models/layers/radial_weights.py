"""Weights of tensor products on edges, as learned functions of distances."""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.ops import radial
from symjax_models.ops.tensor_products import TensorProductPlan
from symjax_models.typing import Array

Radial = Callable[[Array], Array]
DEFAULT_RADIAL: Radial = functools.partial(radial.exponential_gaussian, num_functions=16, gamma=1.0)
# 1 / sqrt(E[silu(u)^2]) of a standard normal u.
_SILU_GAIN = 1.67653247


class RadialWeights(nn.Module):
    """Map distances and invariant features of edges to the weights of a tensor product.

    `w = u(r) MLP([R_1(r), ..., R_K(r), e])`: radial functions R of the distance r and further
    invariant features e go through a multilayer perceptron with SiLU, whose last layer is linear
    without a bias, and the result is multiplied by a cutoff u.

    Attributes:
        plan: The product, with P paths and C channels.
        radial: R, distances `[...]` to `[..., K]`, such as a partial of `ops.radial.bessel`;
            Gaussians of exp(-r) if not given, which need no cutoff.
        cutoff: u, such as a partial of `ops.cutoffs.polynomial_cutoff`; none if None.
        hidden: Widths of the hidden layers.

    Equivariance:
        Weights are invariant; permutations of edges.

    Numerics:
        Hidden layers keep a second moment of 1, and of smaller ones down to 0.7; the initial
        weights have that of the last hidden layer. So weights of variance 1 come from radial
        functions of mean square 1, which for the default ones is about 0.1.

    Source:
        Thomas et al. 2018, arXiv:1802.08219, section 3.1.2 (radial functions of tensor products
        from a small network); with a cutoff Batzner et al. 2022, arXiv:2101.03164, equation 8.
    """

    plan: TensorProductPlan
    radial: Radial = DEFAULT_RADIAL
    cutoff: Radial | None = None
    hidden: tuple[int, ...] = (32, 32)

    @nn.compact
    def __call__(self, distances: Array, edge_features: Array | None = None) -> Array:
        """Evaluate the weights.

        Args:
            distances: r, `[...]`.
            edge_features: e, `[..., F]`.

        Returns:
            Weights, `[..., P, C]`.
        """
        inputs = self.radial(distances)
        if edge_features is not None:
            inputs = jnp.concatenate([inputs, edge_features], axis=-1)
        init = nn.initializers.lecun_normal()
        for index, width in enumerate(self.hidden):
            kernel = self.param(f"kernel_{index}", init, (inputs.shape[-1], width))
            bias = self.param(f"bias_{index}", nn.initializers.zeros_init(), (width,))
            inputs = nn.silu(inputs @ kernel + bias) * _SILU_GAIN
        if self.cutoff is not None:
            # Before the last layer, which is linear, there is less to multiply.
            inputs = inputs * self.cutoff(distances)[..., None]
        num_paths, num_channels = self.plan.num_paths, self.plan.num_channels
        shape = (inputs.shape[-1], num_paths * num_channels)
        weights = inputs @ self.param("kernel_out", init, shape)
        return weights.reshape(*weights.shape[:-1], num_paths, num_channels)
