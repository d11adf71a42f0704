"""Continuous-filter convolutions of invariant features."""

import math

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import Dense
from symjax_models.models.species_layers import SpeciesEmbedding, species_one_hot
from symjax_models.ops import cutoffs, message_passing, radial, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class SchNet(nn.Module):
    """Give every atom an energy, from distances alone.

    From x_i = embedding[Z_i], `num_layers` times, with f(u) = log((1 + e^u) / 2),

    W_ij = u(r_ij) Dense(f(Dense(g(r_ij))))
    x_i <- x_i + Dense(f(Dense(sum_j W_ij * (V x_j) / sqrt(n))))

    with Gaussians g of the distance, a cutoff u and a matrix V; the energy is Dense(f(Dense(x))).

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number n of neighbours of an atom.
        features: Length of x and of the filters W.
        num_layers: Number of interactions.
        cutoff: Angstrom.
        num_radial: Number of Gaussians.

    Equivariance:
        E(3) (reflections included): invariant; permutations of atoms. Exact up to rounding.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff. An atom without
        neighbours has the energy of its species. 443,393 parameters with the defaults and three
        species.

    Source:
        Schuett et al. 2017, arXiv:1706.08566, figure 2. Deviations: a cutoff, there all atoms are
        neighbours; the division by sqrt(n); fewer Gaussians, as wide as their spacing; no function
        after the last layer of a filter, as in the authors' later software.
    """

    species: tuple[int, ...]
    num_neighbours: float
    features: int = 128
    num_layers: int = 6
    cutoff: float = 5.0
    num_radial: int = 50

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            graph: Nodes `numbers` `[N]`; edges `displacements` `[E, 3]`, angstrom. Sparse.

        Returns:
            Energies without a unit, `[N, 1]`; of padding anything that is finite.
        """
        displacements = message_passing.mask_edges(graph, graph.edges["displacements"])
        distances = safe.norm(displacements)
        g = radial.gaussian(distances, num_functions=self.num_radial, cutoff=self.cutoff)
        envelope = cutoffs.polynomial_cutoff(distances, cutoff=self.cutoff)[:, None]
        envelope /= math.sqrt(self.num_neighbours)
        one_hot = species_one_hot(graph, self.species)
        x = SpeciesEmbedding(self.features, name="embedding")(one_hot)
        width = self.features
        for index in range(self.num_layers):
            filters = _shifted_softplus(Dense(width, name=f"filter_{index}_first")(g))
            filters = envelope * Dense(width, name=f"filter_{index}_second")(filters)
            sent = Dense(width, use_bias=False, name=f"sent_{index}")(x)
            messages = filters * message_passing.gather_senders(graph, sent)
            received = message_passing.sum_messages(graph, messages)
            update = _shifted_softplus(Dense(width, name=f"update_{index}_first")(received))
            x = x + Dense(width, name=f"update_{index}_second")(update)
        x = _shifted_softplus(Dense(width // 2, name="readout_first")(x))
        return Dense(1, name="readout_second")(x)


def _shifted_softplus(x: Array) -> Array:
    return nn.softplus(x) - jnp.asarray(math.log(2), x.dtype)
