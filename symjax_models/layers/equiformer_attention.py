"""Graph attention whose weights come of a network and whose values of two tensor products."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers import initializers
from symjax_models.layers.convolution import convolution_plan, widest
from symjax_models.layers.dense import Dense
from symjax_models.layers.edge_geometry import read_edges
from symjax_models.layers.gate import Gate
from symjax_models.layers.linear import Linear
from symjax_models.layers.neighbour_attention import check_heads, sum_heads
from symjax_models.layers.normalization import LayerNorm
from symjax_models.layers.radial_weights import DEFAULT_RADIAL, Radial, RadialWeights
from symjax_models.layers.typed import as_jax, output_rep
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.ops.neighbour_softmax import softmax_messages
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


def smooth_leaky_relu(x: Array, *, slope: float = 0.2) -> Array:
    """Apply a leaky ReLU without its kink.

    `slope x + (1 - slope) x sigmoid(x)`: towards `slope x` on the left, x on the right.

    Args:
        x: Any array.
        slope: The slope on the left.

    Returns:
        An array of the same shape.

    Source:
        The code of Y.-L. Liao, T. Smidt, 2022, arXiv:2206.11990 (Equiformer), in the form
        `(1 + a) / 2 x + (1 - a) / 2 x (2 sigmoid(x) - 1)` with a = .2.

    >>> smooth_leaky_relu(jnp.array([-30.0, 0.0, 30.0])).round(4).tolist()
    [-6.0, 0.0, 30.0]
    """
    return slope * x + (1 - slope) * nn.silu(x)


class EquivariantGraphAttention(nn.Module):
    """Attend to neighbours by a network of invariants, to values that are not linear in them.

    Every edge couples what both ends hold with its harmonics, under the `RadialWeights` w:
    `f_ij = plan(W_s x_j + W_r x_i, Y(r_ij), w_ij)`. Its scalars f^(0) give the weights, per head
    `a_ij = softmax_j a . smooth_leaky_relu(LayerNorm(W f^(0)_ij + b))`; all of it, through an
    activation and a second product with learned weights, the values
    `v_ij = plan'(W' activation(f_ij), Y(r_ij))`. The output is `W_o sum_j a_ij v_ij`.

    Attributes:
        rep_out: Representation of the output, irreps of O(3) or SO(3), or a string such as
            `"16x0e+16x1o"`.
        max_degree: Highest degree of the harmonics and of f.
        num_channels: Channels of every irrep of f and of values, all heads together; the largest
            multiplicity of the output if None.
        num_heads: Number of heads, groups of channels of the values.
        num_invariants: Invariants per head of which the network makes a weight.
        activation: Makes the layer that acts on f, which keeps its type, such as `Gate`.
        radial: Radial functions, see `RadialWeights`.
        cutoff: What multiplies w and, before they are normalized, the weights a.
        hidden: Widths of the network of w.

    Equivariance:
        O(3) or SO(3), by the group of x, on x and displacements; permutations of nodes; exact if
        the activation is.

    Numerics:
        The invariants are normalized, so logits keep their size however large features grow.
        Padding edges have weight zero and are not read; nodes without neighbours receive the bias.

    Source:
        Y.-L. Liao, B. Wood, A. Das, T. Smidt, 2023, arXiv:2306.12059 (EquiformerV2), section 4.1
        (attention re-normalization), for the attention of Equiformer, arXiv:2206.11990. There both
        products are SO(2) convolutions that mix channels, and x_i and x_j are concatenated; here
        they are tensor products with linear maps before, between and after, and a weight for every
        path. The activation there is that on the sphere, for which `activation` has room. There is
        no dropout of weights.
    """

    rep_out: Rep | str
    max_degree: int
    num_channels: int | None = None
    num_heads: int = 1
    num_invariants: int = 16
    activation: Callable[..., nn.Module] = Gate
    radial: Radial = DEFAULT_RADIAL
    cutoff: Radial | None = None
    hidden: tuple[int, ...] = (32, 32)

    @nn.compact
    def __call__(
        self, x: RepArray, graph: Graph, *, edge_features: Array | None = None
    ) -> RepArray:
        """Attend.

        Args:
            x: Features of the nodes, `[*batch, N]`.
            graph: The graph, whose edges hold `displacements` x_i - x_j, in the edge layout,
                `[..., 3]`, as `ops.message_passing.displacements` gives them.
            edge_features: Invariant features that the radial weights also see, `[..., F]`.

        Returns:
            Features of `rep_out`, `[*batch, N]`.

        Raises:
            ValueError: If a type or group does not fit, an irrep of f or of the output cannot be
                reached, heads do not divide the channels, or edges have no displacements.
        """
        layer = "EquivariantGraphAttention"
        rep_out = output_rep(self.rep_out, x, layer=layer)
        channels = widest(rep_out) if self.num_channels is None else self.num_channels
        check_heads(channels, self.num_heads, layer=layer)
        edges = read_edges(graph, edge_features, layer=layer)
        harmonics = reps.harmonic_irreps(self.max_degree, group=x.rep.group)
        plan = convolution_plan(x.rep, harmonics, self.max_degree, num_channels=channels)
        weights = RadialWeights(
            plan, radial=self.radial, cutoff=self.cutoff, hidden=self.hidden, name="weights"
        )(edges.distances, edges.features)
        pairs = self._pairs(graph, as_jax(x), plan.rep1)
        features = plan.apply_so2(pairs, edges.displacements, weights)
        envelope = None if self.cutoff is None else self.cutoff(edges.distances)
        attention = softmax_messages(graph, self._logits(features), envelope)

        values_plan = convolution_plan(
            features.rep, rep_out, self.max_degree, num_channels=channels
        )
        activated = self.activation(name="on_features")(features)
        linear = Linear(values_plan.rep1, use_bias=False, name="linear_values")(activated)
        shape = (values_plan.num_paths, channels)
        path_weights = self.param("weights_values", nn.initializers.normal(1.0), shape, x.dtype)
        values = values_plan.apply_so2(linear, edges.displacements, path_weights)
        sums = [sum_heads(graph, attention, block) for block in values.blocks]
        return Linear(rep_out, name="linear_out")(RepArray(values.rep, sums))

    def _pairs(self, graph: Graph, x: RepArray, rep: Rep) -> RepArray:
        """Return `(W_s x_j + W_r x_i) / sqrt(2)` of unit variance, in the edge layout."""
        sent = Linear(rep, use_bias=False, name="linear_sender")(x)
        received = Linear(rep, use_bias=False, name="linear_receiver")(x)
        sums = [
            message_passing.gather_senders(graph, one)
            + message_passing.gather_receivers(graph, other)
            for one, other in zip(sent.blocks, received.blocks, strict=True)
        ]
        return RepArray(rep, [message_passing.mask_edges(graph, b) / 2**0.5 for b in sums])

    def _logits(self, features: RepArray) -> Array:
        """Return the logits, `[..., heads]` in the edge layout."""
        scalar = reps.scalar(features.rep.group)
        invariants = Dense(self.num_heads * self.num_invariants, name="invariants")(
            features[scalar][..., 0, :]
        )
        heads = invariants.reshape(*invariants.shape[:-1], self.num_heads, 1, self.num_invariants)
        normed = LayerNorm(name="renormalization")(
            RepArray(self.num_invariants * scalar, [heads])
        ).blocks[0][..., 0, :]
        init = initializers.uniform_fan_in(self.num_invariants)
        shape = (self.num_heads, self.num_invariants)
        kernel = self.param("kernel_logits", init, shape, features.dtype)
        return jnp.sum(smooth_leaky_relu(normed) * kernel, axis=-1)
