"""Point clouds with their labels, in memory: the container, its checks, unit size."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

Array = np.ndarray

_UNIT_TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Clouds:
    """Hold M clouds of N points with their labels.

    The arrays are copied, checked and read-only.

    Attributes:
        points: `[M, N, 3]` float32.
        normals: Unit normals `[M, N, 3]` float32, or None.
        features: Other numbers of every point, such as intensities, `[M, N, F]` float32, or None.
        labels: Class of every cloud, an index of `classes`, `[M]` int32, or None.
        parts: Part of every point, an index of `part_names`, `[M, N]` int32, or None.
        rotations: Rotation that took the upright cloud to `points`, `[M, 3, 3]` float32, or None.
        classes: Names of the classes.
        part_names: Names of the parts, of all classes.
        provenance: Where the data come from: file or generator, seed.

    >>> Clouds(points=[[[0, 0, 0], [1, 0, 0]]], labels=[0], classes=("rod",))
    Clouds(1 of 2 points: points, labels)
    """

    points: Array
    normals: Array | None = None
    features: Array | None = None
    labels: Array | None = None
    parts: Array | None = None
    rotations: Array | None = None
    classes: tuple[str, ...] = ()
    part_names: tuple[str, ...] = ()
    provenance: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Copy and check the arrays.

        Raises:
            ValueError: If one of them is not what `check` expects.
        """
        check(
            self.points,
            normals=self.normals,
            features=self.features,
            labels=self.labels,
            num_classes=len(self.classes),
            parts=self.parts,
            num_parts=len(self.part_names),
        )
        turns = None if self.rotations is None else np.shape(self.rotations)
        if turns not in (None, (len(self), 3, 3)):
            raise ValueError(f"expected rotations [{len(self)}, 3, 3], got shape {turns}")
        if self.rotations is not None:
            grams = np.swapaxes(self.rotations, 1, 2) @ self.rotations
            if not np.allclose(grams, np.eye(3), atol=_UNIT_TOLERANCE):
                raise ValueError("expected rotations, got a matrix that is not orthogonal")
        for name in _ARRAYS:
            values = getattr(self, name)
            if values is not None:
                kind = np.int32 if name in ("labels", "parts") else np.float32
                copied = np.array(values, kind)
                copied.flags.writeable = False
                object.__setattr__(self, name, copied)

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        present = [name for name in _ARRAYS if getattr(self, name) is not None]
        return f"Clouds({len(self)} of {self.points.shape[1]} points: {', '.join(present)})"

    def take(self, indices: Sequence[int] | Array) -> Self:
        """Return the clouds of these indices, in their order.

        Args:
            indices: `[K]` integers.

        Returns:
            K clouds.
        """
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        chosen = {name: None if a is None else a[indices] for name, a in arrays.items()}
        return dataclasses.replace(self, **chosen)


_ARRAYS = ("points", "normals", "features", "labels", "parts", "rotations")


def check(
    points: Array,
    *,
    normals: Array | None = None,
    features: Array | None = None,
    labels: Array | None = None,
    num_classes: int = 0,
    parts: Array | None = None,
    num_parts: int = 0,
) -> None:
    """Check arrays of clouds before anything is trained on them.

    Args:
        points: `[M, N, 3]`, with M at least 1 and N at least 2.
        normals: Unit vectors `[M, N, 3]`.
        features: `[M, N, F]`.
        labels: `[M]`, from 0 to `num_classes` - 1.
        num_classes: Number of classes.
        parts: `[M, N]`, from 0 to `num_parts` - 1.
        num_parts: Number of parts.

    Raises:
        ValueError: If a rank or a shape does not fit, a cloud is empty or one point, a number is
            not finite, a normal has not length 1, or a label is out of range.

    >>> check(np.zeros((5, 3)))
    Traceback (most recent call last):
    ValueError: expected points [M, N, 3], got shape (5, 3); for one cloud add an axis in front
    """
    points = np.asarray(points)
    if points.ndim != 3 or points.shape[-1] != 3:
        advice = "; for one cloud add an axis in front" if points.ndim == 2 else ""
        raise ValueError(f"expected points [M, N, 3], got shape {points.shape}{advice}")
    count, num_points = points.shape[:2]
    if count < 1 or num_points < 1:
        raise ValueError(f"expected at least one cloud that is not empty, got shape {points.shape}")
    if num_points == 1:
        raise ValueError("expected clouds of at least 2 points, got 1: one point has no shape")
    _check_finite(points, "points")
    shapes = (("normals", normals, 3), ("features", features, -1))
    for name, values, width in shapes:
        if values is None:
            continue
        shape = np.shape(values)
        if len(shape) != 3 or shape[:2] != points.shape[:2] or width not in (-1, shape[2]):
            last = "F" if width < 0 else width
            raise ValueError(f"expected {name} [{count}, {num_points}, {last}], got shape {shape}")
        _check_finite(np.asarray(values), name)
    if normals is not None:
        worst = np.abs(np.linalg.norm(normals, axis=-1) - 1.0).max()
        if worst > _UNIT_TOLERANCE:
            raise ValueError(f"expected normals of length 1, got one that is off by {worst:.2g}")
    _check_labels(labels, "labels", shape=(count,), number=num_classes)
    _check_labels(parts, "parts", shape=(count, num_points), number=num_parts)


def normalize(points: Array) -> Array:
    """Centre clouds on their mean and divide them by their largest norm.

    Args:
        points: `[*batch, N, 3]`.

    Returns:
        `[*batch, N, 3]` in float64, of mean zero and largest norm 1.

    Raises:
        ValueError: If there are fewer than two points, a number is not finite, or all points of a
            cloud coincide.

    Equivariance: O(3) acts on both sides; invariant under translations and positive scales.

    >>> normalize(np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]])).tolist()
    [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    points = np.asarray(points, np.float64)
    if points.ndim < 2 or points.shape[-1] != 3 or points.shape[-2] < 2:
        raise ValueError(
            f"expected points [..., N, 3] with N of at least 2, got shape {points.shape}"
        )
    _check_finite(points, "points")
    centred = points - points.mean(axis=-2, keepdims=True)
    size = np.linalg.norm(centred, axis=-1).max(axis=-1)
    reach = np.abs(points).max(axis=(-2, -1))
    if np.any(size <= 1e-12 * reach):
        raise ValueError("expected clouds of at least two different points, got one that has none")
    return centred / size[..., None, None]


def unit_normals(normals: Array) -> Array:
    """Give normals length 1; those of length zero, of degenerate faces, become the z axis.

    Args:
        normals: `[*batch, 3]`, finite.

    Returns:
        `[*batch, 3]` in float64.

    >>> unit_normals(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    normals = np.asarray(normals, np.float64)
    normals = np.where(normals.any(axis=-1, keepdims=True), normals, np.eye(3)[2])
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def read_lines(path: pathlib.Path, *, max_lines: int | None = None) -> list[str]:
    """Read the lines of a text file.

    Args:
        path: The file.
        max_lines: Read so many, and no more; None reads all.

    Returns:
        The lines, with their ends.

    Raises:
        ValueError: If the file is missing or no text; it is named.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return list(itertools.islice(file, max_lines))
    except FileNotFoundError as error:
        raise ValueError(f"expected the file {os.fspath(path)}, which is missing") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{os.fspath(path)} is no text file: {error}") from error


def read_rows(
    path: pathlib.Path, *, columns: int, delimiter: str | None, max_rows: int | None = None
) -> Array:
    """Read rows of numbers from a text file.

    Args:
        path: The file.
        columns: Numbers of a row.
        delimiter: What stands between numbers; None for white space.
        max_rows: Read so many rows, and no more; None reads all.

    Returns:
        `[rows, columns]` in float64.

    Raises:
        ValueError: If rows are missing, a row has another number of columns, or a number is not
            finite; the file and the line are named.
    """
    lines = read_lines(path, max_lines=max_rows)
    while max_rows is None and lines and not lines[-1].strip():
        lines.pop()
    if not lines or len(lines) < (max_rows or 0):
        raise ValueError(f"{path} is truncated: expected {max_rows or 1} rows, got {len(lines)}")
    for number, line in enumerate(lines, start=1):
        found = len(line.split(delimiter))
        if found != columns:
            raise ValueError(f"{path}, line {number}: expected {columns} columns, got {found}")
    try:
        rows = np.loadtxt(lines, delimiter=delimiter, ndmin=2, comments=None)
    except ValueError as error:
        raise ValueError(f"{path}: expected numbers: {error}") from None
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise ValueError(f"{path}, line {bad[0] + 1}: a number is not finite")
    return rows


def _check_finite(values: Array, name: str) -> None:
    # Clouds are stored in single precision, where larger numbers are infinite. NaN fits neither.
    finite = (np.abs(values) <= np.finfo(np.float32).max).all(axis=(-2, -1))
    if not np.all(finite):
        first = int(np.argmin(np.ravel(finite)))
        raise ValueError(f"expected finite {name}, got NaN or infinity in cloud {first}")


def _check_labels(values: Array | None, name: str, *, shape: tuple[int, ...], number: int) -> None:
    if values is None:
        return
    values = np.asarray(values)
    if values.shape != shape or values.dtype.kind not in "iu":
        raise ValueError(
            f"expected integers {name} of shape {shape}, got {values.dtype} of shape {values.shape}"
        )
    if number < 1:
        raise ValueError(f"expected the names that {name} stand for, got none")
    wrong = values[(values < 0) | (values >= number)]
    if wrong.size:
        raise ValueError(f"expected {name} from 0 to {number - 1}, got {wrong.flat[0]}")
