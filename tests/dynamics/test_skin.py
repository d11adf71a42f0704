"""Neighbour lists with a skin: always complete, seldom made, and room to grow."""

import numpy as np
import pytest

from symjax_models.data.neighbours import neighbour_list
from symjax_models.dynamics.skin import SkinList

pytest.importorskip("vesin", reason="the extra [molecules]")
CELL = np.array([[5.0, 0.1, 0.0], [1.0, 4.8, -0.2], [0.5, 0.7, 5.3]])


def pairs(found, mask=slice(None)):
    ends = np.c_[found.receivers, found.senders, found.shifts][mask]
    return set(map(tuple, ends.tolist()))


@pytest.mark.parametrize("pbc", [(0, 0, 0), (1, 1, 1)])
def test_no_neighbour_is_missed_while_atoms_move(pbc):
    rng = np.random.default_rng(0)
    lists = SkinList(cutoff=2.5, skin=0.6)
    positions = 2 * rng.normal(size=(12, 3))
    for _ in range(60):
        positions = positions + 0.03 * rng.normal(size=positions.shape)
        edges = lists.edges(positions, cell=CELL, pbc=pbc)
        needed = neighbour_list(positions, cutoff=2.5, cell=CELL, pbc=pbc)
        assert pairs(needed) <= pairs(edges, edges.mask)
    assert 1 < lists.num_lists < 30
    assert lists.num_growths <= 2


def test_another_cell_or_another_system_is_listed_anew():
    lists = SkinList(cutoff=2.5)
    positions = np.random.default_rng(0).normal(size=(4, 3))
    periodic = np.ones(3, bool)
    lists.edges(positions, cell=CELL, pbc=periodic)
    lists.edges(positions, cell=CELL, pbc=periodic)
    assert lists.num_lists == 1
    lists.edges(positions, cell=1.01 * CELL, pbc=periodic)
    lists.edges(positions, cell=1.01 * CELL, pbc=np.array([1, 1, 0], bool))
    lists.edges(positions[:3], cell=1.01 * CELL, pbc=np.array([1, 1, 0], bool))
    assert lists.num_lists == 4


def test_slots_of_a_small_molecule_hold_all_pairs():
    lists = SkinList(cutoff=2.0, skin=0.4)
    near = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 3.0]])
    assert lists.edges(near).mask.sum() == 6
    slots = len(lists.edges(near).mask)
    assert len(lists.edges(0.5 * near).mask) == slots == 12
    assert len(SkinList(cutoff=2.0).edges(np.zeros((1, 3))).mask) == 1


@pytest.mark.parametrize("lengths", [(0.0, 0.5), (3.0, -1.0)])
def test_lengths_must_be_positive(lengths):
    with pytest.raises(ValueError, match="positive cutoff and skin"):
        SkinList(cutoff=lengths[0], skin=lengths[1])
