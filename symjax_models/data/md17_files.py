"""Read trajectories of one molecule in the `.npz` formats of MD17, sGDML and rMD17."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from symjax_models.data.structure_plausibility import check_plausible
from symjax_models.data.structures import Structures
from symjax_models.data.units import Units
from symjax_models.suggestion import look_up, nearest_of

# Positions, atomic numbers, energies and forces in MD17 and sGDML, and in rMD17.
_FORMATS = (("R", "z", "E", "F"), ("coords", "nuclear_charges", "energies", "forces"))
# What sGDML writes in `e_unit` and `r_unit`.
_ENERGIES = {"kcal/mol": "kcal/mol", "eV": "eV", "kJ/mol": "kJ/mol", "Ha": "hartree"}
_LENGTHS = {"Ang": "angstrom", "angstrom": "angstrom", "au": "bohr", "bohr": "bohr", "nm": "nm"}


def read_md17(path: str | os.PathLike, *, units: Units | None = None) -> Structures:
    """Read a trajectory with energies and forces.

    Args:
        path: A file with `R` `[T, N, 3]`, `z` `[N]`, `E` `[T]` or `[T, 1]`, `F` `[T, N, 3]` (MD17,
            sGDML), or `coords`, `nuclear_charges`, `energies`, `forces` of the same shapes (rMD17).
        units: Units of the file; if None those that it states (`e_unit`, `r_unit` of sGDML), else
            kcal/mol and angstrom.

    Returns:
        The T configurations in eV and angstrom.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, a key is missing, a shape does not fit, or a magnitude
            is implausible.

    Source: Chmiela et al. 2017 (MD17) and 2019 (sGDML), Christensen & von Lilienfeld 2020 (rMD17).
    Their other arrays are left out.
    """
    path = pathlib.Path(path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            keys = _format_of(stored.files)
            positions, numbers, energies, forces = (stored[key] for key in keys)
            names = {key: str(stored[key]) for key in ("e_unit", "r_unit") if key in stored.files}
        stated = units if units is not None else _stated_units(names)
        used = stated or Units(energy="kcal/mol")
        structures = _make(positions, numbers, energies, forces, keys=keys, units=used)
        check_plausible(structures, assumed=used if stated is None else None)
    # A damaged archive can make the reader raise nearly anything.
    except Exception as error:
        raise ValueError(f"{path}: {error}") from error
    provenance = {"file": path.name, "sha256": digest, "units": str(used)}
    return dataclasses.replace(structures, provenance=provenance)


def _format_of(found: list[str]) -> tuple[str, str, str, str]:
    fitting = max(_FORMATS, key=lambda keys: len(set(keys) & set(found)))
    for key in fitting:
        if key not in found:
            raise ValueError(f"expected the key {key!r}; {nearest_of(key, found)}")
    return fitting


def _stated_units(names: Mapping[str, str]) -> Units | None:
    if not names:
        return None
    return Units(
        energy=look_up(names.get("e_unit", "kcal/mol"), _ENERGIES, what="e_unit"),
        length=look_up(names.get("r_unit", "Ang"), _LENGTHS, what="r_unit"),
    )


def _make(
    positions: np.ndarray,
    numbers: np.ndarray,
    energies: np.ndarray,
    forces: np.ndarray,
    *,
    keys: tuple[str, str, str, str],
    units: Units,
) -> Structures:
    if numbers.ndim != 1 or positions.ndim != 3 or positions.shape[1:] != (len(numbers), 3):
        raise ValueError(
            f"expected {keys[0]} [T, N, 3] and {keys[1]} [N], got shapes {positions.shape} and "
            f"{numbers.shape}"
        )
    frames = len(positions)
    if energies.shape not in ((frames,), (frames, 1)):
        raise ValueError(f"expected {keys[2]} of shape ({frames},), got {energies.shape}")
    if forces.shape != positions.shape:
        raise ValueError(f"expected {keys[3]} of shape {positions.shape}, got {forces.shape}")
    return Structures(
        numbers=np.tile(numbers, frames),
        positions=positions.reshape(-1, 3) * units.length_factor,
        num_atoms=np.full(frames, len(numbers)),
        energies=energies.reshape(-1) * units.energy_factor,
        forces=forces.reshape(-1, 3) * units.force_factor,
    )
