"""Statistics of configurations of atoms: what scripts print, and what scales a model."""

import numpy as np
from scipy import spatial

from symjax_models.data.elements import symbol_of
from symjax_models.data.structures import Structures

Array = np.ndarray

# Up to so many atoms all pairs are faster than a tree; distances held at a time.
_MAX_PAIRED_ATOMS, _MAX_DISTANCES = 64, 2_000_000


def species_of(structures: Structures) -> tuple[int, ...]:
    """Return the atomic numbers that occur, increasing."""
    return tuple(np.unique(structures.numbers).tolist())


def compositions(structures: Structures, species: tuple[int, ...]) -> Array:
    """Count the atoms of every species.

    Args:
        structures: F configurations.
        species: S atomic numbers.

    Returns:
        `[F, S]` float64.

    >>> water = Structures(
    ...     numbers=[8, 1, 1], positions=[[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]],
    ...     num_atoms=[3],
    ... )
    >>> compositions(water, (1, 8)).tolist()
    [[2.0, 1.0]]
    """
    counts = np.zeros((len(structures), len(species)))
    frames = np.repeat(np.arange(len(structures)), structures.num_atoms)
    for column, number in enumerate(species):
        chosen = frames[structures.numbers == number]
        counts[:, column] = np.bincount(chosen, minlength=len(structures))
    return counts


def force_rms(structures: Structures) -> float:
    """Return the root mean square of all force components, eV/angstrom.

    Raises:
        ValueError: If there are no forces.
    """
    if structures.forces is None:
        raise ValueError(f"expected forces, got {structures!r}")
    return float(np.sqrt(np.mean(structures.forces**2)))


def nearest_distances(structures: Structures) -> Array:
    """Return the distance from every atom to the nearest other atom or image.

    Args:
        structures: A atoms; in periodic directions the images next to the cell are looked at,
            which is all that there are in cells that are not extremely skewed.

    Returns:
        `[A]`, angstrom; infinite for atoms that are alone.
    """
    nearest = np.full(len(structures.numbers), np.inf)
    starts = structures.starts
    is_periodic = np.zeros(len(structures), bool)
    if structures.pbc is not None:
        is_periodic = structures.pbc.any(axis=1)
    by_tree = is_periodic | (structures.num_atoms > _MAX_PAIRED_ATOMS)
    for frame in np.flatnonzero(by_tree):
        atoms = slice(starts[frame], starts[frame + 1])
        nearest[atoms] = _by_tree(structures.frame(int(frame)))
    for size in np.unique(structures.num_atoms[~by_tree]):
        frames = np.flatnonzero(~by_tree & (structures.num_atoms == size))
        for chunk in np.array_split(frames, -(-len(frames) * size**2 // _MAX_DISTANCES)):
            atoms = starts[chunk][:, None] + np.arange(size)
            nearest[atoms] = _all_pairs(structures.positions[atoms])
    return nearest


def _all_pairs(positions: Array) -> Array:
    """Return the nearest distances `[F, N]` of positions `[F, N, 3]`."""
    differences = positions[:, :, None] - positions[:, None]
    squares = np.einsum("fijx,fijx->fij", differences, differences)
    atoms = np.arange(positions.shape[1])
    squares[:, atoms, atoms] = np.inf
    return np.sqrt(squares.min(axis=2))


def _by_tree(frame: dict[str, Array]) -> Array:
    positions = frame["positions"]
    images = positions[None]
    if "pbc" in frame:
        steps = [(0, -1, 1) if periodic else (0,) for periodic in frame["pbc"]]
        shifts = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
        images = positions + (shifts @ frame["cell"])[:, None]
    # The nearest image of an atom is the atom itself.
    distances, _ = spatial.KDTree(images.reshape(-1, 3)).query(positions, k=2)
    return distances[:, 1]


def describe(structures: Structures) -> str:
    """Write the statistics of a data set as text, a line per quantity.

    Args:
        structures: The configurations.

    Returns:
        Configurations, atoms, species, energies, forces, stresses, distances, cells, properties and
        provenance, as far as there are any.
    """
    counts = structures.num_atoms
    if not len(structures):
        return "no configurations"
    lines = [("configurations", f"{len(structures):,}"), ("atoms", _spread(counts))]
    species = species_of(structures)
    totals = compositions(structures, species).sum(axis=0)
    atoms = [f"{symbol_of(z)} {int(n):,}" for z, n in zip(species, totals, strict=True)]
    lines.append(("species", ", ".join(atoms)))
    lines.append(("energies", "none"))
    if structures.energies is not None:
        values = structures.energies
        lines[-1] = (
            "energies",
            f"mean {values.mean():.3f} eV, standard deviation {values.std():.3f} eV; per atom "
            f"{(values / counts).mean():.4f} and {(values / counts).std():.4f} eV",
        )
    lines.append(("forces", "none"))
    if structures.forces is not None:
        largest = np.linalg.norm(structures.forces, axis=1).max()
        text = f"root mean square {force_rms(structures):.3f} eV/A, largest {largest:.2f} eV/A"
        lines[-1] = ("forces", text)
    if structures.stresses is not None:
        rms = np.sqrt(np.mean(structures.stresses**2))
        lines.append(("stresses", f"root mean square {rms:.3e} eV/A^3"))
    nearest = nearest_distances(structures)
    nearest = nearest[np.isfinite(nearest)]
    if nearest.size:
        text = f"{nearest.min():.3f} to {nearest.max():.3f} A, median {np.median(nearest):.3f} A"
        lines.append(("nearest atoms", text))
    lines.append(("cells", _describe_cells(structures)))
    lines += [(name, _spread(values)) for name, values in structures.properties.items()]
    lines += list(structures.provenance.items())
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


def _spread(values: Array) -> str:
    smallest, largest = values.min(), values.max()
    if smallest == largest:
        return f"{smallest:,.6g}"
    return f"{smallest:,.6g} to {largest:,.6g}, mean {values.mean():,.6g}"


def _describe_cells(structures: Structures) -> str:
    if structures.cells is None or structures.pbc is None or not structures.pbc.any():
        return "none is periodic"
    is_periodic = structures.pbc.any(axis=1)
    directions = structures.pbc.sum(axis=1)[is_periodic]
    volumes = np.abs(np.linalg.det(structures.cells[is_periodic]))
    return (
        f"{int(is_periodic.sum()):,} periodic along {_spread(directions)} lattice vectors, "
        f"volume {_spread(volumes)} A^3"
    )
