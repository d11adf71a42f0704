"""The stored rows of the point-cloud table."""

import itertools

import pytest

from experiments import cli, clouds_task, point_clouds_table, statistics, store, tables

TABLE = point_clouds_table.TABLE
ROWS = [row.name for row in TABLE.rows]
PLAIN = point_clouds_table.PLAIN
INVARIANT = [row for row in ROWS if row not in PLAIN]
# Columns of one table agree if they differ by less than the standard error over test clouds.
LEAST_LOSS_OF_PLAIN_ROWS = {"classification": 0.25, "segmentation": 0.15, "normals": 0.05}
LEAST_OF_INVARIANT_ROWS = 0.95


@pytest.fixture(scope="module")
def runs():
    found = point_clouds_table.newest(TABLE, ("quick",), store.RESULTS)
    return {key[:3]: run for key, run in found.items()}


def score(run, pose):
    return statistics.over_seeds(run, f"score_{pose}")[0]


def test_stored_rows_are_of_the_configs_as_they_are(runs):
    for row, task, pose in runs:
        config = cli.as_json(TABLE.configs(row, "quick")[f"{task}, trained on {pose}"])
        for stored in runs[row, task, pose]:
            assert stored["config"] == config, f"{row}, {task}, {pose}: stored with another config"


def test_plain_rows_lose_what_they_learned(runs):
    plain = {key: run for key, run in runs.items() if key[0] in PLAIN and key[2] == "z"}
    assert {(row, "classification", "z") for row in PLAIN} <= set(plain)
    for (row, task, _), run in plain.items():
        lost = score(run, "z") - score(run, "so3")
        assert lost >= LEAST_LOSS_OF_PLAIN_ROWS[task], (row, task)


def test_invariant_rows_score_alike_in_any_pose(runs):
    invariant = {key: run for key, run in runs.items() if key[0] in INVARIANT}
    for row in INVARIANT:
        for task in tables.load_config(TABLE.name, row, "quick").architectures:
            assert (row, task, "z") in invariant
    for key, run in invariant.items():
        sampling = max(stored["metrics"]["score_z_se"] for stored in run)
        assert abs(score(run, "z") - score(run, "so3")) <= sampling, key
        assert max(stored["metrics"]["equivariance_error_float64"] for stored in run) < 1e-12, key


def test_invariant_rows_classify(runs):
    for row, trained in itertools.product(INVARIANT, clouds_task.POSES):
        run = runs[row, "classification", trained]
        worst = min(score(run, pose) for pose in clouds_task.POSES)
        assert worst >= LEAST_OF_INVARIANT_ROWS, (row, trained)


def test_three_protocols_agree_for_invariant_rows(runs):
    for row in INVARIANT:
        upright, turned = (runs[row, "classification", pose] for pose in clouds_task.POSES)
        sampling = max(stored["metrics"]["score_z_se"] for stored in upright)
        assert abs(score(upright, "so3") - score(turned, "so3")) <= sampling, row
