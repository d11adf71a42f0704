"""Figures of the point-cloud table: scores along an orbit, parts of turned clouds."""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments import clouds_task, figures, statistics, store, tables

Runs = dict[tuple[str, str, str], list[store.Row]]
_MARKERS = "os^Dv<>PX*"
_NUM_COLUMNS = 5
_COLOURS = figures.PALETTE[:-1]  # the last, black, is that of the rings


def draw_orbits(
    table: tables.Table, runs: Runs, folder: pathlib.Path, *, plain: Sequence[str]
) -> pathlib.Path | None:
    """Draw the accuracy of every row against the angle that test clouds are turned by.

    Args:
        table: The table.
        runs: Runs by row, task and training pose.
        folder: Where the picture goes.
        plain: Rows without symmetry, drawn dashed.

    Returns:
        Its path; None if no row has classes.
    """
    runs = {(row, pose): run for (row, task, pose), run in runs.items() if task == "classification"}
    if not runs:
        return None
    figure, axes = figures.new_figure(columns=2, width=10, height=4.6)
    for axis, pose in zip(axes[0], clouds_task.POSES, strict=True):
        for index, row in enumerate(table.rows):
            if (row.name, pose) not in runs:
                continue
            accuracies = [
                100 * statistics.over_seeds(runs[row.name, pose], f"score_at_{angle}")[0]
                for angle in clouds_task.ANGLES
            ]
            axis.plot(
                clouds_task.ANGLES,
                accuracies,
                color=figures.PALETTE[index % len(figures.PALETTE)],
                linestyle="--" if row.name in plain else "-",
                marker=_MARKERS[index],
                markersize=4,
                label=row.label,
            )
        trained = {"z": "turned about z", "so3": "turned in any way"}[pose]
        axis.set(
            xlabel="rotation of the test clouds about a horizontal axis, degrees",
            ylabel="accuracy, %",
            title=f"trained on clouds {trained}",
            ylim=(0, 103),
            xticks=(0, 45, 90, 135, 180),
        )
    handles = {line.get_label(): line for axis in axes[0] for line in axis.lines}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=_NUM_COLUMNS,
        frameon=False,
        fontsize=8,
    )
    return _save(figure, folder / "point_clouds_orbits.png")


def draw_parts(
    table: tables.Table, runs: Runs, folder: pathlib.Path, *, results: pathlib.Path
) -> pathlib.Path | None:
    """Draw the parts of a turned test cloud of every class, true and as every row predicts them.

    The networks were trained on clouds turned about z. Points with the wrong part have a ring.

    Args:
        table: The table.
        runs: Runs by row, task and training pose.
        folder: Where the picture goes.
        results: Folder of the stored rows.

    Returns:
        Its path; None if there are no stored predictions.
    """
    pictured = {}
    for row in table.rows:
        run = runs.get((row.name, "segmentation", "z"))
        if run:
            pictured[row.label] = store.read_samples(
                run[0],
                metric="score_so3",
                tell=lambda arrays: arrays["scores"].mean(),
                results=results,
            )
    pictured = {label: samples for label, samples in pictured.items() if samples is not None}
    if not pictured:
        return None
    first = next(iter(pictured.values()))
    columns, rows = len(first["points"]), 1 + len(pictured)
    figure, _ = figures.new_figure(width=2 * columns, height=2.2 * rows)
    figure.clear()
    new_axes = functools.partial(figure.add_subplot, rows, columns, projection="3d")
    for line, (label, samples) in enumerate([("true parts", first), *pictured.items()]):
        for column in range(columns):
            parts = samples["parts"][column]
            found = parts if line == 0 else samples["found"][column]
            axes = new_axes(line * columns + column + 1)
            _draw_cloud(axes, samples["points"][column], found, is_wrong=found != parts)
            if column == 0:
                axes.set_title(label, loc="left", fontsize=9)
    return _save(figure, folder / "point_clouds_parts.png")


def _draw_cloud(axes: Any, points: np.ndarray, parts: np.ndarray, *, is_wrong: np.ndarray) -> None:
    # Part numbers of one class follow each other, so that neighbours in the palette differ.
    colours = np.array(_COLOURS)[parts % len(_COLOURS)]
    edges = np.where(is_wrong, figures.PALETTE[-1], colours)
    axes.scatter(*points.T, s=16, c=colours, edgecolors=edges, linewidths=1.2, depthshade=False)
    axes.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    axes.set_box_aspect((1, 1, 1), zoom=1.3)
    axes.set_axis_off()


def _save(figure: Any, path: pathlib.Path) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
