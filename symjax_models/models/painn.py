"""Polarizable atom interaction network."""

import math

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import MLP, Dense
from symjax_models.models.species_layers import SpeciesEmbedding, species_one_hot
from symjax_models.ops import cutoffs, message_passing, radial, safe
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array


class PaiNN(nn.Module):
    """Give every atom an energy, from scalar and vector features.

    From q_i = embedding[Z_i] and vectors mu_i = 0, `num_layers` times a message

    (a, b, d)_ij = u(r_ij) Dense(g(r_ij)) * MLP(q_j) / sqrt(n)
    q_i <- q_i + sum_j a_ij,   mu_i <- mu_i + sum_j (b_ij e_ij + d_ij mu_j)

    with Bessel functions g, a cutoff u and unit vectors e, and an update

    (a, b, d)_i = MLP([q_i, |V mu_i|])
    q_i <- q_i + a_i + b_i <U mu_i, V mu_i>,   mu_i <- mu_i + d_i U mu_i

    with matrices U and V, and |v| standing for sqrt(1 + v^2) - 1. The energy is MLP(q).

    Attributes:
        species: Atomic numbers that the model knows, increasing.
        num_neighbours: Average number n of neighbours of an atom.
        features: Number of scalars and of vectors of an atom.
        num_layers: Number of messages.
        cutoff: Angstrom.
        num_radial: Number of Bessel functions.

    Equivariance:
        E(3) (reflections included): invariant; permutations of atoms. Exact up to rounding.

    Numerics:
        Continuous first and second derivatives as an atom crosses the cutoff, and where a symmetry
        makes vectors vanish. An atom without neighbours has the energy of its species.
        576,641 parameters with the defaults and three species.

    Source:
        Schuett et al. 2021, arXiv:2102.03150, equations 7 to 10 and figure 2. Deviations: a
        polynomial for u, as the second derivative of a cosine jumps at the cutoff; sqrt(1 + v^2)
        - 1 for the norm of v, whose slope jumps at v = 0; the division by sqrt(n).
    """

    species: tuple[int, ...]
    num_neighbours: float
    features: int = 128
    num_layers: int = 3
    cutoff: float = 5.0
    num_radial: int = 20

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
        directions = safe.divide(displacements, distances[:, None])[:, :, None]
        # sin(n pi r / c) / r, without the factor that normalizes.
        g = radial.bessel(distances, num_functions=self.num_radial, cutoff=self.cutoff)
        g *= math.sqrt(self.cutoff / 2)
        envelope = cutoffs.polynomial_cutoff(distances, cutoff=self.cutoff)[:, None]
        envelope /= math.sqrt(self.num_neighbours)
        q = SpeciesEmbedding(self.features, name="embedding")(species_one_hot(graph, self.species))
        mu = jnp.zeros((q.shape[0], 3, self.features), q.dtype)
        for index in range(self.num_layers):
            filters = envelope * Dense(3 * self.features, name=f"filter_{index}")(g)
            context = MLP((self.features, 3 * self.features), name=f"message_{index}")(q)
            weights = filters * message_passing.gather_senders(graph, context)
            a, b, d = jnp.split(weights, 3, axis=-1)
            vectors = b[:, None, :] * directions
            if index:  # there are no vectors yet to send in the first
                vectors += d[:, None, :] * message_passing.gather_senders(graph, mu)
            q = q + message_passing.sum_messages(graph, a)
            mu = mu + message_passing.sum_messages(graph, vectors)
            q, mu = self._update(q, mu, index)
        return MLP((self.features // 2, 1), name="readout")(q)

    def _update(self, q: Array, mu: Array, index: int) -> tuple[Array, Array]:
        mixed = Dense(2 * self.features, use_bias=False, name=f"vectors_{index}")(mu)
        u, v = jnp.split(mixed, 2, axis=-1)
        squares = jnp.sum(jnp.square(v), axis=1)
        sizes = squares / (1 + jnp.sqrt(1 + squares))  # sqrt(1 + v^2) - 1, which would cancel
        inputs = jnp.concatenate([q, sizes], axis=-1)
        factors = MLP((self.features, 3 * self.features), name=f"update_{index}")(inputs)
        a, b, d = jnp.split(factors, 3, axis=-1)
        return q + a + b * jnp.sum(u * v, axis=1), mu + d[:, None, :] * u
