import dataclasses

import numpy as np
import pytest

from symjax_models.data.structure_plausibility import check_plausible
from symjax_models.data.structures import Structures
from symjax_models.data.units import ENERGIES, Units

WATER = np.array([[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])
TOTAL = -76.4 * ENERGIES["hartree"]
ASSUMED = Units()


def water(*, length=1.0, energy=1.0, force=1.0):
    """Return two molecules in units of so many per eV and angstrom."""
    forces = np.random.default_rng(0).normal(size=(6, 3))
    return Structures(
        numbers=[8, 1, 1] * 2,
        positions=np.concatenate([WATER, 1.02 * WATER]) * length,
        num_atoms=[3, 3],
        energies=np.array([TOTAL, TOTAL + 0.1]) * energy,
        forces=forces * force,
    )


@pytest.mark.parametrize("assumed", [None, ASSUMED])
@pytest.mark.parametrize("energies", [TOTAL, -14.2, 0.0, 3.0])
def test_usual_magnitudes_pass(assumed, energies):
    structures = dataclasses.replace(water(), energies=[energies, energies])
    check_plausible(structures, assumed=assumed)
    check_plausible(structures.take([]), assumed=assumed)


@pytest.mark.parametrize(
    ("scales", "sentence"),
    [
        ({"length": 0.1}, r"frame 0 is 0\.096\d* A .*look like nm"),
        ({"energy": 1 / 0.0433641}, "frame 0 has the energy .* atoms in kcal/mol"),
        ({"energy": 1 / 27.2114}, "atoms in hartree"),
        ({"energy": 1e3}, "atoms in meV"),
        ({"energy": 1 / 0.01036427}, "atoms in kJ/mol"),
        ({"force": 23.06}, "look like kcal/mol per angstrom"),
        ({"force": 1e3}, "look like meV per angstrom"),
        ({"length": 1.89}, "no hydrogen has another atom within .* look like bohr"),
    ],
)
def test_assumed_units_that_do_not_fit_are_refused(scales, sentence):
    with pytest.raises(ValueError, match=f"{sentence}.*state the units"):
        check_plausible(water(**scales), assumed=ASSUMED)


def test_the_unit_is_told_whatever_was_assumed():
    in_ev = water(energy=ENERGIES["kcal/mol"])  # eV, taken for kcal/mol
    with pytest.raises(ValueError, match="atoms in eV"):
        check_plausible(in_ev, assumed=Units(energy="kcal/mol"))


def test_stated_units_are_believed_within_reason():
    check_plausible(water(force=23.06), assumed=None)
    check_plausible(water(energy=1 / 27.2114), assumed=None)
    with pytest.raises(ValueError, match="as large as that of all electrons"):
        check_plausible(water(energy=23.06), assumed=None)
    with pytest.raises(ValueError, match="frame 1 has forces|frame 0 has forces"):
        check_plausible(water(force=1e3), assumed=None)


def test_atoms_on_top_of_each_other_are_named():
    positions = np.concatenate([WATER, [WATER[0], WATER[0] + 0.01, WATER[2]]])
    structures = dataclasses.replace(water(), positions=positions)
    with pytest.raises(ValueError, match="atom 0 of frame 1 is 0.0173 A .* damaged"):
        check_plausible(structures)


def test_valence_energies_of_heavy_atoms_pass():
    gold = Structures(
        numbers=[79, 79], positions=[[0, 0, 0], [2.5, 0, 0]], num_atoms=[2], energies=[-6.0]
    )
    check_plausible(gold, assumed=ASSUMED)
    all_electrons = dataclasses.replace(gold, energies=[-2 * 19_000 * 27.2])
    check_plausible(all_electrons, assumed=ASSUMED)
