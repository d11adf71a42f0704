import sys

import numpy as np
import pytest

from symjax_models.data import shapes
from symjax_models.data.modelnet_files import read_modelnet40, read_modelnet40_h5

CLASSES = ("box", "night_stand", "torus")
TRAIN = ("torus_0002", "night_stand_0001", "box_0001")
CLOUDS = shapes.make_shapes(num_per_class=3, num_points=20, seed=0, classes=["box"])


def write_rows(path, rows, *, delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(delimiter.join(f"{v:.6f}" for v in row) + "\n" for row in rows))


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "modelnet40_shape_names.txt").write_text("\n".join(CLASSES) + "\n")
    (tmp_path / "modelnet40_train.txt").write_text("\n".join(TRAIN) + "\n")
    for index, shape in enumerate(TRAIN):
        rows = np.concatenate([2 * CLOUDS.points[index] + 1, CLOUDS.normals[index]], axis=1)
        write_rows(tmp_path / shape.rpartition("_")[0] / f"{shape}.txt", rows)
    return tmp_path


def write_h5(path, *, count=2, **changes):
    import h5py

    arrays = {"data": 3 * CLOUDS.points[:count], "label": np.array([[2], [0], [1]], np.uint8)}
    arrays["label"] = arrays["label"][:count]
    with h5py.File(path, "w") as file:
        for name, values in (arrays | changes).items():
            if values is not None:
                file[name] = values


@pytest.fixture
def h5_tree(tmp_path):
    pytest.importorskip("h5py")
    (tmp_path / "shape_names.txt").write_text("\n".join(CLASSES))
    write_h5(tmp_path / "ply_data_train0.h5")
    return tmp_path


def test_text_tree_is_read(tree):
    made = read_modelnet40(tree, split="train", num_points=20)
    assert made.labels.tolist() == [2, 1, 0] and made.classes == CLASSES
    np.testing.assert_allclose(made.points, CLOUDS.points, atol=3e-6)
    np.testing.assert_allclose(made.normals, CLOUDS.normals, atol=3e-6)
    few = read_modelnet40(tree, split="train", num_points=8)
    assert few.points.shape == (3, 8, 3)
    np.testing.assert_allclose(few.normals, CLOUDS.normals[:, :8], atol=3e-6)
    np.testing.assert_allclose(np.linalg.norm(few.points, axis=-1).max(1), 1.0, rtol=1e-6)


def edit(tree, line, text):
    path = tree / "box" / "box_0001.txt"
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2,3,0,0", "line 4: expected 6 columns, got 5"),
        ("1 2 3 0 0 1", "line 4: expected 6 columns, got 1"),
        ("nan,2,3,0,0,1", "line 4: a number is not finite"),
        ("x,2,3,0,0,1", "expected numbers: could not convert string 'x'"),
    ],
)
def test_wrong_rows_are_named(tree, text, sentence):
    edit(tree, 4, text)
    with pytest.raises(ValueError, match=f"box_0001.*{sentence}"):
        read_modelnet40(tree, split="train", num_points=20)


def test_wrong_trees_are_named(tree):
    with pytest.raises(ValueError, match="unknown split 'valid'; did you mean 'train'"):
        read_modelnet40(tree, split="valid")
    with pytest.raises(ValueError, match="the file .*modelnet40_test.txt, which is missing"):
        read_modelnet40(tree, split="test")
    with pytest.raises(ValueError, match="truncated: expected 21 rows, got 20"):
        read_modelnet40(tree, split="train", num_points=21)
    with pytest.raises(ValueError, match="num_points of at least 2, got 1"):
        read_modelnet40(tree, split="train", num_points=1)
    (tree / "modelnet40_test.txt").write_text("bocks_0001\n")
    with pytest.raises(ValueError, match="got 'bocks_0001'; did you mean 'box'"):
        read_modelnet40(tree, split="test")
    (tree / "modelnet40_test.txt").write_text("box_0009\n")
    with pytest.raises(ValueError, match="the file .*box_0009.txt, which is missing"):
        read_modelnet40(tree, split="test")
    (tree / "modelnet40_test.txt").write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        read_modelnet40(tree, split="test")
    write_rows(tree / "box" / "box_0001.txt", np.ones((20, 6)))
    with pytest.raises(ValueError, match="box_0001: expected clouds of at least two different"):
        read_modelnet40(tree, split="train", num_points=20)


def test_h5_tree_is_read_in_the_order_of_numbers(h5_tree):
    write_h5(h5_tree / "ply_data_train10.h5", count=1, label=np.array([1]))
    write_h5(h5_tree / "ply_data_train2.h5", count=1, label=np.array([[0]]))
    made = read_modelnet40_h5(h5_tree, split="train", num_points=20)
    assert made.labels.tolist() == [2, 0, 0, 1] and made.normals is None
    np.testing.assert_allclose(made.points, CLOUDS.points[[0, 1, 0, 0]], atol=1e-6)


def test_h5_normals_are_read(h5_tree):
    write_h5(h5_tree / "ply_data_train0.h5", normal=2 * CLOUDS.normals[:2])
    made = read_modelnet40_h5(h5_tree, split="train", num_points=5)
    np.testing.assert_allclose(made.normals, CLOUDS.normals[:2, :5], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": None}, "the array 'data', which is missing"),
        ({"data": CLOUDS.points[0]}, r"data \[M, n, 3\] and label \[M, 1\], got \(20, 3\)"),
        ({"data": CLOUDS.points[:2, :9]}, "expected 20 points, clouds have 9"),
        ({"data": CLOUDS.points[:2] * np.nan}, "cloud 0: expected finite points"),
        ({"label": np.array([[0], [3]])}, "labels from 0 to 2, got 3"),
        ({"label": np.array([[0.0], [1.0]])}, "one integer label per cloud"),
        ({"normal": np.full((2, 20, 3), np.inf)}, "finite normals"),
        ({"normal": CLOUDS.normals[:1]}, r"normal of shape \(2, 20, 3\)"),
    ],
)
def test_wrong_h5_arrays_are_named(h5_tree, changes, sentence):
    write_h5(h5_tree / "ply_data_train0.h5", **changes)
    with pytest.raises(ValueError, match=f"train0.h5.*{sentence}"):
        read_modelnet40_h5(h5_tree, split="train", num_points=20)


def test_wrong_h5_files_are_named(h5_tree, monkeypatch):
    with pytest.raises(ValueError, match=r"files ply_data_test\*.h5 in .*, found none"):
        read_modelnet40_h5(h5_tree, split="test")
    path = h5_tree / "ply_data_train0.h5"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ValueError, match="truncated or is no HDF5 file"):
        read_modelnet40_h5(h5_tree, split="train", num_points=20)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"symjax_models\[point_clouds\]"):
        read_modelnet40_h5(h5_tree, split="train")
