"""Result tables: what they hold, and their text in README."""

import abc
import dataclasses
import importlib.util
import pathlib
import re
from collections.abc import Callable, Sequence

import ml_collections

from experiments import provenance, statistics, store

README = provenance.ROOT / "README.md"
PRESETS = ("quick", "full")  # what README shows; smoke runs are a check of the code


@dataclasses.dataclass(frozen=True)
class TableRow:
    """One row of a table and what was published about it.

    Attributes:
        name: Name in the stored rows and of the config file.
        label: Name to print.
        published: The published number, as printed there; empty if there is none.
        source: Where that number is from.
        budget: How long the published model was trained.
    """

    name: str
    label: str
    published: str = ""
    source: str = ""
    budget: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table(abc.ABC):
    """A table that `reproduce` fills.

    Attributes:
        name: Name of the table, of its configs' folder and of its file of stored rows.
        rows: Its rows, in print order.
        run: Trains one config and stores its rows; returns whether it came to its end.
    """

    name: str
    rows: tuple[TableRow, ...]
    run: Callable[..., bool]

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a row by a name of their own; one without a name here."""
        return {"": load_config(self.name, row, preset)}

    @abc.abstractmethod
    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write what README shows of the stored rows, as Markdown that ends in a newline."""

    def page(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write the whole table for a page of its own; empty if README shows all there is."""
        del presets, results
        return ""

    @abc.abstractmethod
    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the figures of the stored rows into a folder and return their paths."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedTable(Table):
    """A table of one run per row, compared on the same test simulations.

    Attributes:
        baselines: The rows that all others are compared with, pairwise.
        caption: What the numbers are, with unit and protocol.
        plot: Draws the figures from the summaries by (row, preset) and returns their paths.
    """

    baselines: tuple[str, ...]
    caption: str
    plot: Callable[[dict[tuple[str, str], statistics.Summary], pathlib.Path], list[pathlib.Path]]

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write the table."""
        return render(self, summaries(self, presets=presets, results=results))

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the figures."""
        return self.plot(summaries(self, presets=presets, results=results), folder)


def load_config(table: str, row: str, preset: str) -> ml_collections.ConfigDict:
    """Build the config of a row from its file in `configs/`."""
    path = provenance.ROOT / "configs" / table / f"{row}.py"
    spec = importlib.util.spec_from_file_location(f"_config_{table}_{row}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(preset)


def summaries(
    table: PairedTable,
    *,
    presets: Sequence[str] = PRESETS,
    results: pathlib.Path = store.RESULTS,
) -> dict[tuple[str, str], statistics.Summary]:
    """Summarize the newest complete run of every row and preset that is stored.

    Args:
        table: The table.
        presets: The presets to take.
        results: Folder of the result files.

    Returns:
        Summaries by (row, preset), in print order.
    """
    found = {}
    for (row, preset), stored in newest_runs(table, presets=presets, results=results).items():
        summary = statistics.summarize(stored, results=results)
        if summary is not None:
            found[row.name, preset] = summary
    return found


def render(table: PairedTable, found: dict[tuple[str, str], statistics.Summary]) -> str:
    """Write a table as Markdown, our numbers beside the published ones.

    Args:
        table: The table.
        found: Its summaries.

    Returns:
        The text, ending in a newline.
    """
    labels = {row.name: row for row in table.rows}
    paired = [f"minus {labels[name].label}, paired" for name in table.baselines]
    columns = [
        "row", "published", "ours", *paired, "preset: steps", "parameters",
        "equivariance error float32, float64", "forward, training",
    ]  # fmt: skip
    lines = [table.caption, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [_render_row(table, labels[name], preset, found) for name, preset in found]
    return "\n".join([*lines, "", *_notes(table, found)]) + "\n"


def update_readme(name: str, text: str, *, path: pathlib.Path = README) -> bool:
    """Replace the generated part of README between the markers of a table.

    Args:
        name: Name of the table.
        text: The new text.
        path: The file.

    Returns:
        Whether the file changed.

    Raises:
        ValueError: If the file lacks the markers.
    """
    before = path.read_text()
    after = replace_between_markers(before, name, text)
    if after != before:
        path.write_text(after)
    return after != before


def replace_between_markers(document: str, name: str, text: str) -> str:
    """Return a document with the text between a table's markers replaced."""
    start, end = f"<!-- table:{name} -->", f"<!-- /table:{name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"README lacks the markers {start} and {end}")
    return pattern.sub(lambda _: f"{start}\n{text}{end}", document)


def newest_runs(
    table: Table, *, presets: Sequence[str], results: pathlib.Path
) -> dict[tuple[TableRow, str], list[store.Row]]:
    """Return the newest complete run of every row and preset of a table, in print order.

    Args:
        table: The table.
        presets: The presets to take.
        results: Folder of the stored rows.

    Returns:
        The stored rows of all seeds by row and preset.
    """
    rows = store.read(table.name, results=results)
    found = {
        (row, preset): store.latest(rows, row=row.name, preset=preset)
        for row in table.rows
        for preset in presets
    }
    return {key: run for key, run in found.items() if run}


def provenance_line(name: str, stored: Sequence[store.Row]) -> str:
    """Say on what hardware and of which revisions the stored rows of a table are.

    Args:
        name: Name of the table.
        stored: The rows that it shows; if there are none, how to fill it is said instead.

    Returns:
        A sentence.
    """
    if not stored:
        return f"No rows are stored yet: `python -m experiments.reproduce --table={name}`."
    hardware, revisions = (
        ", ".join(sorted({row[field] for row in stored})) for field in ("hardware", "revision")
    )
    return (
        f"Measured on {hardware}; revision {revisions}; stored rows in "
        f"`experiments/results/{name}.jsonl`."
    )


def _render_row(
    table: PairedTable,
    row: TableRow,
    preset: str,
    found: dict[tuple[str, str], statistics.Summary],
) -> str:
    summary = found[row.name, preset]
    first = summary.stored[0]
    seeds = "–" if summary.se_seeds is None else _fixed(summary.se_seeds)
    worst = {
        name: max(stored["metrics"][name] for stored in summary.stored)
        for name in ("equivariance_error", "equivariance_error_float64")
    }
    steps = f"{first['steps']:,}" if first["steps"] else "exact fit"
    published = f"{row.published} ({row.source}; {row.budget})" if row.published else "–"
    cells = [
        row.label,
        published,
        f"**{_fixed(summary.mean)}** ± {_fixed(summary.se_simulations)} ± {seeds}",
        *(_paired(row, preset, name, found) for name in table.baselines),
        f"{preset}: {steps}",
        f"{first['params']:,}",
        ", ".join(f"{value:.0e}" for value in worst.values()),
        f"{first['metrics']['forward_ms']:.2g} ms, {first['seconds']:.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _paired(
    row: TableRow,
    preset: str,
    baseline: str,
    found: dict[tuple[str, str], statistics.Summary],
) -> str:
    """Write the difference from a baseline at the same preset, or else at the first there is."""
    candidates = [found[baseline, name] for name in (preset, *PRESETS) if (baseline, name) in found]
    if row.name == baseline or not candidates:
        return "–"
    difference, error = statistics.paired_difference(found[row.name, preset], candidates[0])
    return f"{_fixed(difference, sign=True)} ± {_fixed(error)}"


def _notes(table: PairedTable, found: dict[tuple[str, str], statistics.Summary]) -> list[str]:
    stored = [row for summary in found.values() for row in summary.stored]
    if not stored:
        return [provenance_line(table.name, stored)]
    seeds = sorted({len(summary.stored) for summary in found.values()})
    return [
        f"Mean over {' or '.join(map(str, seeds))} seeds, parameters chosen on the validation "
        "set. The first ± is the standard error over test simulations, the second over seeds. "
        "The paired columns are differences on the same test simulations, whose own hardness "
        "cancels, from the run at the same preset if there is one, else at the quickest. "
        "Equivariance error: largest relative error over rotations, reflections, "
        "translations and permutations. Times: one forward pass of a batch; training of all "
        "seeds together, compilation included.",
        "",
        provenance_line(table.name, stored),
    ]


def _fixed(value: float, *, sign: bool = False) -> str:
    """Write a number to four places, without the leading zero, as the papers do."""
    text = f"{value:+.4f}" if sign else f"{value:.4f}"
    return text.replace("0.", ".", 1)
