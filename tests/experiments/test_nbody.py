import json

import ml_collections
import numpy as np
import pytest

from experiments import cli, nbody, nbody_table, reproduce, store, tables

# One of each kind; the slow run trains the others.
ROWS = ["linear", "affine", "egnn"]
OTHER_ROWS = [row.name for row in nbody_table.TABLE.rows if row.name not in ROWS]
# The frames of ps_gnn are equivariant in law alone; those of locs do not reflect.
NOT_EQUIVARIANT = ("affine", "gnn", "locs", "ps_gnn")


def reproduce_rows(folder, rows, **options):
    return reproduce.reproduce(
        nbody_table.TABLE,
        preset="smoke",
        rows=rows,
        runs=folder / "runs",
        results=folder / "results",
        **options,
    )


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Return the folder of a smoke reproduction of the table."""
    folder = tmp_path_factory.mktemp("reproduced")
    assert reproduce_rows(folder, ROWS)
    return folder


def stored_rows(folder):
    return store.read("nbody", results=folder / "results")


def check_complete(row, folder):
    metrics = row["metrics"]
    assert np.isfinite(list(metrics.values())).all()
    assert row["hardware"]
    assert row["versions"]["jax"]
    assert row["config"]["row"] == row["row"]
    samples = store.read_samples(
        row, metric="test_mse", tell=lambda x: x["errors"].mean(), results=folder / "results"
    )
    assert samples["errors"].shape == (20,)
    assert metrics["test_mse"] == pytest.approx(samples["errors"].mean(), rel=1e-5)


def check_equivariance(row):
    if row["row"] not in NOT_EQUIVARIANT:
        assert row["metrics"]["equivariance_error"] < 5e-6
        assert row["metrics"]["equivariance_error_float64"] < 1e-12
    else:
        assert row["metrics"]["equivariance_error"] > 1e-2


def test_reproduce_stores_a_complete_row_of_every_model(reproduced):
    rows = stored_rows(reproduced)
    assert sorted(row["row"] for row in rows) == sorted(ROWS)
    for row in rows:
        check_complete(row, reproduced)


def test_trained_models_are_as_equivariant_as_they_claim(reproduced):
    for row in stored_rows(reproduced):
        check_equivariance(row)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHER_ROWS)
def test_the_other_rows_are_reproduced_alike(name, tmp_path):
    assert reproduce_rows(tmp_path, [name])
    (row,) = stored_rows(tmp_path)
    check_complete(row, tmp_path)
    check_equivariance(row)


def test_reproduce_skips_what_is_stored(reproduced, capsys):
    before = stored_rows(reproduced)
    assert reproduce_rows(reproduced, ROWS)
    assert stored_rows(reproduced) == before
    assert capsys.readouterr().out.count("stored, not run again") == len(ROWS)


def test_force_runs_again_to_the_same_numbers(reproduced):
    before = stored_rows(reproduced)
    assert reproduce_rows(reproduced, ["linear"], force=True)
    after = stored_rows(reproduced)
    assert after[:-1] == before
    timings = {"forward_ms"}
    for name in after[-1]["metrics"].keys() - timings:
        assert after[-1]["metrics"][name] == before[0]["metrics"][name]


@pytest.mark.slow
def test_publish_writes_table_and_figures(reproduced, monkeypatch):
    pytest.importorskip("matplotlib")
    text = reproduce.publish(nbody_table.TABLE, presets=("smoke",), results=reproduced / "results")
    assert (reproduced / "results" / "nbody.md").read_text() == text
    for row in nbody_table.TABLE.rows:
        if row.name in ROWS:
            assert row.label in text
            assert row.published in text
    for name in ("nbody_error.png", "nbody_trajectories.png"):
        assert (reproduced / "results" / "figures" / name).stat().st_size > 10_000
    curves = list((reproduced / "runs").rglob("learning_curve.png"))
    assert len(curves) == 1  # the fitted rows have none


def test_overridden_runs_stay_out_of_the_table(reproduced, tmp_path):
    config = tables.load_config("nbody", "linear", "smoke")
    nbody.run(config, workdir=tmp_path, results=tmp_path, overrides={"seeds": [0]})
    rows = store.read("nbody", results=tmp_path)
    assert rows[0]["overrides"] == {"seeds": [0]}
    assert store.latest(rows, row="linear", preset="smoke") == []
    assert not (tmp_path / "samples").exists()


def test_workdir_of_another_config_is_refused(reproduced, tmp_path):
    config = tables.load_config("nbody", "egnn", "smoke")
    workdir = next((reproduced / "runs").rglob("egnn-*"))
    with config.unlocked():
        config.optimizer.learning_rate = 0.5
    with pytest.raises(ValueError, match=r"optimizer.learning_rate is 0.002 there and 0.5 here"):
        nbody.run(config, workdir=workdir, results=tmp_path)
    assert json.loads((workdir / "config.json").read_text())["optimizer"]["learning_rate"] == 0.002


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("row", "egn", "did you mean 'egnn'"),
        ("fit", "gradients", "did you mean 'gradient'"),
        ("batch_size", 1000, "at most the number of training examples"),
        ("num_devices", 99, "num_devices must be 1 to"),
    ],
)
def test_wrong_config_values_are_refused(field, value, message, tmp_path):
    config = tables.load_config("nbody", "egnn", "smoke")
    config[field] = value
    with pytest.raises(ValueError, match=message):
        nbody.run(config, workdir=tmp_path / "run", results=tmp_path)
    assert store.read("nbody", results=tmp_path) == []


def test_config_fields_are_checked():
    good = tables.load_config("nbody", "egnn", "smoke")
    cli.check_fields(good, nbody.FIELDS)
    with good.unlocked():
        good.batch_sise = 3
    with pytest.raises(
        ValueError,
        match="unknown config field 'batch_sise'; did you mean 'batch_size'"
        ".*; this is a config of the table 'nbody'",
    ):
        cli.check_fields(good, nbody.FIELDS)
    with pytest.raises(ValueError, match="lacks the field"):
        cli.check_fields(ml_collections.ConfigDict(), nbody.FIELDS)
