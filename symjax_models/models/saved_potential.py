"""Trained potentials in one file of plain arrays: everything that a prediction needs."""

import dataclasses
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from symjax_models.models import registry
from symjax_models.models.potential import Potential
from symjax_models.typing import PyTree

_FORMAT = 1
_SETTINGS = "settings"


@dataclasses.dataclass(frozen=True)
class SavedPotential:
    """A trained potential.

    Attributes:
        model: Name of the network in the registry.
        hyperparameters: Fields of the network, as JSON values.
        scale: Of every species, eV.
        shift: Of every species, eV.
        reference_energies: Energy of a free atom of every species, eV.
        cutoff: Largest distance of neighbours, angstrom.
        params: Variables of the network, NumPy arrays.
        provenance: Where it comes from: data, revision, versions and the like, as JSON values.
    """

    model: str
    hyperparameters: Mapping[str, Any]
    scale: tuple[float, ...]
    shift: tuple[float, ...]
    reference_energies: tuple[float, ...]
    cutoff: float
    params: PyTree
    provenance: Mapping[str, Any]

    @property
    def potential(self) -> Potential:
        """The potential without its parameters."""
        network = registry.make_model(self.model, _with_tuples(self.hyperparameters))
        return Potential(network, scale=self.scale, shift=self.shift)

    @property
    def species(self) -> tuple[int, ...]:
        """The atomic numbers that it knows."""
        return self.potential.network.species

    @property
    def free_atoms(self) -> dict[int, float]:
        """Energy of a free atom by atomic number, eV."""
        return dict(zip(self.species, self.reference_energies, strict=True))

    def add_reference(self, energies: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Add the energies of free atoms in double precision.

        Args:
            energies: Predicted energy of one configuration, eV; any shape.
            numbers: Its atomic numbers, `[N]`.

        Returns:
            Total energies, eV.
        """
        table = self.free_atoms
        return np.asarray(energies, np.float64) + sum(table[int(z)] for z in numbers)


def save(path: str | os.PathLike[str], saved: SavedPotential) -> None:
    """Write a potential to an `.npz` file, whole or not at all.

    Args:
        path: The file.
        saved: The potential.

    Raises:
        OSError: If the file cannot be written.
    """
    path = pathlib.Path(path)
    settings = dataclasses.asdict(dataclasses.replace(saved, params=None))
    del settings["params"]
    arrays = {
        "/".join(keys): np.asarray(value)
        for keys, value in traverse_util.flatten_dict(saved.params).items()
    }
    text = json.dumps(settings | {"format": _FORMAT}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **{_SETTINGS: np.array(text)}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> SavedPotential:
    """Read a potential.

    Args:
        path: The file, or the folder of a run that holds `potential.npz`.

    Returns:
        The potential.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is not a whole one, or of a newer format.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        path = path / "potential.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no trained potential at {path}; a finished run leaves one there")
    damaged = f"{path} is not a whole file of a trained potential"
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        settings = json.loads(str(arrays.pop(_SETTINGS)))
        found = settings.pop("format")
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        raise ValueError(f"{damaged} ({error}); copy it again, or train to the end") from error
    if found != _FORMAT:
        raise ValueError(
            f"{path} has format {found}, this version of symjax_models reads {_FORMAT}"
        )
    params = traverse_util.unflatten_dict(
        {tuple(name.split("/")): value for name, value in arrays.items()}
    )
    expected = {field.name for field in dataclasses.fields(SavedPotential)} - {"params"}
    if set(settings) != expected:
        raise ValueError(f"{damaged}: it holds {sorted(settings)}, expected {sorted(expected)}")
    for name in ("scale", "shift", "reference_energies"):
        settings[name] = tuple(settings[name])
    return SavedPotential(params=params, **settings)


def _with_tuples(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with tuples for the lists of JSON: modules are hashable values."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in hyperparameters.items()
    }
