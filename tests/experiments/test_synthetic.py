"""Runs of the synthetic table, small."""

import numpy as np
import pytest

from experiments import cli, reproduce, store, synthetic, synthetic_table, tables

TABLE = synthetic_table.TABLE
ROWS = ["gram", "mlp"]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Return the folder of a smoke reproduction of two rows."""
    folder = tmp_path_factory.mktemp("reproduced")
    assert reproduce.reproduce(
        TABLE, preset="smoke", rows=ROWS, runs=folder / "runs", results=folder / "results"
    )
    return folder


def stored_rows(folder):
    return store.read("synthetic", results=folder / "results")


def test_a_row_per_seed_is_stored(reproduced):
    rows = stored_rows(reproduced)
    assert [(row["row"], row["seed"]) for row in rows] == [(r, s) for r in ROWS for s in (0, 1)]
    for row in rows:
        metrics = row["metrics"]
        assert np.isfinite(list(metrics.values())).all()
        assert row["steps"] == 2
        assert row["config"]["data"]["task"] == "lorentz"
        assert metrics["fraction_of_floor"] == metrics["test_mse"] / metrics["floor"]
    assert rows[0]["metrics"]["test_mse"] != rows[1]["metrics"]["test_mse"]
    assert rows[2]["params"] == 16 * 8 + 8 + 2 * (64 + 8) + 8 + 1


def test_equivariance_is_that_of_the_model(reproduced):
    metrics = {row["row"]: row["metrics"] for row in stored_rows(reproduced)}
    assert metrics["gram"]["equivariance_error"] < 5e-5
    assert metrics["gram"]["equivariance_error_float64"] < 1e-11
    assert metrics["mlp"]["equivariance_error_float64"] > 1e-2
    for suffix in ("", "_float64"):
        errors = [metrics["gram"][f"boost_error_{size:g}{suffix}"] for size in synthetic.BOOSTS]
        assert 0 < errors[0] < errors[-1] < 1e-2


def test_what_is_stored_is_not_run_again(reproduced, capsys):
    before = stored_rows(reproduced)
    assert reproduce.reproduce(
        TABLE,
        preset="smoke",
        rows=ROWS,
        runs=reproduced / "runs",
        results=reproduced / "results",
    )
    assert stored_rows(reproduced) == before
    assert capsys.readouterr().out.count("stored, not run again") == len(ROWS)


def test_publish_writes_page_and_figures(reproduced):
    pytest.importorskip("matplotlib")
    results = reproduced / "results"
    summary = reproduce.publish(TABLE, presets=("smoke",), results=results)
    page = (results / "synthetic.md").read_text()
    mean = np.mean([r["metrics"]["test_mse"] for r in stored_rows(reproduced) if r["row"] == "mlp"])
    for text in (summary, page):
        assert f"**{mean:.3g}**" in text
        assert "(0.7333±.0015)" in text
        assert "smoke: 2" in text
    assert "## Electron-muon scattering" in page
    assert "## Moment of inertia" not in page
    for name in ("synthetic_error.png", "synthetic_boosts.png"):
        assert (results / "figures" / name).stat().st_size > 10_000


def test_interrupted_run_of_another_task_is_refused(reproduced, tmp_path):
    workdir = next((reproduced / "runs").rglob("mlp-*"))
    config = tables.load_config("synthetic", "mlp", "smoke")
    with pytest.raises(ValueError, match=r"data.task is 'lorentz' there and 'o5' here"):
        synthetic.run(config, workdir=workdir, results=tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("task", "o6", "unknown config.data.task 'o6'; did you mean 'o5'"),
        ("num_train", 0, "num_train of at least 1"),
    ],
)
def test_wrong_data_is_refused(field, value, message, tmp_path):
    config = tables.load_config("synthetic", "mlp", "smoke")
    config.data[field] = value
    with pytest.raises(ValueError, match=message):
        synthetic.run(config, workdir=tmp_path / "run", results=tmp_path)
    assert store.read("synthetic", results=tmp_path) == []


def test_config_fields_are_checked():
    config = tables.load_config("synthetic", "gram", "smoke")
    cli.check_fields(config, synthetic.FIELDS)
    with config.unlocked():
        config.max_epoch = 3
    with pytest.raises(ValueError, match="'max_epoch'; did you mean 'max_epochs'"):
        cli.check_fields(config, synthetic.FIELDS)


@pytest.mark.slow
def test_every_row_comes_to_its_end(tmp_path):
    assert reproduce.reproduce(TABLE, preset="smoke", runs=tmp_path / "runs", results=tmp_path)
    rows = store.read("synthetic", results=tmp_path)
    assert {row["row"] for row in rows} == {row.name for row in TABLE.rows}
    for row in rows:
        exact = row["row"] in ("emlp", "gram", "deep_sets", "invariant_graph_network")
        assert (row["metrics"]["equivariance_error_float64"] < 1e-10) == exact
