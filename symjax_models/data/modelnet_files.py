"""Read ModelNet40 as point clouds, in the two forms in which it is passed around.

modelnet40_normal_resampled/            modelnet40_ply_hdf5_2048/
modelnet40_shape_names.txt              shape_names.txt
modelnet40_train.txt                    ply_data_train0.h5 ...
modelnet40_test.txt                     ply_data_test0.h5 ...
airplane/airplane_0001.txt ...
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax_models.data.clouds import Clouds, normalize, read_lines, read_rows, unit_normals
from symjax_models.suggestion import nearest_of

Array = np.ndarray

SPLITS = ("train", "test")
_COLUMNS = 6


def read_modelnet40(folder: str | os.PathLike, *, split: str, num_points: int = 1024) -> Clouds:
    """Read the resampled text files: rows x, y, z and a normal, with commas.

    Clouds are the first `num_points` rows, which the files hold in random order, centred and
    divided by the largest norm. Normals are given length 1
    (`clouds.unit_normals`).

    Args:
        folder: The folder with `modelnet40_shape_names.txt`.
        split: "train" (9,843 shapes) or "test" (2,468).
        num_points: N; files hold 10,000 rows.

    Returns:
        The clouds with normals and labels, in the order of the split's file.

    Raises:
        ValueError: If the split is unknown, a file is missing, misnamed or truncated, a class is
            unknown, a row has not six columns, or a number is not finite; the file is named.

    Source: Wu et al. 2015 (ModelNet40), resampled by Qi et al. 2017 (PointNet++); preparation as
        in Deng et al. 2021, Vector neurons, arXiv 2104.12229.
    """
    folder = pathlib.Path(folder)
    _check_split(split)
    _check_num_points(num_points)
    classes = _read_names(folder / "modelnet40_shape_names.txt")
    shapes = _read_names(folder / f"modelnet40_{split}.txt")
    labels, rows = [], []
    for shape in shapes:
        name = shape.rpartition("_")[0]
        if name not in classes:
            raise ValueError(
                f"{folder}, {split}: expected <class>_<number>, got {shape!r}; "
                f"{nearest_of(name, classes)}"
            )
        labels.append(classes.index(name))
        path = folder / name / f"{shape}.txt"
        rows.append(read_rows(path, columns=_COLUMNS, delimiter=",", max_rows=num_points))
    values = np.stack(rows)
    return Clouds(
        points=_normalize(values[..., :3], names=shapes),
        normals=unit_normals(values[..., 3:]),
        labels=np.array(labels),
        classes=classes,
        provenance={"format": "ModelNet40, resampled text", "folder": folder.name, "split": split},
    )


def read_modelnet40_h5(folder: str | os.PathLike, *, split: str, num_points: int = 1024) -> Clouds:
    """Read the HDF5 files: `data` `[M, 2048, 3]`, `label` `[M, 1]` and perhaps `normal`.

    Clouds are the first `num_points` points, centred and divided by the largest norm.

    Args:
        folder: The folder with `shape_names.txt` and the files `ply_data_<split>*.h5`, which are
            read in the order of their numbers.
        split: "train" or "test".
        num_points: N, at most 2,048.

    Returns:
        The clouds with labels, and with normals if all files have them.

    Raises:
        ValueError: If the split is unknown, there is no file of it, a file is damaged, an array is
            missing, has another shape or too few points, a number is not finite, or a label is out
            of range; the file is named.
        ImportError: If h5py is not installed.

    Source: Wu et al. 2015 (ModelNet40), sampled by Qi et al. 2017 (PointNet), arXiv 1612.00593.
    """
    folder = pathlib.Path(folder)
    _check_split(split)
    _check_num_points(num_points)
    classes = _read_names(folder / "shape_names.txt")
    paths = list(folder.glob(f"ply_data_{split}*.h5"))
    if not paths:
        raise ValueError(f"expected files ply_data_{split}*.h5 in {folder}, found none")
    # By number: 10 comes after 9.
    paths.sort(key=lambda path: (len(path.name), path.name))
    columns = [_read_h5(path, num_points=num_points, num_classes=len(classes)) for path in paths]
    points, normals, labels = zip(*columns, strict=True)
    with_normals = all(values is not None for values in normals)
    return Clouds(
        points=np.concatenate(points),
        normals=np.concatenate(normals) if with_normals else None,
        labels=np.concatenate(labels),
        classes=classes,
        provenance={"format": "ModelNet40, HDF5", "folder": folder.name, "split": split},
    )


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; {nearest_of(split, SPLITS)}")


def _check_num_points(num_points: int) -> None:
    if num_points < 2:
        raise ValueError(f"expected num_points of at least 2, got {num_points}")


def _read_names(path: pathlib.Path) -> tuple[str, ...]:
    names = tuple("".join(read_lines(path)).split())
    if not names:
        raise ValueError(f"{path} is empty: expected one name per line")
    if len(set(names)) != len(names):
        raise ValueError(f"{path} holds a name twice")
    return names


def _read_h5(
    path: pathlib.Path, *, num_points: int, num_classes: int
) -> tuple[Array, Array | None, Array]:
    """Return points, normals and labels of one file."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "HDF5 files need the package h5py: pip install 'symjax_models[point_clouds]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            found = {name: _read_array(file, name) for name in ("data", "label", "normal")}
    except OSError as error:
        raise ValueError(f"{path} is truncated or is no HDF5 file: {error}") from error
    points, labels, normals = found["data"], found["label"], found["normal"]
    if points is None or labels is None:
        missing = "data" if points is None else "label"
        raise ValueError(f"{path}: expected the array {missing!r}, which is missing")
    if points.ndim != 3 or points.shape[-1] != 3 or labels.shape[:1] != points.shape[:1]:
        raise ValueError(
            f"{path}: expected data [M, n, 3] and label [M, 1], got {points.shape} and "
            f"{labels.shape}"
        )
    if points.shape[1] < num_points:
        raise ValueError(f"{path}: expected {num_points} points, clouds have {points.shape[1]}")
    if labels.size != len(points) or labels.dtype.kind not in "iu":
        raise ValueError(f"{path}: expected one integer label per cloud, got {labels.shape}")
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(f"{path}: expected labels from 0 to {num_classes - 1}, got {wrong[0]}")
    names = [f"{path}, cloud {index}" for index in range(len(points))]
    if normals is not None:
        if normals.shape != points.shape:
            raise ValueError(f"{path}: expected normal of shape {points.shape}")
        if not np.isfinite(normals).all():
            raise ValueError(f"{path}: expected finite normals")
        normals = unit_normals(normals[:, :num_points])
    return _normalize(points[:, :num_points], names=names), normals, labels.reshape(-1)


def _read_array(file: Any, name: str) -> Array | None:
    return np.asarray(file[name]) if name in file else None


def _normalize(points: Array, *, names: Sequence[str]) -> Array:
    made = np.empty(points.shape)
    for index, cloud in enumerate(points):
        try:
            made[index] = normalize(cloud)
        except ValueError as error:
            raise ValueError(f"{names[index]}: {error}") from None
    return made
