"""Kohn-Sham Hamiltonians of molecules, such as water, from PySCF.

from symjax_models.data import water_hamiltonians

frames = water_hamiltonians.generate_water(num_frames=500, seed=0, folder="runs/water")
frames.properties["hamiltonians"].shape     # (500, 24, 24)
"""

import dataclasses
import hashlib
import os
import pathlib

import numpy as np

from symjax_models import progress
from symjax_models.data import cache, gfn2, structure_cache, trajectory_sampling, units
from symjax_models.data.kohn_sham import compute_orbitals, orbital_layout, settings
from symjax_models.data.structures import Structures

BASIS, FUNCTIONAL = "def2-svp", "PBE"

_CHUNK = 20
# What two runs to this convergence may differ by, hartree.
_TOLERANCE = 1e-6


def generate_water(
    *,
    num_frames: int,
    seed: int,
    folder: str | os.PathLike | None = None,
    report: progress.Report | None = None,
) -> Structures:
    """Compute Hamiltonians of water molecules in thermal motion, PBE in the basis def2-SVP.

    Geometries are those of GFN2-xTB Langevin dynamics at 500 K, one every 50 fs (100 steps of
    0.5 fs), see `gfn2.generate_trajectory`. Fewer frames are the beginning of more.

    Args:
        num_frames: F.
        seed: Seed of the dynamics, at least 0.
        folder: Where finished parts are kept, so that an interrupted run goes on where it was; None
            takes that of `cache.default_folder`.
        report: Takes lines with the share done, the rate and the time left; None writes to standard
            error.

    Returns:
        As `compute_hamiltonians`; the atoms are O, H, H, and B is 24.

    Raises:
        ValueError: If a number is not positive or a calculation does not converge.
        ImportError: If ase, tblite or pyscf is not installed.

    Numerics: about 0.3 s per geometry on one core; see `compute_hamiltonians`.

    Source: the setting is that of the water set of Schuett et al. 2019, arXiv 1906.10033 (500 K,
        PBE, def2-SVP), whose geometries are others.
    """
    options = {"molecule": "water", "num_frames": num_frames, "seed": seed, "sample_every": 100}
    geometries = structure_cache.load_or_generate(
        "water",
        lambda: gfn2.generate_trajectory(**options, report=report),
        constants=options | {"versions": trajectory_sampling.versions("tblite", "ase")},
        folder=folder,
        report=report,
    )
    return compute_hamiltonians(geometries, folder=folder, report=report)


def compute_hamiltonians(
    geometries: Structures,
    *,
    basis: str = BASIS,
    functional: str = FUNCTIONAL,
    folder: str | os.PathLike | None = None,
    report: progress.Report | None = None,
) -> Structures:
    """Compute Hamiltonians and overlaps of configurations of one molecule.

    Args:
        geometries: Configurations with the same atoms in the same order, closed shells.
        basis: Name of a basis in PySCF.
        functional: Name of a functional in PySCF, or `"HF"`.
        folder: Where finished parts are kept; None takes that of `cache.default_folder`.
        report: Takes lines of progress; None writes to standard error.

    Returns:
        The configurations with `energies` in eV, without forces, and the properties

        - `hamiltonians` `[F, B, B]` hartree and `overlaps` `[F, B, B]`, in the order of
          `kohn_sham.orbital_layout`;
        - `positions_bohr` `[F, N, 3]`, for which they were computed;
        - `energies_hartree` `[F]`.

    Raises:
        ValueError: If the atoms differ, basis or functional is unknown, or a calculation does not
            converge; the frame is named.
        ImportError: If pyscf is not installed.

    Equivariance:
        `H(R x) = D H(x) D^T` with `OrbitalLayout.rotation`. Exact for S and for `"HF"`; other
        functionals are integrated on a grid that does not turn with the molecule, which leaves
        up to 2e-6 hartree in an entry and 1e-7 on average (PBE, def2-SVP).

    Numerics:
        float64 on one thread. Every frame starts from the same guess, so that no label depends on
        another one or on an interruption. Parts of 20 frames are kept, each with a checksum; a part
        belongs to its positions, basis, functional and version of PySCF.

    Source: the package PySCF, Sun et al. 2020, doi 10.1063/5.0006074.
    """
    counts = geometries.num_atoms
    is_alike = len(counts) > 0 and bool((counts == counts[0]).all())
    numbers = geometries.numbers.reshape(len(counts), -1) if is_alike else np.zeros((1, 0))
    if not is_alike or (numbers != numbers[0]).any():
        raise ValueError("expected the same atoms in the same order in all configurations")
    bohr = geometries.positions.reshape(*numbers.shape, 3) / units.LENGTHS["bohr"]
    orbital_layout(numbers[0], basis=basis)
    line = progress.ProgressLine(
        f"{functional}/{basis}", total=len(bohr), unit="geometries", report=report
    )
    parts = []
    for first in range(0, len(bohr), _CHUNK):
        part = _compute_part(
            numbers[0],
            bohr[first : first + _CHUNK],
            first=first,
            basis=basis,
            functional=functional,
            folder=folder,
            line=line,
            report=report,
        )
        parts.append(part)
    line.finish()
    properties = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return dataclasses.replace(
        geometries,
        energies=properties["energies_hartree"] * units.ENERGIES["hartree"],
        forces=None,
        properties={"positions_bohr": bohr, **properties},
        provenance={
            **{f"geometries {name}": value for name, value in geometries.provenance.items()},
            "generator": "symjax_models.data.water_hamiltonians",
            "programs": trajectory_sampling.versions("pyscf", "numpy", "scipy"),
            "method": functional,
            "basis": basis,
            **{name: str(value) for name, value in settings().items()},
            "units": "eV, angstrom; hamiltonians and energies_hartree in hartree",
        },
    )


def check_labels(structures: Structures, *, num_frames: int = 1) -> float:
    """Compute Hamiltonians, overlaps and energies of some configurations again.

    Args:
        structures: What `generate_water` or `compute_hamiltonians` returned, or a part of it.
        num_frames: How many configurations are checked, spread over all of them.

    Returns:
        The largest difference of an entry, hartree.

    Raises:
        ValueError: If it is above 1e-6 hartree; the frame is named.
        ImportError: If pyscf is not installed.
    """
    if num_frames < 1:
        raise ValueError(f"expected num_frames of at least 1, got {num_frames}")
    largest = 0.0
    spread = np.linspace(0, len(structures) - 1, min(num_frames, len(structures)))
    for index in np.unique(spread.round().astype(int)):
        stored = structures.frame(int(index))
        again = compute_orbitals(
            stored["numbers"],
            stored["positions"] / units.LENGTHS["bohr"],
            basis=structures.provenance["basis"],
            functional=structures.provenance["method"],
        )
        for name, value in (
            ("hamiltonians", again.hamiltonian),
            ("overlaps", again.overlap),
            ("energies_hartree", again.energy),
        ):
            difference = float(np.abs(value - stored[name]).max())
            if not difference <= _TOLERANCE:
                raise ValueError(
                    f"frame {index}: {name} differ by {difference:.3g} from what PySCF gives, "
                    f"expected at most {_TOLERANCE:.3g} hartree"
                )
            largest = max(largest, difference)
    return largest


def _compute_part(
    numbers: np.ndarray,
    positions_bohr: np.ndarray,
    *,
    first: int,
    basis: str,
    functional: str,
    folder: str | os.PathLike | None,
    line: progress.ProgressLine,
    report: progress.Report | None,
) -> cache.Arrays:
    """Return the labels of some frames from the folder, or compute and keep them."""
    computed = []

    def compute() -> cache.Arrays:
        for index, positions in enumerate(positions_bohr):
            try:
                computed.append(
                    compute_orbitals(numbers, positions, basis=basis, functional=functional)
                )
            except ValueError as error:
                raise ValueError(f"frame {first + index}: {error}") from error
            line.advance(1)
        hamiltonians, overlaps, energies = zip(*computed, strict=True)
        return {
            "hamiltonians": np.array(hamiltonians),
            "overlaps": np.array(overlaps),
            "energies_hartree": np.array(energies),
        }

    constants = {
        "numbers": numbers.tolist(),
        "positions": hashlib.sha256(np.ascontiguousarray(positions_bohr)).hexdigest(),
        "basis": basis,
        "functional": functional,
        "settings": settings(),
        "version": trajectory_sampling.versions("pyscf"),
    }
    kept = pathlib.Path(folder) if folder is not None else None
    part = cache.load_or_make(
        "hamiltonians", compute, constants=constants, folder=kept, report=report
    )
    line.advance(len(positions_bohr) - len(computed))
    return part
