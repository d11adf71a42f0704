"""Refuse labels whose magnitudes betray a wrong unit."""

import numpy as np

from symjax_models.data import units as unit_names
from symjax_models.data.structure_statistics import compositions, nearest_distances, species_of
from symjax_models.data.structures import Structures
from symjax_models.data.units import Units

Array = np.ndarray

# Total energies of the free atoms H to Ar, hartree.
_ATOMS = (
    *(0.500, 2.904, 7.478, 14.667, 24.654, 37.845, 54.589, 75.067, 99.734, 128.938),
    *(162.255, 200.053, 242.346, 289.359, 341.259, 398.110, 460.148, 527.540),
)
# By how much molecules are more strongly bound than their atoms, at least and at most, relatively.
_BINDING = (0.0, 0.03)
# Thomas and Fermi's energy of an atom is this times Z^(7/3), hartree; true ones are 0.65 to 0.9 of
# it, and valence electrons alone have less.
_THOMAS_FERMI = 0.7687
_HARTREE = unit_names.ENERGIES["hartree"]
_ORGANIC = (1, 6, 7, 8, 9)

_CLOSEST, _LARGEST_FORCE, _SUSPECT_FORCE = 0.3, 100.0, 15.0
_FARTHEST_HYDROGEN = 1.6


def check_plausible(structures: Structures, *, assumed: Units | None = None) -> None:
    """Check that energies, forces and distances have magnitudes that occur.

    Always refused: atoms closer than 0.3 A, forces with a root mean square above 100 eV/A in half
    of the configurations, energies beyond twice the total energy of all electrons. Where nobody has
    stated the units, these are refused too: forces above 15 eV/A, total energies that are those of
    the free atoms (H to Ar, up to 3 % of binding) in another unit, and organic molecules whose
    hydrogens are all farther than 1.6 A from any other atom.

    Args:
        structures: What was read, converted to eV and angstrom.
        assumed: Units that the reader took for granted; None if the user or the file stated them.

    Raises:
        ValueError: If a magnitude is implausible; names the configuration and the likely unit.
    """
    if not len(structures):
        return
    advice = "" if assumed is None else "; state the units of the file with units=Units(...)"
    for problem in (
        _distances(structures, assumed),
        _energies(structures, assumed),
        _forces(structures, assumed),
    ):
        if problem:
            raise ValueError(problem + advice)


def _distances(structures: Structures, assumed: Units | None) -> str | None:
    nearest = nearest_distances(structures)
    atom = int(np.argmin(nearest))
    frame = int(np.searchsorted(structures.starts, atom, side="right")) - 1
    if nearest[atom] < _CLOSEST:
        place = f"atom {atom - structures.starts[frame]} of frame {frame} is {nearest[atom]:.3g} A"
        usual = float(np.median(nearest))
        if usual < _CLOSEST:
            return f"{place} from another one, half of all below {usual:.3g} A: they look like nm"
        return f"{place} from another one: positions are damaged"
    hydrogens = nearest[(structures.numbers == 1) & np.isfinite(nearest)]
    if assumed is None or not hydrogens.size or structures.pbc is not None:
        return None
    if np.all(np.isin(structures.numbers, _ORGANIC)) and hydrogens.min() > _FARTHEST_HYDROGEN:
        return (
            f"no hydrogen has another atom within {_FARTHEST_HYDROGEN} A, the closest one, in "
            f"frame {_frame_of(structures, nearest, hydrogens.min())}, is {hydrogens.min():.3f} A "
            "away: positions look like bohr"
        )
    return None


def _frame_of(structures: Structures, nearest: Array, distance: float) -> int:
    is_it = (structures.numbers == 1) & (nearest == distance)
    return int(np.searchsorted(structures.starts, np.argmax(is_it), side="right")) - 1


def _energies(structures: Structures, assumed: Units | None) -> str | None:
    if structures.energies is None:
        return None
    species = species_of(structures)
    counts = compositions(structures, species)
    totals = counts @ (_THOMAS_FERMI * _HARTREE * np.array(species, np.float64) ** (7 / 3))
    ratios = np.abs(structures.energies) / totals
    frame = int(np.argmax(ratios))
    value = f"frame {frame} has the energy {structures.energies[frame]:.6g} eV"
    likely = _likely_unit(structures, counts, species, assumed)
    if likely is not None:
        return f"{value}: energies of all frames fit the total energies of the atoms in {likely}"
    if ratios[frame] > 2.0:
        return (
            f"{value}, {ratios[frame]:.3g} times as large as that of all electrons: energies look "
            "like meV, kcal/mol or kJ/mol"
        )
    return None


def _likely_unit(
    structures: Structures, counts: Array, species: tuple[int, ...], assumed: Units | None
) -> str | None:
    """Return the other unit in which energies are total energies of molecules, if there is one."""
    if assumed is None or structures.energies is None or max(species) > len(_ATOMS):
        return None
    atoms = counts @ (-_HARTREE * np.array([_ATOMS[number - 1] for number in species]))
    for name, factor in unit_names.ENERGIES.items():
        if name in (assumed.energy, "Ha"):
            continue
        excess = structures.energies * (factor / assumed.energy_factor) / atoms - 1.0
        if np.all((excess > _BINDING[0]) & (excess < _BINDING[1])):
            return name
    return None


def _forces(structures: Structures, assumed: Units | None) -> str | None:
    if structures.forces is None:
        return None
    frames = np.repeat(np.arange(len(structures)), structures.num_atoms)
    squares = np.bincount(frames, np.sum(structures.forces**2, axis=1), minlength=len(structures))
    rms = np.sqrt(squares / (3 * structures.num_atoms))
    usual = float(np.median(rms))
    if usual <= (_LARGEST_FORCE if assumed is None else _SUSPECT_FORCE):
        return None
    frame = int(np.argmax(rms))
    # Of a molecule at some hundred kelvin: about 1 eV/A, 23 kcal/mol/A, 96 kJ/mol/A, 1000 meV/A.
    units = {"kcal/mol": 23.0, "kJ/mol": 96.0, "meV": 1000.0}
    likely = min(units, key=lambda name: abs(np.log(usual / units[name])))
    return (
        f"frame {frame} has forces with a root mean square of {rms[frame]:.4g} eV/A, half of the "
        f"frames above {usual:.4g} eV/A: forces look like {likely} per angstrom"
    )
