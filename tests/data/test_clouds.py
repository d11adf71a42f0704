import numpy as np
import pytest

from symjax_models.data import clouds
from symjax_models.data.cloud_poses import draw_rotations, pose_clouds, rotations_of

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(2, 4, 3))
NORMALS = clouds.normalize(POINTS) / np.linalg.norm(clouds.normalize(POINTS), axis=-1)[..., None]


def make(**changes):
    values = {
        "points": POINTS,
        "normals": NORMALS,
        "labels": [1, 0],
        "parts": [[0, 1, 1, 2], [2, 2, 2, 0]],
        "classes": ("a", "b"),
        "part_names": ("p", "q", "r"),
    }
    return clouds.Clouds(**(values | changes))


def test_container_copies_casts_and_protects():
    points = POINTS.copy()
    made = make(points=points)
    points[:] = 0.0
    np.testing.assert_array_equal(made.points, POINTS.astype(np.float32))
    assert [made.points.dtype, made.labels.dtype, made.parts.dtype] == [
        np.float32,
        np.int32,
        np.int32,
    ]
    with pytest.raises(ValueError, match="read-only"):
        made.points[0] = 1.0
    assert len(made) == 2
    assert repr(made) == "Clouds(2 of 4 points: points, normals, labels, parts)"


def test_take_keeps_order_and_names():
    made = make().take([1, 1, 0])
    assert made.labels.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(made.parts[2], [0, 1, 1, 2])
    assert made.rotations is None and made.classes == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"points": POINTS[0]}, r"points \[M, N, 3\], got shape \(4, 3\); for one cloud add"),
        ({"points": POINTS[..., :2]}, r"points \[M, N, 3\], got shape \(2, 4, 2\)"),
        ({"points": np.zeros((2, 0, 3))}, r"not empty, got shape \(2, 0, 3\)"),
        ({"points": np.zeros((0, 4, 3))}, r"at least one cloud.*got shape \(0, 4, 3\)"),
        ({"points": POINTS[:, :1]}, "at least 2 points, got 1"),
        ({"points": np.where(np.eye(2)[0, :, None, None], 0, np.nan) * POINTS}, "NaN.*in cloud 1"),
        ({"normals": NORMALS[:1]}, r"normals \[2, 4, 3\], got shape \(1, 4, 3\)"),
        ({"normals": 2 * NORMALS}, "length 1, got one that is off by 1"),
        ({"features": POINTS[0]}, r"features \[2, 4, F\], got shape \(4, 3\)"),
        ({"features": POINTS * np.inf}, "finite features.*in cloud 0"),
        ({"labels": [0, 2]}, "labels from 0 to 1, got 2"),
        ({"labels": [0, -1]}, "labels from 0 to 1, got -1"),
        ({"labels": [0.0, 1.0]}, r"integers labels of shape \(2,\), got float64"),
        ({"classes": ()}, "the names that labels stand for, got none"),
        ({"rotations": np.eye(3)}, r"rotations \[2, 3, 3\], got shape \(3, 3\)"),
        ({"labels": [0]}, r"labels of shape \(2,\), got int64 of shape \(1,\)"),
        ({"parts": [[0, 1, 1, 3]] * 2}, "parts from 0 to 2, got 3"),
    ],
)
def test_wrong_input_gets_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**changes)


def test_normalize_centres_and_scales():
    made = clouds.normalize(5.0 + 3.0 * POINTS)
    np.testing.assert_allclose(made.mean(axis=1), 0.0, atol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(made, axis=-1).max(axis=-1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(made, clouds.normalize(POINTS), atol=1e-14)


def test_normalize_refuses_what_has_no_size():
    with pytest.raises(ValueError, match="at least two different points"):
        clouds.normalize(np.full((3, 4, 3), 7.1))
    with pytest.raises(ValueError, match=r"N of at least 2, got shape \(1, 3\)"):
        clouds.normalize(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="NaN"):
        clouds.normalize(np.full((4, 3), np.nan))


@pytest.mark.parametrize("pose", ["z", "so3"])
def test_rotations_are_rotations_of_the_stated_law(pose):
    rotations = draw_rotations(count=4000, pose=pose, seed=3)
    identity = np.broadcast_to(np.eye(3), rotations.shape)
    np.testing.assert_allclose(rotations @ rotations.swapaxes(1, 2), identity, atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)
    # Of the Haar law all entries have mean zero and mean square 1/3, of turns only some.
    square, mean = np.square(rotations).mean(axis=0), rotations.mean(axis=0)
    if pose == "so3":
        np.testing.assert_allclose(mean, 0.0, atol=0.04)
        np.testing.assert_allclose(square, 1 / 3, atol=0.02)
    else:
        np.testing.assert_allclose(mean, np.diag([0, 0, 1]), atol=0.05)
        np.testing.assert_allclose(square[:2, :2], 1 / 2, atol=0.03)
    np.testing.assert_array_equal(draw_rotations(count=5, pose=pose, seed=3), rotations[:5])
    assert np.abs(draw_rotations(count=5, pose=pose, seed=4) - rotations[:5]).max() > 0.1


def test_quaternions_multiply_as_rotations():
    p, q = RNG.normal(size=(2, 4))
    w = p[0] * q[0] - p[1:] @ q[1:]
    v = p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:])
    product = rotations_of(np.array([w, *v]))
    np.testing.assert_allclose(product, rotations_of(p) @ rotations_of(q), atol=1e-14)


def test_pose_turns_points_and_normals_and_composes():
    once = pose_clouds(make(), pose="so3", seed=0)
    expected = np.einsum("mij,mnj->mni", once.rotations, POINTS)
    np.testing.assert_allclose(once.points, expected, atol=1e-6)
    expected = np.einsum("mij,mnj->mni", once.rotations, NORMALS)
    np.testing.assert_allclose(once.normals, expected, atol=1e-6)
    twice = pose_clouds(once, pose="z", seed=1)
    expected = np.einsum("mij,mnj->mni", twice.rotations, POINTS)
    np.testing.assert_allclose(twice.points, expected, atol=1e-6)
    assert twice.provenance["pose"] == "z"
    with pytest.raises(ValueError, match="unknown pose 'SO3'; did you mean 'so3'"):
        pose_clouds(make(), pose="SO3", seed=0)


def test_what_single_precision_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="finite points"):
        clouds.Clouds(points=np.full((1, 2, 3), 1e39))
    points = np.array([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])
    with pytest.raises(ValueError, match="a matrix that is not orthogonal"):
        clouds.Clouds(points=points, rotations=np.full((1, 3, 3), np.nan))


def test_a_binary_file_is_no_text(tmp_path):
    path = tmp_path / "cloud.txt"
    path.write_bytes(bytes([0xFF, 0xFE, 0x00]))
    with pytest.raises(ValueError, match=r"cloud\.txt is no text file"):
        clouds.read_rows(path, columns=3, delimiter=None)
