"""The stored rows of the registration table."""

import pytest

from experiments import cli, registration_table, registration_task, statistics, store

TABLE = registration_table.TABLE


@pytest.fixture(scope="module")
def runs():
    found = registration_table.newest(TABLE, ("quick",), store.RESULTS)
    return {key[:2]: run for key, run in found.items()}


def recalls(run):
    names = (f"recall_rotation_{angle}" for angle in registration_task.ANGLES)
    return [statistics.over_seeds(run, name)[0] for name in names]


def test_every_run_is_stored_with_the_configs_as_they_are(runs):
    cases = {
        (row.name, config.data.rotation_degrees): cli.as_json(config)
        for row in TABLE.rows
        for config in TABLE.configs(row.name, "quick").values()
    }
    assert set(runs) == set(cases)
    for case, run in runs.items():
        assert all(stored["config"] == cases[case] for stored in run), case


def test_learned_features_that_turn_keep_their_recall_where_plain_ones_lose_it(runs):
    equivariant, plain = (
        recalls(runs[row, 0.0]) for row in ("registration_network", "plain_registration_network")
    )
    assert min(equivariant) > 0.95
    assert plain[0] > 0.95 > 0.2 > max(plain[2:])
    for stored in runs["registration_network", 0.0]:
        assert stored["metrics"]["equivariance_error"] < 5e-6
        assert stored["metrics"]["equivariance_error_float64"] < 1e-12
    for stored in runs["plain_registration_network", 0.0]:
        assert stored["metrics"]["equivariance_error"] > 1e-2


def test_closed_forms_are_exact_without_noise(runs):
    for row in ("kabsch", "moments"):
        assert runs[row, 0.0][0]["metrics"]["exact_error"] < 1e-12
