"""Neural equivariant interatomic potential."""

import math

import flax.linen as nn

from symjax_models import groups, reps
from symjax_models.layers import Dense, gate_by_channels, with_gates
from symjax_models.models.atomic_convolution import atomic_convolution
from symjax_models.models.species_layers import SpeciesEmbedding, SpeciesLinear, species_one_hot
from symjax_models.ops.graph import Graph
from symjax_models.ops.tensor_products import find_paths
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array

# 1 / sqrt(E[f(u)^2]) of a standard normal u, for f(u) = silu(u) and f(u) = sigmoid(u).
_SILU_GAIN, _SIGMOID_GAIN = 1.67653247, 1.84622855


class NequIP(nn.Module):
    """Give every atom an energy, from features of its neighbourhood of all degrees.

    From x_i = embedding[Z_i], `num_layers` times

    x_i <- gate((W[Z_i] x_i + Convolution(x)_i) / sqrt(2))

    with a convolution over the neighbours within the cutoff (`atomic_convolution`), matrices W of
    the species, and a gate: SiLU of even scalars, and a sigmoid of one more scalar times each of
    the other channels. The last layer has even scalars only, and the energy is an affine function
    of them.

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number of neighbours of an atom.
        hidden: Irreps of the features, even scalars among them. Layers leave out those that they
            cannot reach: after the first layer there are only irreps of parity (-1)^l.
        num_layers: Number of convolutions.
        max_degree: Highest degree of the harmonics.
        cutoff: Angstrom.
        num_radial: Number of Bessel functions.
        radial_hidden: Widths of the hidden layers that give the weights of convolutions.

    Equivariance:
        E(3) (reflections included): invariant; permutations of atoms. Exact up to rounding.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff. Features keep second
        moments of about 1 at the start. An atom without neighbours has the energy of its species.
        146,369 parameters with the defaults and three species.

    Source:
        Batzner et al. 2022, arXiv:2101.03164, figure 1 and section "Network architecture".
        Deviations: gates are sigmoids and not SiLUs; scalars of convolutions have biases; what
        `atomic_convolution` states; the division by sqrt(2); one affine map of the last scalars
        instead of two.
    """

    species: tuple[int, ...]
    num_neighbours: float
    hidden: str = "32x0e+32x1o+32x2e"
    num_layers: int = 4
    max_degree: int = 2
    cutoff: float = 5.0
    num_radial: int = 8
    radial_hidden: tuple[int, ...] = (64, 64)

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            graph: Nodes `numbers` `[N]`; edges `displacements` `[E, 3]`, angstrom. Sparse.

        Returns:
            Energies without a unit, `[N, 1]`; of padding anything that is finite.

        Raises:
            ValueError: If there are no layers, or the hidden features have no even scalars.
        """
        if self.num_layers < 1:
            raise ValueError(f"NequIP has at least one layer, got num_layers={self.num_layers}")
        hidden = reps.parse_irreps(self.hidden)
        scalars = reps.filter_irreps(hidden, keep="0e")
        if not scalars.terms:
            raise ValueError(f"hidden features of NequIP have even scalars, got {self.hidden!r}")
        one_hot = species_one_hot(graph, self.species)
        embedded = SpeciesEmbedding(scalars.dim, name="embedding")(one_hot)
        x = RepArray(scalars, [embedded[:, None, :]])
        for index in range(self.num_layers):
            is_last = index == self.num_layers - 1
            rep = _reachable(x.rep, scalars if is_last else hidden, self.max_degree)
            x = self._layer(graph, x, one_hot, rep, index)
        return Dense(1, name="readout")(x["0e"][:, 0, :])

    def _layer(self, graph: Graph, x: RepArray, one_hot: Array, rep: Rep, index: int) -> RepArray:
        gated = with_gates(rep)
        received = atomic_convolution(
            gated,
            max_degree=self.max_degree,
            cutoff=self.cutoff,
            num_neighbours=self.num_neighbours,
            num_radial=self.num_radial,
            radial_hidden=self.radial_hidden,
            name=f"convolution_{index}",
        )(x, graph)
        own = SpeciesLinear(gated, name=f"self_{index}")(x, one_hot)
        x = gate_by_channels((own + received) * math.sqrt(0.5), rep)
        scalar = reps.scalar(groups.O(3))
        gains = [_SILU_GAIN if term == scalar else _SIGMOID_GAIN for _, term in rep.terms]
        pairs = zip(x.blocks, gains, strict=True)
        return RepArray(rep, [block * gain for block, gain in pairs])


def _reachable(rep: Rep, wanted: Rep, max_degree: int) -> Rep:
    """Return the wanted irreps that products of features with harmonics contain."""
    paths = find_paths(rep, reps.harmonic_irreps(max_degree), wanted)
    reached = {path.index_out for path in paths}
    return reps.filter_irreps(
        wanted, keep=[term for i, (_, term) in enumerate(wanted.terms) if i in reached]
    )
