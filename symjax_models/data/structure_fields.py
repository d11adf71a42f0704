"""Shapes and types of the fields of `Structures`, and the checks of what is put there."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from symjax_models.data.structures import Structures

Array = np.ndarray

# Field -> shape of one row, for the fields with one row per atom and per configuration.
PER_ATOM = {"numbers": (), "positions": (3,), "forces": (3,)}
PER_FRAME = {"num_atoms": (), "cells": (3, 3), "pbc": (3,), "energies": (), "stresses": (3, 3)}
_DTYPES = {"numbers": np.int32, "num_atoms": np.int32, "pbc": np.bool_}
# What rows of fields are called in one configuration.
IN_FRAME = {"cells": "cell", "energies": "energy", "stresses": "stress"}


def dtype_of(name: str) -> type:
    """Return the type of numbers of a field; properties are float64."""
    return _DTYPES.get(name, np.float64)


def copy_field(values: np.typing.ArrayLike, name: str) -> Array:
    """Return a read-only copy in the type of the field.

    Raises:
        ValueError: If the values are no numbers, or not whole where they must be.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "biuf" or (dtype_of(name) is np.int32 and given.dtype.kind == "f"):
        raise ValueError(f"expected {name} of type {dtype_of(name).__name__}, got {given.dtype}")
    copied = np.array(given, dtype=dtype_of(name), order="C")
    copied.flags.writeable = False
    return copied


def present(structures: "Structures", names: Iterable[str]) -> list[str]:
    """Return those of the fields that are not None."""
    return [name for name in names if getattr(structures, name) is not None]


def check_fields(structures: "Structures") -> None:
    """Check that shapes fit, numbers are finite and periodic cells are there.

    Raises:
        ValueError: If not; the configuration is named.
    """
    _check_counts(structures)
    _check_rows(structures)
    _check_periodicity(structures)


def _check_counts(structures: "Structures") -> None:
    counts, numbers = structures.num_atoms, structures.numbers
    if counts.ndim != 1:
        raise ValueError(f"expected num_atoms [F], got shape {counts.shape}")
    if np.any(counts < 1):
        frame = int(np.argmax(counts < 1))
        raise ValueError(f"frame {frame} has {counts[frame]} atoms, expected at least one")
    total = int(counts.sum(dtype=np.int64))
    for name, row in PER_ATOM.items():
        values = getattr(structures, name)
        if values is not None and values.shape != (total, *row):
            raise ValueError(
                f"expected {name} of shape {(total, *row)}, one row for each of the {total} atoms, "
                f"got {values.shape}"
            )
    wrong = (numbers < 1) | (numbers > 118)
    if np.any(wrong):
        atom = int(np.argmax(wrong))
        raise ValueError(
            f"{_place(structures, atom)} has the atomic number {numbers[atom]}, expected 1 to 118"
        )


def _check_rows(structures: "Structures") -> None:
    frames = len(structures)
    per_frame = {name: getattr(structures, name) for name in PER_FRAME}
    per_frame.update(structures.properties)
    taken = {*PER_ATOM, *(IN_FRAME.get(name, name) for name in PER_FRAME)}
    for name in structures.properties:
        if name in taken:
            raise ValueError(f"a property must not be named {name!r}, as a field of a frame is")
    for name, values in per_frame.items():
        if values is None:
            continue
        row = PER_FRAME.get(name, values.shape[1:])
        if values.shape != (frames, *row):
            raise ValueError(
                f"expected {name} of shape {(frames, *row)}, one row for each of the {frames} "
                f"configurations, got {values.shape}"
            )
        if (frame := _first_not_finite(values)) is not None:
            raise ValueError(f"frame {frame} has {name} that are not finite")
    for name in present(structures, PER_ATOM):
        if (atom := _first_not_finite(getattr(structures, name))) is not None:
            raise ValueError(f"{_place(structures, atom)} has {name} that are not finite")


def _first_not_finite(values: Array) -> int | None:
    rows = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    return None if rows.all() else int(np.argmin(rows))


def _check_periodicity(structures: "Structures") -> None:
    cells, pbc = structures.cells, structures.pbc
    if (cells is None) != (pbc is None):
        given, missing = ("cells", "pbc") if pbc is None else ("pbc", "cells")
        raise ValueError(f"got {given} without {missing}: a periodic direction needs both")
    if cells is not None and pbc is not None:
        flat = np.any(pbc & ~np.any(cells, axis=2), axis=1)
        if np.any(flat):
            frame = int(np.argmax(flat))
            raise ValueError(
                f"frame {frame} is periodic ({pbc[frame].tolist()}) along a lattice vector of "
                f"length zero: {cells[frame].tolist()}"
            )
    if structures.stresses is not None and cells is None:
        raise ValueError("stresses need cells: without a volume there is no stress")


def _place(structures: "Structures", atom: int) -> str:
    """Name the configuration and the atom in it."""
    frame = int(np.searchsorted(structures.starts, atom, side="right")) - 1
    return f"atom {atom - structures.starts[frame]} of frame {frame}"
