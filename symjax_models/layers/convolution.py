"""Equivariant convolution over the neighbours of every node."""

import math

import flax.linen as nn

from symjax_models import reps
from symjax_models.layers.edge_geometry import read_edges
from symjax_models.layers.linear import Linear
from symjax_models.layers.radial_weights import DEFAULT_RADIAL, Radial, RadialWeights
from symjax_models.layers.typed import as_jax, output_rep
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph
from symjax_models.ops.tensor_products import TensorProductPlan, edge_products, graph_convolution
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.base import direct_sum
from symjax_models.typing import Array


class Convolution(nn.Module):
    """Couple the features of neighbours with the harmonics of edges, and sum over neighbours.

    `z_i = Linear(sum_j plan(Linear(x_j), Y(r_ij), w_ij) / sqrt(n))`: a linear map to C channels of
    every irrep of x, the tensor product with the harmonics Y of degrees 0 to `max_degree`, channel
    by channel with the `RadialWeights` w of |r_ij|, and a linear map to `rep_out`.

    Attributes:
        rep_out: Representation of the output, irreps of O(3) or SO(3), or a string such as
            `"32x0e+16x1o"`.
        max_degree: Highest degree of the harmonics.
        num_channels: C; the largest multiplicity of x if None.
        num_neighbours: n, the usual number of neighbours; None takes the mean over neighbours.
        radial: Radial functions, see `RadialWeights`.
        cutoff: What multiplies the weights, see `RadialWeights`.
        hidden: Widths of the network of the weights.
        backend: Of the tensor product, see `ops.tensor_products.graph_convolution`.

    Equivariance:
        O(3) or SO(3), by the group of x, on x and displacements; permutations of nodes; exact.

    Numerics:
        With `num_neighbours`, independent neighbours give initial outputs of variance about that
        of the weights: about 1 where radial functions have a mean square of 1, less with the
        default ones (`RadialWeights`). Smooth where `radial` and `cutoff` are, except at
        displacements of length zero: harmonics jump there unless the weights vanish. There degree 0
        is left, and derivatives are finite. Padding edges add nothing, whatever they hold.

    Source:
        Thomas et al. 2018, arXiv:1802.08219 (tensor field networks), equation 3, with the
        self-interactions of section 3.2.2 before and after; the division by sqrt(n) is that of
        Batzner et al. 2022, arXiv:2101.03164 (NequIP).
    """

    rep_out: Rep | str
    max_degree: int
    num_channels: int | None = None
    num_neighbours: float | None = None
    radial: Radial = DEFAULT_RADIAL
    cutoff: Radial | None = None
    hidden: tuple[int, ...] = (32, 32)
    backend: str = "auto"

    @nn.compact
    def __call__(
        self, x: RepArray, graph: Graph, *, edge_features: Array | None = None
    ) -> RepArray:
        """Convolve.

        Args:
            x: Features of the nodes, `[*batch, N]`.
            graph: The graph, whose edges hold `displacements` x_i - x_j, in the edge layout,
                `[..., 3]`, as `ops.message_passing.displacements` gives them.
            edge_features: Invariant features that the weights also see, `[..., F]`.

        Returns:
            Features of `rep_out`, `[*batch, N]`.

        Raises:
            ValueError: If a type or group does not fit, an irrep of the output cannot be reached,
                or edges have no displacements.
        """
        rep_out = output_rep(self.rep_out, x, layer="Convolution")
        channels = widest(x.rep) if self.num_channels is None else self.num_channels
        plan = convolution_plan(x.rep, rep_out, self.max_degree, num_channels=channels)
        edges = read_edges(graph, edge_features, layer="Convolution")
        x = Linear(plan.rep1, use_bias=False, name="linear_in")(as_jax(x))
        weights = RadialWeights(
            plan, radial=self.radial, cutoff=self.cutoff, hidden=self.hidden, name="weights"
        )(edges.distances, edges.features)
        arguments = (plan, graph, x, edges.displacements, weights)
        if self.num_neighbours is None:
            messages = edge_products(*arguments, backend=self.backend)
            z = messages.map(lambda block: message_passing.mean_messages(graph, block))
        else:
            z = graph_convolution(*arguments, backend=self.backend)
            z = z / math.sqrt(self.num_neighbours)
        return Linear(rep_out, name="linear_out")(z)


def widest(rep: Rep) -> int:
    """Return the largest multiplicity of a representation, 1 if it is empty."""
    return max((count for count, _ in rep.terms), default=1)


def convolution_plan(
    rep_in: Rep, rep_out: Rep, max_degree: int, *, num_channels: int
) -> TensorProductPlan:
    """Plan the product of features with harmonics, with equal numbers of channels.

    Args:
        rep_in: Irreps of the features, of any multiplicities.
        rep_out: Irreps of the result, of any multiplicities.
        max_degree: Highest degree of the harmonics.
        num_channels: C.

    Returns:
        The plan from C copies of the irreps of `rep_in` to C copies of those of `rep_out`.

    Raises:
        ValueError: If a summand is no irrep of SO(3) or O(3), or there is no path to one.
    """
    rep1, rep3 = (
        direct_sum([(num_channels, term) for _, term in rep.terms], group=rep.group)
        for rep in (rep_in, rep_out)
    )
    return TensorProductPlan(rep1, reps.harmonic_irreps(max_degree, group=rep_in.group), rep3)
