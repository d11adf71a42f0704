"""Trajectories of GFN2-xTB: labels against the generator and finite differences."""

import dataclasses

import numpy as np
import pytest

from symjax_models.data import gfn2, trajectory_sampling
from symjax_models.data.structures import Structures

ase = pytest.importorskip("ase", reason="needs the extra [molecules]")
build = pytest.importorskip("ase.build")
for package in ("tblite", "threadpoolctl"):
    pytest.importorskip(package, reason="needs the extra [molecules]")
# ASE sets shapes in a way that NumPy 2.5 calls outdated.

SHORT = {"num_frames": 4, "sample_every": 5, "equilibration_steps": 20}


def generate(molecule="ethanol", *, seed=0, report=lambda text: None, **settings):
    return gfn2.generate_trajectory(molecule, seed=seed, report=report, **(SHORT | settings))


@pytest.fixture(scope="module")
def ethanol():
    return generate()


def test_a_trajectory_has_what_it_states(ethanol):
    assert len(ethanol) == 4
    assert sorted(ethanol.numbers[:9]) == [1, 1, 1, 1, 1, 1, 6, 6, 8]
    assert ethanol.energies.std() > 1e-3
    # Nothing pulls on a molecule as a whole.
    net = ethanol.forces.reshape(4, 9, 3).sum(axis=1)
    np.testing.assert_allclose(net, 0.0, atol=1e-8)
    stated = ethanol.provenance
    assert stated["method"] == "GFN2-xTB" and stated["seed"] == "0"
    assert "tblite" in stated["programs"] and stated["temperature_K"] == "500.0"


def test_labels_are_those_of_a_fresh_calculation(ethanol):
    differences = gfn2.check_labels(ethanol, num_frames=4)
    assert differences.energy < 1e-8 and differences.forces < 1e-4


@pytest.mark.parametrize(("label", "shift"), [("energies", 1e-5), ("forces", 1e-3)])
def test_a_wrong_label_is_found(ethanol, label, shift):
    wrong = dataclasses.replace(ethanol, **{label: getattr(ethanol, label) + shift})
    with pytest.raises(ValueError, match="frame 0: .* differs by"):
        gfn2.check_labels(wrong, num_frames=1)


def test_forces_are_the_slope_of_the_energy(ethanol):
    rng = np.random.default_rng(3)
    direction = rng.normal(size=(9, 3))
    step = 1e-4
    energies = []
    for side in (1, -1):
        positions = ethanol.positions[:9] + side * step * direction
        calculator = gfn2._make_calculator(charge=0, unpaired=0)
        atoms = ase.Atoms(ethanol.numbers[:9], positions, calculator=calculator)
        with trajectory_sampling.one_thread():
            energies.append(atoms.get_potential_energy())
    slope = (energies[0] - energies[1]) / (2 * step)
    assert -np.sum(ethanol.forces[:9] * direction) == pytest.approx(slope, rel=2e-4)


def test_equal_seeds_give_equal_bits_and_others_do_not(ethanol):
    again, other = generate(), generate(seed=1)
    np.testing.assert_array_equal(again.positions, ethanol.positions)
    np.testing.assert_array_equal(again.forces, ethanol.forces)
    assert np.abs(other.positions - ethanol.positions).max() > 1e-3


def test_constant_energy_holds_in_nve():
    frames = generate("water", ensemble="nve", num_frames=20)
    total = frames.energies + frames.properties["kinetic_energies"]
    assert np.ptp(total) < 0.02 < np.ptp(frames.energies)


def test_atoms_of_ones_own_are_taken_and_not_moved():
    atoms = build.molecule("CH3")
    before = atoms.positions.copy()
    frames = generate(atoms, num_frames=2)
    np.testing.assert_array_equal(atoms.positions, before)
    assert frames.provenance["unpaired_electrons"] == "1"
    gfn2.check_labels(frames, num_frames=1)


def test_progress_and_files(ethanol, tmp_path):
    lines = []
    generate("water", num_frames=1, report=lines.append)
    assert "GFN2-xTB H2O: 25 steps in" in lines[-1]
    ethanol.save(tmp_path / "ethanol.npz")
    loaded = Structures.load(tmp_path / "ethanol.npz")
    assert loaded.provenance == ethanol.provenance
    np.testing.assert_array_equal(loaded.forces, ethanol.forces)


@pytest.mark.parametrize(
    ("molecule", "settings", "words"),
    [
        ("etanol", {}, "unknown molecule 'etanol'; did you mean 'ethanol'"),
        (3, {}, "name of a molecule or an ase.Atoms, got 3"),
        (ase.Atoms("Cu", cell=np.eye(3), pbc=True), {}, "without periodic directions"),
        (ase.Atoms("H"), {}, "H has 1 electrons, of which 0 cannot be unpaired"),
        ("water", {"num_frames": 0}, "num_frames of at least 1, got 0"),
        ("water", {"timestep_fs": -1.0}, "timestep_fs above 0, got -1.0"),
    ],
)
def test_bad_input_gets_a_sentence(molecule, settings, words):
    with pytest.raises(ValueError, match=words):
        generate(molecule, **settings)


def test_trajectories_are_checked_molecule_by_molecule(ethanol):
    mixed = Structures.concatenate([ethanol, generate(build.molecule("CH3"), num_frames=1)])
    with pytest.raises(ValueError, match="trajectory of each molecule"):
        gfn2.check_labels(mixed)


@pytest.mark.slow
def test_a_thousand_frames_of_ethanol_have_the_spread_of_500_kelvin():
    frames = gfn2.generate_trajectory("ethanol", num_frames=1000, seed=0, report=lambda text: None)
    # 27 degrees of freedom share half the heat bath's energy each.
    kinetic = frames.properties["kinetic_energies"].mean()
    assert kinetic == pytest.approx(27 / 2 * 8.617333e-5 * 500, rel=0.05)
    assert 0.1 < frames.energies.std() < 0.3
    gfn2.check_labels(frames, num_frames=20)
