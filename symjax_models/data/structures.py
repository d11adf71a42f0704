"""Configurations of atoms with their labels, in memory and in files of their own."""

import dataclasses
import functools
import json
import os
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from symjax_models.data.structure_fields import (
    IN_FRAME,
    PER_ATOM,
    PER_FRAME,
    check_fields,
    copy_field,
    dtype_of,
    present,
)

_FORMAT = {"format": "symjax_models structures", "version": 1, "units": "eV, angstrom"}
_LABELS = ("energies", "forces", "stresses")
_PROPERTY = "property:"

Array = np.ndarray


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Structures:
    """Hold F configurations with A atoms together, one after the other, in eV and angstrom.

    The arrays are copied, checked and read-only.

    Attributes:
        numbers: Atomic numbers, `[A]` int32.
        positions: `[A, 3]` float64, angstrom.
        num_atoms: Atoms of every configuration, `[F]` int32, at least one.
        cells: Lattice vectors as rows, `[F, 3, 3]`, angstrom; None if nothing is periodic.
        pbc: Which lattice vectors are periodic, `[F, 3]` bool; None as `cells` is.
        energies: `[F]`, eV; None if there are none, as below.
        forces: `[A, 3]`, eV/angstrom.
        stresses: `[F, 3, 3]`, eV/angstrom^3, `(1/V) dE/d(strain)`: the sign of ASE, opposite to
            that of VASP.
        properties: Other labels by name, `[F]` or `[F, ...]`, in units stated by their reader.
        provenance: Where the data come from: file or generator, program, version, level of theory,
            seed, units.

    >>> water = Structures(
    ...     numbers=[8, 1, 1], positions=[[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]],
    ...     num_atoms=[3],
    ... )
    >>> Structures.concatenate([water, water]).take([1, 0, 0])
    Structures(3 configurations, 9 atoms)
    """

    numbers: Array
    positions: Array
    num_atoms: Array
    cells: Array | None = None
    pbc: Array | None = None
    energies: Array | None = None
    forces: Array | None = None
    stresses: Array | None = None
    properties: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    provenance: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Copy and check the arrays.

        Raises:
            ValueError: If shapes do not fit, numbers are not finite, or a periodic cell is missing;
                the configuration is named.
        """
        for name in ("num_atoms", *PER_ATOM, *PER_FRAME):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, copy_field(values, name))
        copies = {name: copy_field(values, name) for name, values in self.properties.items()}
        object.__setattr__(self, "properties", copies)
        for name, text in self.provenance.items():
            if not isinstance(text, str):
                raise ValueError(f"provenance {name!r} must be text, got {text!r}")
        object.__setattr__(self, "provenance", dict(self.provenance))
        check_fields(self)

    def __len__(self) -> int:
        return len(self.num_atoms)

    def __repr__(self) -> str:
        text = f"{len(self):,} configurations, {len(self.numbers):,} atoms"
        held = [name for name in ("cells", *_LABELS) if getattr(self, name) is not None]
        return f"Structures({'; '.join([text, *([', '.join(held)] if held else [])])})"

    @functools.cached_property
    def starts(self) -> Array:
        """Index of the first atom of every configuration, and A at the end, `[F + 1]`."""
        starts = np.concatenate([[0], np.cumsum(self.num_atoms, dtype=np.int64)])
        starts.flags.writeable = False
        return starts

    def frame(self, index: int) -> dict[str, Array]:
        """Return the arrays of one configuration.

        Args:
            index: Which one; negative ones count from the end.

        Returns:
            `numbers` `[N]`, `positions` `[N, 3]` and, where there are any, `cell` `[3, 3]`, `pbc`
            `[3]`, `energy`, `forces` `[N, 3]`, `stress` `[3, 3]` and the properties.
        """
        index = range(len(self))[index]
        atoms = slice(self.starts[index], self.starts[index + 1])
        arrays = {name: getattr(self, name)[atoms] for name in present(self, PER_ATOM)}
        for name in present(self, PER_FRAME):
            if name != "num_atoms":
                arrays[IN_FRAME.get(name, name)] = getattr(self, name)[index]
        return arrays | {name: values[index] for name, values in self.properties.items()}

    def take(self, indices: Sequence[int] | Array) -> Self:
        """Choose configurations.

        Args:
            indices: Which ones, in this order, `[n]`; they may repeat. Or a mask, `[F]` bool.

        Returns:
            The chosen ones, with the same provenance.

        Raises:
            ValueError: If an index is out of range.
        """
        indices = _as_indices(indices, len(self))
        counts = self.num_atoms[indices].astype(np.int64)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        atoms = np.repeat(self.starts[indices], counts) + within
        arrays = {name: getattr(self, name)[atoms] for name in present(self, PER_ATOM)}
        arrays |= {name: getattr(self, name)[indices] for name in present(self, PER_FRAME)}
        properties = {name: values[indices] for name, values in self.properties.items()}
        return dataclasses.replace(self, **arrays, properties=properties)

    @classmethod
    def concatenate(cls, parts: Sequence["Structures"]) -> Self:
        """Put data sets one after the other.

        Args:
            parts: At least one. Those without cells get empty ones if others have some. Properties
                that not all of them have are left out.

        Returns:
            All configurations; entries of provenance that differ are joined by `; `.

        Raises:
            ValueError: If some have energies, forces or stresses and others have not.
        """
        parts = list(parts)
        if not parts:
            raise ValueError("expected at least one data set to concatenate, got none")
        arrays = {}
        for name in ("numbers", "positions", "num_atoms", "cells", "pbc", *_LABELS):
            rows = [getattr(part, name) for part in parts]
            missing = [index for index, values in enumerate(rows) if values is None]
            if len(missing) == len(parts):
                continue
            if missing and name in _LABELS:
                have = next(index for index in range(len(parts)) if index not in missing)
                raise ValueError(
                    f"data set {have} has {name} and data set {missing[0]} has none; drop them "
                    f"from the others with dataclasses.replace(structures, {name}=None)"
                )
            for index in missing:
                rows[index] = np.zeros((len(parts[index]), *PER_FRAME[name]), dtype_of(name))
            arrays[name] = np.concatenate(rows)
        shapes = [{name: v.shape[1:] for name, v in part.properties.items()} for part in parts]
        shared = [name for name in shapes[0] if all(s.get(name) == shapes[0][name] for s in shapes)]
        properties = {
            name: np.concatenate([part.properties[name] for part in parts]) for name in shared
        }
        return cls(**arrays, properties=properties, provenance=_join_provenance(parts))

    def to_arrays(self) -> dict[str, Array]:
        """Return all arrays there are by name, those of properties with a prefix."""
        arrays = {name: getattr(self, name) for name in present(self, PER_ATOM | PER_FRAME)}
        return arrays | {_PROPERTY + name: values for name, values in self.properties.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], *, provenance: Mapping[str, str]) -> Self:
        """Build the configurations whose `to_arrays` these are."""
        properties = {
            name.removeprefix(_PROPERTY): values
            for name, values in arrays.items()
            if name.startswith(_PROPERTY)
        }
        fields = {name: values for name, values in arrays.items() if _PROPERTY not in name}
        return cls(**fields, properties=properties, provenance=provenance)

    def save(self, path: str | os.PathLike) -> None:
        """Write a compressed `.npz` that appears complete or not at all.

        Args:
            path: The file; one that is there is replaced.

        Raises:
            ValueError: If the name does not end with `.npz`.
            OSError: If it cannot be written.
        """
        path = pathlib.Path(path)
        if path.suffix != ".npz":
            raise ValueError(f"expected a file name that ends with .npz, got {path.name!r}")
        arrays = self.to_arrays()
        header = json.dumps(_FORMAT | {"provenance": self.provenance}, ensure_ascii=False)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            with open(temporary, "xb") as file:
                np.savez_compressed(file, allow_pickle=False, header=np.array(header), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` has written.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, or something else.
        """
        with open(path, "rb") as file:
            try:
                with np.load(file, allow_pickle=False) as stored:
                    arrays = {name: stored[name] for name in stored.files}
                header = json.loads(str(arrays.pop("header")))
                provenance = header.pop("provenance")
            # A damaged file can make zip and array readers raise nearly anything.
            except Exception as error:
                raise ValueError(
                    f"{path} is damaged or was not written by Structures.save "
                    f"({type(error).__name__}); read files of other programs with read_structures"
                ) from error
        if header != _FORMAT:
            raise ValueError(f"{path} says {header}, expected {_FORMAT}")
        return cls.from_arrays(arrays, provenance=provenance)


def _as_indices(indices: Sequence[int] | Array, count: int) -> Array:
    given = np.asarray(indices)
    if given.dtype == np.bool_:
        if given.shape != (count,):
            raise ValueError(f"expected a mask of shape ({count},), got {given.shape}")
        return np.flatnonzero(given)
    if given.size == 0:
        return np.zeros(0, np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise ValueError(f"expected whole numbers [n], got {given.dtype} of shape {given.shape}")
    if given.min() < -count or given.max() >= count:
        raise ValueError(
            f"expected indices of {count} configurations, got {given.min()} to {given.max()}"
        )
    return np.where(given < 0, given + count, given).astype(np.int64)


def _join_provenance(parts: Sequence[Structures]) -> dict[str, str]:
    names = dict.fromkeys(name for part in parts for name in part.provenance)
    return {
        name: "; ".join(dict.fromkeys(p.provenance[name] for p in parts if name in p.provenance))
        for name in names
    }
