"""The data of the tables of molecules, split for training, validation and test."""

import dataclasses
import os
import pathlib

import ml_collections
import numpy as np

from symjax_models.data import (
    emt_slabs,
    gfn2,
    reference_energies,
    structure_cache,
    structure_files,
    structure_splits,
    trajectory_sampling,
)
from symjax_models.data.structures import Structures
from symjax_models.data.units import Units


@dataclasses.dataclass(frozen=True)
class Splits:
    """Configurations with their labels.

    Attributes:
        train: For training.
        valid: For the choice of the parameters.
        tests: For the report, by name.
        free_atoms: Energies of free atoms by atomic number, eV; fitted to `train` if None.
        scans: A coordinate of every configuration, of the tests that move along one.
    """

    train: Structures
    valid: Structures
    tests: dict[str, Structures]
    free_atoms: dict[int, float] | None = None
    scans: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


def data_folder(path: str, name: str) -> pathlib.Path:
    """Return the folder of a data set.

    Args:
        path: The folder; empty for one in `$SYMJAX_MODELS_DATA`.
        name: Name of the data set.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: If there is none; says what to set.
    """
    folder = pathlib.Path(path or pathlib.Path(os.environ.get("SYMJAX_MODELS_DATA", ""), name))
    if not folder.is_dir() or not (path or os.environ.get("SYMJAX_MODELS_DATA")):
        raise FileNotFoundError(
            f"no folder of {name} data at {str(folder)!r}; set --config.data.path, or "
            f"SYMJAX_MODELS_DATA to the folder that holds {name}/"
        )
    return folder


def load_rmd17(data: ml_collections.ConfigDict) -> Splits:
    """Read the frames that `config.data` names of revised MD17.

    Args:
        data: Fields `path`, `molecule`, `split`, `num_train`, `num_valid`, `num_test`.

    Returns:
        The first frames of the official training file for training, its last ones for
        validation, and the test file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has fewer frames.
    """
    folder = data_folder(data.path, "rmd17") / data.molecule
    if not folder.is_dir():
        known = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
        raise ValueError(f"no molecule {data.molecule!r} in {folder.parent}, which has {known}")
    train, test = (
        structure_files.read_structures(folder / f"{part}_{data.split:02}.xyz.gz")
        for part in ("train", "test")
    )
    _check_counts(data)
    if data.num_train + data.num_valid > len(train):
        raise ValueError(
            f"data.num_train ({data.num_train}) and data.num_valid ({data.num_valid}) are more "
            f"than the {len(train)} frames of the training file"
        )
    count = data.num_test or len(test)
    if count > len(test):
        raise ValueError(f"data.num_test is {count}, and the test file has {len(test)} frames")
    return Splits(
        train=train.take(np.arange(data.num_train)),
        valid=train.take(np.arange(len(train) - data.num_valid, len(train))),
        tests={"": test.take(np.arange(count))},
    )


def load_acac(data: ml_collections.ConfigDict) -> Splits:
    """Read acetylacetone: trained at one temperature, tested at two and along two scans.

    Args:
        data: Fields `path`, `temperature`, `num_train`, `num_valid`, `seed`.

    Returns:
        Frames of the training file at that temperature, drawn at random; tests `300K`, `600K`,
        `dihedral` (a scan by the angle, degrees) and `h_transfer` (a path, by the number of the
        image); energies of free atoms from their file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If there are fewer frames.
    """
    folder = data_folder(data.path, "acac")
    train = structure_files.read_structures(folder / f"train_{data.temperature}K.xyz.gz")
    atoms = structure_files.read_structures(folder / "isolated_atoms.xyz")
    tests = {
        "300K": "test_MD_300K", "600K": "test_MD_600K", "dihedral": "test_dihedral",
        "h_transfer": "test_H_transfer",
    }  # fmt: skip
    chosen, valid = structure_splits.split(train, (data.num_train, data.num_valid), seed=data.seed)
    read = {
        name: structure_files.read_structures(folder / f"{file}.xyz.gz")
        for name, file in tests.items()
    }
    return Splits(
        chosen,
        valid,
        read,
        reference_energies.isolated_atoms(atoms),
        scans={
            "dihedral": read["dihedral"].properties["dihedral_angle"],
            "h_transfer": np.arange(1.0, len(read["h_transfer"]) + 1),
        },
    )


def load_gfn2(data: ml_collections.ConfigDict) -> Splits:
    """Generate a trajectory of a molecule with GFN2-xTB, or read it from the cache.

    Args:
        data: Fields `molecule`, `temperature`, `num_train`, `num_valid`, `num_test`, `seed`.

    Returns:
        Random frames of one trajectory.
    """
    options = {
        "molecule": data.molecule, "temperature_K": float(data.temperature), "seed": data.seed,
        "num_frames": data.num_train + data.num_valid + data.num_test,
    }  # fmt: skip

    def make() -> Structures:
        made = gfn2.generate_trajectory(**options)
        gfn2.check_labels(made)
        return made

    constants = options | {"versions": trajectory_sampling.versions("tblite", "ase")}
    structures = structure_cache.load_or_generate("gfn2_frames", make, constants=constants)
    return _split_of_one(structures, data)


def load_emt(data: ml_collections.ConfigDict) -> Splits:
    """Generate periodic metal slabs with adsorbates, or read them from the cache.

    Args:
        data: Fields `metals`, `adsorbates`, `frames_per_slab`, `num_train`, `num_valid`,
            `num_test`, `seed`.

    Returns:
        Random frames of all slabs, with forces and stresses.
    """
    options = {
        "metals": tuple(data.metals), "adsorbates": tuple(data.adsorbates), "seed": data.seed,
        "frames_per_slab": data.frames_per_slab,
        "num_frames": data.num_train + data.num_valid + data.num_test,
    }  # fmt: skip

    def make() -> Structures:
        made = emt_slabs.generate_slabs(**options)
        emt_slabs.check_labels(made)
        return made

    constants = options | {"versions": trajectory_sampling.versions("ase")}
    structures = structure_cache.load_or_generate("emt_frames", make, constants=constants)
    return _split_of_one(structures, data)


def load_file(data: ml_collections.ConfigDict) -> Splits:
    """Read configurations of the user's own.

    Args:
        data: Fields `path`, `energy_unit`, `length_unit`, `energy_key`, `forces_key` (empty: the
            usual ones), `num_train` (0: what is left), `num_valid`, `num_test`, `seed`.

    Returns:
        Random frames of the file; energies of free atoms are read if it has isolated atoms of all
        species, else fitted.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not what was said, or has fewer frames.
    """
    if not data.path:
        raise ValueError("set --config.data.path to a file of configurations")
    structures = structure_files.read_structures(
        data.path,
        units=Units(energy=data.energy_unit, length=data.length_unit),
        energy_key=data.energy_key or None,
        forces_key=data.forces_key or None,
    )
    alone = reference_energies.is_isolated_atom(structures)
    free_atoms = None
    if alone.any():
        free_atoms = reference_energies.isolated_atoms(structures)
        structures = structures.take(~alone)
    sizes = (data.num_train or None, data.num_valid, data.num_test)
    train, valid, test = structure_splits.split(structures, sizes, seed=data.seed)
    return Splits(train, valid, {"": test}, free_atoms)


def _split_of_one(structures: Structures, data: ml_collections.ConfigDict) -> Splits:
    sizes = (data.num_train, data.num_valid, data.num_test)
    train, valid, test = structure_splits.split(structures, sizes, seed=data.seed)
    return Splits(train, valid, {"": test})


def _check_counts(data: ml_collections.ConfigDict) -> None:
    for name in ("num_train", "num_valid"):
        if data[name] < 1:
            raise ValueError(f"data.{name} must be at least 1, got {data[name]}")
