import numpy as np
import pytest

from symjax_models.data.lidar_files import read_kitti_poses, read_kitti_scan, read_nuscenes_scan

VALUES = np.random.default_rng(0).normal(size=(20, 5)).astype("<f4")
READERS = {"000000.bin": (read_kitti_scan, 4), "sweep.pcd.bin": (read_nuscenes_scan, 5)}


@pytest.mark.parametrize("name", READERS)
def test_scans_are_read(tmp_path, name):
    read, columns = READERS[name]
    VALUES[:, :columns].tofile(tmp_path / name)
    made = read(tmp_path / name)
    np.testing.assert_array_equal(made.points, VALUES[None, :, :3])
    np.testing.assert_array_equal(made.features, VALUES[None, :, 3:columns])
    assert made.labels is None and made.provenance["file"] == name


@pytest.mark.parametrize("name", READERS)
def test_damaged_scans_are_refused(tmp_path, name):
    read, columns = READERS[name]
    path = tmp_path / name
    with pytest.raises(ValueError, match=f"{name}, which is missing"):
        read(path)
    content = VALUES[:, :columns].tobytes()
    for size in (0, len(content) - 4):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=f"rows of {columns} float32.*got {size} bytes"):
            read(path)
    path.write_bytes(content[: 4 * columns])
    with pytest.raises(ValueError, match=f"{name}: expected clouds of at least 2 points, got 1"):
        read(path)
    values = VALUES[:, :columns].copy()
    values[3, 1] = np.nan
    values.tofile(path)
    with pytest.raises(ValueError, match=f"{name}: expected finite points"):
        read(path)


def test_misnamed_scans_are_refused(tmp_path):
    """A size that fits both formats does not make one the other."""
    for name, read in (("a.pcd.bin", read_kitti_scan), ("a.bin", read_nuscenes_scan)):
        VALUES.tofile(tmp_path / name)
        with pytest.raises(ValueError, match=f"whose name ends with .*got '{name}'"):
            read(tmp_path / name)
    with pytest.raises(ValueError, match="ends with .bin, got 'a.txt'"):
        read_kitti_scan(tmp_path / "a.txt")


def test_poses_are_read(tmp_path):
    path = tmp_path / "00.txt"
    path.write_text("1 0 0 0 0 1 0 0 0 0 1 0\n0 -1 0 5e0 1 0 0 6 0 0 1 7\n")
    poses = read_kitti_poses(path)
    assert poses.shape == (2, 4, 4) and poses.dtype == np.float64
    np.testing.assert_array_equal(poses[0], np.eye(4))
    np.testing.assert_array_equal(poses[1] @ [1, 0, 0, 1], [5, 7, 7, 1])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "00.txt is truncated: expected 1 rows, got 0"),
        ("1 0 0 0 0 1 0 0 0 0 1", "line 1: expected 12 columns, got 11"),
        ("1 0 0 0 0 1 0 0 0 0 1 0\n2 0 0 0 0 1 0 0 0 0 1 0", "line 2: expected a rotation"),
        ("1 0 0 0 0 1 0 0 0 0 -1 0", "line 1: expected a rotation"),
        ("1 0 0 nan 0 1 0 0 0 0 1 0", "line 1: a number is not finite"),
    ],
)
def test_wrong_poses_are_refused(tmp_path, text, sentence):
    (tmp_path / "00.txt").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_kitti_poses(tmp_path / "00.txt")
