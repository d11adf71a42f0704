"""Matrices of PySCF turn with the molecule as the stated order of orbitals says."""

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.transform import Rotation

from symjax_models.data import kohn_sham

gto = pytest.importorskip("pyscf.gto", reason="needs the extra [molecules]")
pytest.importorskip("threadpoolctl", reason="needs the extra [molecules]")

NUMBERS = np.array([8, 1, 1])
POSITIONS = np.array([[0.1, 0.0, 0.2], [1.4, 1.2, 0.3], [-1.5, 1.0, -0.2]])
ROTATION = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
ELEMENTS = {"rotation": ROTATION, "reflection": -ROTATION}


def solve(positions, *, basis="sto-3g", functional="HF"):
    return kohn_sham.compute_orbitals(NUMBERS, positions, basis=basis, functional=functional)


def rotated(matrix, layout, g):
    d = layout.rotation(g)
    return d @ matrix @ d.T


def with_d_orbitals_of_axis_y(layout, g):
    """Return what the rotation would be in this library's order of components."""
    change = layout.from_harmonics()
    return change.T @ layout.rotation(g) @ change


@pytest.mark.parametrize("g", ELEMENTS.values(), ids=ELEMENTS)
def test_hartree_fock_matrices_turn_exactly(g):
    layout = kohn_sham.orbital_layout(NUMBERS, basis="sto-3g")
    here, there = solve(POSITIONS), solve(POSITIONS @ g.T)
    np.testing.assert_allclose(there.hamiltonian, rotated(here.hamiltonian, layout, g), atol=1e-7)
    np.testing.assert_allclose(there.overlap, rotated(here.overlap, layout, g), atol=1e-12)
    assert there.energy == pytest.approx(here.energy, abs=1e-10)
    # Without turning the p orbitals the two have nothing in common.
    assert np.abs(there.hamiltonian - here.hamiltonian).max() > 1e-2


@pytest.mark.parametrize("basis", ["def2-svp", "def2-tzvp"])
def test_integrals_with_d_and_f_orbitals_turn_exactly(basis):
    layout = kohn_sham.orbital_layout(NUMBERS, basis=basis)

    def integrals(positions):
        atoms = list(zip(NUMBERS.tolist(), positions.tolist(), strict=True))
        molecule = gto.M(atom=atoms, unit="Bohr", basis=basis, verbose=0)
        return molecule.intor("int1e_ovlp"), molecule.intor("int1e_nuc")

    for here, there in zip(integrals(POSITIONS), integrals(POSITIONS @ ROTATION.T), strict=True):
        np.testing.assert_allclose(there, rotated(here, layout, ROTATION), atol=1e-10)
        wrong = with_d_orbitals_of_axis_y(layout, ROTATION)
        assert np.abs(there - wrong @ here @ wrong.T).max() > 1e-2


def test_the_layout_of_water_is_that_of_the_labels_of_pyscf():
    layout = kohn_sham.orbital_layout(NUMBERS, basis="def2-svp")
    assert layout.size == 24
    assert [layout.irreps(atom) for atom in range(3)] == ["3x0e+2x1o+1x2e", *["2x0e+1x1o"] * 2]
    atoms = list(zip(NUMBERS.tolist(), POSITIONS.tolist(), strict=True))
    labels = gto.M(atom=atoms, basis="def2-svp").ao_labels(fmt=None)
    assert layout.atoms.tolist() == [label[0] for label in labels]
    assert [label[3] for label in labels[3:6]] == ["x", "y", "z"]
    assert [label[3] for label in labels[9:14]] == ["xy", "yz", "z^2", "xz", "x2-y2"]


@pytest.mark.slow
def test_kohn_sham_matrices_turn_up_to_the_grid():
    layout = kohn_sham.orbital_layout(NUMBERS, basis="def2-svp")
    setting = {"basis": "def2-svp", "functional": "PBE"}
    here, there = solve(POSITIONS, **setting), solve(POSITIONS @ ROTATION.T, **setting)
    turned = rotated(here.hamiltonian, layout, ROTATION)
    np.testing.assert_allclose(there.hamiltonian, turned, atol=1e-5)
    wrong = with_d_orbitals_of_axis_y(layout, ROTATION)
    assert np.abs(there.hamiltonian - wrong @ here.hamiltonian @ wrong.T).max() > 1e-2


def test_orbital_energies_follow_from_hamiltonian_and_overlap():
    found = solve(POSITIONS)
    energies = scipy.linalg.eigvalsh(found.hamiltonian, found.overlap)
    # The 1s orbital of oxygen, and a gap between five occupied orbitals and two others.
    assert energies[0] == pytest.approx(-20.2, abs=0.2)
    assert energies[4] < 0 < energies[5]


@pytest.mark.parametrize(
    ("numbers", "setting", "words"),
    [
        (NUMBERS, {"basis": "def3-svp"}, "no basis 'def3-svp'"),
        (NUMBERS, {"functional": "PBX"}, "no functional 'PBX'"),
        (np.array([8, 1, 2]), {}, "closed shell, got 11 electrons"),
    ],
)
def test_bad_input_gets_a_sentence(numbers, setting, words):
    setting = {"basis": "sto-3g", "functional": "HF"} | setting
    with pytest.raises(ValueError, match=words):
        kohn_sham.compute_orbitals(numbers, POSITIONS, **setting)
