"""Read QM9 in its raw form: one molecule per `.xyz` file."""

import os
import pathlib
import tarfile
from collections.abc import Collection, Iterator

import numpy as np

from symjax_models.data.elements import number_of
from symjax_models.data.structures import Structures
from symjax_models.data.units import ENERGIES

_HARTREE = ENERGIES["hartree"]
# Column of the second line, after the tag and three rotational constants -> factor.
_FACTORS = {
    "mu": 1.0,
    "alpha": 1.0,
    "homo": _HARTREE,
    "lumo": _HARTREE,
    "gap": _HARTREE,
    "r2": 1.0,
    "zpve": _HARTREE,
    "U0": _HARTREE,
    "U": _HARTREE,
    "H": _HARTREE,
    "G": _HARTREE,
    "Cv": 1.0,
}
# Units of the properties as `read_qm9` returns them.
PROPERTY_UNITS = {
    "index": "1",
    "rotational_constants": "GHz",
    **{name: "eV" for name, factor in _FACTORS.items() if factor == _HARTREE},
    "mu": "debye",
    "alpha": "bohr^3",
    "r2": "bohr^2",
    "Cv": "cal/mol/K",
}
# After the atoms: frequencies, SMILES, InChI.
_TRAILING = 3


def read_qm9(path: str | os.PathLike, *, exclude: Collection[int] = ()) -> Structures:
    """Read molecules with their properties.

    Units are those of published tables, `PROPERTY_UNITS`: eV for `homo`, `lumo`, `gap`, `zpve`,
    `U0`, `U`, `H` and `G`; debye for `mu`, bohr^3 for `alpha`, bohr^2 for `r2`, cal/mol/K for `Cv`,
    GHz for `rotational_constants` `[F, 3]`. `index` is the number in the tag, from 1.

    Args:
        path: A file, a folder of files `*.xyz`, or the tar archive (compressed or not) of them.
        exclude: Indices to leave out, such as the 3,054 molecules that the authors list as
            uncharacterized.

    Returns:
        The molecules by increasing index. There are no energies: `U0` includes vibrations; the
        electronic energy is `U0 - zpve`. Mulliken charges and frequencies are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is truncated or damaged; it is named with the line.

    Source: Ramakrishnan et al. 2014, https://doi.org/10.1038/sdata.2014.22
    """
    path = pathlib.Path(path)
    excluded = frozenset(exclude)
    molecules = []
    for name, text in _texts(path):
        molecule = parse_molecule(text, name=name)
        if molecule[0] not in excluded:
            molecules.append(molecule)
    if not molecules:
        raise ValueError(f"{path} holds no molecules of QM9 (files that end with .xyz)")
    molecules.sort(key=lambda molecule: molecule[0])
    indices, numbers, positions, values = zip(*molecules, strict=True)
    rows = np.array(values)
    properties = {"index": np.array(indices), "rotational_constants": rows[:, :3]}
    for column, (name, factor) in enumerate(_FACTORS.items(), start=3):
        properties[name] = rows[:, column] * factor
    return Structures(
        numbers=np.concatenate(numbers),
        positions=np.concatenate(positions),
        num_atoms=np.array([len(atoms) for atoms in numbers]),
        properties=properties,
        provenance={
            "file": path.name,
            "level of theory": "B3LYP/6-31G(2df,p)",
            "units": ", ".join(f"{name} {unit}" for name, unit in PROPERTY_UNITS.items()),
        },
    )


def parse_molecule(text: str, *, name: str) -> tuple[int, np.ndarray, np.ndarray, list[float]]:
    """Read the text of one file.

    Args:
        text: The text.
        name: Name of the file, for errors.

    Returns:
        The index in the tag, atomic numbers `[N]`, positions `[N, 3]` in angstrom, and the 15
        numbers of the second line in their own units.

    Raises:
        ValueError: If the text is truncated or damaged.
    """
    lines = text.splitlines()
    count = lines[0].strip() if lines else ""
    if not count.isdecimal() or int(count) < 1:
        raise ValueError(f"{name} must begin with the number of atoms, got {count!r}")
    expected = 2 + int(count) + _TRAILING
    if len(lines) < expected:
        raise ValueError(f"{name} is truncated: expected {expected} lines, got {len(lines)}")
    words = lines[1].split()
    if len(words) != 5 + len(_FACTORS) or words[0] != "gdb" or not words[1].isdecimal():
        raise ValueError(
            f"{name}, line 2: expected 'gdb', an index and {3 + len(_FACTORS)} numbers, got "
            f"{lines[1]!r}"
        )
    values = [_number(word, name=name, line=2) for word in words[2:]]
    numbers, positions = [], []
    for line, atom in enumerate(lines[2 : 2 + int(count)], start=3):
        words = atom.split()
        if len(words) != 5:
            raise ValueError(
                f"{name}, line {line}: expected an element, a position and a charge, got {atom!r}"
            )
        try:
            numbers.append(number_of(words[0]))
        except ValueError as error:
            raise ValueError(f"{name}, line {line}: {error}") from None
        positions.append([_number(word, name=name, line=line) for word in words[1:4]])
    return int(lines[1].split()[1]), np.array(numbers), np.array(positions), values


def _number(word: str, *, name: str, line: int) -> float:
    try:
        # Mathematica's exponents: 6.2*^-5.
        return float(word.replace("*^", "e"))
    except ValueError:
        raise ValueError(f"{name}, line {line}: expected a number, got {word!r}") from None


def _texts(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield names and texts of all files."""
    if path.is_dir():
        for file in sorted(path.glob("*.xyz")):
            yield file.name, file.read_text(encoding="utf-8")
    elif path.suffix == ".xyz":
        yield path.name, path.read_text(encoding="utf-8")
    else:
        yield from _archived_texts(path)


def _archived_texts(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.endswith(".xyz") else None
                if file is not None:
                    yield member.name, file.read().decode()
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged or is no tar archive: {error}") from error
