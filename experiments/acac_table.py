"""The acetylacetone table: errors by temperature, and the curves along two paths."""

import pathlib
from collections.abc import Sequence

import numpy as np

from experiments import figures, molecules, store, tables

# Root mean square errors of energies and forces at 300 K and 600 K.
_PUBLISHED = {
    "nequip": ("0.81 / 5.90", "6.04 / 27.8"),
    "mace": ("0.9 / 5.1", "4.6 / 22.4"),
}
_ROWS = (tables.TableRow("nequip", "NequIP"), tables.TableRow("mace", "MACE"))
_SCANS = {"dihedral": "dihedral angle (degrees)", "h_transfer": "image of the path"}
_NOTE = (
    "Root mean square errors of energies (meV) and of force components (meV/Å) of potentials "
    "trained on 450 frames at 300 K (50 more choose the parameters): on the 650 test frames at "
    "300 K, on the 650 at 600 K, and of the energy along a scan of a dihedral angle (45 frames) "
    "and the path of a proton (15), the last three unlike the training data. Published: Batatia "
    "et al. 2022, arXiv:2205.06643 and arXiv:2206.07697, as recalled, without the texts at hand. "
    "`quick` is a reduced protocol: smaller networks, and fewer passes over the data than the 2000 "
    "of the papers."
)


class AcAcTable(tables.Table):
    """A table of one run per row."""

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write the table."""
        stored = tables.newest_runs(self, presets=presets, results=results)
        columns = [
            "model", "300 K published", "300 K ours", "600 K published", "600 K ours",
            "dihedral", "proton", "steps (preset)", "parameters", "training",
        ]  # fmt: skip
        lines = [_NOTE, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [_render_row(*key, rows) for key, rows in stored.items()]
        lines += [
            "",
            tables.provenance_line(self.name, [r for run in stored.values() for r in run]),
        ]
        return "\n".join(lines) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the energies along both paths beside the reference."""
        curves = {}
        runs = tables.newest_runs(self, presets=presets, results=results)
        for (row, preset), rows in runs.items():
            arrays = store.read_samples(
                rows[0], metric="dihedral_energy_rmse", tell=_dihedral_error, results=results
            )
            if arrays is not None:
                curves[f"{row.label} ({preset})"] = arrays
        if not curves:
            return []
        path = folder / f"{self.name}.png"
        folder.mkdir(parents=True, exist_ok=True)
        _plot(curves, path)
        return [path]


def _render_row(row: tables.TableRow, preset: str, rows: list[store.Row]) -> str:
    first = rows[0]

    def mean(name: str) -> float:
        return float(np.mean([stored["metrics"][name] for stored in rows]))

    def pair(test: str) -> str:
        return f"**{mean(f'{test}_energy_rmse'):.1f} / {mean(f'{test}_force_rmse'):.1f}**"

    cells = [
        row.label,
        _PUBLISHED[row.name][0],
        pair("300K"),
        _PUBLISHED[row.name][1],
        pair("600K"),
        *(f"{mean(f'{name}_energy_rmse'):.1f}" for name in _SCANS),
        f"{first['steps']:,} ({preset})",
        f"{first['params']:,}",
        f"{first['seconds'] / 60:.0f} min",
    ]
    return f"| {' | '.join(cells)} |"


def _dihedral_error(arrays: dict[str, np.ndarray]) -> float:
    error = 1e3 * (arrays["dihedral_predicted"] - arrays["dihedral_reference"])
    return float(np.sqrt(np.square(error).mean()))


def _plot(curves: dict[str, dict[str, np.ndarray]], path: pathlib.Path) -> None:
    figure, (axes,) = figures.new_figure(columns=len(_SCANS), width=9.0)
    first = next(iter(curves.values()))
    for axis, (name, label) in zip(axes, _SCANS.items(), strict=True):
        reference = first[f"{name}_reference"]
        lowest = reference.min()
        axis.plot(first[f"{name}_coordinate"], 1e3 * (reference - lowest), ".",
                  color=figures.PALETTE[6], label="reference")  # fmt: skip
        for (title, arrays), colour in zip(curves.items(), figures.PALETTE, strict=False):
            axis.plot(arrays[f"{name}_coordinate"], 1e3 * (arrays[f"{name}_predicted"] - lowest),
                      color=colour, linewidth=1.2, label=title)  # fmt: skip
        axis.set(xlabel=label, ylabel="energy (meV)")
        axis.legend(frameon=False)
    figure.savefig(path)


TABLE = AcAcTable(name="acac", rows=_ROWS, run=molecules.run)
