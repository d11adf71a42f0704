"""Neighbour lists of atoms, in molecules and in periodic cells of any shape."""

from typing import NamedTuple

import numpy as np


class Neighbours(NamedTuple):
    """All ordered pairs of atoms, and of images of atoms, closer than a cutoff.

    Attributes:
        senders: Index j of the neighbour, `[E]` int32.
        receivers: Index i of the atom whose neighbour it is, `[E]` int32, increasing.
        shifts: Whole numbers S of lattice vectors to the image of j, `[E, 3]` int32; the
            displacement of the edge is `x_i - (x_j + S cell)`.
    """

    senders: np.ndarray
    receivers: np.ndarray
    shifts: np.ndarray


def neighbour_list(
    positions: np.ndarray,
    *,
    cutoff: float,
    cell: np.ndarray | None = None,
    pbc: np.ndarray | None = None,
) -> Neighbours:
    """List the neighbours of every atom.

    Cells may be triclinic and smaller than the cutoff: then an atom is its own neighbour, and
    another one several times, by their images.

    Args:
        positions: `[N, 3]`.
        cutoff: Largest distance, in the unit of the positions.
        cell: Lattice vectors as rows, `[3, 3]`; needed where `pbc` is True.
        pbc: Whether each lattice vector is periodic, `[3]`; none is if None.

    Returns:
        The pairs, sorted by receiver, sender and shift: equal inputs have equal lists.

    Raises:
        ValueError: If a shape is wrong, the cutoff is not positive, or a periodic cell is missing
            or flat.
        ImportError: If vesin is not installed.

    Source: the package vesin, https://github.com/luthaf/vesin (cell lists).
    """
    positions = np.asarray(positions, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise ValueError(f"expected positions [N, 3], got shape {positions.shape}")
    if not cutoff > 0:
        raise ValueError(f"expected a positive cutoff, got {cutoff}")
    periodic = np.zeros(3, bool) if pbc is None else np.asarray(pbc, bool)
    if periodic.shape != (3,):
        raise ValueError(f"expected pbc [3], got shape {periodic.shape}")
    box = np.zeros((3, 3)) if cell is None else np.asarray(cell, np.float64)
    if periodic.any():
        _check_cell(box, periodic)
    if len(positions) == 0:
        return Neighbours(*(np.zeros(shape, np.int32) for shape in ((0,), (0,), (0, 3))))
    search = _make_search(cutoff)
    i, j, shifts = search.compute(
        points=positions, box=box, periodic=periodic.tolist(), quantities="ijS"
    )
    order = np.lexsort((*shifts.T[::-1], j, i))
    return Neighbours(*(np.asarray(array[order], np.int32) for array in (j, i, shifts)))


def _make_search(cutoff: float):
    try:
        import vesin
    except ImportError as error:
        raise ImportError(
            "neighbour lists need the package vesin: pip install 'symjax_models[molecules]'"
        ) from error
    # One thread: the lists of a data set are many and small.
    return vesin.NeighborList(cutoff=float(cutoff), full_list=True, n_threads=1)


def _check_cell(cell: np.ndarray, periodic: np.ndarray) -> None:
    if cell.shape != (3, 3):
        raise ValueError(f"expected a cell [3, 3], got shape {cell.shape}")
    vectors = cell[periodic]
    lengths = np.linalg.norm(vectors, axis=1)
    # The volume spanned by the periodic vectors, relative to that of orthogonal ones.
    volume = np.sqrt(max(0.0, np.linalg.det(vectors @ vectors.T)))
    if not volume > 1e-6 * np.prod(lengths):
        raise ValueError(
            f"periodic lattice vectors must be independent, got {vectors.tolist()} for pbc "
            f"{periodic.tolist()}"
        )
