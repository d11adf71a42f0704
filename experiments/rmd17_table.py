"""The rMD17 table: its rows and runs, the published numbers, its figures."""

import pathlib
from collections.abc import Sequence
from typing import Any

import ml_collections
import numpy as np

from experiments import figures, molecules, store, tables

# Energy and force errors by (row, molecule, frames for training and validation): published, and of
# an independent run of the published code where one is known. All from the official splits.
_PUBLISHED = {
    ("nequip", "ethanol", 50): ("8.7 / 40.2", ""),
    ("mace", "ethanol", 50): ("6.7 / 32.6", ""),
    ("nequip", "ethanol", 1000): ("0.4 / 2.8", ""),
    ("mace", "ethanol", 1000): ("0.4 / 2.1", "0.4 / 2.7"),
    ("painn", "ethanol", 1000): ("2.7 / 10.0", ""),
    ("nequip", "aspirin", 1000): ("2.3 / 8.2", ""),
    ("mace", "aspirin", 1000): ("2.2 / 6.6", "2.4 / 8.9"),
    ("painn", "aspirin", 1000): ("6.9 / 16.1", ""),
}
_ROWS = (
    tables.TableRow("schnet", "SchNet"),
    tables.TableRow("egnn_potential", "EGNN"),
    tables.TableRow("painn", "PaiNN"),
    tables.TableRow("so3krates", "SO3krates"),
    tables.TableRow("nequip", "NequIP"),
    tables.TableRow("mace", "MACE"),
)
_ALL = tuple(row.name for row in _ROWS)
# Molecules and training frames of every preset, and which rows are trained on them. All cases of
# `quick` have the budget of 50 frames: minutes on two cores, where the published one takes days.
_CASES = {
    "quick": {
        ("ethanol", 50): _ALL,
        ("ethanol", 200): ("mace",),
        ("ethanol", 950): ("nequip", "mace"),
        ("aspirin", 950): ("mace",),
    },
    "full": {("ethanol", 950): _ALL, ("aspirin", 950): _ALL},
    "smoke": {("ethanol", 8): _ALL},
}
_NOTE = (
    "Mean absolute errors of energies (meV) and of force components (meV/Å) on the 1000 frames of "
    "the official test file of split 01. Training takes the first frames of the official training "
    "file, the choice of the parameters its last 50. Published: Batatia et al. 2022, "
    "arXiv:2206.07697, tables 2 and 3, which quote the other models; there N = 50 counts training "
    "frames, and N = 1000 is 950 and 50. Independent: a run of the published code by others "
    "(kcheng0407/mace-rmd17-benchmark). `quick` is a reduced protocol: smaller networks and fewer "
    "steps, the same for 50 and for 950 frames, where it is a small part of the published budget. "
    "Times are by the clock, with compilation; some of these runs shared the machine with others."
)


class RMD17Table(tables.Table):
    """A table of one run per row and molecule."""

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a row by molecule and number of training frames."""
        found = {}
        for (molecule, num_train), rows in _CASES[preset].items():
            if row in rows:
                config = tables.load_config(self.name, row, preset)
                config.data.update(molecule=molecule, num_train=num_train)
                found[f"{molecule}, {num_train} frames"] = config
        return found

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write the table."""
        columns = [
            "molecule, training frames", "model", "published", "independent", "ours",
            "steps (preset)", "parameters", "training", "padding of edges, shapes",
        ]  # fmt: skip
        lines = [_NOTE, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        stored = _stored(presets, results)
        lines += [_render_row(*key, rows) for key, rows in stored.items()]
        lines += [
            "",
            tables.provenance_line(self.name, [r for run in stored.values() for r in run]),
        ]
        return "\n".join(lines) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the errors of all rows beside the published ones."""
        stored = _stored(presets, results)
        if not stored:
            return []
        path = folder / f"{self.name}.png"
        folder.mkdir(parents=True, exist_ok=True)
        _plot(stored, path)
        return [path]


_Key = tuple[tables.TableRow, str, str]  # row, molecule and frames, preset


def _stored(presets: Sequence[str], results: pathlib.Path) -> dict[_Key, list[store.Row]]:
    """Return the newest complete run of every row, molecule and preset, in print order."""
    rows = store.read("rmd17", results=results)
    labels = {row.name: row for row in _ROWS}
    found = {}
    for preset in presets:
        for (molecule, num_train), names in _CASES[preset].items():
            for name in names:
                config = TABLE.configs(name, preset)[f"{molecule}, {num_train} frames"]
                fields = ("molecule", "split", "num_train", "num_valid", "num_test")
                data = {field: config.data[field] for field in fields}
                newest = store.latest(rows, row=name, preset=preset, data=data)
                if newest:
                    found[labels[name], f"{molecule}, {num_train}", preset] = newest
    return found


def _published(row: tables.TableRow, stored: store.Row) -> tuple[str, str]:
    """Return the published numbers for the same molecule and frames, and the independent ones."""
    data = stored["config"]["data"]
    # Papers count the frames for validation only where there are many.
    frames = data["num_train"] + (data["num_valid"] if data["num_train"] > 500 else 0)
    return _PUBLISHED.get((row.name, data["molecule"], frames), ("", ""))


def _mean(rows: list[store.Row], metric: str) -> float:
    return float(np.mean([row["metrics"][metric] for row in rows]))


def _render_row(row: tables.TableRow, case: str, preset: str, rows: list[store.Row]) -> str:
    first = rows[0]
    metrics = first["metrics"]
    published, independent = _published(row, first)
    ours = " / ".join(f"{_mean(rows, name):.1f}" for name in ("energy_mae", "force_mae"))
    cells = [
        case,
        row.label,
        published or "–",
        independent or "–",
        f"**{ours}**",
        f"{first['steps']:,} ({preset})",
        f"{first['params']:,}",
        f"{first['seconds'] / 60:.0f} min",
        f"{metrics['padding_edges']:.1%}, {metrics['compilations']}",
    ]
    return f"| {' | '.join(cells)} |"


def _plot(stored: dict[_Key, list[store.Row]], path: pathlib.Path) -> None:
    figure, (axes,) = figures.new_figure(columns=3, width=13.0, height=2.5 + 0.25 * len(stored))
    places = np.arange(len(stored))[::-1]  # the first row on top
    for index, (axis, metric) in enumerate(
        zip(axes[:2], ("energy MAE (meV)", "force MAE (meV/Å)"), strict=True)
    ):
        name = ("energy_mae", "force_mae")[index]
        ours = [_mean(rows, name) for rows in stored.values()]
        axis.plot(ours, places, "o", color=figures.PALETTE[0], label="ours")
        for place, ((row, _, _), rows) in zip(places, stored.items(), strict=True):
            axis.axhline(place, color="#dddddd", linewidth=0.6, zorder=0)
            for text, marker, label in zip(
                _published(row, rows[0]), "|x", ("published", "independent"), strict=True
            ):
                if text:
                    axis.plot(float(text.split(" / ")[index]), place, marker, markersize=13,
                              markeredgewidth=2, color=figures.PALETTE[1], label=label)  # fmt: skip
        axis.set(xlabel=metric, xscale="log", ylim=(-0.6, len(places) - 0.4))
        axis.set_yticks(places, [""] * len(places))
    axes[0].set_yticks(places, [f"{row.label}; {case} ({preset})" for row, case, preset in stored])
    handles = dict(zip(*reversed(axes[1].get_legend_handles_labels()), strict=True))
    axes[1].legend(handles.values(), handles.keys(), frameon=False, markerscale=0.5)
    _plot_over_frames(axes[2], stored)
    figure.savefig(path)


def _plot_over_frames(axis: Any, stored: dict[_Key, list[store.Row]]) -> None:
    """Draw the error of ethanol's forces over the number of training frames."""
    for row, colour in zip(_ROWS, figures.PALETTE, strict=False):
        for preset, line in (("quick", "o-"), ("full", "s--")):
            runs = {
                rows[0]["config"]["data"]["num_train"]: rows
                for (kind, case, of), rows in stored.items()
                if (kind, of) == (row, preset) and case.startswith("ethanol")
            }
            if runs:
                errors = [_mean(runs[count], "force_mae") for count in sorted(runs)]
                axis.plot(sorted(runs), errors, line, color=colour, label=f"{row.label} ({preset})")
            for count, rows in runs.items():
                if text := _published(row, rows[0])[0]:
                    axis.plot(count, float(text.split(" / ")[1]), "x", color=colour)
    # Points of one line had equally many steps, whatever the frames: a part of those of the papers.
    axis.set(xlabel="training frames of ethanol (x: published)", ylabel="force MAE (meV/Å)",
             title="equal numbers of steps", xscale="log", yscale="log")  # fmt: skip
    axis.legend(frameon=False, fontsize=8)


TABLE = RMD17Table(name="rmd17", rows=_ROWS, run=molecules.run)
