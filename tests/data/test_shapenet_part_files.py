import json

import numpy as np
import pytest

from symjax_models.data import shapenet_part_files as shapenet
from symjax_models.data import shapes

CLOUD = shapes.make_shapes(num_per_class=1, num_points=40, seed=0, classes=["mug"])
# Mug 36 and 37, Table 47 to 49.
SHAPES = {"03797390/aaa": (36, 37), "04379243/bbb": (47, 48)}


def write_shape(folder, entry, *, parts, count=40):
    rows = np.concatenate([CLOUD.points[0] + 3.0, CLOUD.normals[0]], axis=1)[:count]
    labels = np.resize(parts, count)
    path = folder / f"{entry}.txt"
    path.parent.mkdir(exist_ok=True)
    lines = [
        " ".join(f"{v:.6f}" for v in row) + f" {label:.6f}\n"
        for row, label in zip(rows, labels, strict=True)
    ]
    path.write_text("".join(lines))


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "synsetoffset2category.txt").write_text("Mug\t03797390\nTable\t04379243\n\n")
    (tmp_path / "train_test_split").mkdir()
    write_split(tmp_path, [f"shape_data/{entry}" for entry in SHAPES])
    for entry, parts in SHAPES.items():
        write_shape(tmp_path, entry, parts=parts)
    return tmp_path


def write_split(folder, entries, *, split="train"):
    path = folder / "train_test_split" / f"shuffled_{split}_file_list.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))


def read(tree, **changes):
    return shapenet.read_shapenet_part(tree, **{"split": "train", "num_points": 40} | changes)


def test_categories_and_parts_are_the_published_ones():
    assert len(shapenet.CATEGORIES) == 16 and len(shapenet.PART_NAMES) == 50
    together = [part for name in shapenet.CATEGORIES for part in shapenet.parts_of(name)]
    assert together == list(range(50))
    assert shapenet.parts_of("Motorbike") == (30, 31, 32, 33, 34, 35)
    assert shapenet.parts_of("Skateboard") == (44, 45, 46)
    with pytest.raises(ValueError, match="unknown category 'mug'; did you mean 'Mug'"):
        shapenet.parts_of("mug")


def test_tree_is_read(tree):
    made = read(tree)
    assert [made.classes[label] for label in made.labels] == ["Mug", "Table"]
    assert set(made.parts[0].tolist()) == {36, 37} and set(made.parts[1].tolist()) == {47, 48}
    # All points are there, in another order; parts and normals go with them.
    for index, parts in enumerate(SHAPES.values()):
        gaps = np.linalg.norm(made.points[index][:, None] - CLOUD.points[0], axis=-1)
        order = gaps.argmin(axis=1)
        assert gaps.min(axis=1).max() < 1e-5 and sorted(order) == list(range(40))
        np.testing.assert_array_equal(made.parts[index], np.resize(parts, 40)[order])
        np.testing.assert_allclose(made.normals[index], CLOUD.normals[0][order], atol=1e-5)


def test_resampling_depends_on_seed_and_name_only(tree):
    few, again, other = (read(tree, num_points=15, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(few.points, again.points)
    assert np.abs(few.points - other.points).max() > 1e-2
    write_split(tree, ["shape_data/04379243/bbb"])
    np.testing.assert_array_equal(read(tree, num_points=15).points[0], few.points[1])
    # Of too few points all are taken before any is taken again.
    many = read(tree, num_points=60)
    assert len(np.unique(many.points[0].round(5), axis=0)) == 40


def test_zero_normals_become_an_axis(tree):
    path = tree / "03797390" / "aaa.txt"
    lines = path.read_text().splitlines()
    lines[0] = "1 2 3 0 0 0 36"
    path.write_text("\n".join(lines))
    normals = read(tree).normals[0]
    assert (normals == [0.0, 0.0, 1.0]).all(axis=1).sum() == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1 2 3 0 0 1", "line 2: expected 7 columns, got 6"),
        ("1 2 3 0 0 1 38", "line 2: expected a part of Mug, from 36 to 37, got 38"),
        ("1 2 3 0 0 1 36.5", "line 2: expected a part of Mug.*got 36.5"),
        ("1 2 inf 0 0 1 36", "line 2: a number is not finite"),
        ("1 2 z 0 0 1 36", "expected numbers"),
    ],
)
def test_wrong_rows_are_named(tree, line, sentence):
    path = tree / "03797390" / "aaa.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[2:]]))
    with pytest.raises(ValueError, match=f"aaa.txt.*{sentence}"):
        read(tree)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (["shape_data/03797391/aaa"], "got '03797391/aaa'; did you mean '03797390'"),
        (["aaa"], "expected shape_data/<synset>/<name>, got 'aaa'"),
        (["shape_data/03797390/ccc"], "the file .*ccc.txt, which is missing"),
        ([], "expected a list of names"),
        (["shape_data/03797390/aaa"] * 2, "holds a name twice: shape_data/03797390/aaa"),
        ([1], "expected a list of names"),
        ('["shape_data', "train_file_list.json is truncated or damaged"),
    ],
)
def test_wrong_splits_are_named(tree, entries, sentence):
    write_split(tree, entries)
    with pytest.raises(ValueError, match=sentence):
        read(tree)


def test_wrong_trees_are_named(tree):
    with pytest.raises(ValueError, match="unknown split 'valid'; did you mean 'val'"):
        read(tree, split="valid")
    with pytest.raises(ValueError, match="shuffled_val_file_list.json, which is missing"):
        read(tree, split="val")
    with pytest.raises(ValueError, match="num_points of at least 2, got 0"):
        read(tree, num_points=0)
    (tree / "03797390" / "aaa.txt").write_text("")
    with pytest.raises(ValueError, match="aaa.txt is truncated: expected 1 rows, got 0"):
        read(tree)
    write_shape(tree, "03797390/aaa", parts=(36,), count=1)
    with pytest.raises(ValueError, match="aaa.txt: expected clouds of at least two different"):
        read(tree)
    (tree / "synsetoffset2category.txt").write_text("Mugg 03797390\n")
    with pytest.raises(ValueError, match="line 1: expected a category.*did you mean 'Mug'"):
        read(tree)
    (tree / "synsetoffset2category.txt").write_text("")
    with pytest.raises(ValueError, match="is empty"):
        read(tree)
