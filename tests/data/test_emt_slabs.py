"""Slabs of effective medium theory: labels against finite differences, periodicity, errors."""

import dataclasses

import numpy as np
import pytest

from symjax_models.data import emt_slabs
from symjax_models.data.structures import Structures

ase = pytest.importorskip("ase", reason="needs the extra [molecules]")
emt = pytest.importorskip("ase.calculators.emt")
# ASE sets shapes in a way that NumPy 2.5 calls outdated.

SHORT = {
    "num_frames": 5,
    "metals": ("Cu", "Pt"),
    "adsorbates": ("O", "CO"),
    "size": (2, 2, 2),
    "frames_per_slab": 2,
    "sample_every": 2,
    "equilibration_steps": 4,
}


def generate(*, seed=0, report=lambda text: None, **settings):
    return emt_slabs.generate_slabs(seed=seed, report=report, **(SHORT | settings))


@pytest.fixture(scope="module")
def slabs():
    return generate()


def energy(numbers, positions, cell):
    atoms = ase.Atoms(numbers, positions, cell=cell, pbc=True, calculator=emt.EMT())
    return atoms.get_potential_energy()


def test_slabs_have_what_they_state(slabs):
    assert len(slabs) == 5
    assert slabs.pbc.all() and np.abs(np.linalg.det(slabs.cells)).min() > 100
    assert set(slabs.num_atoms.tolist()) <= {9, 10}
    assert set(slabs.numbers.tolist()) <= {6, 8, 29, 78}
    assert slabs.provenance["method"] == "EMT" and slabs.provenance["seed"] == "0"


def test_stresses_vary_in_sign_and_are_symmetric(slabs):
    np.testing.assert_allclose(slabs.stresses, slabs.stresses.transpose(0, 2, 1), atol=1e-15)
    pressures = np.trace(generate(num_frames=12, frames_per_slab=1).stresses, axis1=1, axis2=2)
    assert pressures.min() < -1e-3 < 1e-3 < pressures.max()


def test_forces_are_the_slope_of_the_energy(slabs):
    frame = slabs.frame(1)
    direction = np.random.default_rng(1).normal(size=frame["positions"].shape)
    step = 1e-4
    up, down = (
        energy(frame["numbers"], frame["positions"] + side * step * direction, frame["cell"])
        for side in (1, -1)
    )
    slope = (up - down) / (2 * step)
    assert -np.sum(frame["forces"] * direction) == pytest.approx(slope, rel=1e-5)


def test_stress_is_the_slope_of_the_energy_in_the_strain(slabs):
    frame = slabs.frame(3)
    found = np.zeros((3, 3))
    step = 1e-5
    for i, j in np.ndindex(3, 3):
        strain = np.zeros((3, 3))
        strain[i, j] += step / 2
        strain[j, i] += step / 2
        up, down = (
            energy(
                frame["numbers"],
                frame["positions"] @ (np.eye(3) + side * strain),
                frame["cell"] @ (np.eye(3) + side * strain),
            )
            for side in (1, -1)
        )
        found[i, j] = (up - down) / (2 * step) / abs(np.linalg.det(frame["cell"]))
    np.testing.assert_allclose(frame["stress"], found, atol=1e-8)
    assert np.abs(found).max() > 1e-3


def test_labels_are_those_of_a_fresh_calculation(slabs):
    assert max(emt_slabs.check_labels(slabs)) < 1e-9


@pytest.mark.parametrize("label", ["energies", "forces", "stresses"])
def test_a_wrong_label_is_found(slabs, label):
    wrong = dataclasses.replace(slabs, **{label: getattr(slabs, label) + 1e-6})
    with pytest.raises(ValueError, match="frame 0: .* differs by 1e-06"):
        emt_slabs.check_labels(wrong)


def test_equal_seeds_give_equal_bits_and_others_do_not(slabs, tmp_path):
    again, other = generate(), generate(seed=1)
    np.testing.assert_array_equal(again.positions, slabs.positions)
    np.testing.assert_array_equal(again.stresses, slabs.stresses)
    assert not np.array_equal(other.cells, slabs.cells)
    slabs.save(tmp_path / "slabs.npz")
    np.testing.assert_array_equal(Structures.load(tmp_path / "slabs.npz").cells, slabs.cells)


def test_adsorbates_stay_at_the_surface():
    frames = generate(
        num_frames=6, metals=emt_slabs.METALS, adsorbates=("H", "N", "OH", "NH3"), frames_per_slab=1
    )
    for index in range(len(frames)):
        frame = frames.frame(index)
        is_light = frame["numbers"] < 10
        top = frame["positions"][~is_light, 2].max()
        heights = frame["positions"][is_light, 2] - top
        assert 0.0 < heights.min() < 3.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"metals": ("Cu", "Fe")}, "no parameters for 'Fe' as metal; did you mean"),
        ({"metals": ()}, "expected metals and adsorbates"),
        ({"adsorbates": ("SO2",)}, "no parameters for 'S' as element of an adsorbate"),
        ({"adsorbates": ("COO",)}, "unknown adsorbate 'COO'; did you mean"),
        ({"num_frames": 0}, "num_frames of at least 1, got 0"),
        ({"frames_per_slab": 0}, "frames_per_slab of at least 1"),
        ({"size": (1, 2, 2)}, "size of at least"),
        ({"vacuum": 0.0}, "vacuum above 0"),
    ],
)
def test_bad_input_gets_a_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        generate(**settings)
