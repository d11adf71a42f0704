import numpy as np
import pytest

from experiments import cli, nbody_table, reproduce, statistics, store, tables

TABLE = nbody_table.TABLE


def test_stored_rows_are_of_the_configs_as_they_are():
    for (row, preset), summary in tables.summaries(TABLE).items():
        config = cli.as_json(tables.load_config(TABLE.name, row, preset))
        for stored in summary.stored:
            assert stored["config"] == config, f"{row}:{preset} was stored with another config"


def test_every_row_of_the_quick_preset_is_stored_and_in_its_band():
    bands = {
        "linear": (0.0834, 0.0838),
        "affine": (0.0683, 0.0689),
        "gnn": (0.0100, 0.0128),
        "egnn": (0.0068, 0.0078),
        "fa_gnn": (0.0048, 0.0064),
        "cn_gnn": (0.0041, 0.0055),
        "ps_gnn": (0.0049, 0.0059),
        "locs": (0.0088, 0.0098),
        "ponita": (0.0040, 0.0050),
    }
    found = tables.summaries(TABLE)
    assert {row for row, preset in found if preset == "quick"} == {r.name for r in TABLE.rows}
    for row, (low, high) in bands.items():
        summary = found[row, "quick"]
        assert len(summary.stored) == 3
        assert low <= summary.mean <= high, row
    for row in ("egnn", "radial_field"):
        for stored in found[row, "quick"].stored:
            assert stored["metrics"]["equivariance_error"] < 5e-6
            assert stored["metrics"]["equivariance_error_float64"] < 1e-12
    for stored in found["gnn", "quick"].stored:  # the control
        assert stored["metrics"]["equivariance_error"] > 1e-2


def make_summary(errors):
    errors = np.asarray(errors, float)
    return statistics.Summary((), errors.mean(), 0.0, None, errors, np.zeros((0, 5, 3)))


def test_pairing_cancels_what_is_hard_for_both():
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=500) ** 3
    first, second = make_summary(hard + 0.1), make_summary(hard + 0.01 * rng.normal(size=500))
    difference, error = statistics.paired_difference(first, second)
    assert difference == pytest.approx(0.1, abs=4 * error)
    assert error < 1e-3 < hard.std() / np.sqrt(500)


def test_pairing_refuses_other_simulations():
    with pytest.raises(ValueError, match="the same simulations"):
        statistics.paired_difference(make_summary([1, 2]), make_summary([1, 2, 3]))


def test_summary_tells_the_two_errors_apart(tmp_path):
    errors = np.array([[1.0, 2.0, 3.0, 6.0], [3.0, 4.0, 5.0, 8.0]])
    rows = []
    for seed in (0, 1):
        row = {"table": "toy", "row": "a", "preset": "quick", "seed": seed}
        rows.append(row | {"metrics": {"test_mse": errors[seed].mean()}})
        path = store.samples_path("toy", row="a", preset="quick", seed=seed, results=tmp_path)
        samples = {"errors": errors[seed], "predictions": np.zeros((1, 5, 3))}
        store.write_samples(path, samples)
    summary = statistics.summarize(rows, results=tmp_path)
    assert summary.mean == 4.0
    assert summary.se_seeds == pytest.approx(np.std([3, 5], ddof=1) / np.sqrt(2))
    assert summary.se_simulations == pytest.approx(np.std([2, 3, 4, 7], ddof=1) / 2)


def test_figures_of_other_presets_lie_beside_those_of_readme(monkeypatch, tmp_path):
    folders = []

    class Drawn:
        name = "drawn"
        page = staticmethod(lambda **_: "")
        readme = staticmethod(lambda **_: "text")

        def draw(self, folder, **_):
            folders.append(folder)
            return []

    monkeypatch.setattr(store, "RESULTS", tmp_path)
    (tmp_path / "own").mkdir()
    reproduce.publish(Drawn(), presets=("smoke",), results=tmp_path)
    reproduce.publish(Drawn(), presets=("smoke",), results=tmp_path / "own")
    assert folders == [tmp_path / "figures-smoke", tmp_path / "own" / "figures"]


def test_readme_without_markers_is_refused():
    with pytest.raises(ValueError, match="lacks the markers"):
        tables.replace_between_markers("text", "nbody", "table")
