"""The stored rows of the point-cloud table."""

import itertools

import pytest

from experiments import cli, clouds_task, point_clouds_table, statistics, store

TABLE = point_clouds_table.TABLE
ROWS = [row.name for row in TABLE.rows]
# Columns of one table agree if they differ by less than the standard error over test clouds.
LOSS_OF_PLAIN_ROWS = 0.25
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
    for row in point_clouds_table.PLAIN:
        run = runs[row, "classification", "z"]
        assert score(run, "z") - score(run, "so3") >= LOSS_OF_PLAIN_ROWS, row


def test_invariant_rows_classify_in_any_pose(runs):
    invariant = set(ROWS) - set(point_clouds_table.PLAIN)
    for row, trained in itertools.product(invariant, clouds_task.POSES):
        run = runs[row, "classification", trained]
        scores = [score(run, pose) for pose in clouds_task.POSES]
        sampling = max(stored["metrics"]["score_z_se"] for stored in run)
        assert abs(scores[0] - scores[1]) <= sampling, row
        assert min(scores) >= LEAST_OF_INVARIANT_ROWS, row
        assert max(stored["metrics"]["equivariance_error_float64"] for stored in run) < 1e-12, row


def test_three_protocols_agree_for_invariant_rows(runs):
    for row in set(ROWS) - set(point_clouds_table.PLAIN):
        upright, turned = (runs[row, "classification", pose] for pose in clouds_task.POSES)
        sampling = max(stored["metrics"]["score_z_se"] for stored in upright)
        assert abs(score(upright, "so3") - score(turned, "so3")) <= sampling, row
