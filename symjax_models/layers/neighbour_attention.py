"""Attention over the neighbours of every node, with weights that depend on where they are."""

import math

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers.convolution import convolution_plan, widest
from symjax_models.layers.edge_geometry import read_edges
from symjax_models.layers.linear import Linear
from symjax_models.layers.radial_weights import DEFAULT_RADIAL, Radial, RadialWeights
from symjax_models.layers.typed import as_jax, output_rep
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.ops.neighbour_softmax import softmax_messages
from symjax_models.ops.tensor_products import edge_products
from symjax_models.reps import Rep, RepArray, concatenate
from symjax_models.reps.base import direct_sum
from symjax_models.reps.irreps_strings import format_irreps
from symjax_models.typing import Array


class NeighbourAttention(nn.Module):
    """Let every node attend to its neighbours, by what they hold and where they are.

    `y_i = W (sum_j a_ij v_ij (+) x_i)`, `a_ij = softmax_j <q_i, k_ij> / sqrt(d)`, per head: keys
    and values are messages `(k_ij, v_ij) = plan(W_s x_j, Y(r_ij), w_ij)`, tensor products of the
    sender's features with the harmonics Y of degrees 0 to `max_degree` under the `RadialWeights` w
    of |r_ij|; queries `q_i = W_q x_i` are a linear map of the receiver's. `<q, k>` runs over the
    irreps that x and the output have in common, d numbers per head.

    Attributes:
        rep_out: Representation of the output, irreps of O(3) or SO(3), or a string such as
            `"16x0e+16x1o"`. Keys and values have its irreps.
        max_degree: Highest degree of the harmonics.
        num_heads: Number of heads, groups of channels.
        num_channels: Channels of every irrep of keys, and of values, all heads together; the
            largest multiplicity of the output if None.
        radial: Radial functions, see `RadialWeights`.
        cutoff: What multiplies keys, values and, before they are normalized, the weights.
        hidden: Widths of the network of the radial weights.
        backend: Of the tensor product, see `ops.tensor_products.edge_products`.

    Equivariance:
        O(3) or SO(3), by the group of x, on x and displacements; permutations of nodes; exact.

    Numerics:
        Initial logits and values have a variance of about 1, so that the average over n neighbours
        has one of 1/n up to 1. Padding edges have weight zero and are not read. Smooth where
        `radial` and `cutoff` are; nodes without neighbours attend to nothing.

    Source:
        F. B. Fuchs, D. E. Worrall, V. Fischer, M. Welling, 2020, arXiv:2006.10503 (SE(3)-
        Transformer), equations 10 and 11, with the linear self-interaction. As in the authors' code
        this is a linear map of the attended values next to x itself. There the radial functions
        mix channels, here linear maps before and after do, and O(3) leaves out products that do not
        keep parity; there d counts all heads.
    """

    rep_out: Rep | str
    max_degree: int
    num_heads: int = 1
    num_channels: int | None = None
    radial: Radial = DEFAULT_RADIAL
    cutoff: Radial | None = None
    hidden: tuple[int, ...] = (32, 32)
    backend: str = "auto"

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
            ValueError: If a type or group does not fit, x and the output have no irrep in common,
                an irrep of the output cannot be reached, heads do not divide the channels, or edges
                have no displacements.
        """
        rep_out = output_rep(self.rep_out, x, layer="NeighbourAttention")
        channels = widest(rep_out) if self.num_channels is None else self.num_channels
        check_heads(channels, self.num_heads, layer="NeighbourAttention")
        rep_query = _common_irreps(x.rep, rep_out, channels)
        plan = convolution_plan(x.rep, rep_out, self.max_degree, num_channels=2 * channels)
        edges = read_edges(graph, edge_features, layer="NeighbourAttention")
        x = as_jax(x)
        weights = RadialWeights(
            plan, radial=self.radial, cutoff=self.cutoff, hidden=self.hidden, name="weights"
        )(edges.distances, edges.features)
        sent = Linear(plan.rep1, use_bias=False, name="linear_in")(x)
        queries = Linear(rep_query, use_bias=False, name="query")(x)
        messages = edge_products(
            plan, graph, sent, edges.displacements, weights, backend=self.backend
        )
        envelope = None if self.cutoff is None else self.cutoff(edges.distances)
        attention = softmax_messages(graph, self._logits(graph, queries, messages), envelope)
        values = [block[..., channels:] for block in messages.blocks]
        mixed = RepArray(
            direct_sum([(channels, term) for _, term in rep_out.terms], group=rep_out.group),
            [sum_heads(graph, attention, block) for block in values],
        )
        return Linear(rep_out, name="linear_out")(concatenate([mixed, x]))

    def _logits(self, graph: Graph, queries: RepArray, messages: RepArray) -> Array:
        """Return `<q_i, k_ij> / sqrt(d)`, `[..., heads]` in the edge layout."""
        logits: Array | float = 0.0
        for (channels, term), query in zip(queries.rep.terms, queries.blocks, strict=True):
            keys = messages[term][..., :channels]
            products = jnp.sum(message_passing.gather_receivers(graph, query) * keys, axis=-2)
            heads = products.reshape(*products.shape[:-1], self.num_heads, -1)
            logits = logits + jnp.sum(heads, axis=-1)
        return jnp.asarray(logits) / math.sqrt(queries.rep.dim / self.num_heads)


def sum_heads(graph: Graph, attention: Array, values: Array) -> Array:
    """Sum the values of the edges that enter each node, every head with its own weights.

    Args:
        graph: The graph, read for its connectivity only.
        attention: Weights, `[..., heads]` in the edge layout.
        values: `[..., D, C]` in the edge layout; the heads are groups of channels.

    Returns:
        `[*batch, N, D, C]`.
    """
    per_channel = jnp.repeat(attention, values.shape[-1] // attention.shape[-1], axis=-1)
    return message_passing.sum_messages(graph, values * per_channel[..., None, :])


def check_heads(num_channels: int, num_heads: int, *, layer: str) -> None:
    """Raise `ValueError` unless there are channels and the heads divide them.

    Args:
        num_channels: Channels of every irrep.
        num_heads: Number of heads.
        layer: Name of the layer, for the message.
    """
    if num_channels < 1:
        raise ValueError(f"{layer} has at least one channel, got num_channels={num_channels}")
    if num_heads < 1 or num_channels % num_heads:
        fitting = [n for n in range(1, num_channels + 1) if num_channels % n == 0]
        raise ValueError(
            f"heads of {layer} are groups of its {num_channels} channels, got "
            f"num_heads={num_heads}; {', '.join(map(str, fitting))} fit"
        )


def _common_irreps(rep_in: Rep, rep_out: Rep, channels: int) -> Rep:
    own = [term for _, term in rep_in.terms]
    common = [(channels, term) for _, term in rep_out.terms if term in own]
    if not common:
        raise ValueError(
            "NeighbourAttention compares queries and keys by the irreps that input and output "
            f"have in common; {format_irreps(rep_in)} and {format_irreps(rep_out)} have none"
        )
    return direct_sum(common, group=rep_out.group)
