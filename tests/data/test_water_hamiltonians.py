"""Data sets of Hamiltonians: contents, interruption, checks."""

import dataclasses

import numpy as np
import pytest

from symjax_models.data import gfn2, units, water_hamiltonians
from symjax_models.data.structures import Structures

for package in ("pyscf", "ase", "tblite", "threadpoolctl"):
    pytest.importorskip(package, reason="needs the extra [molecules]")
# ASE sets shapes in a way that NumPy 2.5 calls outdated.

TINY = {"basis": "sto-3g", "functional": "HF"}


@pytest.fixture(scope="module")
def geometries():
    return gfn2.generate_trajectory(
        "water",
        num_frames=5,
        seed=0,
        sample_every=5,
        equilibration_steps=10,
        report=lambda text: None,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hamiltonians")


def compute(geometries, folder, *, report=lambda text: None, **setting):
    return water_hamiltonians.compute_hamiltonians(
        geometries, folder=folder, report=report, **(TINY | setting)
    )


@pytest.fixture(scope="module")
def frames(geometries, folder):
    return compute(geometries, folder)


def test_frames_have_what_they_state(frames, geometries, tmp_path):
    assert frames.properties["hamiltonians"].shape == (5, 7, 7)
    hamiltonians = frames.properties["hamiltonians"]
    np.testing.assert_allclose(hamiltonians, hamiltonians.transpose(0, 2, 1), atol=1e-12)
    np.testing.assert_allclose(frames.properties["overlaps"][:, 0, 0], 1.0)
    np.testing.assert_allclose(
        frames.properties["positions_bohr"].reshape(-1, 3) * units.LENGTHS["bohr"],
        geometries.positions,
    )
    np.testing.assert_allclose(
        frames.energies, frames.properties["energies_hartree"] * units.ENERGIES["hartree"]
    )
    assert frames.forces is None
    assert frames.provenance["basis"] == "sto-3g" and "pyscf" in frames.provenance["programs"]
    assert frames.provenance["geometries method"] == "GFN2-xTB"
    frames.save(tmp_path / "water.npz")
    loaded = Structures.load(tmp_path / "water.npz")
    np.testing.assert_array_equal(loaded.properties["hamiltonians"], hamiltonians)


def test_labels_are_those_of_a_fresh_calculation(frames):
    assert water_hamiltonians.check_labels(frames, num_frames=2) < 1e-8


@pytest.mark.parametrize("name", ["hamiltonians", "overlaps", "energies_hartree"])
def test_a_wrong_label_is_found(frames, name):
    values = frames.properties[name] + 1e-4
    wrong = dataclasses.replace(frames, properties={**frames.properties, name: values})
    with pytest.raises(ValueError, match=f"frame 0: {name} differ by 0.0001"):
        water_hamiltonians.check_labels(wrong)


def test_an_interrupted_run_goes_on_where_it_was(frames, geometries, tmp_path, monkeypatch):
    monkeypatch.setattr(water_hamiltonians, "_CHUNK", 2)
    solve, solved = water_hamiltonians.compute_orbitals, []

    def count(numbers, positions, **setting):
        if len(solved) == 3:
            raise KeyboardInterrupt
        solved.append(positions)
        return solve(numbers, positions, **setting)

    monkeypatch.setattr(water_hamiltonians, "compute_orbitals", count)
    with pytest.raises(KeyboardInterrupt):
        compute(geometries, tmp_path)
    # The first part is on the disk, the second was not finished.
    solved.append(None)
    resumed = compute(geometries, tmp_path)
    assert len(solved) == 4 + 3
    for name, values in frames.properties.items():
        np.testing.assert_array_equal(resumed.properties[name], values)


def test_kept_parts_are_not_computed_again(frames, geometries, folder, monkeypatch):
    monkeypatch.setattr(water_hamiltonians, "compute_orbitals", None)
    lines = []
    again = compute(geometries, folder, report=lines.append)
    np.testing.assert_array_equal(
        again.properties["hamiltonians"], frames.properties["hamiltonians"]
    )
    assert "HF/sto-3g: 5 geometries in" in lines[-1]


def test_bad_input_gets_a_sentence(geometries, tmp_path):
    mixed = dataclasses.replace(geometries, numbers=np.roll(geometries.numbers, 1))
    mixed = Structures.concatenate([geometries, mixed])
    with pytest.raises(ValueError, match="same atoms in the same order"):
        compute(mixed, tmp_path)
    with pytest.raises(ValueError, match="no basis 'st-3g'"):
        compute(geometries, tmp_path, basis="st-3g")
    with pytest.raises(ValueError, match="frame 0: .* functional 'PBX'"):
        compute(geometries, tmp_path, functional="PBX")
    with pytest.raises(ValueError, match="num_frames of at least 1"):
        water_hamiltonians.generate_water(num_frames=0, seed=0)


@pytest.mark.slow
def test_water_in_the_basis_of_the_published_set(tmp_path, monkeypatch):
    options = {"num_frames": 2, "seed": 0, "folder": tmp_path, "report": lambda text: None}
    frames = water_hamiltonians.generate_water(**options)
    monkeypatch.delattr(water_hamiltonians.gfn2, "generate_trajectory")
    again = water_hamiltonians.generate_water(**options)  # all of it is kept
    assert again.provenance == frames.provenance
    np.testing.assert_array_equal(again.positions, frames.positions)
    assert frames.properties["hamiltonians"].shape == (2, 24, 24)
    np.testing.assert_array_equal(frames.numbers, [8, 1, 1, 8, 1, 1])
    water_hamiltonians.check_labels(frames)
