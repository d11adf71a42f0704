"""Layers whose parameters depend on the species of the atom they are applied to."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.models.species import species_index
from symjax_models.ops.graph import Graph
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


def species_one_hot(graph: Graph, species: Sequence[int]) -> Array:
    """Write the species of every atom as a row with a single one.

    Args:
        graph: Nodes `numbers` `[N]`; edges `displacements`, which give the dtype.
        species: Atomic numbers, increasing.

    Returns:
        `[N, S]`, S the number of species; padding has some species.

    Raises:
        ValueError: If the species are not distinct atomic numbers in increasing order.
    """
    if list(species) != sorted(set(species)) or not species or species[0] < 1:
        raise ValueError(
            f"species are distinct atomic numbers in increasing order, got {tuple(species)}"
        )
    dtype = jnp.result_type(float, jnp.asarray(graph.edges["displacements"]).dtype)
    index = species_index(jnp.asarray(graph.nodes["numbers"]), species)
    return jax.nn.one_hot(index, len(species), dtype=dtype)


class SpeciesEmbedding(nn.Module):
    """Give every species a vector of learned numbers, at first standard normal.

    Attributes:
        features: Length C of the vectors.
    """

    features: int

    @nn.compact
    def __call__(self, one_hot: Array) -> Array:
        """Map species `[N, S]`, as `species_one_hot` gives them, to `[N, C]`."""
        shape = one_hot.shape[-1], self.features
        return one_hot @ self.param("embedding", nn.initializers.normal(1.0), shape)


class SpeciesLinear(nn.Module):
    """Mix the copies of every irrep by a matrix that the species of the atom chooses.

    `y_i = W[Z_i] x_i`, the product of x with the species that Batzner et al. call the
    self-connection. Copies are mixed within an irrep; irreps of the output that the input has not
    are zero. There is no bias.

    Attributes:
        rep_out: Representation of the output, a sum of irreps.

    Equivariance:
        Any group of the irreps, exact.

    Numerics:
        Initial outputs of inputs of unit variance have unit variance. All matrices are applied as
        one, to S times the features: cheap for the few species of a data set, and nothing is
        gathered.

    Source:
        Batzner et al. 2022, arXiv:2101.03164, section "Network architecture" (self-connection).
    """

    rep_out: Rep

    @nn.compact
    def __call__(self, x: RepArray, one_hot: Array) -> RepArray:
        """Apply the matrices.

        Args:
            x: Features of the atoms, `[N]`.
            one_hot: Their species, `[N, S]`.

        Returns:
            Features of `rep_out`, `[N]`.
        """
        given = {term: block for (_, term), block in zip(x.rep.terms, x.blocks, strict=True)}
        blocks = []
        for index, (channels, term) in enumerate(self.rep_out.terms):
            if term not in given:
                blocks.append(jnp.zeros((*x.shape, term.dim, channels), x.dtype))
                continue
            block, num_species = given[term], one_hot.shape[-1]
            count = block.shape[-1]
            init = nn.initializers.normal(count**-0.5)
            kernel = self.param(f"kernel_{index}", init, (num_species, count, channels))
            spread = one_hot[:, None, :, None] * block[:, :, None, :]
            spread = spread.reshape(*block.shape[:-1], num_species * count)
            blocks.append(spread @ kernel.reshape(num_species * count, channels))
        return RepArray(self.rep_out, blocks)
