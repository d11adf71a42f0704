"""Message passing atomic cluster expansion."""

import math

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers import MLP, Dense, Linear
from symjax_models.models.atomic_convolution import atomic_convolution
from symjax_models.models.species_layers import SpeciesEmbedding, SpeciesLinear, species_one_hot
from symjax_models.ops.graph import Graph
from symjax_models.ops.symmetric_contraction import SymmetricContraction
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class MACE(nn.Module):
    """Give every atom an energy, from messages that depend on several neighbours at once.

    From h_i = embedding[Z_i], `num_layers` times

    A_i = Convolution(h)_i
    B_i = sum_nu sum_eta w[Z_i, nu, eta] U^nu_eta A_i ... A_i  (nu factors, 1 to `correlation`)
    h_i <- (Linear(B_i) + W[Z_i] h_i) / sqrt(2)

    with a convolution over the neighbours within the cutoff (`atomic_convolution`), and a
    `SymmetricContraction`, channel by channel. The energy is a sum over layers of an affine
    function of the scalars of h, and in the last layer of a perceptron.

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number of neighbours of an atom.
        num_channels: Copies of every irrep.
        max_degree: Highest degree of the harmonics and of A.
        hidden_degree: Highest degree of h between layers.
        correlation: Highest number of factors nu; messages have body order nu + 1.
        num_layers: Number of messages.
        cutoff: Angstrom.
        num_radial: Number of Bessel functions.
        radial_hidden: Widths of the hidden layers that give the weights of convolutions.
        readout_hidden: Width of the perceptron of the last layer.

    Equivariance:
        E(3) (reflections included): invariant; permutations of atoms. Exact up to rounding.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff. An atom without
        neighbours has the energy of its species. 479,138 parameters with the defaults and three
        species.

    Source:
        Batatia et al. 2022, arXiv:2206.07697, equations 8 to 13. Deviations: A is divided by the
        square root of the number of neighbours and not by that number, which gives it unit variance
        and all orders equal shares at the start; the residual term is in the first layer too, as in
        the authors' code; the division by sqrt(2); what `atomic_convolution` and
        `SymmetricContraction` state.
    """

    species: tuple[int, ...]
    num_neighbours: float
    num_channels: int = 128
    max_degree: int = 3
    hidden_degree: int = 1
    correlation: int = 3
    num_layers: int = 2
    cutoff: float = 5.0
    num_radial: int = 8
    radial_hidden: tuple[int, ...] = (64, 64, 64)
    readout_hidden: int = 16

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            graph: Nodes `numbers` `[N]`; edges `displacements` `[E, 3]`, angstrom. Sparse.

        Returns:
            Energies without a unit, `[N, 1]`; of padding anything that is finite.

        Raises:
            ValueError: If there are no layers.
        """
        if self.num_layers < 1:
            raise ValueError(f"MACE has at least one layer, got num_layers={self.num_layers}")
        one_hot = species_one_hot(graph, self.species)
        embedded = SpeciesEmbedding(self.num_channels, name="embedding")(one_hot)
        h = RepArray(self.num_channels * reps.harmonic_irreps(0), [embedded[:, None, :]])
        energies = []
        for index in range(self.num_layers):
            is_last = index == self.num_layers - 1
            rep_out = reps.harmonic_irreps(0 if is_last else self.hidden_degree)
            b = self._contract(self._convolve(graph, h, index), one_hot, rep_out, index)
            wide = self.num_channels * rep_out
            mixed = Linear(wide, use_bias=False, name=f"linear_{index}")(b)
            own = SpeciesLinear(wide, name=f"self_{index}")(h, one_hot)
            h = (mixed + own) * math.sqrt(0.5)
            name, scalars = f"readout_{index}", h["0e"][:, 0, :]
            if is_last:
                energies.append(MLP((self.readout_hidden, 1), name=name)(scalars))
            else:
                energies.append(Dense(1, name=name)(scalars))
        return sum(energies[1:], energies[0])

    def _convolve(self, graph: Graph, h: RepArray, index: int) -> RepArray:
        return atomic_convolution(
            self.num_channels * reps.harmonic_irreps(self.max_degree),
            max_degree=self.max_degree,
            cutoff=self.cutoff,
            num_neighbours=self.num_neighbours,
            num_radial=self.num_radial,
            radial_hidden=self.radial_hidden,
            name=f"convolution_{index}",
        )(h, graph)

    def _contract(self, a: RepArray, one_hot: Array, rep_out: Rep, index: int) -> RepArray:
        rep = reps.harmonic_irreps(self.max_degree)
        contraction = SymmetricContraction(rep, rep_out, self.correlation)
        num_species, num_channels = one_hot.shape[-1], self.num_channels
        shape = num_species, contraction.size, num_channels
        weights = self.param(f"contraction_{index}", nn.initializers.normal(1.0), shape)
        of_atoms = (one_hot @ weights.reshape(num_species, -1)).reshape(-1, *shape[1:])
        b = contraction.apply(jnp.concatenate(a.blocks, axis=-2), of_atoms)
        blocks, start = [], 0
        for _, term in rep_out.terms:
            blocks.append(b[:, start : start + term.dim, :])
            start += term.dim
        return RepArray(num_channels * rep_out, blocks)
