"""The registration table: recall under growing rotation, and under overlap and noise."""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import ml_collections
import numpy as np

from experiments import figures, registration, registration_task, statistics, store, tables

_ROWS = (
    tables.TableRow("registration_network", "learned features, equivariant"),
    tables.TableRow("plain_registration_network", "learned features, plain"),
    tables.TableRow("moments", "moments of shells, closed form"),
    tables.TableRow("kabsch", "Kabsch on the true partners, upper bound"),
)
# Largest training rotation of the runs of a row; the others have one run, without rotation.
_TRAINED = {"plain_registration_network": (0.0, 180.0)}
_SETS = {
    f"rotation of {registration_task.ANGLES[0]}°": f"rotation_{registration_task.ANGLES[0]}",
    **{f"{angle}°": f"rotation_{angle}" for angle in registration_task.ANGLES[1:]},
}
_ROBUST_SETS = {
    **{f"overlap {overlap}": f"overlap_{overlap}" for overlap in registration_task.OVERLAPS},
    **{f"noise {noise:g}": f"noise_{noise}" for noise in registration_task.NOISES},
}
_CAPTION = (
    "Generated scenes of three to six bodies, of largest norm 1, seen in two views. Numbers are "
    "the registration recall in %, the share of test pairs with a rotation within 5° and a "
    "translation within .1. All columns show the same scenes, turned by the angle "
    "about random axes; overlap and noise vary at 180°. The moments are of shells about the "
    "centroid, not learned, and need full overlap."
)
_MARKERS = "osD^v"

Runs = dict[tuple[str, float, str], list[store.Row]]


class RegistrationTable(tables.Table):
    """A table of one run per row and range of training rotations."""

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a row by the rotations of its training pairs."""
        found = {}
        for degrees in _TRAINED.get(row, (0.0,)):
            config = tables.load_config(self.name, row, preset)
            config.data.rotation_degrees = degrees
            found[_describe(row, degrees)] = config
        return found

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write a table of rotations, and one of overlaps and noise."""
        runs = newest(self, presets, results)
        stored = [row for run in runs.values() for row in run]
        lines = [_CAPTION, ""]
        if stored:
            lines += [*_rotation_table(self, runs), "", *_robustness_table(self, runs), ""]
            lines += [f"{_sizes(stored)} {_note(stored)}", ""]
        return "\n".join([*lines, tables.provenance_line(self.name, stored)]) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the recall against the rotation, and one test pair before and after."""
        for preset in reversed(presets):
            runs = newest(self, (preset,), results)
            if runs:
                folder.mkdir(parents=True, exist_ok=True)
                paths = [_draw_recall(self, runs, folder), _draw_pairs(self, runs, folder, results)]
                return [path for path in paths if path is not None]
        return []


def _describe(row: str, degrees: float) -> str:
    if row not in _TRAINED:
        return ""
    return "trained on any rotation" if degrees else "trained without rotation"


def _label(row: tables.TableRow, degrees: float) -> str:
    return ", ".join(filter(None, (row.label, _describe(row.name, degrees))))


def newest(table: tables.Table, presets: Sequence[str], results: pathlib.Path) -> Runs:
    """Return the newest complete runs by row, training rotation and preset, in print order."""
    rows = store.read(table.name, results=results)
    found = {}
    for row in table.rows:
        for degrees in _TRAINED.get(row.name, (0.0,)):
            for preset in presets:
                data = {"rotation_degrees": degrees}
                run = store.latest(rows, row=row.name, preset=preset, data=data)
                if run:
                    found[row.name, degrees, preset] = run
    return found


def _rotation_table(table: tables.Table, runs: Runs) -> list[str]:
    columns = [
        "row", *_SETS, "median error at 180°", "equivariance error float32, float64",
        "preset: steps", "parameters", "training",
    ]  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    labels = {row.name: row for row in table.rows}
    for (name, degrees, preset), run in runs.items():
        first = run[0]
        rre, rte = (statistics.over_seeds(run, f"{error}_median")[0] for error in ("rre", "rte"))
        worst = [
            max(row["metrics"][f"equivariance_error{suffix}"] for row in run)
            for suffix in ("", "_float64")
        ]
        cells = [
            _label(labels[name], degrees),
            *(_recall(run, test_set) for test_set in _SETS.values()),
            f"{rre:.2g}°, {rte:.2g}",
            ", ".join(f"{value:.0e}" for value in worst),
            f"{preset}: {first['steps']:,}" if first["steps"] else f"{preset}: closed form",
            f"{first['params']:,}",
            f"{first['seconds']:.0f} s" if first["steps"] else "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _robustness_table(table: tables.Table, runs: Runs) -> list[str]:
    columns = ["row", "preset", *_ROBUST_SETS, "exact pairs, float64"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    labels = {row.name: row for row in table.rows}
    for (name, degrees, preset), run in runs.items():
        exact = run[0]["metrics"].get("exact_error")
        cells = [
            _label(labels[name], degrees),
            preset,
            *(_recall(run, test_set) for test_set in _ROBUST_SETS.values()),
            "–" if exact is None else f"{exact:.0e}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _recall(run: list[store.Row], test_set: str) -> str:
    mean, error = statistics.over_seeds(run, f"recall_{test_set}")
    sampling = max(row["metrics"][f"recall_{test_set}_se"] for row in run)
    spread = "" if error is None else f" ± {100 * error:.1f}"
    return f"**{100 * mean:.1f}** ± {100 * sampling:.1f}{spread}"


def _sizes(stored: Sequence[store.Row]) -> str:
    """Say how large the data of every preset are."""
    sizes = []
    for preset, data in {row["preset"]: row["config"]["data"] for row in stored}.items():
        low, high = data["overlap"]
        train, _, test = data["num_pairs"]
        points = (
            "the same points of the surface in both views"
            if data["same_points"]
            else ("points of its own in every view")
        )
        sizes.append(
            f"`{preset}`: {train:,} pairs for training and {test:,} for testing, "
            f"{data['num_points']:,} points, {points}, an overlap of {low} to {high}, noise of "
            f"{data['noise']}."
        )
    return " ".join(sizes)


def _note(stored: Sequence[store.Row]) -> str:
    seeds = sorted({len(row["config"]["seeds"]) for row in stored})
    return (
        f"Seeds: {' or '.join(map(str, seeds))} (closed forms have no randomness), their mean; "
        "parameters chosen on validation pairs turned as the training pairs are. The first ± is "
        "the standard error over test pairs, the second over seeds. Equivariance error: how far "
        "the moved source is from following the target under rotations and translations of the "
        "target alone, relative. Exact pairs: largest deviation of a closed form from the true "
        "motion in full overlap without noise. Training: all seeds together, compilation included."
    )


def _draw_recall(table: tables.Table, runs: Runs, folder: pathlib.Path) -> pathlib.Path:
    figure, ((axes,),) = figures.new_figure(width=7)
    labels = {row.name: row for row in table.rows}
    for index, ((name, degrees, _), run) in enumerate(runs.items()):
        recalls = [
            statistics.over_seeds(run, f"recall_rotation_{angle}")[0]
            for angle in registration_task.ANGLES
        ]
        axes.plot(
            registration_task.ANGLES,
            100 * np.array(recalls),
            color=figures.PALETTE[index],
            linestyle="-" if name == "registration_network" else "--",
            marker=_MARKERS[index],
            markersize=5,
            label=_label(labels[name], degrees),
        )
    axes.set(
        xlabel="rotation between the two views, degrees",
        ylabel="registration recall, %",
        ylim=(-3, 104),
        xticks=registration_task.ANGLES,
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    path = folder / "registration_recall.png"
    figure.savefig(path)
    return path


def _draw_pairs(
    table: tables.Table, runs: Runs, folder: pathlib.Path, results: pathlib.Path
) -> pathlib.Path | None:
    """Draw the same test pair before and after, for every network trained without rotation."""
    pictured = {}
    for row in table.rows:
        (run,) = [run for key, run in runs.items() if key[:2] == (row.name, 0.0)] or ([],)
        if run and run[0]["steps"]:
            pictured[row.label] = store.read_samples(
                run[0],
                metric=f"recall_{registration_task.HARDEST}",
                tell=lambda arrays: arrays["registered"].mean(),
                results=results,
            )
    pictured = {label: samples for label, samples in pictured.items() if samples is not None}
    if not pictured:
        return None
    columns = len(pictured) + 1
    figure, _ = figures.new_figure(width=4 * columns, height=4.2)
    figure.clear()
    new_axes = functools.partial(figure.add_subplot, 1, columns, projection="3d")
    first = next(iter(pictured.values()))
    _draw_pair(new_axes(1), first["source"], first["target"], title="before")
    for index, (label, samples) in enumerate(pictured.items(), start=2):
        moved = samples["source"] @ samples["rotation"].T + samples["translation"]
        _draw_pair(new_axes(index), moved, samples["target"], title=f"after: {label}")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False)
    path = folder / "registration_pair.png"
    figure.savefig(path)
    return path


def _draw_pair(axes: Any, source: np.ndarray, target: np.ndarray, *, title: str) -> None:
    for index, (points, label) in enumerate(((source, "source"), (target, "target"))):
        axes.scatter(
            *points.T, s=10, color=figures.PALETTE[index], label=label, depthshade=False, alpha=0.8
        )
    both = np.concatenate([source, target])
    middle, half = (both.max(0) + both.min(0)) / 2, np.ptp(both, axis=0).max() / 2
    limits = np.stack([middle - half, middle + half], axis=1)
    axes.set(xlim=limits[0], ylim=limits[1], zlim=limits[2], title=title)
    axes.set_box_aspect((1, 1, 1))
    axes.tick_params(labelsize=6)


TABLE = RegistrationTable(name="registration", rows=_ROWS, run=registration.run)
