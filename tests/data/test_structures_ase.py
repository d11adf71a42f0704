import numpy as np
import pytest

from symjax_models.data import structures_ase
from symjax_models.data.structures import Structures
from symjax_models.data.units import Units

# ase 3.29 does what NumPy 2.5 deprecates.
ase = pytest.importorskip("ase", reason="needs the extra [molecules]")
from ase.calculators.singlepoint import SinglePointCalculator  # noqa: E402


def water(*, results=None, **info):
    atoms = ase.Atoms("OH2", [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])
    atoms.info |= info
    if results:
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def crystal(**info):
    atoms = ase.Atoms("Cu", [[0, 0, 0]], cell=[[2.0, 0, 0], [1.0, 2.0, 0], [0, 0, 3.0]], pbc=True)
    atoms.info |= info
    return atoms


FORCES = np.arange(9.0).reshape(3, 3)


def test_structures_survive_the_way_to_atoms_and_back():
    generator = np.random.default_rng(0)
    stresses = generator.normal(size=(2, 3, 3))
    structures = Structures(
        numbers=[8, 1, 1, 29],
        positions=generator.normal(size=(4, 3)),
        num_atoms=[3, 1],
        cells=generator.normal(size=(2, 3, 3)),
        pbc=[[True, True, False], [False, False, False]],
        energies=[-1.0, -2.0],
        forces=generator.normal(size=(4, 3)),
        stresses=stresses + stresses.transpose(0, 2, 1),
        properties={"gap": [1.0, 2.0], "dipole": [[1, 2, 3], [4, 5, 6]]},
    )
    images = structures_ase.to_ase(structures)
    assert images[0].get_potential_energy() == -1.0
    np.testing.assert_array_equal(images[0].get_stress(voigt=False), structures.stresses[0])
    back = structures_ase.from_ase(images)
    for name in ("numbers", "positions", "num_atoms", "cells", "pbc", "energies", "forces"):
        np.testing.assert_array_equal(getattr(back, name), getattr(structures, name))
    np.testing.assert_array_equal(back.stresses, structures.stresses)
    np.testing.assert_array_equal(back.properties["dipole"], [[1, 2, 3], [4, 5, 6]])


def test_labels_are_found_in_every_place():
    in_calculator = water(results={"energy": -1.0, "forces": FORCES})
    in_info = water(REF_energy=-1.0)
    in_info.arrays["REF_forces"] = FORCES
    for atoms, energy in ((in_calculator, "energy"), (in_info, "REF_energy")):
        found = structures_ase.from_ase([atoms])
        assert found.energies.tolist() == [-1.0]
        np.testing.assert_array_equal(found.forces, FORCES)
        assert found.provenance["energy key"] == energy
    assert structures_ase.from_ase([in_info], energy_key="").energies is None
    assert structures_ase.from_ase([water()]).forces is None


def test_two_usual_names_are_ambiguous():
    atoms = water(REF_energy=-2.0, results={"energy": -1.0})
    with pytest.raises(ValueError, match="energy and REF_energy: say which .* energy_key"):
        structures_ase.from_ase([atoms])
    assert structures_ase.from_ase([atoms], energy_key="REF_energy").energies.tolist() == [-2.0]
    assert structures_ase.from_ase([atoms], energy_key="energy").energies.tolist() == [-1.0]


def test_units_are_converted():
    units = Units(energy="hartree", length="bohr")
    found = structures_ase.from_ase(
        [crystal(energy=1.0, stress=np.eye(3))], units=units, forces_key=""
    )
    assert found.energies[0] == units.energy_factor
    np.testing.assert_allclose(found.stresses[0], np.eye(3) * units.stress_factor)
    np.testing.assert_allclose(found.cells[0, 2, 2], 3.0 * units.length_factor)
    assert found.provenance["units"] == "hartree, bohr"


def test_stress_takes_every_form_and_virials_have_the_other_sign():
    voigt = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    full = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    for info in (
        {"stress": voigt},
        {"stress": full},
        {"stress": full.reshape(9)},
        {"virial": -12.0 * full},  # the volume is 12
        {"stress": np.zeros(6), "virials": -12.0 * full},
    ):
        key = "virials" if "virials" in info else None
        found = structures_ase.from_ase([crystal(**info)], virial_key=key)
        np.testing.assert_allclose(found.stresses[0], full)


def test_isolated_atoms_have_no_forces():
    single = ase.Atoms("H", [[0, 0, 0]])
    molecule = water(results={"forces": FORCES})
    found = structures_ase.from_ase([molecule, single])
    np.testing.assert_array_equal(found.forces[3:], np.zeros((1, 3)))
    with pytest.raises(ValueError, match="frame 1 has no forces under the key 'forces'"):
        structures_ase.from_ase([molecule, water()])


def test_properties_are_numbers_that_all_have():
    images = [
        water(angle=1.0, kind="md", charge=1, only=3.0, bad=np.nan),
        water(angle=2.0, kind="md", charge=0, bad=1.0),
    ]
    images[0].arrays["tags_of_mine"] = np.zeros(3)
    found = structures_ase.from_ase(images)
    assert {name: values.tolist() for name, values in found.properties.items()} == {
        "angle": [1.0, 2.0],
        "charge": [1.0, 0.0],
    }


@pytest.mark.parametrize(
    ("images", "options", "sentence"),
    [
        ([], {}, "at least one configuration"),
        ([water(enrgy=-1.0)], {}, "no energy under a usual name, but 'enrgy'"),
        ([water(energy=-1.0)], {"energy_key": "enery"}, "no energy .* did you mean 'energy'"),
        ([water(energy=-1.0), water()], {}, "frame 1 has no energy .* none is known"),
        ([water(energy="low")], {}, "frame 0: expected energy of numbers, got 'low'"),
        ([water(energy=-1.0), water(energy=np.nan)], {}, "frame 1: energy is not finite"),
        ([water(forces=np.zeros((2, 3)))], {}, r"frame 0: expected forces of shape \(3, 3\)"),
        ([crystal(stress=np.zeros(5))], {}, r"expected stress of shape \(3, 3\), got \(5,\)"),
    ],
)
def test_bad_labels_are_refused_with_their_frame(images, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        structures_ase.from_ase(images, **options)


def test_the_extra_is_named_without_ase(monkeypatch):
    monkeypatch.setattr(structures_ase.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'symjax_models\[molecules\]'"):
        structures_ase.to_ase(Structures(numbers=[1], positions=[[0, 0, 0]], num_atoms=[1]))
