"""E(n) equivariant graph network, as it predicts properties of molecules."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, Dense
from symjax_models.models.species_layers import SpeciesEmbedding, species_one_hot
from symjax_models.ops import cutoffs, message_passing, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class EGNNPotential(nn.Module):
    """Give every atom an energy, from messages between pairs of atoms.

    From h_i = embedding[Z_i], `num_layers` times

    m_ij = MLP_e([h_i, h_j, (r_ij / c)^2]),   a_ij = u(r_ij) sigmoid(Dense(m_ij))
    h_i <- h_i + MLP_h([h_i, sum_j a_ij m_ij / sqrt(n)])

    with a cutoff u at c; the energy is MLP(h). Positions stay as they are, as in the paper's models
    of properties of molecules.

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number n of neighbours of an atom.
        features: Length of h and m.
        num_layers: Number of messages.
        cutoff: c, angstrom.

    Equivariance:
        E(3) (reflections included): invariant; permutations of atoms. Exact up to rounding.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff. An atom without
        neighbours has the energy of its species. 710,536 parameters with the defaults and three
        species.

    Source:
        Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, section 5.3 and appendix C (QM9).
        Deviations: a cutoff, there all atoms are neighbours; the squared distance in units of it;
        the division by sqrt(n).
    """

    species: tuple[int, ...]
    num_neighbours: float
    features: int = 128
    num_layers: int = 7
    cutoff: float = 5.0

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the energies of the atoms.

        Args:
            graph: Nodes `numbers` `[N]`; edges `displacements` `[E, 3]`, angstrom. Sparse.

        Returns:
            Energies without a unit, `[N, 1]`; of padding anything that is finite.
        """
        displacements = message_passing.mask_edges(graph, graph.edges["displacements"])
        squares = jnp.sum(jnp.square(displacements), axis=-1, keepdims=True) / self.cutoff**2
        envelope = cutoffs.polynomial_cutoff(safe.norm(displacements), cutoff=self.cutoff)
        envelope = envelope[:, None] / self.num_neighbours**0.5
        h = SpeciesEmbedding(self.features, name="embedding")(species_one_hot(graph, self.species))
        widths = (self.features, self.features)
        for index in range(self.num_layers):
            ends = (
                message_passing.gather_receivers(graph, h),
                message_passing.gather_senders(graph, h),
            )
            messages = MLP(widths, activate_final=True, name=f"message_{index}")(
                jnp.concatenate([*ends, squares], axis=-1)
            )
            gates = envelope * nn.sigmoid(Dense(1, name=f"gate_{index}")(messages))
            received = message_passing.sum_messages(graph, gates * messages)
            h = h + MLP(widths, name=f"update_{index}")(jnp.concatenate([h, received], axis=-1))
        return MLP((self.features, 1), name="readout")(h)
