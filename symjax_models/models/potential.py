"""Energies of atoms, and the forces and stresses that are their derivatives."""

import dataclasses
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.models.species import species_index
from symjax_models.ops import message_passing, pooling, safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.masking import mask_padding
from symjax_models.typing import Array, PRNGKey, PyTree


class Prediction(NamedTuple):
    """What a potential says of a batch of configurations.

    Attributes:
        site_energies: Contributions of the atoms, without reference energies, `[N]`, eV.
        energies: Their sums, `[G]`, eV.
        forces: `[N, 3]`, eV/angstrom.
        stresses: `[G, 3, 3]`, eV/angstrom^3; None without periodic cells.
    """

    site_energies: Array
    energies: Array
    forces: Array
    stresses: Array | None


@dataclasses.dataclass(frozen=True)
class Potential:
    """A network of atoms, in units.

    `E = sum_i scale[Z_i] f_i + shift[Z_i]` with the numbers f_i of the network;
    `F = -dE/dx`, and the stress is `dE/d(strain) / V`. Reference energies of free atoms are not in
    it: added in single precision they would cost all the digits that matter, so
    `data.reference_energies` takes them off the labels and adds them in double precision.

    Attributes:
        network: Module that maps a graph to `[N, 1]`; reads `nodes["numbers"]` and
            `edges["displacements"]`, and has a field `species`.
        scale: Of every species of the network, eV.
        shift: Of every species of the network, eV.
    """

    network: nn.Module
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: If there is not one number per species.
        """
        species = self.network.species
        for name in ("scale", "shift"):
            if len(getattr(self, name)) != len(species):
                raise ValueError(
                    f"{name} holds one number for each of the {len(species)} species {species}, "
                    f"got {len(getattr(self, name))}"
                )

    def init(self, key: PRNGKey, graph: Graph) -> PyTree:
        """Draw the parameters.

        Args:
            key: Random key.
            graph: Any batch, as `data.structure_graphs` assembles it.

        Returns:
            The variables of the network.
        """
        return self.network.init(key, _with_displacements(graph, edge_displacements(graph)))

    def predict(self, params: PyTree, graph: Graph) -> Prediction:
        """Evaluate energies, forces and, in periodic cells, stresses.

        Args:
            params: Variables of the network.
            graph: A sparse batch with nodes `numbers` `[N]` and `positions` `[N, 3]`, angstrom.

        Returns:
            The prediction; zero on padding, which may hold anything.

        Raises:
            ValueError: If the graph is dense.

        Equivariance:
            E(3): energies are invariant, forces and stresses rotate; permutations of atoms;
            translations by lattice vectors. As exact as the network.

        Numerics:
            One reverse pass gives forces and stresses: with g = dE/dr on every edge, the force on
            an atom is the sum of g on the edges that leave it minus that on those that enter it,
            and the virial the sum of g r^T. So the forces of every configuration add up to zero.
            The network computes in the precision of its parameters; displacements and sums are in
            that of the positions.
        """
        senders, receivers = graph.senders, graph.receivers
        if senders is None or receivers is None:
            raise ValueError("a potential reads sparse graphs; ops.graph.to_sparse makes them")
        displacements = edge_displacements(graph)
        narrow = jax.tree.leaves(params)[0].dtype

        def total(displacements: Array) -> tuple[Array, Array]:
            seen = _with_displacements(graph, displacements.astype(narrow))
            sites = self._site_energies(params, seen).astype(displacements.dtype)
            return jnp.sum(sites), sites

        slopes, sites = jax.grad(total, has_aux=True)(displacements)
        slopes = message_passing.mask_edges(graph, slopes)
        num_nodes = sites.shape[0]
        forces = jax.ops.segment_sum(slopes, senders, num_segments=num_nodes)
        forces -= jax.ops.segment_sum(slopes, receivers, num_segments=num_nodes)
        energies = pooling.pool_nodes(graph, sites, how="sum")
        stresses = None
        if graph.cell is not None:
            stresses = _stresses(graph, displacements, slopes)
        return Prediction(sites, energies, forces, stresses)

    def _site_energies(self, params: PyTree, graph: Graph) -> Array:
        values = jnp.asarray(self.network.apply(params, graph))[..., 0]
        index = species_index(graph.nodes["numbers"], self.network.species)
        scale, shift = (jnp.asarray(np.array(v), values.dtype) for v in (self.scale, self.shift))
        return mask_padding(graph.node_mask, scale[index] * values + shift[index])


def edge_displacements(graph: Graph) -> Array:
    """Subtract the position of the sender, or of its image, from that of the receiver.

    `r = x_i - (x_j + S cell)` with the lattice shifts S of the edge.

    Args:
        graph: A sparse graph with nodes `positions`, angstrom.

    Returns:
        `[E, 3]`, zero on padding edges.
    """
    displacements = message_passing.displacements(graph, graph.nodes["positions"])
    if graph.shifts is not None and graph.cell is not None:
        cells = graph.cell[_graph_of_edges(graph)]
        # A lattice vector is a constant of the group of translations: no reduced precision.
        displacements -= jnp.einsum(
            "ei,eij->ej", graph.shifts, cells, precision=jax.lax.Precision.HIGHEST
        )
    return message_passing.mask_edges(graph, displacements)


def _with_displacements(graph: Graph, displacements: Array) -> Graph:
    return dataclasses.replace(graph, edges={"displacements": displacements})


def _graph_of_edges(graph: Graph) -> Array:
    numbers = message_passing.gather_graphs(graph, jnp.arange(graph.n_node.shape[0]))
    return numbers[graph.receivers]


def _stresses(graph: Graph, displacements: Array, slopes: Array) -> Array:
    virials = slopes[:, :, None] * displacements[:, None, :]
    virials = (virials + jnp.swapaxes(virials, 1, 2)) / 2
    sums = jax.ops.segment_sum(virials, _graph_of_edges(graph), num_segments=graph.n_node.shape[0])
    volumes = jnp.abs(jnp.linalg.det(graph.cell))[:, None, None]
    # Configurations without a cell, and padding, have no volume and no stress.
    return safe.divide(sums, volumes)
