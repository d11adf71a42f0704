"""Reference energies of the species, and scales of what is left without them."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from symjax_models.data.elements import number_of, symbol_of
from symjax_models.data.structure_statistics import compositions, force_rms, species_of
from symjax_models.data.structures import Structures

Array = np.ndarray
# Isolated atoms that are given twice must agree to this, eV.
_TOLERANCE = 1e-6


def given(energies: Mapping[str | int, float]) -> dict[int, float]:
    """Take reference energies by symbols or atomic numbers.

    Args:
        energies: `E0` of every species, eV.

    Returns:
        By atomic number.

    Raises:
        ValueError: If a symbol is unknown, or an energy not finite.

    >>> given({"H": -13.6, 8: -2041.8})
    {1: -13.6, 8: -2041.8}
    """
    found = {}
    for name, energy in energies.items():
        number = number_of(name) if isinstance(name, str) else int(name)
        if not np.isfinite(energy):
            raise ValueError(f"the reference energy of {symbol_of(number)} is {energy}")
        found[number] = float(energy)
    return found


def isolated_atoms(structures: Structures) -> dict[int, float]:
    """Take the energies of configurations of one atom that is not periodic.

    Args:
        structures: Among them one isolated atom of every species; other configurations are not
            looked at.

    Returns:
        `E0` by atomic number, eV.

    Raises:
        ValueError: If there are no energies or no isolated atoms, or two of a species disagree.
    """
    found: dict[int, float] = {}
    energies = _energies(structures)
    for frame in np.flatnonzero(is_isolated_atom(structures)):
        number = int(structures.numbers[structures.starts[frame]])
        energy = float(energies[frame])
        if abs(found.get(number, energy) - energy) > _TOLERANCE:
            raise ValueError(
                f"isolated atoms of {symbol_of(number)} have energies {found[number]} and {energy} "
                f"eV (frame {frame})"
            )
        found[number] = energy
    if not found:
        raise ValueError("there is no configuration of one atom that is not periodic")
    return found


def is_isolated_atom(structures: Structures) -> Array:
    """Tell which configurations are one atom that is not periodic, `[F]` bool.

    They give reference energies and are usually not trained on: `structures.take(~mask)`.
    """
    alone = structures.num_atoms == 1
    return alone if structures.pbc is None else alone & ~structures.pbc.any(axis=1)


def least_squares(structures: Structures) -> dict[int, float]:
    """Fit reference energies to the compositions: minimize `sum_f (E_f - sum_z n_fz E0_z)^2`.

    Where compositions are degenerate, as of one molecule or of isomers, energies of many `E0` fit
    equally, and the one of least norm is taken. Then only the sum over such a composition means
    anything: for others, give the energies of free atoms.

    Args:
        structures: F configurations with energies.

    Returns:
        `E0` by atomic number, eV.

    Raises:
        ValueError: If there are no energies.

    Numerics: singular values below 1e-10 of the largest count as zero.
    """
    species = species_of(structures)
    counts = compositions(structures, species)
    solution = np.linalg.lstsq(counts, _energies(structures), rcond=1e-10)[0]
    return dict(zip(species, solution.tolist(), strict=True))


def baseline(structures: Structures, energies: Mapping[int, float]) -> Array:
    """Sum the reference energies of the atoms.

    Args:
        structures: F configurations.
        energies: `E0` by atomic number, eV.

    Returns:
        `[F]` float64, eV; what is added to predictions of a model that was trained without it.

    Raises:
        ValueError: If a species has no reference energy.
    """
    species = species_of(structures)
    missing = [symbol_of(number) for number in species if number not in energies]
    if missing:
        there = ", ".join(symbol_of(number) for number in sorted(energies)) or "none"
        raise ValueError(f"no reference energy of {', '.join(missing)}; there are {there}")
    return compositions(structures, species) @ np.array([energies[z] for z in species])


def subtract(structures: Structures, energies: Mapping[int, float]) -> Structures:
    """Return the data set with energies less those of its atoms.

    Args:
        structures: F configurations with energies.
        energies: `E0` by atomic number, eV.

    Returns:
        The same configurations; the reference energies are in their provenance.

    Raises:
        ValueError: If there are no energies, or a species has no reference energy.
    """
    text = ", ".join(f"{symbol_of(z)} {energies[z]!r}" for z in sorted(energies))
    return dataclasses.replace(
        structures,
        energies=_energies(structures) - baseline(structures, energies),
        provenance={**structures.provenance, "subtracted reference energies, eV": text},
    )


def scale_and_shift(
    structures: Structures, *, species: tuple[int, ...], per_species: bool = False
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return what a potential's network is multiplied with and what is added per atom.

    Args:
        structures: The training set, its reference energies subtracted.
        species: S atomic numbers that the model knows.
        per_species: Whether the scale of a species is that of the forces on its own atoms; else it
            is that of all forces.

    Returns:
        Scale `[S]`: the root mean square of the force components, whose number in eV/angstrom is
        taken in eV (a network varies by about one over one angstrom). Shift `[S]`, eV: the mean
        energy per atom, `sum_f E_f / sum_f N_f`.

    Raises:
        ValueError: If energies or forces are missing, or all forces on a species are zero.
    """
    total = force_rms(structures)
    scales = dict.fromkeys(species, total)
    if per_species and structures.forces is not None:
        for number in set(species) & set(species_of(structures)):
            forces = structures.forces[structures.numbers == number]
            scales[number] = float(np.sqrt(np.mean(forces**2)))
    for number, scale in scales.items():
        if scale == 0.0:
            raise ValueError(f"all forces on {symbol_of(number)} are zero: they give no scale")
    shift = float(_energies(structures).sum() / structures.num_atoms.sum())
    return tuple(scales.values()), (shift,) * len(species)


def _energies(structures: Structures) -> Array:
    if structures.energies is None:
        raise ValueError(f"expected energies, got {structures!r}")
    return structures.energies
