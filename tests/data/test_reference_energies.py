import numpy as np
import pytest

from symjax_models.data import reference_energies
from symjax_models.data.structures import Structures

# Water, carbon monoxide, an oxygen atom, a hydrogen atom.
MOLECULES = ([8, 1, 1], [6, 8], [8], [1])
E0 = {1: -13.0, 6: -1030.0, 8: -2040.0}


def make(molecules=MOLECULES, *, binding=0.0, **changes):
    numbers = np.concatenate(molecules)
    generator = np.random.default_rng(0)
    fields = {
        "numbers": numbers,
        "positions": generator.normal(size=(len(numbers), 3)),
        "num_atoms": [len(molecule) for molecule in molecules],
        "energies": [
            sum(E0[z] for z in molecule) - binding * (len(molecule) - 1) for molecule in molecules
        ],
        "forces": generator.normal(size=(len(numbers), 3)),
    }
    return Structures(**(fields | changes))


def test_isolated_atoms_give_their_energies():
    structures = make(binding=5.0)
    assert reference_energies.isolated_atoms(structures) == {1: -13.0, 8: -2040.0}
    mask = reference_energies.is_isolated_atom(structures)
    assert mask.tolist() == [False, False, True, True]
    periodic = make(cells=np.eye(3) * np.ones((4, 1, 1)), pbc=np.ones((4, 3), bool))
    with pytest.raises(ValueError, match="no configuration of one atom"):
        reference_energies.isolated_atoms(periodic)
    with pytest.raises(ValueError, match="expected energies"):
        reference_energies.isolated_atoms(make(energies=None))
    twice = make([[1], [1]], energies=[-13.0, -13.1])
    with pytest.raises(ValueError, match=r"isolated atoms of H .* \(frame 1\)"):
        reference_energies.isolated_atoms(twice)


def test_least_squares_finds_additive_energies():
    found = reference_energies.least_squares(make())
    assert found == pytest.approx(E0, rel=1e-10)


def test_degenerate_compositions_take_the_least_norm():
    structures = make([[8, 1, 1]] * 3, energies=[-1.0, -2.0, -3.0])
    found = reference_energies.least_squares(structures)
    # (H, O) parallel to the counts (2, 1), whose sum over the molecule is the mean energy.
    assert found == pytest.approx({1: -0.8, 8: -0.4})
    np.testing.assert_allclose(reference_energies.baseline(structures, found), -2.0)


def test_subtracting_leaves_the_binding_energy():
    structures = make(binding=5.0)
    left = reference_energies.subtract(structures, E0)
    np.testing.assert_allclose(left.energies, [-10.0, -5.0, 0.0, 0.0], atol=1e-10)
    again = left.energies + reference_energies.baseline(left, E0)
    np.testing.assert_allclose(again, structures.energies, rtol=1e-15)
    text = left.provenance["subtracted reference energies, eV"]
    assert text == "H -13.0, C -1030.0, O -2040.0"
    with pytest.raises(ValueError, match="no reference energy of C, O; there are H"):
        reference_energies.subtract(structures, {1: -13.0})


def test_given_energies_take_symbols_and_numbers():
    assert reference_energies.given({"C": -1, 8: -2}) == {6: -1.0, 8: -2.0}
    with pytest.raises(ValueError, match="unknown element 'Xx'"):
        reference_energies.given({"Xx": 0.0})
    with pytest.raises(ValueError, match="energy of H is nan"):
        reference_energies.given({"H": float("nan")})


def test_scales_are_root_mean_squares_of_forces():
    structures = reference_energies.subtract(make(binding=5.0), E0)
    scale, shift = reference_energies.scale_and_shift(structures, species=(1, 6, 8))
    rms = np.sqrt(np.mean(structures.forces**2))
    assert scale == pytest.approx((rms,) * 3)
    assert shift == pytest.approx((-15.0 / 7,) * 3)
    scale, _ = reference_energies.scale_and_shift(
        structures, species=(1, 6, 8, 9), per_species=True
    )
    carbon = np.sqrt(np.mean(structures.forces[structures.numbers == 6] ** 2))
    assert scale[1] == pytest.approx(carbon) and scale[3] == pytest.approx(rms)
    assert len(set(scale)) == 4
    with pytest.raises(ValueError, match="forces on H are zero"):
        reference_energies.scale_and_shift(make(forces=np.zeros((7, 3))), species=(1,))
    with pytest.raises(ValueError, match="expected forces"):
        reference_energies.scale_and_shift(make(forces=None), species=(1,))
