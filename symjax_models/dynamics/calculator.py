"""Trained potentials as calculators of ASE."""

import functools
from typing import Any, ClassVar

import ase
import jax
import jax.numpy as jnp
import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from symjax_models.dynamics.skin import Edges, SkinList
from symjax_models.models.potential import Potential, Prediction
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.models.species import check_species
from symjax_models.ops.graph import Graph
from symjax_models.typing import PyTree


class PotentialCalculator(Calculator):
    """Energies, forces and stresses of a trained potential, for ASE.

    Properties: `energy` and `free_energy` (eV, with the energies of free atoms, in double
    precision), `energies` (of the atoms), `forces` (eV/angstrom), `stress` (eV/angstrom^3, Voigt
    order, sign of ASE) for cells that are periodic in three directions.

    Neighbours are listed with a skin, and listed again only when atoms have moved through half of
    it. Compiled functions are kept by the number of atoms and of slots for edges; the latter grow
    when they have to, with room to spare, so that dynamics compiles once or twice in all.

    Attributes:
        skin_list: The neighbour list, with the numbers of lists and of growths so far.
    """

    implemented_properties: ClassVar[list[str]] = [
        "energy", "free_energy", "energies", "forces", "stress"
    ]  # fmt: skip

    def __init__(
        self, saved: SavedPotential, *, skin: float = 0.5, dtype: Any = np.float32, **kwargs: Any
    ) -> None:
        """Take a trained potential.

        Args:
            saved: The potential, as `models.saved_potential.load` reads it.
            skin: Of the neighbour list, angstrom.
            dtype: Of positions and parameters in the network; double precision needs
                `jax.enable_x64`.
            **kwargs: Of `ase.calculators.calculator.Calculator`, such as `atoms`.
        """
        super().__init__(**kwargs)
        self.skin_list = SkinList(cutoff=saved.cutoff, skin=skin)
        self._dtype = dtype
        self._potential, self._free_atoms = saved.potential, saved.free_atoms
        self._params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), saved.params)

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        """Compute all properties of a configuration; see `ase`.

        Raises:
            ValueError: If there are atoms that the potential does not know, or positions that are
                not finite.
        """
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None  # ASE has copied them by now
        numbers, positions = self.atoms.numbers, self.atoms.positions
        check_species(numbers, tuple(self._free_atoms))
        if not np.isfinite(positions).all():
            raise ValueError("expected finite positions, got NaN or infinity: the dynamics blew up")
        cell, pbc = self.atoms.cell.array, self.atoms.pbc
        edges = self.skin_list.edges(positions, cell=cell, pbc=pbc)
        graph = make_graph(
            numbers, positions, edges, cell=cell if pbc.any() else None, dtype=self._dtype
        )
        predicted = jax.device_get(predict(self._potential, self._params, graph))
        sites = np.asarray(predicted.site_energies, np.float64)
        sites = sites + np.array([self._free_atoms[int(z)] for z in numbers])
        energy = float(sites.sum())
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "energies": sites,
            "forces": np.asarray(predicted.forces, np.float64),
        }
        if predicted.stresses is not None and pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(
                np.asarray(predicted.stresses[0], np.float64)
            )


def make_graph(
    numbers: np.ndarray,
    positions: np.ndarray,
    edges: Edges,
    *,
    cell: np.ndarray | None,
    dtype: Any = np.float32,
) -> Graph:
    """Make the graph of one configuration.

    Args:
        numbers: Atomic numbers, `[N]`.
        positions: `[N, 3]`, angstrom.
        edges: Its edges.
        cell: Lattice vectors as rows, `[3, 3]`; None for molecules.
        dtype: Of positions and cell.

    Returns:
        The sparse graph, of NumPy arrays.
    """
    arrays: dict[str, Any] = {
        "nodes": {
            "numbers": np.asarray(numbers, np.int32),
            # Where atoms are makes no difference, and near the origin fewer digits are lost.
            "positions": np.asarray(positions - positions.mean(axis=0), dtype),
        },
        "senders": edges.senders,
        "receivers": edges.receivers,
        "n_node": np.array([len(numbers)], np.int32),
        "n_edge": np.array([edges.mask.sum()], np.int32),
        "edge_mask": edges.mask,
    }
    if cell is not None:
        arrays["cell"] = np.asarray(cell, dtype)[None]
        arrays["shifts"] = edges.shifts.astype(dtype)
    return Graph(edges={}, **arrays)


@functools.partial(jax.jit, static_argnums=0)
def predict(potential: Potential, params: PyTree, graph: Graph) -> Prediction:
    """Evaluate a potential, compiled once per shape of the graph."""
    return potential.predict(params, graph)
