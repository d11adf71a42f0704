"""Neighbour lists: against loops over images, in cells of any shape, and what is refused."""

import itertools

import numpy as np
import pytest

from symjax_models.data.neighbours import neighbour_list

pytest.importorskip("vesin", reason="the extra [molecules]")
TRICLINIC = np.array([[3.0, 0.1, 0.0], [1.0, 2.8, -0.2], [0.5, 0.7, 3.3]])


def by_loops(positions, cutoff, cell, pbc):
    """List pairs by trying all images of all atoms."""
    ranges = [range(-4, 5) if periodic else (0,) for periodic in pbc]
    found = set()
    for i, j in np.ndindex(len(positions), len(positions)):
        for shift in itertools.product(*ranges):
            r = positions[i] - positions[j] - np.array(shift) @ cell
            if np.linalg.norm(r) < cutoff and (i != j or any(shift)):
                found.add((i, j, *shift))
    return found


@pytest.mark.parametrize("pbc", [(0, 0, 0), (1, 1, 0), (0, 0, 1), (1, 1, 1)])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_equals_loops_over_images(pbc, count):
    positions = 3 * np.random.default_rng(count).normal(size=(count, 3))
    senders, receivers, shifts = neighbour_list(positions, cutoff=4.0, cell=TRICLINIC, pbc=pbc)
    listed = [tuple(row) for row in np.c_[receivers, senders, shifts].tolist()]
    assert len(set(listed)) == len(listed)
    assert set(listed) == by_loops(positions, 4.0, TRICLINIC, pbc)
    assert listed == sorted(listed)
    assert senders.dtype == receivers.dtype == shifts.dtype == np.int32


def test_molecules_need_no_cell():
    senders, receivers, shifts = neighbour_list([[0, 0, 0], [0, 0, 1.5], [0, 0, 9]], cutoff=2.0)
    assert senders.tolist() == [1, 0] and receivers.tolist() == [0, 1]
    np.testing.assert_array_equal(shifts, 0)
    for positions in (np.zeros((1, 3)), np.zeros((0, 3))):
        found = neighbour_list(positions, cutoff=2.0)
        assert [array.shape for array in found] == [(0,), (0,), (0, 3)]


@pytest.mark.parametrize(
    ("positions", "options", "sentence"),
    [
        (np.zeros((2, 2)), {}, r"positions \[N, 3\], got shape \(2, 2\)"),
        (np.zeros((2, 3)), {"cutoff": 0.0}, "a positive cutoff, got 0.0"),
        (np.zeros((2, 3)), {"pbc": [True]}, r"pbc \[3\], got shape \(1,\)"),
        (np.zeros((2, 3)), {"pbc": [1, 1, 1]}, "must be independent"),
        (np.zeros((2, 3)), {"pbc": [1, 1, 1], "cell": np.eye(2)}, r"a cell \[3, 3\]"),
    ],
)
def test_what_is_refused(positions, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        neighbour_list(positions, **({"cutoff": 3.0} | options))
