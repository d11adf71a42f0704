import numpy as np
import pytest

from symjax_models.data import structure_splits
from symjax_models.data.structures import Structures


def atoms(count=10):
    return Structures(
        numbers=np.arange(1, count + 1), positions=np.zeros((count, 3)), num_atoms=[1] * count
    )


def test_parts_are_disjoint_and_repeat():
    train, rest, test = structure_splits.random_split(1000, (50, None, 100), seed=3)
    assert [len(part) for part in (train, rest, test)] == [50, 850, 100]
    assert sorted(np.concatenate([train, rest, test]).tolist()) == list(range(1000))
    again, *_ = structure_splits.random_split(1000, (50, 20), seed=3)
    np.testing.assert_array_equal(train, again)
    larger, _ = structure_splits.random_split(1000, (950, 50), seed=3)
    np.testing.assert_array_equal(train, larger[:50])
    other, _ = structure_splits.random_split(1000, (50, 20), seed=4)
    assert set(other.tolist()) != set(train.tolist())


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((8, 3), "need 11 of 10"),
        ((-1, 3), "at least 0"),
        ((None, None), "None at most once"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        structure_splits.random_split(10, sizes, seed=0)


def test_validation_is_taken_from_the_training_file():
    train, valid = structure_splits.split(atoms(), (6, 2), seed=0)
    assert len(train) == 6 and len(valid) == 2
    assert not set(train.numbers.tolist()) & set(valid.numbers.tolist())
    assert valid.provenance["split"] == "part 1 of 2, seed 0: 2 of 10 configurations"


def test_indices_choose_frames_in_order():
    parts = structure_splits.split_by_indices(atoms(), {"train": [4, 0], "test": []})
    assert parts["train"].numbers.tolist() == [5, 1]
    assert len(parts["test"]) == 0


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"train": [0, 1], "test": [1]}, "index 1 is in train and again in test"),
        ({"train": [0, 0]}, "index 0 is in train and again in train"),
        ({"train": [10]}, "train has the index 10, expected 0 to 9"),
        ({"train": [-1]}, "index -1"),
        ({"train": [0.5]}, "train: expected whole numbers"),
    ],
)
def test_overlaps_and_wrong_indices_are_refused(parts, sentence):
    with pytest.raises(ValueError, match=sentence):
        structure_splits.split_by_indices(atoms(), parts)


def test_indices_are_read_from_files(tmp_path):
    (tmp_path / "index_train_01.csv").write_text("3\n1\n4\n")
    (tmp_path / "row.txt").write_text("3, 1, 4")
    np.save(tmp_path / "a.npy", np.array([3, 1, 4]))
    np.savez(tmp_path / "a.npz", train_idx=np.array([3, 1, 4]))
    for name, key in (
        ("index_train_01.csv", None),
        ("row.txt", None),
        ("a.npy", None),
        ("a.npz", "train_idx"),
    ):
        assert structure_splits.read_indices(tmp_path / name, key=key).tolist() == [3, 1, 4]
    with pytest.raises(ValueError, match="one of train_idx"):
        structure_splits.read_indices(tmp_path / "a.npz")
    (tmp_path / "wrong.csv").write_text("1\n2.5\n")
    with pytest.raises(ValueError, match="got '2.5'"):
        structure_splits.read_indices(tmp_path / "wrong.csv")
