"""Orbital energies and coefficients of Hamiltonians, and the errors of predicted ones."""

from typing import NamedTuple

import numpy as np
import scipy.linalg


class HamiltonianErrors(NamedTuple):
    """Errors of every configuration.

    Attributes:
        hamiltonian: Mean absolute error of all entries of H, `[F]`, hartree.
        energy: Mean absolute error of the energies of occupied orbitals, `[F]`, hartree.
        similarity: Mean of |cos| between the coefficients of occupied orbitals, `[F]`.
    """

    hamiltonian: np.ndarray
    energy: np.ndarray
    similarity: np.ndarray


def solve_orbitals(hamiltonians: np.ndarray, overlaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve `H C = S C diag(e)` for every configuration.

    Args:
        hamiltonians: H, symmetric, `[F, B, B]`.
        overlaps: S, symmetric and positive, `[F, B, B]`.

    Returns:
        Energies e, increasing, `[F, B]`, and coefficients C with `C^T S C = 1`, orbitals in
        columns, `[F, B, B]`; the sign of an orbital means nothing.

    Raises:
        ValueError: If shapes differ, or an overlap is not positive.

    >>> energies, _ = solve_orbitals(np.diag([3.0, 2.0])[None], np.diag([1.0, 4.0])[None])
    >>> energies.tolist()
    [[0.5, 3.0]]
    """
    if hamiltonians.shape != overlaps.shape or hamiltonians.ndim != 3:
        raise ValueError(
            f"expected matrices [F, B, B], got H of {hamiltonians.shape} and S of {overlaps.shape}"
        )
    energies, coefficients = [], []
    for index, (h, s) in enumerate(zip(hamiltonians, overlaps, strict=True)):
        try:
            values, vectors = scipy.linalg.eigh(h.astype(np.float64), s.astype(np.float64))
        except np.linalg.LinAlgError as error:
            raise ValueError(f"the overlap of frame {index} is not positive ({error})") from error
        energies.append(values)
        coefficients.append(vectors)
    return np.array(energies), np.array(coefficients)


def compare_hamiltonians(
    predicted: np.ndarray, hamiltonians: np.ndarray, overlaps: np.ndarray, *, num_occupied: int
) -> HamiltonianErrors:
    """Measure predicted Hamiltonians by their entries and by what follows from them.

    Args:
        predicted: `[F, B, B]`, hartree.
        hamiltonians: Those of the data, `[F, B, B]`, hartree.
        overlaps: S of the data, for both, `[F, B, B]`.
        num_occupied: Orbitals that hold electrons: half of these, 5 of water.

    Returns:
        The errors of every configuration.

    Raises:
        ValueError: If shapes differ or there are fewer orbitals than occupied ones.

    Numerics: float64. Orbitals are compared in the order of their energies: where two energies are
        closer than the error, their orbitals may change places or mix, and cosines drop.

    Source: Yu et al. 2023, arXiv:2306.04922: there too the cosine is the plain one of
        the columns of C, `|a . b| / (|a| |b|)`, without S.

    >>> h, s = np.diag([1.0, 2.0])[None], np.eye(2)[None]
    >>> compare_hamiltonians(h + 0.5 * np.eye(2), h, s, num_occupied=1)
    HamiltonianErrors(hamiltonian=array([0.25]), energy=array([0.5]), similarity=array([1.]))
    """
    size = hamiltonians.shape[-1]
    if not 1 <= num_occupied <= size:
        raise ValueError(f"expected 1..{size} occupied orbitals, got {num_occupied}")
    if predicted.shape != hamiltonians.shape:
        raise ValueError(
            f"expected predictions of shape {hamiltonians.shape}, got {predicted.shape}"
        )
    found, reference = (solve_orbitals(h, overlaps) for h in (predicted, hamiltonians))
    (e, c), (e_ref, c_ref) = (
        (energies[:, :num_occupied], coefficients[:, :, :num_occupied])
        for energies, coefficients in (found, reference)
    )
    norms = np.linalg.norm(c, axis=1) * np.linalg.norm(c_ref, axis=1)
    cosines = np.abs(np.sum(c * c_ref, axis=1)) / norms
    return HamiltonianErrors(
        np.abs(predicted - hamiltonians).mean(axis=(1, 2)),
        np.abs(e - e_ref).mean(axis=1),
        cosines.mean(axis=1),
    )
