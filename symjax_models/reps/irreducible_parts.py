"""The irreducible parts of a unitary representation of a finite group, given by its matrices."""

import numpy as np

from symjax_models.groups.base import Group
from symjax_models.reps import finite

# Eigenvalues that are closer than this, relative to the largest, count as one.
_SAME = 1e-6
_MAX_ATTEMPTS = 64
_COLUMNS = 6


def irreducible_parts(group: Group, matrices: np.ndarray) -> list[np.ndarray]:
    """Split a unitary representation into irreducible ones.

    What commutes with all matrices commutes with their mean conjugate of any matrix, and the
    eigenspaces of the mean of a generic Hermitian one are irreducible. A fixed one is taken, and
    another if characters tell that it was not generic.

    Args:
        group: The finite group.
        matrices: Orthogonal or unitary matrices of `group.elements`, `[order, D, D]`.

    Returns:
        Matrices `[order, d, d]` of each part, in bases that depend on the subspaces alone.
    """
    if is_irreducible(group, matrices):
        return [matrices]
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        parts = [
            basis.conj().T @ matrices @ basis
            for basis in _eigenspaces(_mean_conjugate(matrices, attempt))
        ]
        if all(is_irreducible(group, part) for part in parts):
            return parts
    raise ValueError(
        f"found no irreducible parts of a representation of {group!r}: give its generators with "
        "more digits"
    )


def is_irreducible(group: Group, matrices: np.ndarray) -> bool:
    """Tell whether a representation is irreducible, by the mean of |chi|^2 and of chi(g^2).

    Over the real numbers these are 1 and 1, 2 and 0, or 4 and -2, for real, complex and
    quaternionic type, and for nothing else.
    """
    characters = np.trace(matrices, axis1=-2, axis2=-1)
    norm = norm_of(characters)
    if group.is_complex:
        return norm == 1
    indicator = round(float(characters[finite.squares(group)].mean()))
    return (norm, indicator) in ((1, 1), (2, 0), (4, -2))


def norm_of(characters: np.ndarray) -> int:
    """Return the mean of |chi|^2: the dimension of the endomorphisms."""
    return round(float((np.abs(characters) ** 2).mean()))


def canonical_basis(projector: np.ndarray, size: int) -> np.ndarray:
    """Return the orthonormal basis `[D, size]` of a subspace that depends on it alone.

    It is made of the first columns of the projector `[D, D]` that are clearly independent.
    """
    # If all columns had less than 1 / sqrt(D) outside the chosen ones, these would span the space.
    # The bound is not a round number, so that no norm met in practice is equal to it.
    least = 0.37 / np.sqrt(len(projector))
    chosen: list[np.ndarray] = []
    rest = projector.copy()
    for column in range(len(projector)):
        length = np.linalg.norm(rest[:, column])
        if length > least:
            chosen.append(projector[:, column])
            direction = rest[:, column] / length
            rest = rest - np.outer(direction, direction.conj() @ rest)
        if len(chosen) == size:
            break
    basis, triangle = np.linalg.qr(np.stack(chosen, axis=-1))
    diagonal = np.diag(triangle)
    return basis * (diagonal / np.abs(diagonal))


def _eigenspaces(matrix: np.ndarray) -> list[np.ndarray]:
    values, vectors = np.linalg.eigh(matrix)
    ends = np.flatnonzero(np.diff(values) > _SAME * np.abs(values).max()) + 1
    spaces = np.split(vectors, ends, axis=1)
    return [canonical_basis(space @ space.conj().T, space.shape[1]) for space in spaces]


def _mean_conjugate(matrices: np.ndarray, attempt: int) -> np.ndarray:
    """Return the mean of `g X g^H` for a fixed Hermitian X without symmetries of its own."""
    order, size, _ = matrices.shape
    # X = Y Y^H with few columns is much cheaper than any X, and generic enough for parts that occur
    # no more often than their dimension times the number of columns.
    columns = min(size, _COLUMNS * attempt)
    places = np.arange(2.0, 2.0 + size * columns).reshape(size, columns)
    y = np.sin(attempt * np.sqrt(places))
    if np.iscomplexobj(matrices):
        y = y + 1j * np.sin(attempt * np.sqrt(places + size**2))
    moved = (matrices @ y).swapaxes(0, 1).reshape(size, -1)
    mean = moved @ moved.conj().T / order
    return (mean + mean.conj().T) / 2
