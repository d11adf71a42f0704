"""Configurations as `Atoms` of ASE, and from them, whatever names their labels have."""

import difflib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symjax_models.data.structures import Structures
from symjax_models.data.units import Units
from symjax_models.suggestion import nearest_of

Array = np.ndarray

# The names under which programs write labels.
USUAL_KEYS = {
    "energy": ("energy", "Energy", "REF_energy", "total_energy", "TotEnergy", "dft_energy"),
    "forces": ("forces", "Forces", "REF_forces", "force", "dft_forces"),
    "stress": ("stress", "REF_stress"),
    "virial": ("virial", "virials", "REF_virial", "REF_virials", "dft_virial"),
}
# What resembles a label and is another quantity of ASE.
_OTHER_QUANTITIES = ("energies", "stresses", "free_energy")
_GEOMETRY = ("numbers", "positions")
# A name as close as this to a usual one is taken for misspelt.
_MISSPELT = 0.75


def to_ase(structures: Structures) -> list[Any]:
    """Return the configurations as `ase.Atoms`.

    Args:
        structures: The configurations.

    Returns:
        One `Atoms` each, with energy, forces and stress in a `SinglePointCalculator` and the
        properties in `info`.

    Raises:
        ImportError: If ase is not installed.
    """
    require_ase()
    import ase
    from ase.calculators import singlepoint

    images = []
    for index in range(len(structures)):
        frame = structures.frame(index)
        atoms = ase.Atoms(
            numbers=frame["numbers"],
            positions=frame["positions"],
            cell=frame.get("cell"),
            pbc=frame.get("pbc"),
        )
        labels: dict[str, Any] = {}
        if "energy" in frame:
            labels["energy"] = float(frame["energy"])
        if "forces" in frame:
            labels["forces"] = frame["forces"]
        if "stress" in frame:
            labels["stress"] = frame["stress"][[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        atoms.info |= {name: frame[name] for name in structures.properties}
        if labels:
            atoms.calc = singlepoint.SinglePointCalculator(atoms, **labels)
        images.append(atoms)
    return images


def from_ase(
    images: Sequence[Any],
    *,
    units: Units | None = None,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virial_key: str | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Structures:
    """Take configurations and labels from `ase.Atoms`.

    Labels are looked for in the results of the calculator, where ASE's readers put what is called
    `energy` or `forces`, in `info` and in `arrays`. Numbers of the same shape in every `info` or
    calculator become properties, unconverted, unless one is not finite. Configurations of one free
    atom that have no forces while others have some get zeros: there the force is zero by symmetry.

    Args:
        images: The configurations.
        units: Their units; eV and angstrom if None.
        energy_key: Name of the energy; None looks for the usual names (`USUAL_KEYS`), an empty one
            takes none.
        forces_key: Name of the forces, likewise.
        stress_key: Name of the stress, likewise: `[3, 3]`, 9 numbers, or 6 in Voigt's order xx, yy,
            zz, yz, xz, xy; in the sign of ASE.
        virial_key: Name of the virial, `-V` times the stress, likewise; without stress only.
        provenance: Kept beside the data.

    Returns:
        The configurations; without cells if nothing is periodic.

    Raises:
        ValueError: If a label is missing, misspelt, ambiguous or of a wrong shape; the
            configuration is named.
    """
    units = units or Units()
    found = [_values(atoms) for atoms in images]
    counts = [len(atoms) for atoms in images]
    if not counts:
        raise ValueError("expected at least one configuration, got none")
    keys = {
        name: _find_key(found, counts, name, key)
        for name, key in (
            ("energy", energy_key),
            ("forces", forces_key),
            ("stress", stress_key),
            ("virial", virial_key),
        )
    }
    if stress_key is None and virial_key is not None:
        keys["stress"] = None
    rows = {name: _collect(found, counts, name, key) for name, key in keys.items() if key}
    is_periodic = any(atoms.pbc.any() for atoms in images)
    cells = np.array([atoms.cell.array for atoms in images]) * units.length_factor
    stresses = None
    if is_periodic and "stress" in rows:
        stresses = np.array(rows["stress"]) * units.stress_factor
    elif is_periodic and "virial" in rows:
        virials = np.array(rows["virial"]) * units.energy_factor
        with np.errstate(divide="ignore", invalid="ignore"):  # reported by Structures
            stresses = -virials / np.abs(np.linalg.det(cells))[:, None, None]
    return Structures(
        numbers=np.concatenate([atoms.numbers for atoms in images]),
        positions=np.concatenate([atoms.positions for atoms in images]) * units.length_factor,
        num_atoms=np.array(counts),
        cells=cells if is_periodic else None,
        pbc=np.array([atoms.pbc for atoms in images]) if is_periodic else None,
        energies=np.array(rows["energy"]) * units.energy_factor if "energy" in rows else None,
        forces=np.concatenate(rows["forces"]) * units.force_factor if "forces" in rows else None,
        stresses=stresses,
        properties=_properties(found, images, keys),
        provenance={
            **(provenance or {}),
            "units": str(units),
            **{f"{name} key": key for name, key in keys.items() if key},
        },
    )


def require_ase() -> None:
    """Raise `ImportError` with the name of the extra if ase is not installed."""
    if importlib.util.find_spec("ase") is None:
        raise ImportError(
            "atoms, extended XYZ and ASE's databases need the package ase: "
            "pip install 'symjax_models[molecules]'"
        )


def _values(atoms: Any) -> dict[str, Any]:
    arrays = {name: v for name, v in atoms.arrays.items() if name not in _GEOMETRY}
    results = {} if atoms.calc is None else getattr(atoms.calc, "results", {})
    return {**atoms.info, **arrays, **results}


def _find_key(
    found: list[dict[str, Any]], counts: list[int], name: str, key: str | None
) -> str | None:
    """Return the name of a label in the file, or None if there is none."""
    if key == "":
        return None
    known = dict.fromkeys(key for values in found for key in values)
    if key is None:
        present = [usual for usual in USUAL_KEYS[name] if usual in known]
        if not present:
            _refuse_misspelt(known, name)
            return None
        if len(present) > 1:
            raise ValueError(
                f"there are {' and '.join(present)}: say which is meant with {name}_key"
            )
        key = present[0]
    for frame, (values, count) in enumerate(zip(found, counts, strict=True)):
        if key not in values and not (name == "forces" and count == 1 and key in known):
            raise ValueError(
                f"frame {frame} has no {name} under the key {key!r}; {nearest_of(key, values)}"
            )
    return key


def _refuse_misspelt(known: Mapping[str, Any], name: str) -> None:
    for word in known:
        others = [key for keys in USUAL_KEYS.values() for key in keys] + list(_OTHER_QUANTITIES)
        if word in others:
            continue
        if difflib.get_close_matches(word, USUAL_KEYS[name], n=1, cutoff=_MISSPELT):
            raise ValueError(
                f"there is no {name} under a usual name, but {word!r}: say {name}_key={word!r}, or "
                f"{name}_key='' to read none; known are {', '.join(known)}"
            )


def _collect(
    found: list[dict[str, Any]], counts: list[int], name: str, key: str
) -> list[float | Array]:
    return [
        _label(values.get(key, np.zeros((1, 3))), name=name, frame=frame, count=count)
        for frame, (values, count) in enumerate(zip(found, counts, strict=True))
    ]


def _label(value: Any, *, name: str, frame: int, count: int) -> Array:
    """Return one label in its usual shape."""
    array = np.asarray(value)
    shape = {"energy": (), "forces": (count, 3)}.get(name, (3, 3))
    if array.dtype.kind not in "iuf":
        raise ValueError(f"frame {frame}: expected {name} of numbers, got {value!r}")
    if shape == (3, 3) and array.shape == (6,):
        array = array[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
    elif (array.shape, shape) in (((9,), (3, 3)), ((1,), ())):
        array = array.reshape(shape)
    if array.shape != shape:
        raise ValueError(f"frame {frame}: expected {name} of shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"frame {frame}: {name} is not finite")
    return array.astype(np.float64)


def _properties(
    found: list[dict[str, Any]], images: Sequence[Any], keys: Mapping[str, str | None]
) -> dict[str, Array]:
    """Return the numbers that every configuration has in one shape."""
    per_atom = {name for atoms in images for name in atoms.arrays}
    skipped = {*keys.values(), *per_atom, *USUAL_KEYS, *_OTHER_QUANTITIES, "charges", "magmoms"}
    columns = {}
    for name in found[0]:
        values: list[Any] = [frame.get(name) for frame in found]
        if name in skipped or not all(_is_numeric(value) for value in values):
            continue
        if len({np.shape(value) for value in values}) == 1 and np.isfinite(values).all():
            columns[name] = np.array(values, np.float64)
    return columns


def _is_numeric(value: Any) -> bool:
    return isinstance(value, int | float | np.number | np.ndarray) and (
        np.asarray(value).dtype.kind in "iuf"
    )
