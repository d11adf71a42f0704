"""Runs of the point-cloud table, small, and the scores of its tasks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import (
    cli,
    clouds_data,
    clouds_task,
    point_clouds,
    point_clouds_table,
    reproduce,
    store,
    tables,
)
from symjax_models.data import shapes
from tests.data.test_modelnet_files import write_rows
from tests.data.test_shapenet_part_files import write_shape, write_split

TABLE = point_clouds_table.TABLE
ROWS = ["dgcnn", "vn_dgcnn"]
CASES = {
    "dgcnn": ["segmentation, trained on z"],
    "vn_dgcnn": ["classification, trained on z"],
}


class FewCases(point_clouds_table.PointCloudTable):
    """The table with few runs per row."""

    def configs(self, row, preset):
        found = super().configs(row, preset)
        return {case: found[case] for case in CASES[row]}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Return the folder of a smoke reproduction of two rows."""
    folder = tmp_path_factory.mktemp("reproduced")
    assert reproduce.reproduce(
        FewCases(**vars(TABLE)),
        preset="smoke",
        rows=ROWS,
        runs=folder / "runs",
        results=folder / "results",
    )
    return folder


def smoke_config(row="dgcnn", **data):
    config = tables.load_config("point_clouds", row, "smoke")
    config.data.update(data)
    return config


def test_a_row_per_case_is_stored(reproduced):
    rows = store.read("point_clouds", results=reproduced / "results")
    data = [row["config"]["data"] for row in rows]
    cases = [f"{each['task']}, trained on {each['train_pose']}" for each in data]
    assert cases == [case for row in ROWS for case in CASES[row]]
    for row in rows:
        assert np.isfinite(list(row["metrics"].values())).all()
        assert all(0 <= v <= 1 for n, v in row["metrics"].items() if n.startswith("score"))


def test_equivariance_is_that_of_the_model(reproduced):
    rows = store.read("point_clouds", results=reproduced / "results")
    for row in rows:
        metrics = row["metrics"]
        if row["row"] == "vn_dgcnn":
            # Logits of a nearly untrained network are small beside what they are sums of.
            assert metrics["equivariance_error"] < 5e-5
            assert metrics["equivariance_error_float64"] < 1e-11
            if row["config"]["data"]["task"] == "classification":
                assert len({metrics[f"score_at_{angle}"] for angle in clouds_task.ANGLES}) == 1
        else:
            assert metrics["equivariance_error_float64"] > 1e-2


def test_publish_writes_the_table_and_the_figure(reproduced):
    pytest.importorskip("matplotlib")
    results = reproduced / "results"
    text = reproduce.publish(TABLE, presets=("smoke",), results=results)
    assert "| Classes, accuracy in % |" in text
    assert "| Parts, mean intersection over union of instances in % |" in text
    assert "89.5 / 89.5 / 90.2" in text
    for name in ("orbits", "parts"):
        assert (results / "figures" / f"point_clouds_{name}.png").stat().st_size > 10_000


@pytest.mark.slow
def test_normals_are_trained(tmp_path):
    """The gradient of the plain network once was not finite: see `safe.maximum_over`."""
    config = smoke_config(task="normals", train_pose="so3")
    assert point_clouds.run(config, workdir=tmp_path / "run", results=tmp_path / "results")
    (stored,) = store.read("point_clouds", results=tmp_path / "results")
    assert 0 < stored["metrics"]["score_so3"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("row", ["fa_dgcnn", "ponita"])
def test_rows_with_randomness_of_their_own_run(row, tmp_path):
    config = smoke_config(row)
    assert point_clouds.run(config, workdir=tmp_path / "run", results=tmp_path / "results")
    (stored,) = store.read("point_clouds", results=tmp_path / "results")
    assert stored["metrics"]["equivariance_error_float64"] < 1e-11


class Fixed:
    """A model that answers what it was given."""

    def __init__(self, outputs):
        self.outputs = outputs

    def apply(self, params, *arguments, deterministic, rngs):
        assert deterministic
        return self.outputs


def test_scores_of_classes_and_parts_and_normals():
    problem = clouds_data.load(smoke_config(task="segmentation").data)
    batch = clouds_task.as_arrays(problem.examples("test"))
    right = 10.0 * jax.nn.one_hot(batch["parts"], len(problem.splits["test"].part_names))
    score = clouds_task.scores(problem, Fixed(right), {}, batch)
    np.testing.assert_array_equal(score, 1)
    # Parts of other classes are not taken, however likely.
    others = ~problem.parts_of_class[np.asarray(batch["labels"])]
    score = clouds_task.scores(problem, Fixed(right + 99.0 * others[:, None]), {}, batch)
    np.testing.assert_array_equal(score, 1)
    score = clouds_task.scores(problem, Fixed(-right), {}, batch)
    several = problem.parts_of_class[np.asarray(batch["labels"])].sum(-1) > 1
    assert (np.asarray(score)[several] < 0.5).all()
    np.testing.assert_array_equal(np.asarray(score)[~several], 1)

    problem = clouds_data.load(smoke_config(task="normals").data)
    batch = clouds_task.as_arrays(problem.examples("test"))
    score = clouds_task.scores(problem, Fixed(-3 * batch["normals"]), {}, batch)
    np.testing.assert_allclose(score, 1, rtol=1e-5)  # neither length nor sign counts
    zero = jnp.zeros_like(batch["normals"])
    np.testing.assert_array_equal(clouds_task.scores(problem, Fixed(zero), {}, batch), 0)


def test_loss_of_right_answers_is_that_of_the_smoothing():
    problem = clouds_data.load(smoke_config().data)
    batch = clouds_task.as_arrays(problem.examples("test"))
    sure = 50.0 * jax.nn.one_hot(batch["labels"], 10)
    options = {"pose": "z", "label_smoothing": 0.0}
    loss = clouds_task.losses(problem, Fixed(sure), {}, batch, None, **options)
    np.testing.assert_allclose(loss, 0, atol=1e-6)
    options["label_smoothing"] = 0.2
    loss = clouds_task.losses(problem, Fixed(sure), {}, batch, None, **options)
    np.testing.assert_allclose(loss, 0.2 * 0.9 * 50, rtol=1e-5)


@pytest.mark.parametrize("pose", clouds_task.POSES)
def test_training_rotations(pose):
    turns = np.asarray(clouds_task.random_rotations(jax.random.key(0), 500, pose=pose))
    np.testing.assert_allclose(turns @ turns.swapaxes(1, 2), np.eye(3) + 0 * turns, atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-5)
    vertical = np.abs(turns[:, 2, 2] - 1) < 1e-6
    assert vertical.all() if pose == "z" else not vertical.any()
    assert np.abs(turns.mean(0)[:2, :2]).max() < 0.15


def test_turned_keeps_normals_with_points():
    examples = clouds_data.load(smoke_config(task="normals").data).examples("test")
    turned = clouds_task.turned(examples, 90)
    along, before = (np.sum(e["points"] * e["normals"], -1) for e in (turned, examples))
    np.testing.assert_allclose(along, before, atol=1e-5)
    upright = clouds_task.turned(examples, 360)
    np.testing.assert_allclose(upright["points"], examples["points"], atol=1e-5)
    axis = np.array([1, 1, 0], np.float32)
    np.testing.assert_allclose(turned["points"] @ axis, examples["points"] @ axis, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "classificaton"}, "did you mean 'classification'"),
        ({"train_pose": "so(3)"}, "did you mean 'so3'"),
        ({"source": "shape"}, "did you mean 'shapes'"),
        ({"per_class": (2, 2)}, "has three numbers"),
        ({"num_points": 1}, "num_points of at least 2"),
        ({"source": "modelnet40", "folder": "/nowhere"}, "/nowhere"),
        ({"source": "modelnet40", "folder": "/x", "occlusion": 0.5}, "cuts generated shapes only"),
        ({"source": "modelnet40"}, "config.data.folder says where the files"),
        ({"folder": "/x"}, "source 'shapes' reads no files; expected config.data.source"),
    ],
)
def test_mistakes_end_in_a_sentence_before_training(fields, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        point_clouds.run(smoke_config(**fields), workdir=tmp_path)
    assert not list(tmp_path.glob("checkpoints/*"))


def test_case_fields_are_no_overrides():
    assert point_clouds.CASE_FIELDS["point_clouds"] == ("data.task", "data.train_pose")
    assert cli.as_json(smoke_config())["data"]["per_class"] == [2, 2, 2]


def test_files_of_both_benchmarks_become_problems(tmp_path):
    names = [f"box_{number:04d}" for number in range(1, 5)]
    (tmp_path / "modelnet40_shape_names.txt").write_text("box\n")
    for split, of_split in (("train", names[:2]), ("test", names[2:])):
        (tmp_path / f"modelnet40_{split}.txt").write_text("\n".join(of_split))
    clouds = shapes.make_shapes(num_per_class=4, num_points=8, seed=0, classes=["mug"])
    rows = np.concatenate([clouds.points, clouds.normals], axis=-1)
    for name, values in zip(names, rows, strict=True):
        write_rows(tmp_path / "box" / f"{name}.txt", values)
    data = smoke_config(source="modelnet40", folder=str(tmp_path), num_points=8).data
    problem = clouds_data.load(data)
    assert [len(problem.splits[split]) for split in ("train", "valid", "test")] == [1, 1, 2]
    assert problem.outputs == {"num_classes": 1}

    (tmp_path / "synsetoffset2category.txt").write_text("Mug\t03797390\n")
    (tmp_path / "train_test_split").mkdir()
    for split, parts in (("train", (36,)), ("val", (36,)), ("test", (36, 37))):
        entries = [f"03797390/{split}{number}" for number in range(2)]
        write_split(tmp_path, [f"shape_data/{entry}" for entry in entries], split=split)
        for entry in entries:
            write_shape(tmp_path, entry, parts=parts)
    data.update(source="shapenet_part", task="segmentation")
    problem = clouds_data.load(data)
    # A part that training clouds lack is a part all the same.
    mug = problem.splits["train"].classes.index("Mug")
    assert np.flatnonzero(problem.parts_of_class[mug]).tolist() == [36, 37]
    data.task = "normals"
    assert clouds_data.load(data).examples("test")["normals"].shape == (2, 8, 3)
