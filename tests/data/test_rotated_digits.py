import sys

import numpy as np
import pytest

from symjax_models.data import rotated_digits

pytest.importorskip("sklearn")


def load(**changes):
    return rotated_digits.load(**{"split": "test", "pose": "upright", "seed": 0} | changes)


def test_splits_are_those_of_the_protocol():
    from sklearn import datasets

    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(1797)
    made = [load(split=split) for split in ("train", "valid", "test")]
    assert [len(part) for part in made] == [800, 200, 797]
    together = np.concatenate([part.images for part in made])
    np.testing.assert_array_equal(together, (images[order] / 16).reshape(-1, 8, 8))
    np.testing.assert_array_equal(np.concatenate([p.labels for p in made]), labels[order])
    assert together.dtype == np.float32 and together.min() == 0.0 and together.max() == 1.0


def test_quarter_turns_and_angles_are_what_they_say():
    upright, turned, free = (load(pose=pose, size=12) for pose in rotated_digits.POSES)
    assert turned.images.shape == (797, 12, 12)
    quarters = np.rint(turned.angles / (np.pi / 2)).astype(int)
    assert np.bincount(quarters, minlength=4).min() > 150
    for index in range(20):
        expected = np.rot90(upright.images[index], quarters[index])
        np.testing.assert_array_equal(turned.images[index], expected)
    assert 0.0 <= free.angles.min() < 0.1 and 6.1 < free.angles.max() < 2 * np.pi
    expected = rotated_digits.turn(upright.images, angles=free.angles)
    np.testing.assert_allclose(free.images, expected, atol=1e-6)
    # In a frame of 12 no ink is lost; in one of 8 corners are.
    np.testing.assert_allclose(free.images.sum((1, 2)), upright.images.sum((1, 2)), rtol=0.05)
    for digits in (upright, turned, free):
        np.testing.assert_array_equal(digits.labels, upright.labels)


def test_turning_is_exact_for_quarter_turns_and_approximate_in_between():
    images = load(size=12).images[:10].astype(np.float64)
    for quarter in range(-1, 4):
        turned = rotated_digits.turn(images, angles=np.full(10, quarter * np.pi / 2))
        np.testing.assert_allclose(turned, np.rot90(images, quarter, axes=(1, 2)), atol=1e-12)
    there = rotated_digits.turn(images, angles=np.full(10, 0.7))
    back = rotated_digits.turn(there, angles=np.full(10, -0.7))
    errors = [np.abs(x - images).mean() for x in (back, there)]
    assert 1e-3 < errors[0] < 0.5 * errors[1]


def test_angles_depend_on_seed_and_split():
    first, again, other = (load(pose="so2", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    assert not np.isin(other.angles, first.angles).any()
    assert not np.isin(load(split="train", pose="so2").angles, first.angles).any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"split": "validation"}, "unknown split 'validation'; did you mean 'valid'"),
        ({"pose": "C4"}, "unknown pose 'C4'; did you mean 'c4'"),
        ({"size": 7}, "even size of at least 8, got 7"),
        ({"size": 11}, "even size of at least 8, got 11"),
    ],
)
def test_wrong_input_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(**changes)


def test_missing_package_names_the_extra(monkeypatch):
    rotated_digits._permuted.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"symjax_models\[point_clouds\]"):
        load()
