"""Read ShapeNet-part: clouds of 16 categories whose points have 50 parts.

shapenetcore_partanno_segmentation_benchmark_v0_normal/
synsetoffset2category.txt               Airplane 02691156 ...
train_test_split/shuffled_train_file_list.json ...
02691156/1021a0914a7207aff927ed529ad90a11.txt ...
"""

import itertools
import json
import os
import pathlib
import zlib

import numpy as np

from symjax_models.data.clouds import Clouds, normalize, read_lines, read_rows, unit_normals
from symjax_models.suggestion import nearest_of

Array = np.ndarray

SPLITS = ("train", "val", "test")
_COLUMNS = 7
# Categories in the order of their parts, which are numbered through.
_NUM_PARTS = {
    "Airplane": 4,
    "Bag": 2,
    "Cap": 2,
    "Car": 4,
    "Chair": 4,
    "Earphone": 3,
    "Guitar": 3,
    "Knife": 2,
    "Lamp": 4,
    "Laptop": 2,
    "Motorbike": 6,
    "Mug": 2,
    "Pistol": 3,
    "Rocket": 3,
    "Skateboard": 3,
    "Table": 3,
}
CATEGORIES = tuple(_NUM_PARTS)
PART_NAMES = tuple(
    f"{category} {part}" for category, number in _NUM_PARTS.items() for part in range(number)
)


def parts_of(category: str) -> tuple[int, ...]:
    """Return the parts of a category, from 0 to 49.

    Args:
        category: One of `CATEGORIES`.

    Raises:
        ValueError: If it is unknown; the nearest one is named.

    >>> parts_of("Mug")
    (36, 37)
    """
    if category not in _NUM_PARTS:
        raise ValueError(f"unknown category {category!r}; {nearest_of(category, CATEGORIES)}")
    ends = dict(zip(CATEGORIES, itertools.accumulate(_NUM_PARTS.values()), strict=True))
    return tuple(range(ends[category] - _NUM_PARTS[category], ends[category]))


def read_shapenet_part(
    folder: str | os.PathLike, *, split: str, num_points: int = 2048, seed: int = 0
) -> Clouds:
    """Read a split: rows x, y, z, a normal and a part, with spaces.

    Every file has a number of points of its own. `num_points` of them are drawn without
    replacement; of a file with fewer all are taken, and the rest is drawn again from them. What is
    drawn depends on the seed and the shape's name only. Clouds are then centred and divided by the
    largest norm, and normals are given length 1 (`clouds.unit_normals`).

    Args:
        folder: The folder with `synsetoffset2category.txt`.
        split: "train" (12,137 shapes), "val" (1,870) or "test" (2,874).
        num_points: N.
        seed: Seed of the resampling, at least 0.

    Returns:
        The clouds with normals, parts and the categories as labels, in the order of the split's
        file.

    Raises:
        ValueError: If the split is unknown, a file is missing, misnamed or truncated, a category is
            unknown, a row has not seven columns, a number is not finite, or a part is not one of
            its category; the file is named.

    Source: Yi et al. 2016, A scalable active framework for region annotation in 3D shape
        collections, with normals by Qi et al. 2017 (PointNet++).
    """
    folder = pathlib.Path(folder)
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; {nearest_of(split, SPLITS)}")
    if num_points < 2:
        raise ValueError(f"expected num_points of at least 2, got {num_points}")
    categories = _read_categories(folder / "synsetoffset2category.txt")
    columns = []
    for entry in _read_split(folder / "train_test_split" / f"shuffled_{split}_file_list.json"):
        synset, _, shape = entry.partition("/")
        if synset not in categories or not shape or "/" in shape:
            raise ValueError(
                f"{folder}, {split}: expected shape_data/<synset>/<name>, got {entry!r}; "
                f"{nearest_of(synset, categories)}"
            )
        path = folder / synset / f"{shape}.txt"
        columns.append(
            _read_shape(path, category=categories[synset], num_points=num_points, seed=seed)
        )
    points, normals, parts, labels = zip(*columns, strict=True)
    return Clouds(
        points=np.stack(points),
        normals=np.stack(normals),
        parts=np.stack(parts),
        labels=np.array(labels),
        classes=CATEGORIES,
        part_names=PART_NAMES,
        provenance={"format": "ShapeNet-part", "split": split, "seed": str(seed)},
    )


def _read_categories(path: pathlib.Path) -> dict[str, str]:
    """Return {synset: category}."""
    categories = {}
    for number, line in enumerate(read_lines(path), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or words[0] not in _NUM_PARTS:
            raise ValueError(
                f"{path}, line {number}: expected a category and a synset, got {line.strip()!r}; "
                f"{nearest_of(words[0], CATEGORIES)}"
            )
        categories[words[1]] = words[0]
    if not categories:
        raise ValueError(f"{path} is empty: expected a category and a synset per line")
    return categories


def _read_split(path: pathlib.Path) -> list[str]:
    """Return entries <synset>/<name>."""
    try:
        entries = json.loads("".join(read_lines(path)))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is truncated or damaged: {error}") from error
    texts = isinstance(entries, list) and all(isinstance(entry, str) for entry in entries)
    if not texts or not entries:
        raise ValueError(f"{path}: expected a list of names, shape_data/<synset>/<name>")
    if len(set(entries)) < len(entries):
        twice = next(entry for entry in entries if entries.count(entry) > 1)
        raise ValueError(f"{path} holds a name twice: {twice}")
    return [entry.removeprefix("shape_data/") for entry in entries]


def _read_shape(
    path: pathlib.Path, *, category: str, num_points: int, seed: int
) -> tuple[Array, Array, Array, int]:
    """Return points, normals, parts and the label of one file."""
    rows = read_rows(path, columns=_COLUMNS, delimiter=None)
    own = parts_of(category)
    wrong = ~np.isin(rows[:, 6], own)
    if wrong.any():
        raise ValueError(
            f"{path}, line {np.argmax(wrong) + 1}: expected a part of {category}, from {own[0]} to "
            f"{own[-1]}, got {rows[np.argmax(wrong), 6]:g}"
        )
    rng = np.random.default_rng([seed, zlib.crc32(path.stem.encode())])
    order = rng.permutation(len(rows))[:num_points]
    again = rng.integers(len(rows), size=num_points - len(order))
    rows = rows[np.concatenate([order, again])]
    try:
        points = normalize(rows[:, :3])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    normals, parts = unit_normals(rows[:, 3:6]), rows[:, 6].astype(np.int32)
    return points, normals, parts, CATEGORIES.index(category)
