"""Read scans of a LiDAR and the poses of its car: KITTI odometry and nuScenes."""

import os
import pathlib

import numpy as np

from symjax_models.data.clouds import Clouds, read_rows

Array = np.ndarray

_ROTATION_TOLERANCE = 1e-3


def read_kitti_scan(path: str | os.PathLike) -> Clouds:
    """Read `velodyne/<frame>.bin`: float32 rows x, y, z, intensity.

    Args:
        path: The file.

    Returns:
        One cloud in metres, with features `[1, N, 1]`: the intensity.

    Raises:
        ValueError: If the file is missing, misnamed, empty or truncated, or a number is not finite.

    Source: Geiger, Lenz, Urtasun 2012, Are we ready for autonomous driving?
    """
    return _read_scan(pathlib.Path(path), ending=".bin", columns=4)


def read_nuscenes_scan(path: str | os.PathLike) -> Clouds:
    """Read `LIDAR_TOP/<sample>.pcd.bin`: float32 rows x, y, z, intensity, ring.

    Args:
        path: The file.

    Returns:
        One cloud in metres, with features `[1, N, 2]`: intensity and number of the laser.

    Raises:
        ValueError: As in `read_kitti_scan`.

    Source: Caesar et al. 2020, nuScenes, arXiv 1903.11027.
    """
    return _read_scan(pathlib.Path(path), ending=".pcd.bin", columns=5)


def read_kitti_poses(path: str | os.PathLike) -> Array:
    """Read `poses/<sequence>.txt`: the rows of [R | t], 12 numbers per line.

    Args:
        path: The file.

    Returns:
        `[F, 4, 4]` in float64: the camera's frames in the world, x_world = R x + t, t in metres.

    Raises:
        ValueError: If the file is missing, empty or truncated, a line has not 12 finite numbers, or
            R is no rotation.

    Source: Geiger, Lenz, Urtasun 2012, the odometry benchmark.
    """
    rows = read_rows(pathlib.Path(path), columns=12, delimiter=None)
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = rows.reshape(-1, 3, 4)
    rotations = poses[:, :3, :3]
    errors = np.abs(rotations @ rotations.swapaxes(1, 2) - np.eye(3)).max(axis=(1, 2))
    errors = np.maximum(errors, np.abs(np.linalg.det(rotations) - 1.0))
    if errors.max() > _ROTATION_TOLERANCE:
        raise ValueError(
            f"{path}, line {np.argmax(errors) + 1}: expected a rotation, got a matrix that is off "
            f"by {errors.max():.2g}"
        )
    return poses


def _read_scan(path: pathlib.Path, *, ending: str, columns: int) -> Clouds:
    suffixes = "".join(path.suffixes[-2:])
    # A nuScenes scan ends with .bin too, and its size may fit both rows.
    if not path.name.endswith(ending) or (ending == ".bin" and suffixes == ".pcd.bin"):
        raise ValueError(f"expected a file whose name ends with {ending}, got {path.name!r}")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"expected the file {path}, which is missing") from error
    row = 4 * columns
    if len(content) % row or not content:
        raise ValueError(
            f"{path} is empty, truncated or of another format: expected rows of {columns} float32, "
            f"{row} bytes, got {len(content)} bytes"
        )
    values = np.frombuffer(content, "<f4").reshape(1, -1, columns)
    try:
        return Clouds(
            points=values[..., :3],
            features=values[..., 3:],
            provenance={"format": f"LiDAR {ending}", "file": path.name},
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
