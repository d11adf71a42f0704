import dataclasses
import json

import numpy as np
import pytest

from symjax_models.data.structures import Structures

COUNTS = [3, 1, 2]


def make(*, periodic=True, **changes):
    generator = np.random.default_rng(0)
    atoms, frames = sum(COUNTS), len(COUNTS)
    fields = {
        "numbers": [8, 1, 1, 2, 6, 8],
        "positions": generator.normal(size=(atoms, 3)),
        "num_atoms": COUNTS,
        "energies": generator.normal(size=frames),
        "forces": generator.normal(size=(atoms, 3)),
        "properties": {"gap": generator.normal(size=frames), "dipole": np.ones((frames, 3))},
        "provenance": {"program": "none", "note": "1 Å"},
    }
    if periodic:
        fields |= {
            "cells": np.array([np.eye(3) * size for size in (4.0, 5.0, 6.0)]),
            "pbc": [[True, True, False]] * frames,
            "stresses": generator.normal(size=(frames, 3, 3)),
        }
    return Structures(**(fields | changes))


def assert_equal(first, second):
    for field in dataclasses.fields(Structures):
        ours, theirs = getattr(first, field.name), getattr(second, field.name)
        if field.name == "properties":
            assert ours.keys() == theirs.keys()
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name])
        elif isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == theirs


def test_fields_have_the_stated_types_and_are_read_only():
    positions = np.zeros((6, 3), np.float32)
    structures = make(positions=positions)
    assert len(structures) == 3
    assert structures.starts.tolist() == [0, 3, 4, 6]
    assert structures.numbers.dtype == structures.num_atoms.dtype == np.int32
    assert structures.positions.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        structures.positions[0] = 1.0
    positions[0] = 1.0  # the caller's own array stays his
    assert not structures.positions.any()
    assert repr(structures) == "Structures(3 configurations, 6 atoms; cells, energies, forces, " + (
        "stresses)"
    )


def test_a_frame_holds_what_there_is():
    structures = make()
    frame = structures.frame(-1)
    np.testing.assert_array_equal(frame["positions"], structures.positions[4:])
    np.testing.assert_array_equal(frame["numbers"], [6, 8])
    np.testing.assert_array_equal(frame["cell"], np.eye(3) * 6.0)
    assert frame["energy"] == structures.energies[2]
    assert frame["gap"] == structures.properties["gap"][2]
    assert set(frame) == {"numbers", "positions", "forces", "cell", "pbc", "energy", "stress"} | {
        "gap",
        "dipole",
    }
    bare = Structures(numbers=[1], positions=[[0, 0, 0]], num_atoms=[1])
    assert set(bare.frame(0)) == {"numbers", "positions"}
    with pytest.raises(IndexError):
        structures.frame(3)


def test_taken_frames_are_those_of_the_indices():
    structures = make()
    taken = structures.take([2, 0, 2])
    for index, origin in enumerate([2, 0, 2]):
        frame, expected = taken.frame(index), structures.frame(origin)
        assert frame.keys() == expected.keys()
        for name in frame:
            np.testing.assert_array_equal(frame[name], expected[name])
    assert_equal(structures.take([-1]), structures.take(np.array([False, False, True])))
    assert_equal(structures.take(range(3)), structures)
    empty = structures.take([])
    assert len(empty) == 0 and empty.positions.shape == (0, 3)


@pytest.mark.parametrize(
    ("indices", "sentence"),
    [
        ([0, 3], "indices of 3 configurations, got 0 to 3"),
        ([-4], "got -4 to -4"),
        ([0.5], "whole numbers"),
        ([True, False], r"mask of shape \(3,\)"),
    ],
)
def test_wrong_indices_are_refused(indices, sentence):
    with pytest.raises(ValueError, match=sentence):
        make().take(indices)


def test_concatenation_keeps_frames_and_fills_cells():
    periodic, free = make(), make(periodic=False, properties={"gap": [1, 2, 3]})
    with pytest.raises(ValueError, match="data set 0 has stresses and data set 1 has none"):
        Structures.concatenate([periodic, free])
    both = Structures.concatenate([dataclasses.replace(periodic, stresses=None), free])
    assert len(both) == 6
    assert not both.pbc[3:].any() and not both.cells[3:].any()
    np.testing.assert_array_equal(both.frame(5)["positions"], free.frame(2)["positions"])
    assert set(both.properties) == {"gap"}
    assert_equal(Structures.concatenate([periodic]), periodic)
    other = make(provenance={"program": "another"})
    joined = Structures.concatenate([periodic, other, periodic])
    assert joined.provenance == {"program": "none; another", "note": "1 Å"}
    with pytest.raises(ValueError, match="at least one"):
        Structures.concatenate([])


@pytest.mark.parametrize("periodic", [True, False])
def test_files_come_back_as_written(tmp_path, periodic):
    path = tmp_path / "data.npz"
    structures = make(periodic=periodic)
    structures.save(path)
    structures.save(path)  # replaces
    assert_equal(Structures.load(path), structures)
    assert [file.name for file in tmp_path.iterdir()] == ["data.npz"]


def test_bad_files_are_refused(tmp_path):
    path = tmp_path / "data.npz"
    with pytest.raises(FileNotFoundError):
        Structures.load(path)
    with pytest.raises(ValueError, match=r"ends with \.npz"):
        make().save(tmp_path / "data")
    make().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="damaged or was not written"):
        Structures.load(path)
    np.savez(path, R=np.zeros(3))
    with pytest.raises(ValueError, match="read_structures"):
        Structures.load(path)
    np.savez(path, header=np.array(json.dumps({"format": "other", "provenance": {}})))
    with pytest.raises(ValueError, match="expected"):
        Structures.load(path)


NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"positions": np.zeros((5, 3))}, r"positions of shape \(6, 3\).*got \(5, 3\)"),
        ({"forces": np.zeros((6, 2))}, r"forces of shape \(6, 3\).*got \(6, 2\)"),
        ({"energies": np.zeros(2)}, r"energies of shape \(3,\).*got \(2,\)"),
        ({"energies": [0, NAN, 0]}, "frame 1 has energies that are not finite"),
        ({"forces": np.full((6, 3), NAN)}, "atom 0 of frame 0 has forces that are not finite"),
        ({"positions": [[0, 0, 0]] * 5 + [[0, 0, NAN]]}, "atom 1 of frame 2 has positions"),
        ({"properties": {"gap": [0, 0, np.inf]}}, "frame 2 has gap that are not finite"),
        ({"properties": {"gap": [0, 0]}}, "expected gap of shape"),
        ({"properties": {"energy": [0, 0, 0]}}, "must not be named 'energy'"),
        ({"num_atoms": [6, 0, 0]}, "frame 1 has 0 atoms"),
        ({"num_atoms": [[6]]}, r"num_atoms \[F\]"),
        ({"numbers": [8, 1, 1, 0, 6, 8]}, "atom 0 of frame 1 has the atomic number 0"),
        ({"numbers": [8.5, 1, 1, 1, 6, 8]}, "numbers of type int32, got float64"),
        ({"numbers": ["O"] * 6}, "numbers of type int32"),
        ({"cells": None}, "got pbc without cells"),
        ({"pbc": None}, "got cells without pbc"),
        ({"cells": np.zeros((3, 3, 3))}, "frame 0 is periodic .* length zero"),
        ({"cells": None, "pbc": None}, "stresses need cells"),
        ({"provenance": {"seed": 1}}, "provenance 'seed' must be text, got 1"),
    ],
)
def test_bad_arrays_are_refused_with_their_place(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**changes)
