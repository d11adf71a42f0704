"""Matrices of molecules from blocks of atoms, against loops."""

import numpy as np
import pytest

from symjax_models import reps
from symjax_models.ops.orbital_assembly import assemble_matrix, maximal_orbitals, orbital_mask

ORBITALS = ("0e+1o", "3x0e+2x1o+1x2e", "2x0e+1x1o")
MAXIMAL = maximal_orbitals(ORBITALS)
MASK = orbital_mask(ORBITALS, MAXIMAL)


def test_masks_keep_the_first_copies():
    assert reps.format_irreps(MAXIMAL) == "3x0e+2x1o+1x2e"
    # s s s | x y z | x y z | d
    assert np.flatnonzero(MASK[0]).tolist() == [0, 3, 4, 5]
    assert MASK[1].all()
    assert np.flatnonzero(MASK[2]).tolist() == [0, 1, 3, 4, 5]


def test_blocks_come_to_their_places():
    rng = np.random.default_rng(0)
    diagonal = rng.normal(size=(2, 3, 14, 14)).astype(np.float32)
    off_diagonal = rng.normal(size=(2, 3, 2, 14, 14)).astype(np.float32)
    rows = []
    for i in range(3):
        blocks = []
        for j in range(3):
            block = diagonal[:, i] if i == j else off_diagonal[:, i, (j - i - 1) % 3]
            blocks.append(block[:, MASK[i]][:, :, MASK[j]])
        rows.append(np.concatenate(blocks, axis=2))
    expected = np.concatenate(rows, axis=1)
    found = assemble_matrix(diagonal, off_diagonal, mask=MASK)
    assert found.shape == (2, 4 + 14 + 5, 4 + 14 + 5)
    np.testing.assert_array_equal(found, expected + expected.swapaxes(1, 2))


def test_one_atom_has_no_pairs():
    block = np.arange(4.0).reshape(1, 2, 2)
    found = assemble_matrix(block, np.zeros((1, 0, 2, 2)), mask=np.ones((1, 2), bool))
    np.testing.assert_array_equal(found, [[0, 3], [3, 6]])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="expected the orbitals of at least one atom"):
        maximal_orbitals([])
    with pytest.raises(ValueError, match="irreps in the order of"):
        orbital_mask(["1o+0e"], MAXIMAL)
    with pytest.raises(ValueError, match="has more orbitals than"):
        orbital_mask(["4x0e"], MAXIMAL)
    with pytest.raises(ValueError, match=r"expected blocks \[..., 3, 14, 14\]"):
        assemble_matrix(np.zeros((3, 5, 5)), np.zeros((3, 2, 5, 5)), mask=MASK)
