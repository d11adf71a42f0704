"""Read configurations of atoms from extended XYZ, databases of ASE and `.npz`.

    from symjax_models.data import structure_files

    train = structure_files.read_structures("train_01.xyz.gz")

QM9 is read with `qm9_files`.
"""

import gzip
import hashlib
import io
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symjax_models.data import structures_ase
from symjax_models.data.md17_files import read_md17
from symjax_models.data.structure_plausibility import check_plausible
from symjax_models.data.structures import Structures
from symjax_models.data.units import Units
from symjax_models.suggestion import nearest_of

# A lattice with this much empty space all around is only a box, angstrom.
_VACUUM = 20.0
_SUFFIXES = (".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz", ".db", ".npz")
_STATES_PBC = re.compile(r"(^|\s)pbc\s*=", re.IGNORECASE)


def read_structures(
    path: str | os.PathLike,
    *,
    units: Units | None = None,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virial_key: str | None = None,
    periodic: bool | None = None,
) -> Structures:
    """Read a file of configurations.

    By the end of its name: extended XYZ (`.xyz`, `.extxyz`, also with `.gz`), a database of ASE
    (`.db`), or `.npz` as written by `Structures.save` or in the formats of MD17 and rMD17.

    Args:
        path: The file.
        units: Units of the file. If None: eV and angstrom, those of ASE, in extended XYZ and
            databases; kcal/mol and angstrom in MD17's formats unless the file says otherwise. Then
            magnitudes are checked more strictly (`structure_plausibility`).
        energy_key: Name of the energy in the file; None looks for the usual names
            (`structures_ase.USUAL_KEYS`), an empty one reads none. Not for `.npz`, as the next.
        forces_key: Name of the forces, likewise.
        stress_key: Name of the stress, likewise, in the sign of ASE (VASP's is the opposite).
        virial_key: Name of the virial, `-V` times the stress, likewise.
        periodic: True makes all lattices periodic, False none. If None, the file decides; where it
            has a lattice and does not say, all three directions are periodic, as the format
            demands, unless there are more than 20 A of vacuum along each of them in all
            configurations: then the lattice is only a box.

    Returns:
        The configurations in eV and angstrom; provenance has the file's name, its SHA-256, its
        units and the names of the labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated or damaged, a label is missing, misspelt, not finite or
            of a wrong shape, or a magnitude is implausible; the configuration is named, from 0.
        ImportError: If ase is needed and not installed.
    """
    path = pathlib.Path(path)
    name = path.name.lower()
    if not name.endswith(_SUFFIXES):
        suffix = "".join(path.suffixes[-2:]) if name.endswith(".gz") else path.suffix
        raise ValueError(f"unknown kind of file {path.name!r}; {nearest_of(suffix, _SUFFIXES)}")
    keys = {
        "energy_key": energy_key,
        "forces_key": forces_key,
        "stress_key": stress_key,
        "virial_key": virial_key,
    }
    if name.endswith(".npz"):
        return _read_npz(path, units=units, others={**keys, "periodic": periodic})
    with open(path, "rb") as file:
        provenance = {
            "file": path.name,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }
    read = _read_database if name.endswith(".db") else _read_xyz
    images = read(path, periodic)
    try:
        structures = structures_ase.from_ase(images, units=units, provenance=provenance, **keys)
        check_plausible(structures, assumed=Units() if units is None else None)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return structures


def _read_npz(path: pathlib.Path, *, units: Units | None, others: dict[str, Any]) -> Structures:
    for option, value in others.items():
        if value is not None:
            raise ValueError(f"{option} is not for .npz, whose keys are fixed; got {value!r}")
    if _is_own_format(path):
        if units is not None:
            raise ValueError(f"{path} was written in eV and angstrom; got units={units}")
        return Structures.load(path)
    return read_md17(path, units=units)


def _is_own_format(path: pathlib.Path) -> bool:
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                return {"header", "numbers"} <= set(stored.files)
        # A damaged file can make the reader raise nearly anything.
        except Exception as error:
            raise ValueError(f"{path} is damaged or is no .npz file: {error}") from error


def _read_xyz(path: pathlib.Path, periodic: bool | None) -> list[Any]:
    text = _read_text(path)
    comments = _scan(text.splitlines(), path)
    images = _parse_with_ase(
        path, lambda io_module: io_module.read(io.StringIO(text), index=":", format="extxyz")
    )
    if periodic is not None:
        _set_periodic(images, periodic)
        return images
    unstated = [
        atoms
        for atoms, comment in zip(images, comments, strict=True)
        if atoms.pbc.any() and not _STATES_PBC.search(comment)
    ]
    if all(_vacuum(atoms) > _VACUUM for atoms in unstated):
        _set_periodic(unstated, False)
    return images


def _read_database(path: pathlib.Path, periodic: bool | None) -> list[Any]:
    def read(_):
        import ase.db

        images = []
        for row in ase.db.connect(path, use_lock_file=False).select():
            atoms = row.toatoms()
            atoms.info |= {**row.key_value_pairs, **row.data}
            images.append(atoms)
        return images

    images = _parse_with_ase(path, read)
    if periodic is not None:
        _set_periodic(images, periodic)
    return images


def _parse_with_ase(path: pathlib.Path, parse: Callable[[Any], list[Any]]) -> list[Any]:
    structures_ase.require_ase()
    import ase.io

    try:
        return parse(ase.io)
    # The parsers of ASE raise nearly anything at what they do not understand.
    except Exception as error:
        raise ValueError(f"{path}: ase cannot read it: {error!r}") from error


def _read_text(path: pathlib.Path) -> str:
    open_ = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with open_(path, "rt", encoding="utf-8") as file:
            return file.read()
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is truncated or damaged: {error}") from error


def _scan(lines: list[str], path: pathlib.Path) -> list[str]:
    """Return the comment lines, after checking that every configuration is complete."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    comments, at = [], 0
    while at < end:
        frame = f"{path}: frame {len(comments)}"
        count = lines[at].strip()
        if not count.isdecimal() or int(count) < 1:
            raise ValueError(
                f"{frame} must begin with a number of atoms in line {at + 1}, got {count!r}"
            )
        body = lines[at + 2 : at + 2 + int(count)]
        there = sum(bool(line.strip()) for line in body)
        if there < int(count):
            raise ValueError(f"{frame} is truncated: expected {count} atoms, got {there}")
        if lines[at + 1].startswith("gdb "):
            raise ValueError(f"{path} is a raw file of QM9: read it with qm9_files.read_qm9")
        comments.append(lines[at + 1])
        at += 2 + int(count)
    if not comments:
        raise ValueError(f"{path} holds no configuration")
    return comments


def _vacuum(atoms: Any) -> float:
    """Return the smallest empty distance between the atoms and their images, angstrom."""
    if atoms.cell.rank < 3:
        return 0.0  # no box: the format's periodic lattice, which is refused as flat
    normals = np.linalg.inv(atoms.cell.array).T
    heights = 1.0 / np.linalg.norm(normals, axis=1)
    extents = np.ptp(atoms.positions @ normals.T, axis=0) * heights
    return float(np.min(heights - extents))


def _set_periodic(images: Sequence[Any], periodic: bool) -> None:
    for atoms in images:
        atoms.pbc = periodic and bool(atoms.cell.rank == 3)
