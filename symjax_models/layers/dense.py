"""Linear maps and multilayer perceptrons of invariant features."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import initializers
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class Dense(nn.Module):
    """Apply y = x W + b to the last axis.

    Attributes:
        features: Length of the output.
        use_bias: Whether to add b.
        kernel_init: Initial distribution of W; U(+-1/sqrt(fan_in)) by default, as of b.

    Equivariance:
        Any group that leaves the features invariant; permutations of the leading axes.
    """

    features: int
    use_bias: bool = True
    kernel_init: initializers.Initializer | None = None

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map `[..., C]` to `[..., features]`."""
        fan_in = inputs.shape[-1]
        default = initializers.uniform_fan_in(fan_in)
        kernel = self.param("kernel", self.kernel_init or default, (fan_in, self.features))
        outputs = inputs @ kernel
        if not self.use_bias:
            return outputs
        return outputs + self.param("bias", default, (self.features,))


class MLP(nn.Module):
    """Alternate `Dense` layers and SiLU.

    Attributes:
        features: Output length of each `Dense` layer.
        activate_final: Whether SiLU follows the last layer too.
        final_use_bias: Whether the last layer has a bias.
        final_kernel_init: Initial distribution of the last kernel; that of `Dense` by default.
    """

    features: tuple[int, ...]
    activate_final: bool = False
    final_use_bias: bool = True
    final_kernel_init: initializers.Initializer | None = None

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map `[..., C]` to `[..., features[-1]]`."""
        outputs = inputs
        for index, features in enumerate(self.features):
            is_final = index == len(self.features) - 1
            outputs = Dense(
                features,
                use_bias=self.final_use_bias or not is_final,
                kernel_init=self.final_kernel_init if is_final else None,
            )(outputs)
            if self.activate_final or not is_final:
                outputs = nn.silu(outputs)
        return outputs


class EdgeDense(nn.Module):
    """Apply `Dense` to the concatenation [h_receiver, h_sender, e] on every edge.

    The kernel is one matrix; it is applied to its three parts before nodes meet on edges, so
    the parts of the nodes cost N products instead of N (N - 1) and nothing is concatenated.

    Attributes:
        features: Length of the output.

    Equivariance:
        Permutations of nodes.

    Numerics:
        Features of padding edges are not read, so they may hold anything.
    """

    features: int

    @nn.compact
    def __call__(self, graph: Graph, nodes: Array, edges: Array) -> Array:
        """Map node features `[*batch, N, C]` and edge features to edge features.

        Args:
            graph: The graph, whose own features are not read.
            nodes: Node features h, `[*batch, N, C]`.
            edges: Edge features e, `[*batch, N, N-1, F]` (dense) or `[E, F]` (sparse).

        Returns:
            `[*batch, N, N-1, features]` (dense) or `[E, features]` (sparse).
        """
        width = nodes.shape[-1]
        fan_in = 2 * width + edges.shape[-1]
        init = initializers.uniform_fan_in(fan_in)
        kernel = self.param("kernel", init, (fan_in, self.features))
        bias = self.param("bias", init, (self.features,))
        of_receiver, of_sender, of_edge = jnp.split(kernel, [width, 2 * width])
        # Masked here, for the kernel's gradient is a product with the edge features: 0 * NaN.
        edges = message_passing.mask_edges(graph, edges)
        return (
            message_passing.gather_receivers(graph, nodes @ of_receiver + bias)
            + message_passing.gather_senders(graph, nodes @ of_sender)
            + edges @ of_edge
        )
