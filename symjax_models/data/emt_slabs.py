"""Periodic metal slabs with adsorbates: energies, forces and stresses of effective medium theory.

    from symjax_models.data import emt_slabs

    frames = emt_slabs.generate_slabs(num_frames=1000, seed=0, metals=("Cu", "Pt"))

Effective medium theory is an empirical many-body potential. For the metals it is a fair one; for
hydrogen, carbon, nitrogen and oxygen it is a toy that tests codes, not chemistry.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax_models import progress
from symjax_models.data import trajectory_sampling
from symjax_models.data.structures import Structures
from symjax_models.data.trajectory_sampling import Dynamics, import_extra
from symjax_models.suggestion import nearest_of

METALS = ("Ag", "Al", "Au", "Cu", "Ni", "Pd", "Pt")
# The first of these that a molecule has is what it is bound by.
LIGHT_ELEMENTS = ("C", "N", "O", "H")

_SITES = ("ontop", "bridge", "fcc", "hcp")
_ENERGY_TOLERANCE, _FORCE_TOLERANCE, _STRESS_TOLERANCE = 1e-8, 1e-8, 1e-10


def generate_slabs(
    *,
    num_frames: int,
    seed: int,
    metals: Sequence[str] = METALS,
    adsorbates: Sequence[str] = LIGHT_ELEMENTS,
    size: tuple[int, int, int] = (2, 2, 3),
    vacuum: float = 5.0,
    strain: float = 0.02,
    frames_per_slab: int = 20,
    temperature_K: float = 300.0,
    timestep_fs: float = 1.0,
    sample_every: int = 5,
    equilibration_steps: int = 50,
    report: progress.Report | None = None,
) -> Structures:
    """Sample fcc (111) slabs, each with one adsorbate, by Langevin dynamics.

    Every slab is a metal, an adsorbate and a site (on top, bridge, fcc, hcp), drawn with equal
    probabilities. Its cell and atoms are strained by a symmetric matrix with normal entries, which
    makes stresses of both signs, and it is then moved at constant cell.

    Args:
        num_frames: F, how many configurations are kept.
        seed: Seed of everything that is drawn, at least 0.
        metals: Elements out of `METALS`.
        adsorbates: Elements out of `LIGHT_ELEMENTS`, or molecules of them that
            `ase.build.molecule` knows, such as `"CO"`, bound by C, or else N, O, H.
        size: Atoms along both directions of the surface, at least 2, and layers.
        vacuum: Angstrom, on both sides of the slab; all three directions are periodic.
        strain: Standard deviation of the strain's entries.
        frames_per_slab: Configurations kept of one slab; the last one may have fewer.
        temperature_K: Kelvin.
        timestep_fs: Femtoseconds.
        sample_every: Steps between two configurations.
        equilibration_steps: Steps that are dropped first, of every slab.
        report: Takes lines with the share done, the rate and the time left; None writes to standard
            error.

    Returns:
        The configurations: energies in eV, forces in eV/angstrom, stresses in eV/angstrom^3 by the
        volume of the cell with its vacuum, and `kinetic_energies` in eV as a property.

    Raises:
        ValueError: If an element has no parameters, an adsorbate is unknown, a number is not
            positive, or the dynamics fails. It does for molecules with several hydrogen atoms on
            one other, such as CH4, which collapse on this energy.
        ImportError: If ase is not installed.

    Numerics:
        float64; equal arguments give equal bits on one machine and version. The cutoff of the
        potential depends on the elements of a configuration, so energies of configurations with
        other metals are functions of their own.

    Source: Jacobsen, Stoltze, Norskov 1996, doi 10.1016/0039-6028(96)00816-3, with the parameters
        and the light elements of ASE.
    """
    _check_elements(metals, METALS, what="metal")
    if not metals or not adsorbates:
        raise ValueError(f"expected metals and adsorbates, got {metals} and {adsorbates}")
    _check_shape(size, vacuum=vacuum, strain=strain)
    molecules = [_make_adsorbate(name) for name in adsorbates]
    dynamics = Dynamics(
        temperature_K=temperature_K,
        timestep_fs=timestep_fs,
        sample_every=sample_every,
        equilibration_steps=equilibration_steps,
    )
    counts = _split_frames(num_frames, frames_per_slab=frames_per_slab)
    total = sum(dynamics.count_steps(count) for count in counts)
    line = progress.ProgressLine("EMT slabs", total=total, unit="steps", report=report)
    rng = np.random.default_rng(seed)
    parts = []
    for count in counts:
        metal = metals[int(rng.integers(len(metals)))]
        molecule = molecules[int(rng.integers(len(molecules)))]
        atoms = _make_slab(metal, molecule, rng=rng, size=size, vacuum=vacuum, strain=strain)
        atoms.calc = _make_calculator()
        parts.append(
            trajectory_sampling.sample_trajectory(
                atoms, dynamics=dynamics, num_frames=count, rng=rng, line=line
            )
        )
    line.finish(note=f"{num_frames:,} frames")
    provenance = {
        "generator": "symjax_models.data.emt_slabs",
        "programs": trajectory_sampling.versions("ase", "numpy"),
        "method": "EMT",
        "metals": ", ".join(metals),
        "adsorbates": ", ".join(adsorbates),
        "size": str(size),
        "vacuum": str(vacuum),
        "strain": str(strain),
        "frames_per_slab": str(frames_per_slab),
        **dynamics.provenance(),
        "seed": str(seed),
        "units": "eV, angstrom",
    }
    return dataclasses.replace(Structures.concatenate(parts), provenance=provenance)


def check_labels(
    structures: Structures, *, num_frames: int = 5
) -> trajectory_sampling.LabelDifferences:
    """Compute energies, forces and stresses of some configurations again.

    Args:
        structures: What `generate_slabs` returned, or a part of it.
        num_frames: How many configurations are checked, spread over all of them.

    Returns:
        The largest differences, eV, eV/angstrom and eV/angstrom^3.

    Raises:
        ValueError: If one is larger than rounding can make it; the frame is named.
        ImportError: If ase is not installed.
    """
    return trajectory_sampling.check_labels(
        structures,
        make_calculator=_make_calculator,
        num_frames=num_frames,
        energy_tolerance=_ENERGY_TOLERANCE,
        force_tolerance=_FORCE_TOLERANCE,
        stress_tolerance=_STRESS_TOLERANCE,
    )


def _check_shape(size: tuple[int, int, int], *, vacuum: float, strain: float) -> None:
    if min(size[:2]) < 2 or size[2] < 1 or not vacuum > 0 or not strain >= 0:
        raise ValueError(
            "expected a size of at least (2, 2, 1), vacuum above 0 and strain of at least 0, got "
            f"{size}, {vacuum} and {strain}"
        )


def _split_frames(num_frames: int, *, frames_per_slab: int) -> list[int]:
    """Return how many configurations every slab gives."""
    for name, count in (("num_frames", num_frames), ("frames_per_slab", frames_per_slab)):
        if count < 1:
            raise ValueError(f"expected {name} of at least 1, got {count}")
    full, rest = divmod(num_frames, frames_per_slab)
    return [frames_per_slab] * full + ([rest] if rest else [])


def _make_slab(
    metal: str,
    molecule: Any,
    *,
    rng: np.random.Generator,
    size: tuple[int, int, int],
    vacuum: float,
    strain: float,
) -> Any:
    """Return an `ase.Atoms`: a strained slab with an adsorbate, periodic in all directions."""
    build = import_extra("ase.build")
    slab = build.fcc111(metal, size=size, vacuum=vacuum)
    build.add_adsorbate(
        slab,
        molecule,
        height=rng.uniform(1.2, 1.8),
        position=_SITES[rng.integers(len(_SITES))],
        mol_index=_binding_atom(molecule),
    )
    slab.center(vacuum=vacuum, axis=2)
    slab.pbc = True
    entries = strain * rng.standard_normal((3, 3))
    symmetric = np.diag(np.diag(entries)) + np.triu(entries, 1) + np.triu(entries, 1).T
    slab.set_cell(slab.cell @ (np.eye(3) + symmetric), scale_atoms=True)
    return slab


def _make_adsorbate(name: str) -> Any:
    """Return the `ase.Atoms` of an adsorbate, the atom that binds down."""
    if name in LIGHT_ELEMENTS:
        return import_extra("ase").Atoms(name)
    try:
        molecule = import_extra("ase.build").molecule(name)
    except KeyError as error:
        known = [*LIGHT_ELEMENTS, *import_extra("ase.collections").g2.names]
        words = nearest_of(name, known)
        raise ValueError(f"unknown adsorbate {name!r}; {words}") from error
    _check_elements(molecule.get_chemical_symbols(), LIGHT_ELEMENTS, what="element of an adsorbate")
    heights = molecule.positions[:, 2]
    if heights[_binding_atom(molecule)] > heights.mean():
        molecule.rotate(180, "x")
    return molecule


def _binding_atom(molecule: Any) -> int:
    """Return the index of the atom by which an adsorbate is bound."""
    symbols = molecule.get_chemical_symbols()
    return min(range(len(symbols)), key=lambda atom: LIGHT_ELEMENTS.index(symbols[atom]))


def _check_elements(symbols: Sequence[str], known: Sequence[str], *, what: str) -> None:
    for symbol in symbols:
        if symbol not in known:
            words = nearest_of(symbol, known)
            raise ValueError(f"EMT has no parameters for {symbol!r} as {what}; {words}")


def _make_calculator() -> Any:
    return import_extra("ase.calculators.emt").EMT()
