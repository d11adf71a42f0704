"""Quantum Hamiltonian network: matrices between atomic orbitals from the positions of atoms."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from symjax_models import reps
from symjax_models.layers import Linear
from symjax_models.layers.edge_geometry import EdgeGeometry, read_edges
from symjax_models.models.qhnet_layers import (
    Expansion,
    NodeLayer,
    PairLayer,
    SelfLayer,
    WeightSettings,
)
from symjax_models.ops.graph import Graph
from symjax_models.ops.matrix_blocks import block_irreps
from symjax_models.ops.orbital_assembly import assemble_matrix, maximal_orbitals, orbital_mask
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.base import direct_sum
from symjax_models.typing import Array


class QHNet(nn.Module):
    """Predict the Hamiltonian of configurations of one molecule.

    From an embedding of the species, `num_layers` convolutions give every atom features x_i of all
    degrees. From layer `start_layer` on, products of x_i with itself are added to a stream of every
    atom, and products of x_i and x_j to a stream of every ordered pair. Both streams are mapped to
    `bottleneck` copies of every irrep, and expanded to blocks between the orbitals that atoms have
    at most, with weights from the species; rows and columns of orbitals that an atom has not are
    left out. The result is `M + M^T` of the matrix M of all blocks.

    Attributes:
        atoms: Atomic numbers of the molecule, N of them.
        orbitals: Orbitals of every atom as strings of irreps, as `OrbitalLayout.irreps` gives them.
        channels: Copies C of every irrep.
        max_degree: Highest degree of the features of atoms and of harmonics.
        bottleneck: Copies of every irrep before the expansion.
        num_layers: Number of convolutions.
        start_layer: The first convolution, counted from 0, after which the streams are added to.
        cutoff: Angstrom. The paper works in bohr: its 15 bohr are 7.94 angstrom.
        num_radial: Number of radial functions.
        weights_hidden: Width of the networks that give the weights of products.

    Equivariance:
        `H(R x) = D(R) H(x) D(R)^T` for R in O(3), reflections included, with D the direct sum of
        the Wigner matrices of the orbitals in this library's order (`OrbitalLayout.from_harmonics`
        leads to PySCF's); translations; permutations of equal atoms. Exact up to rounding.

    Numerics:
        Everything that depends on species alone is computed once per batch. 22,606,364
        parameters with the defaults for water in def2-SVP.

    Source:
        Yu et al. 2023, arXiv:2306.04922. Deviations: features of O(3), where there those of odd
        parity for their degree are left out and the couplings of p with p to degree 1, of p with d
        to 2 and the like take features of the other parity, which rotations respect and reflections
        do not: here atoms have 0e+1o+2e+.., and the streams the irreps that blocks consist of, for
        s, p and d 0e+1e+1o+2e+2o+3e+3o+4e. The decay length of the radial functions is no
        parameter. In the Self-Net, what is added to the product is a linear map of its input. Gates
        and weights of products are 1 plus a network.
    """

    atoms: tuple[int, ...]
    orbitals: tuple[str, ...]
    channels: int = 128
    max_degree: int = 4
    bottleneck: int = 32
    num_layers: int = 5
    start_layer: int = 3
    cutoff: float = 7.94
    num_radial: int = 32
    weights_hidden: int = 32

    @nn.compact
    def __call__(self, graph: Graph) -> Array:
        """Evaluate the Hamiltonian.

        Args:
            graph: A dense graph of the molecule; edges `displacements` `[*batch, N, N-1, 3]`,
                angstrom. Its nodes are not read.

        Returns:
            H, `[*batch, B, B]`, in the unit of the labels, symmetric: atom after atom, of each the
            orbitals in the order of its string.

        Raises:
            ValueError: If the graph is sparse or of another number of atoms, the fields do not fit
                together, or no products lead to an irrep of the blocks.
        """
        self._check(graph)
        maximal = maximal_orbitals(self.orbitals)
        mask = orbital_mask(self.orbitals, maximal)
        edges = read_edges(graph, None, layer="QHNet")
        species, kinds = np.unique(self.atoms, return_inverse=True)
        init = nn.initializers.normal(1.0)
        table = jnp.asarray(self.param("embedding", init, (len(species), self.channels)))
        on_atoms, on_pairs = self._streams(graph, table[kinds], edges, maximal)

        narrow = _copies(self.bottleneck, on_atoms.rep)
        on_atoms = Linear(narrow, name="bottleneck_atoms")(on_atoms)
        on_pairs = Linear(narrow, name="bottleneck_pairs")(on_pairs)
        diagonal = Expansion(maximal, name="expand_atoms")(on_atoms, table, kinds)
        rows, columns = np.divmod(np.arange(len(species) ** 2), len(species))
        of_pairs = jnp.concatenate([table[rows], table[columns]], axis=-1)
        num_atoms = len(self.atoms)
        receivers = np.arange(num_atoms)[:, None]
        senders = (receivers + np.arange(1, num_atoms)) % num_atoms
        pair_kinds = kinds[receivers] * len(species) + kinds[senders]
        off_diagonal = Expansion(maximal, name="expand_pairs")(on_pairs, of_pairs, pair_kinds)
        return assemble_matrix(diagonal, off_diagonal, mask=mask)

    def _streams(
        self, graph: Graph, embedded: Array, edges: EdgeGeometry, maximal: Rep
    ) -> tuple[RepArray, RepArray]:
        """Return the features of atoms `[*batch, N]` and of ordered pairs in the edge layout."""
        settings = WeightSettings(self.cutoff, self.num_radial, self.weights_hidden)
        displacements, distances = edges.displacements, edges.distances
        hidden = _copies(self.channels, reps.harmonic_irreps(self.max_degree))
        of_streams = _copies(self.channels, block_irreps(maximal, maximal))
        scalars = _copies(self.channels, reps.scalar(hidden.group))
        block = jnp.broadcast_to(
            embedded[:, None, :], (*distances.shape[:-1], 1, self.channels)
        ).astype(jnp.result_type(embedded, distances))
        x = RepArray(scalars, [block])
        on_atoms = on_pairs = None
        for index in range(self.num_layers):
            layer = NodeLayer(hidden, self.max_degree, settings, name=f"layer_{index}")
            x = layer(graph, x, displacements, distances)
            if index >= self.start_layer:
                own = SelfLayer(of_streams, name=f"self_{index}")(x)
                pairs = PairLayer(of_streams, settings, name=f"pair_{index}")(graph, x, distances)
                on_atoms = own if on_atoms is None else on_atoms + own
                on_pairs = pairs if on_pairs is None else on_pairs + pairs
        assert on_atoms is not None and on_pairs is not None
        return on_atoms, on_pairs

    def _check(self, graph: Graph) -> None:
        if len(self.orbitals) != len(self.atoms):
            raise ValueError(
                f"QHNet needs the orbitals of each of the {len(self.atoms)} atoms, got "
                f"{len(self.orbitals)} strings"
            )
        of_species = set(zip(self.atoms, self.orbitals, strict=True))
        if len(of_species) != len(set(self.atoms)):
            raise ValueError(f"atoms of one species have equal orbitals, got {sorted(of_species)}")
        if not 0 <= self.start_layer < self.num_layers:
            raise ValueError(
                f"start_layer is one of 0..{self.num_layers - 1}, got {self.start_layer}"
            )
        if not graph.is_dense:
            raise ValueError("QHNet reads dense graphs; ops.graph.complete makes them")
        num_atoms = np.shape(graph.edges["displacements"])[-3]
        if num_atoms != len(self.atoms):
            raise ValueError(
                f"QHNet was made for {len(self.atoms)} atoms, got a graph of {num_atoms}"
            )


def _copies(count: int, rep: Rep) -> Rep:
    """Return so many copies of every irrep of a sum."""
    return direct_sum([(count, term) for _, term in rep.terms], group=rep.group)
