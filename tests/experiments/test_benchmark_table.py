import pytest

from experiments.benchmarks import store, table


def comparison(**changes):
    return {
        "benchmark": "step",
        "case": {"batch_size": 100, "num_seeds": 1},
        "peer": "other 1.0",
        "ours_ms": 2.0,
        "peer_ms": 5.0,
        "ratio": 2.5,
        "quantity": "train_step",
    } | changes


def test_newest_row_of_every_comparison_is_shown(tmp_path):
    store.append_benchmark(comparison(), results=tmp_path)
    store.append_benchmark(comparison(case={"batch_size": 100, "num_seeds": 3}), results=tmp_path)
    store.append_benchmark(comparison(ratio=3.0), results=tmp_path)
    rows = table.read(tmp_path)
    assert [(row["case"]["num_seeds"], row["ratio"]) for row in rows] == [(1, 3.0), (3, 2.5)]
    text = table.render(rows)
    assert "| step | train step | num seeds 1 | 2 ms | other 1.0: 5 ms | 3.00 |" in text
    assert "Sizes of step: batch size 100." in text
    assert rows[0]["hardware"] in text


def test_numbers_of_parameters_are_no_sizes_of_the_case(tmp_path):
    for ours in (1000, 1234):
        changes = {"ours_parameters": ours, "peer_parameters": 5678}
        store.append_benchmark(comparison(**changes), results=tmp_path)
    rows = table.read(tmp_path)
    assert [row["ours_parameters"] for row in rows] == [1234]
    both = "2 ms (1,234 parameters) | other 1.0: 5 ms (5,678 parameters)"
    assert both in table.render(rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"case": {"sizes": [1, 2]}}, "a case is a flat dict"),
        ({"speed": 1.0}, "unknown field 'speed'"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        store.append_benchmark(comparison(**changes), results=tmp_path)
    assert table.read(tmp_path) == []
