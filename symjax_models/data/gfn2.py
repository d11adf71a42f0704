"""Molecules with energies and forces of GFN2-xTB, from molecular dynamics.

    from symjax_models.data import gfn2

    frames = gfn2.generate_trajectory("ethanol", num_frames=1000, seed=0)
    frames.save("ethanol.npz")

GFN2-xTB is a semi-empirical quantum-chemical method: its errors against experiment are those of no
published density-functional data set, and its numbers are not to be compared with theirs.
"""

import dataclasses
from typing import Any

import numpy as np

from symjax_models import progress
from symjax_models.data import trajectory_sampling
from symjax_models.data.structures import Structures
from symjax_models.data.trajectory_sampling import Dynamics, import_extra
from symjax_models.suggestion import nearest_of

METHOD = "GFN2-xTB"

# Everyday names of molecules that ASE knows by their formulas.
COMMON_NAMES = {
    "acetone": "CH3COCH3",
    "ammonia": "NH3",
    "benzene": "C6H6",
    "ethane": "C2H6",
    "ethanol": "CH3CH2OH",
    "methane": "CH4",
    "methanol": "CH3OH",
    "propane": "C3H8",
    "pyridine": "C5H5N",
    "water": "H2O",
}

# Of tblite: a hundredth of its default thresholds for the self-consistent charges. It costs hardly
# any time, and forces no longer depend on where the iterations started.
_ACCURACY = 0.01
# Some forty times what these thresholds leave undecided for ethanol, eV and eV/angstrom.
_ENERGY_TOLERANCE, _FORCE_TOLERANCE = 1e-6, 1e-4


def generate_trajectory(
    molecule: Any,
    *,
    num_frames: int,
    seed: int,
    temperature_K: float = 500.0,
    timestep_fs: float = 0.5,
    sample_every: int = 10,
    equilibration_steps: int = 1000,
    ensemble: str = "langevin",
    report: progress.Report | None = None,
) -> Structures:
    """Sample configurations of a molecule by molecular dynamics on the GFN2-xTB energy.

    Args:
        molecule: A name in `COMMON_NAMES`, one that `ase.build.molecule` knows (mostly formulas
            such as `"CH3CH2OH"`), or an `ase.Atoms` without periodic directions. Of the latter, the
            sums of initial charges and magnetic moments are its charge and unpaired electrons.
        num_frames: F, how many configurations are kept.
        seed: Seed of the velocities and of the heat bath, at least 0.
        temperature_K: Kelvin.
        timestep_fs: Femtoseconds.
        sample_every: Steps between two configurations.
        equilibration_steps: Steps that are dropped first.
        ensemble: `"langevin"`, or `"nve"` for constant energy after the equilibration.
        report: Takes lines with the share done, the rate and the time left; None writes to standard
            error.

    Returns:
        The configurations, energies in eV (of electrons and nuclei, zero is valence electrons and
        cores apart), forces in eV/angstrom, and `kinetic_energies` in eV as a property.

    Raises:
        ValueError: If the molecule is unknown, a number is not positive, or the method fails.
        ImportError: If ase or tblite is not installed.

    Numerics:
        float64 on one thread; equal arguments give equal bits on one machine and version. The
        self-consistent charges start from those of the step before, which leaves energies and
        forces uncertain by about what `check_labels` allows.

    Source: Bannwarth, Ehlert, Grimme 2019, doi 10.1021/acs.jctc.8b01176, as the package tblite has
        it; Langevin dynamics and velocity Verlet of ASE.
    """
    atoms = _find_molecule(molecule)
    dynamics = Dynamics(
        temperature_K=temperature_K,
        timestep_fs=timestep_fs,
        sample_every=sample_every,
        equilibration_steps=equilibration_steps,
        ensemble=ensemble,
    )
    steps = dynamics.count_steps(num_frames)
    charge, unpaired = _electrons(atoms)
    atoms.calc = _make_calculator(charge=charge, unpaired=unpaired)
    formula = atoms.get_chemical_formula()
    line = progress.ProgressLine(f"{METHOD} {formula}", total=steps, unit="steps", report=report)
    with trajectory_sampling.one_thread():
        frames = trajectory_sampling.sample_trajectory(
            atoms,
            dynamics=dynamics,
            num_frames=num_frames,
            rng=np.random.default_rng(seed),
            line=line,
        )
    line.finish(note=f"{num_frames:,} frames")
    provenance = {
        "generator": "symjax_models.data.gfn2",
        "programs": trajectory_sampling.versions("tblite", "ase", "numpy"),
        "method": METHOD,
        "accuracy": str(_ACCURACY),
        "molecule": formula,
        "charge": str(charge),
        "unpaired_electrons": str(unpaired),
        **dynamics.provenance(),
        "seed": str(seed),
        "units": "eV, angstrom",
    }
    return dataclasses.replace(frames, provenance=provenance)


def check_labels(
    structures: Structures, *, num_frames: int = 5
) -> trajectory_sampling.LabelDifferences:
    """Compute energies and forces of some configurations again, from the start.

    Args:
        structures: What `generate_trajectory` returned, or a part of it.
        num_frames: How many configurations are checked, spread over all of them.

    Returns:
        The largest differences, eV and eV/angstrom.

    Raises:
        ValueError: If an energy differs by more than 1e-6 eV or a force component by more than
            1e-4 eV/angstrom; the frame is named.
        ImportError: If ase or tblite is not installed.
    """
    charge, unpaired = (_read_count(structures, name) for name in ("charge", "unpaired_electrons"))
    # A first calculator loads the libraries whose threads are limited next.
    _make_calculator(charge=charge, unpaired=unpaired)
    with trajectory_sampling.one_thread():
        return trajectory_sampling.check_labels(
            structures,
            make_calculator=lambda: _make_calculator(charge=charge, unpaired=unpaired),
            num_frames=num_frames,
            energy_tolerance=_ENERGY_TOLERANCE,
            force_tolerance=_FORCE_TOLERANCE,
        )


def _find_molecule(molecule: Any) -> Any:
    """Return the `ase.Atoms` of a molecule, a copy if it was one."""
    if isinstance(molecule, str):
        name = COMMON_NAMES.get(molecule, molecule)
        try:
            return import_extra("ase.build").molecule(name)
        except KeyError as error:
            known = [*COMMON_NAMES, *import_extra("ase.collections").g2.names]
            words = nearest_of(molecule, known)
            raise ValueError(f"unknown molecule {molecule!r}; {words}") from error
    if not isinstance(molecule, import_extra("ase").Atoms) or not len(molecule):
        raise ValueError(f"expected the name of a molecule or an ase.Atoms, got {molecule!r}")
    if molecule.pbc.any():
        raise ValueError(
            "expected a molecule without periodic directions, got pbc "
            f"{molecule.pbc.tolist()}; set atoms.pbc = False"
        )
    return molecule.copy()


def _electrons(atoms: Any) -> tuple[int, int]:
    """Return charge and unpaired electrons, or say that they do not fit together."""
    charge = round(float(atoms.get_initial_charges().sum()))
    unpaired = round(abs(float(atoms.get_initial_magnetic_moments().sum())))
    electrons = int(atoms.numbers.sum()) - charge
    if electrons < unpaired or (electrons - unpaired) % 2:
        raise ValueError(
            f"{atoms.get_chemical_formula()} has {electrons} electrons, of which {unpaired} cannot "
            "be unpaired; set initial magnetic moments or charges of the ase.Atoms"
        )
    return charge, unpaired


def _read_count(structures: Structures, name: str) -> int:
    stated = structures.provenance.get(name, "missing")
    try:
        return int(stated)
    except ValueError as error:
        raise ValueError(
            f"expected one whole number for {name} in the provenance of these configurations, got "
            f"{stated!r}; check the trajectory of each molecule before they are concatenated"
        ) from error


def _make_calculator(*, charge: int, unpaired: int) -> Any:
    import_extra("ase")
    return import_extra("tblite.ase").TBLite(
        method=METHOD,
        charge=charge,
        multiplicity=unpaired + 1,
        accuracy=_ACCURACY,
        verbosity=0,
    )
