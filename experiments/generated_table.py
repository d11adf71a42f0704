"""Tables of potentials of generated data, for which nothing is published."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from experiments import molecules, store, tables

# Metrics, what the column is called, and how its numbers are written.
_COLUMNS = (
    ("energy_mae", "energy MAE (meV)", "{:.1f}"),
    ("force_mae", "force MAE (meV/Å)", "{:.1f}"),
    ("stress_mae", "stress MAE (meV/Å³)", "{:.2f}"),
    ("nve_drift", "drift (meV/atom/ps)", "{:.1e}"),
    ("md_steps_per_second", "steps of dynamics per second, compilation included", "{:,.0f}"),
    ("padding_edges", "padding of edges", "{:.1%}"),
    ("compilations", "shapes", "{:.0f}"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneratedTable(tables.Table):
    """A table of one run per row.

    Attributes:
        note: What the data are.
    """

    note: str

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write the table, with the columns that its rows have."""
        stored = tables.newest_runs(self, presets=presets, results=results)
        every = [row for run in stored.values() for row in run]
        shown = [column for column in _COLUMNS if any(column[0] in r["metrics"] for r in every)]
        titles = ["model", *(title for _, title, _ in shown), "steps (preset)", "parameters"]
        titles.append("training")
        lines = [self.note, ""]
        if stored:
            lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
        for (row, preset), run in stored.items():
            first = run[0]
            cells = [
                row.label,
                *(_cell(run, metric, form) for metric, _, form in shown),
                f"{first['steps']:,} ({preset})",
                f"{first['params']:,}",
                f"{first['seconds'] / 60:.0f} min",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, "", tables.provenance_line(self.name, every)]) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw nothing: the figures of a run are in its folder."""
        del folder, presets, results
        return []


def _cell(run: list[store.Row], metric: str, form: str) -> str:
    """Write the mean over seeds; a dash if a seed lacks it, as of dynamics that blew up."""
    values = [row["metrics"].get(metric) for row in run]
    return "–" if None in values else form.format(np.mean(values))


GFN2 = GeneratedTable(
    name="gfn2",
    rows=(tables.TableRow("painn", "PaiNN"),),
    run=molecules.run,
    note=(
        "Ethanol at 500 K by GFN2-xTB, generated in the same run: 800 frames for training, 100 for "
        "the choice of the parameters, 100 for the test; 10 ps of dynamics at constant energy "
        "from a test frame at 500 K."
    ),
)
EMT = GeneratedTable(
    name="emt",
    rows=(tables.TableRow("painn", "PaiNN"),),
    run=molecules.run,
    note=(
        "Slabs of Cu and Pt with H, O or CO by effective medium theory, generated in the same run: "
        "800 frames of 50 slabs for training, 100 for the choice of the parameters, 100 for the "
        "test, all of the same slabs."
    ),
)
