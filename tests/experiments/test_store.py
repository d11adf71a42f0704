import json

import numpy as np
import pytest

from experiments import store


def make_row(**changes):
    row = {
        "table": "toy",
        "row": "egnn",
        "preset": "quick",
        "seed": 0,
        "metrics": {"test_mse": 2.0},
        "params": 1,
        "steps": 1,
        "seconds": 1.0,
        "hardware": "none",
        "versions": {},
        "revision": "a",
        "config": {"seeds": [0, 1]},
        "overrides": {},
    }
    return row | changes


def test_rows_come_back(tmp_path):
    rows = [make_row(seed=seed) for seed in (0, 1)]
    for row in rows:
        store.append(row, results=tmp_path)
    assert store.read("toy", results=tmp_path) == rows
    assert store.read("other", results=tmp_path) == []


def test_incomplete_row_is_refused(tmp_path):
    row = make_row()
    del row["revision"]
    with pytest.raises(ValueError, match="revision"):
        store.append(row, results=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ['{"table": "toy"', json.dumps({"table": "toy"})])
def test_damaged_line_is_named(tmp_path, text):
    store.append(make_row(), results=tmp_path)
    with store.path_of("toy", tmp_path).open("a") as file:
        file.write(text + "\n")
    with pytest.raises(ValueError, match="toy.jsonl, line 2"):
        store.read("toy", results=tmp_path)


def latest(rows, **filters):
    return [
        (r["seed"], r["revision"])
        for r in store.latest(rows, row="egnn", preset="quick", **filters)
    ]


def test_latest_takes_the_newest_complete_run():
    old = [make_row(seed=seed, revision="old") for seed in (0, 1)]
    new = [make_row(seed=seed, revision="new") for seed in (1, 0)]
    assert latest(old + new) == [(0, "new"), (1, "new")]
    assert latest(new + old) == [(0, "old"), (1, "old")]
    assert latest(old + new[:1]) == [(0, "old"), (1, "old")]
    assert latest(old + new, revision="old") == [(0, "old"), (1, "old")]
    assert latest(old + new, config={"seeds": [0]}) == []


def test_latest_leaves_overridden_and_other_rows_out():
    rows = [make_row(seed=seed, overrides={"num_steps": 1}) for seed in (0, 1)]
    assert latest(rows) == []
    rows = [make_row(seed=seed, preset="full") for seed in (0, 1)]
    assert latest(rows) == []


def test_samples_of_another_run_are_not_taken(tmp_path):
    row = make_row()
    path = store.samples_path("toy", row="egnn", preset="quick", seed=0, results=tmp_path)

    def read(stored):
        return store.read_samples(
            stored, metric="test_mse", tell=lambda x: x["errors"].mean(), results=tmp_path
        )

    assert read(row) is None
    store.write_samples(path, {"errors": np.array([1.0, 3.0])})
    np.testing.assert_array_equal(read(row)["errors"], [1.0, 3.0])
    assert read(make_row(metrics={"test_mse": 2.1})) is None
