"""The rMD17 table: its rows and runs, the published numbers, its figures."""

import pathlib
from collections.abc import Sequence

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
    tables.TableRow("nequip", "NequIP"),
    tables.TableRow("mace", "MACE"),
)
_MOLECULES = {"quick": ("ethanol",), "full": ("ethanol", "aspirin"), "smoke": ("ethanol",)}
_NOTE = (
    "Mean absolute errors of energies (meV) and of force components (meV/Å) on the 1000 frames of "
    "the official test file of split 01. Training takes the first frames of the official training "
    "file, the choice of the parameters its last 50. Published: Batatia et al. 2022, "
    "arXiv:2206.07697, tables 2 and 3, which quote the other models; there N = 50 counts training "
    "frames, and N = 1000 is 950 and 50. Independent: a run of the published code by others "
    "(kcheng0407/mace-rmd17-benchmark)."
)


class RMD17Table(tables.Table):
    """A table of one run per row and molecule."""

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a row by molecule."""
        found = {}
        for molecule in _MOLECULES[preset]:
            config = tables.load_config(self.name, row, preset)
            config.data.molecule = molecule
            found[molecule] = config
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
        if not stored:
            lines += ["", f"No rows are stored yet: {_COMMAND}"]
            return "\n".join(lines) + "\n"
        every = [row for rows in stored.values() for row in rows]
        hardware, revisions = (
            ", ".join(sorted({row[name] for row in every})) for name in ("hardware", "revision")
        )
        lines += [
            "",
            f"Measured on {hardware}; revision {revisions}; stored rows in "
            f"`experiments/results/{self.name}.jsonl`.",
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


_COMMAND = "`python -m experiments.reproduce --table=rmd17`."
_Key = tuple[tables.TableRow, str, str]


def _stored(presets: Sequence[str], results: pathlib.Path) -> dict[_Key, list[store.Row]]:
    """Return the newest complete run of every row, molecule and preset, in print order."""
    rows = store.read("rmd17", results=results)
    found = {}
    for preset in presets:
        for molecule in _MOLECULES[preset]:
            for row in _ROWS:
                config = TABLE.configs(row.name, preset)[molecule]
                fields = ("molecule", "split", "num_train", "num_valid", "num_test")
                data = {name: config.data[name] for name in fields}
                newest = store.latest(rows, row=row.name, preset=preset, data=data)
                if newest:
                    found[row, molecule, preset] = newest
    return found


def _frames(stored: store.Row) -> int:
    data = stored["config"]["data"]
    # Papers count the frames for validation only where there are many.
    return data["num_train"] + (data["num_valid"] if data["num_train"] > 500 else 0)


def _render_row(row: tables.TableRow, molecule: str, preset: str, rows: list[store.Row]) -> str:
    first = rows[0]
    data, metrics = first["config"]["data"], first["metrics"]
    published, independent = _PUBLISHED.get((row.name, molecule, _frames(first)), ("", ""))
    ours = " / ".join(
        f"{np.mean([stored['metrics'][name] for stored in rows]):.1f}"
        for name in ("energy_mae", "force_mae")
    )
    cells = [
        f"{molecule}, {data['num_train']}",
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
    figure, axes = figures.new_figure(columns=2, width=9.0)
    names = [f"{row.label}\n{molecule}, {_frames(rows[0])}"
             for (row, molecule, _), rows in stored.items()]  # fmt: skip
    places = np.arange(len(names))
    for index, (axis, metric, unit) in enumerate(
        zip(axes[0], ("energy_mae", "force_mae"), ("meV", "meV/Å"), strict=True)
    ):
        ours = [np.mean([r["metrics"][metric] for r in rows]) for rows in stored.values()]
        axis.bar(places, ours, width=0.6, color=figures.PALETTE[0], label="ours")
        for place, ((row, molecule, _), rows) in zip(places, stored.items(), strict=True):
            published = _PUBLISHED.get((row.name, molecule, _frames(rows[0])), ("", ""))
            for text, marker, label in zip(published, "_x", ("published", "independent"),
                                           strict=True):  # fmt: skip
                if text:
                    value = float(text.split(" / ")[index])
                    axis.plot(place, value, marker, color=figures.PALETTE[1], markersize=18,
                              markeredgewidth=2, label=label)  # fmt: skip
        axis.set_xticks(places, names, fontsize=8)
        axis.set(ylabel=f"{('energy', 'force')[index]} MAE ({unit})", ylim=(0, None))
        handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        axis.legend(handles.values(), handles.keys(), frameon=False, markerscale=0.5)
    figure.savefig(path)


TABLE = RMD17Table(name="rmd17", rows=_ROWS, run=molecules.run)
