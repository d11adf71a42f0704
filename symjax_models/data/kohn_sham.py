"""Hamiltonian, overlap and energy of one molecule in atomic orbitals, from PySCF."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from symjax_models.data import trajectory_sampling
from symjax_models.data.atomic_orbitals import OrbitalLayout
from symjax_models.data.trajectory_sampling import import_extra

# Far below what is learnt: the Hamiltonian's error is of the size of the orbital gradient's.
_ENERGY_CONVERGENCE, _GRADIENT_CONVERGENCE = 1e-11, 1e-7
_GRID_LEVEL = 3


class Orbitals(NamedTuple):
    """Matrices of one molecule in the order of `OrbitalLayout`.

    Attributes:
        hamiltonian: The Kohn-Sham or Fock matrix H, `[B, B]`, hartree.
        overlap: S, `[B, B]`.
        energy: Total energy, hartree.
    """

    hamiltonian: np.ndarray
    overlap: np.ndarray
    energy: float


def settings() -> dict[str, float]:
    """Return what decides the numbers beside basis and functional.

    >>> settings()["grid_level"]
    3
    """
    return {
        "grid_level": _GRID_LEVEL,
        "energy_convergence": _ENERGY_CONVERGENCE,
        "gradient_convergence": _GRADIENT_CONVERGENCE,
    }


def compute_orbitals(
    numbers: np.ndarray, positions_bohr: np.ndarray, *, basis: str, functional: str
) -> Orbitals:
    """Solve the self-consistent field equations of one closed-shell molecule.

    Args:
        numbers: Atomic numbers, `[N]`.
        positions_bohr: `[N, 3]`.
        basis: Name of a basis in PySCF.
        functional: Name of a functional in PySCF, or `"HF"`.

    Returns:
        H, S and the energy, from the converged density.

    Raises:
        ValueError: If a name is unknown, electrons are left unpaired, or it does not converge.
    """
    molecule = _make_molecule(numbers, positions_bohr, basis=basis)
    with trajectory_sampling.one_thread():
        if functional.upper() == "HF":
            field = import_extra("pyscf.scf").RHF(molecule)
        else:
            field = import_extra("pyscf.dft").RKS(molecule, xc=functional)
            field.grids.level = _GRID_LEVEL
        field.conv_tol, field.conv_tol_grad = _ENERGY_CONVERGENCE, _GRADIENT_CONVERGENCE
        try:
            energy = field.kernel()
        # PySCF raises KeyError or NotImplementedError for a functional that it does not know.
        except (KeyError, NotImplementedError) as error:
            raise ValueError(f"PySCF knows no functional {functional!r} ({error})") from error
        if not field.converged:
            raise ValueError(f"{functional}/{basis} did not converge in {field.max_cycle} cycles")
        return Orbitals(np.asarray(field.get_fock()), field.get_ovlp(), float(energy))


def orbital_layout(numbers: np.ndarray, *, basis: str) -> OrbitalLayout:
    """Return the order of the orbitals of a molecule in PySCF.

    Args:
        numbers: Atomic numbers, `[N]`.
        basis: Name of a basis in PySCF.

    Returns:
        The layout; of water in def2-SVP 3s2p1d for O and 2s1p for each H, 24 orbitals.

    Raises:
        ValueError: If PySCF has no such basis for these elements.
        ImportError: If pyscf is not installed.
    """
    # The order does not depend on the geometry; atoms must only not coincide.
    line = np.arange(len(numbers))[:, None] * np.array([3.0, 0.0, 0.0])
    molecule = _make_molecule(numbers, line, basis=basis)
    return OrbitalLayout(
        tuple(
            (int(molecule.bas_atom(shell)), int(molecule.bas_angular(shell)))
            for shell in range(molecule.nbas)
            for _ in range(molecule.bas_nctr(shell))
        )
    )


def _make_molecule(numbers: np.ndarray, positions_bohr: np.ndarray, *, basis: str) -> Any:
    gto = import_extra("pyscf.gto")
    atoms = [(int(z), tuple(map(float, x))) for z, x in zip(numbers, positions_bohr, strict=True)]
    if int(np.sum(numbers)) % 2:
        raise ValueError(
            f"expected a closed shell, got {int(np.sum(numbers))} electrons of the atomic numbers "
            f"{np.asarray(numbers).tolist()}"
        )
    try:
        with warnings.catch_warnings():
            # Of a basis that it does not know, PySCF says where another package might find it.
            warnings.simplefilter("ignore")
            return gto.M(atom=atoms, unit="Bohr", basis=basis, verbose=0)
    # PySCF has error classes of its own for an unknown basis, which are runtime errors.
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"PySCF has no basis {basis!r} for the atomic numbers {sorted(set(map(int, numbers)))} "
            f"({error}); def2-svp and sto-3g are there for most"
        ) from error
