"""Split data sets by a seed or by given indices, without overlaps."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from symjax_models.data.structures import Structures

Array = np.ndarray


def random_split(count: int, sizes: Sequence[int | None], *, seed: int) -> tuple[Array, ...]:
    """Draw disjoint indices.

    The parts are consecutive pieces of one permutation, so with the same seed and count a smaller
    first part is the beginning of a larger one.

    Args:
        count: Number of configurations n.
        sizes: Size of every part; None, at most once, takes all that others leave. Their sum may be
            smaller than n.
        seed: Of the permutation; equal on all machines and versions of NumPy.

    Returns:
        One array of indices per size.

    Raises:
        ValueError: If the parts do not fit.

    >>> [part.tolist() for part in random_split(6, (2, None, 1), seed=0)]
    [[3, 2], [1, 0, 4], [5]]
    """
    given = [size for size in sizes if size is not None]
    if any(size < 0 for size in given) or len(sizes) - len(given) > 1:
        raise ValueError(f"expected sizes of at least 0, None at most once, got {tuple(sizes)}")
    if sum(given) > count:
        raise ValueError(f"sizes {tuple(sizes)} need {sum(given)} of {count} configurations")
    # NumPy promises the raw numbers for ever, and not its permutations.
    order = np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")
    filled = [count - sum(given) if size is None else size for size in sizes]
    stops = np.cumsum([0, *filled])
    return tuple(order[start:stop] for start, stop in itertools.pairwise(stops))


def split(
    structures: Structures, sizes: Sequence[int | None], *, seed: int
) -> tuple[Structures, ...]:
    """Split a data set by a seed, as where validation is taken from the training file.

    Args:
        structures: The data set.
        sizes: As of `random_split`.
        seed: As of `random_split`.

    Returns:
        One data set per size; the split is in their provenance.
    """
    parts = random_split(len(structures), sizes, seed=seed)
    names = [f"part {index} of {len(parts)}, seed {seed}" for index in range(len(parts))]
    return _take(structures, dict(zip(names, parts, strict=True)))


def split_by_indices(
    structures: Structures, parts: Mapping[str, Sequence[int] | Array]
) -> dict[str, Structures]:
    """Split a data set by given indices.

    Args:
        structures: F configurations.
        parts: Indices from 0 of every part by its name, as `read_indices` gives them.

    Returns:
        The data sets by name.

    Raises:
        ValueError: If an index is out of range, or occurs twice.

    >>> atoms = Structures(numbers=[1, 2, 3], positions=[[0, 0, 0]] * 3, num_atoms=[1, 1, 1])
    >>> split_by_indices(atoms, {"train": [2, 0], "test": [1]})["train"].numbers.tolist()
    [3, 1]
    """
    indices = {name: _as_whole(values, name) for name, values in parts.items()}
    owners: dict[int, str] = {}
    for name, values in indices.items():
        for index in values.tolist():
            if not 0 <= index < len(structures):
                raise ValueError(
                    f"{name} has the index {index}, expected 0 to {len(structures) - 1}"
                )
            if index in owners:
                raise ValueError(f"index {index} is in {owners[index]} and again in {name}")
            owners[index] = name
    return dict(zip(indices, _take(structures, indices), strict=True))


def read_indices(path: str | os.PathLike, *, key: str | None = None) -> Array:
    """Read indices from a file.

    Args:
        path: Text with whole numbers, one a line or separated by commas, as of rMD17's splits
            (`.csv`, `.txt`), or arrays of NumPy (`.npy`, `.npz`).
        key: Name of the array in `.npz`.

    Returns:
        `[n]`.

    Raises:
        ValueError: If there is something else in the file.
    """
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            if key is None or key not in stored.files:
                raise ValueError(f"{path}: expected key= one of {', '.join(stored.files)}")
            values = stored[key]
    elif path.suffix == ".npy":
        values = np.load(path, allow_pickle=False)
    else:
        words = path.read_text(encoding="utf-8").replace(",", " ").split()
        if not all(word.isdecimal() for word in words):
            wrong = next(word for word in words if not word.isdecimal())
            raise ValueError(f"{path}: expected whole numbers, got {wrong!r}")
        values = np.array(words, np.int64)
    return _as_whole(values, str(path))


def _as_whole(values: Sequence[int] | Array, name: str) -> Array:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: expected whole numbers [n], got {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)


def _take(structures: Structures, parts: Mapping[str, Array]) -> tuple[Structures, ...]:
    return tuple(
        dataclasses.replace(
            structures.take(indices),
            provenance={
                **structures.provenance,
                "split": f"{name}: {len(indices)} of {len(structures)} configurations",
            },
        )
        for name, indices in parts.items()
    )
