"""What is measured of trajectories: drift of the energy, distances of atoms."""

import numpy as np

from symjax_models.data.neighbours import neighbour_list
from symjax_models.dynamics.simulation import Trajectory


def energy_drift(trajectory: Trajectory) -> float:
    """Fit a line to the total energy.

    Args:
        trajectory: Of dynamics at constant energy, with two stored configurations at least.

    Returns:
        Its slope per atom, eV/ps; zero for exact dynamics.
    """
    total = trajectory.potential + trajectory.kinetic
    slope = np.polyfit(trajectory.times - trajectory.times.mean(), total - total.mean(), 1)[0]
    return float(1000 * slope / trajectory.positions.shape[1])


def energy_fluctuation(trajectory: Trajectory) -> float:
    """Return the standard deviation of the total energy around its drift, eV per atom."""
    total = trajectory.potential + trajectory.kinetic
    times = trajectory.times - trajectory.times.mean()
    rest = total - np.polyval(np.polyfit(times, total, 1), times)
    return float(rest.std() / trajectory.positions.shape[1])


def distance_distribution(
    positions: np.ndarray, *, edges: np.ndarray, pairs: np.ndarray | None = None
) -> np.ndarray:
    """Estimate the density of the distances of pairs of atoms in a molecule.

    `h(r)`, a histogram over all pairs and configurations with an integral of one if all distances
    are within it.

    Args:
        positions: `[T, N, 3]`, angstrom.
        edges: Edges of the bins, `[M + 1]`, angstrom.
        pairs: Indices of the pairs that count, `[P, 2]`; all if None.

    Returns:
        `[M]`, 1/angstrom.

    Source: Fu et al. 2022, arXiv:2210.07237, section 3 (h(r) of molecules).
    """
    if pairs is None:
        pairs = np.stack(np.triu_indices(positions.shape[1], k=1), axis=1)
    distances = np.linalg.norm(positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]], axis=-1)
    counts, _ = np.histogram(distances, bins=edges)
    return counts / (max(1, distances.size) * np.diff(edges))


def radial_distribution(
    positions: np.ndarray, cell: np.ndarray, *, edges: np.ndarray
) -> np.ndarray:
    """Estimate the radial distribution function of a periodic system.

    `g(r)`, the density of atoms at a distance r from an atom over the mean density.

    Args:
        positions: `[T, N, 3]`, angstrom.
        cell: Lattice vectors as rows, `[3, 3]`, periodic in all three directions.
        edges: Edges of the bins, `[M + 1]`, angstrom; beyond half the cell images count too.

    Returns:
        `[M]`.
    """
    counts = np.zeros(len(edges) - 1)
    for frame in positions:
        found = neighbour_list(frame, cutoff=float(edges[-1]), cell=cell, pbc=np.ones(3, bool))
        r = frame[found.receivers] - frame[found.senders] - found.shifts @ cell
        counts += np.histogram(np.linalg.norm(r, axis=1), bins=edges)[0]
    num_atoms = positions.shape[1]
    shells = 4 / 3 * np.pi * np.diff(np.asarray(edges) ** 3)
    density = num_atoms / abs(np.linalg.det(cell))
    return counts / (len(positions) * num_atoms * shells * density)
