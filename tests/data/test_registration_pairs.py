import numpy as np
import pytest

from symjax_models.data.registration_pairs import make_pairs

SIZES = {"num_pairs": 6, "num_points": 128, "seed": 0}
NAMES = ("sources", "source_normals", "targets", "target_normals", "rotations", "translations")


@pytest.fixture(scope="module")
def exact():
    return make_pairs(**SIZES, same_points=True)


def moved(pairs):
    return np.einsum("pij,pnj->pni", pairs.rotations, pairs.sources) + pairs.translations[:, None]


def test_same_points_correspond_exactly(exact):
    assert exact.sources.shape == exact.targets.shape == (6, 128, 3)
    assert exact.sources.dtype == np.float64 and exact.correspondences.dtype == np.int32
    turned = np.einsum("pij,pnj->pni", exact.rotations, exact.source_normals)
    for index in range(len(exact)):
        partners = exact.correspondences[index]
        known = partners >= 0
        assert known.mean() == exact.overlaps[index] and 0.5 <= known.mean() <= 0.9
        assert len(set(partners[known])) == known.sum()
        for ours, theirs in ((moved(exact), exact.targets), (turned, exact.target_normals)):
            np.testing.assert_allclose(
                ours[index, known], theirs[index, partners[known]], atol=1e-14
            )
        # Points without a partner are not among the targets.
        gaps = moved(exact)[index, ~known][:, None] - exact.targets[index]
        assert np.linalg.norm(gaps, axis=-1).min() > 1e-9


def test_control_wrong_motion_does_not_fit(exact):
    known = exact.correspondences[0] >= 0
    partners = exact.targets[0, exact.correspondences[0, known]]
    assert np.abs(exact.sources[0, known] - partners).max() > 1e-2


def test_own_points_have_partners_within_the_radius():
    pairs = make_pairs(**SIZES, radius=0.08)
    gap = moved(pairs)[:, :, None] - pairs.targets[:, None]
    distances = np.linalg.norm(gap, axis=-1)
    nearest = distances.argmin(axis=-1)
    expected = np.where(distances.min(axis=-1) <= 0.08, nearest, -1)
    np.testing.assert_array_equal(pairs.correspondences, expected)
    assert 0.1 < (pairs.correspondences >= 0).mean() < 0.9
    assert distances.min() > 1e-9


@pytest.mark.parametrize("same_points", [True, False])
def test_stated_overlap_is_reached(same_points):
    pairs = make_pairs(**SIZES | {"num_points": 512}, overlap=(0.3, 0.3), same_points=same_points)
    np.testing.assert_allclose(pairs.overlaps, 0.3, atol=2e-3 if same_points else 0.09)
    whole = make_pairs(**SIZES, overlap=(1.0, 1.0), same_points=True)
    assert (whole.correspondences >= 0).all() and (whole.overlaps == 1.0).all()


def test_angles_are_bounded_and_of_the_haar_law():
    few = {"num_points": 4, "seed": 1, "same_points": True}
    assert make_pairs(num_pairs=40, rotation_degrees=20.0, **few).angles.max() <= 20.0
    angles = np.radians(make_pairs(num_pairs=100, **few).angles)
    # Mean of a under (1 - cos a) / pi is pi / 2 + 2 / pi, its deviation 0.65.
    np.testing.assert_allclose(angles.mean(), np.pi / 2 + 2 / np.pi, atol=0.2)
    still = make_pairs(num_pairs=2, rotation_degrees=0.0, translation=0.0, **few)
    np.testing.assert_allclose(still.rotations, np.eye(3)[None].repeat(2, axis=0), atol=1e-7)
    assert not still.translations.any()


def test_rotations_and_normals_are_what_they_are_called(exact):
    np.testing.assert_allclose(
        exact.rotations @ exact.rotations.swapaxes(1, 2), np.stack([np.eye(3)] * 6), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(exact.rotations), 1.0)
    for normals in (exact.source_normals, exact.target_normals):
        np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1.0)
    assert np.linalg.norm(exact.translations, axis=1).max() <= 1.0


def test_noise_has_the_stated_size(exact):
    noisy = make_pairs(**SIZES, same_points=True, noise=0.05)
    np.testing.assert_allclose((noisy.sources - exact.sources).std(), 0.05, rtol=0.1)
    np.testing.assert_allclose((noisy.targets - exact.targets).std(), 0.05, rtol=0.1)
    np.testing.assert_array_equal(noisy.correspondences, exact.correspondences)


def test_pairs_depend_on_seed_and_number_only(exact):
    fewer = make_pairs(**SIZES | {"num_pairs": 3}, same_points=True)
    other = make_pairs(**SIZES | {"seed": 1}, same_points=True)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(fewer, name), getattr(exact, name)[:3])
        assert np.abs(getattr(other, name) - getattr(exact, name)).max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_pairs": 0}, "num_pairs of at least 1, got 0"),
        ({"num_points": 3}, "num_points of at least 4, got 3"),
        ({"overlap": (0.9, 0.5)}, "lowest <= highest <= 1 for overlap"),
        ({"overlap": (0.0, 0.5)}, "0 < lowest"),
        ({"rotation_degrees": 181.0}, "rotation_degrees from 0 to 180, got 181"),
        ({"noise": float("inf")}, "finite noise and translation"),
        ({"translation": -1.0}, "finite noise and translation"),
        ({"radius": 0.0}, "finite radius above 0"),
    ],
)
def test_wrong_input_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_pairs(**SIZES | changes)
