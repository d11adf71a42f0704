"""The synthetic table: its runs, its published numbers, its stored rows."""

import pytest

from experiments import store, synthetic_published, synthetic_table, tables

TABLE = synthetic_table.TABLE


def test_page_equals_the_stored_rows():
    path = store.RESULTS / "synthetic.md"
    rows = store.read(TABLE.name)
    assert path.exists() == bool(rows)
    if rows:
        page = TABLE.page(presets=tables.PRESETS, results=store.RESULTS)
        assert path.read_text() == page, "stale: python -m experiments.reproduce --table=synthetic"


@pytest.mark.parametrize(
    ("row", "task", "size", "text"),
    [
        ("emlp", "o5", 30, "0.1519±.062"),
        ("mlp", "o5", 30_000, "0.0622±.0036"),
        ("mlp_augmented", "inertia", 1000, "0.1301±.0055"),
        ("emlp", "lorentz", 30_000, "0.000158±.000016"),
        ("residual_emlp", "modified_inertia", 1000, "≈ 0.27"),
        ("gram", "o5", 30, ""),
        ("emlp", "o5", 31, ""),
        ("deep_sets", "rotation", 128, ""),
    ],
)
def test_published_numbers(row, task, size, text):
    assert synthetic_published.published(task, row, size) == text


def test_every_published_curve_is_complete():
    for task in ("o5", "inertia", "lorentz"):
        for row in ("emlp", "mlp", "mlp_augmented"):
            sizes, means = synthetic_published.published_curve(task, row)
            assert len(sizes) == len(means) == 7
            assert means[0] > means[-1] > 0
    assert synthetic_published.published_curve("o5", "gram") == ([], [])


def test_full_has_the_published_sizes_and_quick_some_of_them():
    full, quick = (set(synthetic_table.cases("emlp", preset)) for preset in ("full", "quick"))
    sizes = synthetic_published.published_curve("o5", "emlp")[0]
    wanted = {(task, size) for task in ("o5", "inertia", "lorentz") for size in sizes}
    assert full == wanted | {("modified_inertia", 1000)}
    assert quick < full


@pytest.mark.parametrize("preset", ["quick", "full", "smoke"])
def test_every_run_has_a_config_of_its_own(preset):
    for row in TABLE.rows:
        configs = TABLE.configs(row.name, preset)
        assert len(configs) == len(synthetic_table.cases(row.name, preset))
        data = {(config.data.task, config.data.num_train) for config in configs.values()}
        assert len(data) == len(configs)
        for task, size in data:
            assert f"{task}, {size:,} examples" in configs


def test_runs_of_one_row_are_kept_apart(tmp_path):
    for size, error in ((30, 3.0), (300, 2.0), (300, 1.0)):
        config = {"seeds": [0], "data": {"task": "o5", "num_train": size}, "error": error}
        store.append(
            {
                "table": "synthetic",
                "row": "emlp",
                "preset": "quick",
                "seed": 0,
                "metrics": {
                    "test_mse": error,
                    "floor": 38.0,
                    "equivariance_error": 1e-7,
                    "equivariance_error_float64": 1e-15,
                },
                "params": 7,
                "steps": 300,
                "seconds": 60.0,
                "hardware": "none",
                "versions": {},
                "revision": "a",
                "config": config,
                "overrides": {},
            },
            results=tmp_path,
        )
    page = TABLE.page(presets=("quick",), results=tmp_path)
    expected = (
        "| EMLP | quick: 300 | 7 | 1e-07, 1e-15 | **3** (0.1519±.062) | **1** (0.0344±.0025) |"
    )
    assert expected in page
    assert "The best constant scores 38." in page


def test_nothing_stored_says_what_to_do(tmp_path):
    for text in (
        TABLE.page(presets=tables.PRESETS, results=tmp_path),
        TABLE.readme(presets=tables.PRESETS, results=tmp_path),
    ):
        assert "python -m experiments.reproduce --table=synthetic" in text
    assert TABLE.draw(tmp_path / "figures", presets=tables.PRESETS, results=tmp_path) == []
