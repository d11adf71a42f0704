"""README says what is stored."""

import pytest

from experiments import reproduce, store, tables
from experiments.benchmarks import table as benchmark_table


def assert_current(name, text, *, command):
    document = tables.README.read_text()
    is_current = tables.replace_between_markers(document, name, text) == document
    assert is_current, f"README is stale: run {command}"


@pytest.mark.parametrize("name", reproduce.TABLES)
def test_readme_equals_the_stored_rows(name):
    text = reproduce.TABLES[name].readme(presets=tables.PRESETS, results=store.RESULTS)
    assert_current(name, text, command=f"python -m experiments.reproduce --table={name}")


def test_readme_equals_the_stored_benchmarks():
    text = benchmark_table.render(benchmark_table.read())
    assert_current(benchmark_table.NAME, text, command="make bench")
