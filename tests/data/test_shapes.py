import numpy as np
import pytest

from symjax_models.data import shapes

SIZES = {"num_per_class": 4, "num_points": 128, "seed": 0}


def invariant_features(clouds):
    """Return histograms of distances and angles of pairs of points with normals."""
    points, normals = clouds.points, clouds.normals
    i, j = np.random.default_rng(0).integers(points.shape[1], size=(2, 3000))
    gaps = points[:, j] - points[:, i]
    columns = (
        (np.linalg.norm(gaps, axis=-1), 32, 2.0),
        (np.abs((normals[:, i] * normals[:, j]).sum(-1)), 10, 1.001),
        (np.abs((gaps * normals[:, i]).sum(-1)), 20, 2.0),
        (np.abs((points * normals).sum(-1)), 20, 1.0),
    )
    counts = [
        np.stack([np.histogram(row, bins=bins, range=(0, top))[0] / len(row) for row in rows])
        for rows, bins, top in columns
    ]
    return np.sqrt(np.concatenate(counts, axis=1))


def kernel(first, second):
    return np.exp(-np.square(first[:, None] - second).sum(-1) / 0.15)


@pytest.fixture(scope="module")
def upright():
    return shapes.make_shapes(**SIZES)


def test_layout(upright):
    count = SIZES["num_per_class"] * 10
    assert upright.points.shape == upright.normals.shape == (count, 128, 3)
    assert upright.parts.shape == (count, 128) and upright.rotations.shape == (count, 3, 3)
    assert upright.labels.tolist() == list(range(10)) * SIZES["num_per_class"]
    assert upright.classes == shapes.CLASSES and len(shapes.CLASSES) == 10
    np.testing.assert_allclose(upright.points.mean(axis=1), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(upright.points, axis=-1).max(1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(upright.normals, axis=-1), 1.0, rtol=1e-6)


def test_parts_belong_to_their_class(upright):
    owned = [set(shapes.parts_of(name)) for name in shapes.CLASSES]
    assert sorted(part for parts in owned for part in parts) == list(range(len(shapes.PART_NAMES)))
    for parts, label in zip(upright.parts, upright.labels, strict=True):
        assert set(parts.tolist()) <= owned[label]
    for label, parts in enumerate(owned):
        assert set(upright.parts[upright.labels == label].ravel().tolist()) == parts


@pytest.mark.parametrize("pose", ["z", "so3"])
def test_poses_are_paired(upright, pose):
    posed = shapes.make_shapes(**SIZES, pose=pose)
    for name in ("points", "normals"):
        expected = np.einsum("mij,mnj->mni", posed.rotations, getattr(upright, name))
        np.testing.assert_allclose(getattr(posed, name), expected, atol=1e-6)
    np.testing.assert_array_equal(posed.parts, upright.parts)
    assert np.abs(posed.points - upright.points).max() > 0.5
    if pose == "z":
        np.testing.assert_allclose(posed.points[..., 2], upright.points[..., 2], atol=1e-6)


def test_shapes_depend_on_seed_class_and_number_only(upright):
    fewer = shapes.make_shapes(**SIZES | {"num_per_class": 2})
    np.testing.assert_array_equal(fewer.points, upright.points[:20])
    mugs = shapes.make_shapes(**SIZES, classes=["mug", "box"])
    np.testing.assert_array_equal(mugs.points[::2], upright.points[9::10])
    assert mugs.labels.tolist() == [9, 1] * 4 and mugs.classes == shapes.CLASSES
    other = shapes.make_shapes(**SIZES | {"seed": 1})
    assert np.abs(other.points - upright.points).max() > 0.1


def test_noise_moves_points_by_its_size():
    sizes = SIZES | {"num_points": 512, "classes": ["sphere"]}
    clean = shapes.make_shapes(**sizes, noise=0.0)
    noisy = shapes.make_shapes(**sizes, noise=0.02)
    # Both are the same shape up to the size, which the noise changes by a few hundredths.
    ratio = np.linalg.norm(noisy.points, axis=(1, 2)) / np.linalg.norm(clean.points, axis=(1, 2))
    moved = noisy.points / ratio[:, None, None] - clean.points
    np.testing.assert_allclose(moved.std(), 0.02, rtol=0.15)
    assert np.abs(noisy.normals - clean.normals).max() == 0.0


def test_occlusion_cuts_a_half_space_away():
    sizes = SIZES | {"num_points": 400, "classes": ["sphere"], "noise": 0.0}
    whole, cut = shapes.make_shapes(**sizes), shapes.make_shapes(**sizes, occlusion=0.4)
    assert cut.points.shape == whole.points.shape
    # The normals of a closed surface have mean zero; those of a cut one point away from the cut.
    lengths = [np.linalg.norm(c.normals.mean(axis=1), axis=1) for c in (whole, cut)]
    assert lengths[0].max() < 0.2 < lengths[1].min()


def test_normals_of_bodies_point_outward():
    """Of convex bodies, centred, every normal looks away from the centre."""
    sizes = SIZES | {"classes": ["sphere", "box", "cylinder", "cone", "tetrahedron"], "noise": 0.0}
    clouds = shapes.make_shapes(**sizes)
    heights = (clouds.points * clouds.normals).sum(-1)
    assert heights.min() > 0.0


def test_both_hands_of_the_helix_are_drawn():
    clouds = shapes.make_shapes(**SIZES | {"num_per_class": 20, "classes": ["helix"]})
    hands = []
    for cloud, normals in zip(clouds.points, clouds.normals, strict=True):
        # Torsion's sign: the tube's normals turn about the axis one way or the other.
        angle = np.arctan2(cloud[:, 1], cloud[:, 0])
        tangent = np.stack([-np.sin(angle), np.cos(angle), 0 * angle], axis=1)
        slope = (normals * tangent).sum(1) * normals[:, 2]
        hands.append(np.sign(-slope.sum()))
    assert 3 <= hands.count(1.0) <= 17 and hands.count(1.0) + hands.count(-1.0) == 20


def test_classes_are_told_apart_by_invariants():
    """Kernel regression; without normals an SVM of local shapes reaches 99.75 % of 400."""
    train = shapes.make_shapes(num_per_class=20, num_points=256, seed=0, pose="z")
    test = shapes.make_shapes(num_per_class=10, num_points=256, seed=1, pose="so3")
    known, asked = invariant_features(train), invariant_features(test)
    gram = kernel(known, known) + 1e-3 * np.eye(len(known))
    scores = kernel(asked, known) @ np.linalg.solve(gram, np.eye(10)[train.labels])
    assert (scores.argmax(axis=1) == test.labels).mean() >= 0.97


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_points": 0}, "num_points of at least 2, got 0"),
        ({"num_per_class": 0}, "num_per_class of at least 1, got 0"),
        ({"noise": -0.1}, "finite noise of at least 0, got -0.1"),
        ({"noise": float("nan")}, "finite noise of at least 0, got nan"),
        ({"occlusion": 1.0}, "occlusion from 0 to below 1, got 1.0"),
        ({"pose": "SO(3)"}, r"unknown pose 'SO\(3\)'; did you mean 'so3'"),
        ({"classes": ["mugs"]}, "unknown class of shapes 'mugs'; did you mean 'mug'"),
    ],
)
def test_wrong_input_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        shapes.make_shapes(**SIZES | changes)


def test_unknown_class_has_no_parts():
    with pytest.raises(ValueError, match="did you mean 'torus'"):
        shapes.parts_of("tours")
