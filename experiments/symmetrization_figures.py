"""Figures of the symmetrization table: pairs of graphs, digits by pose, errors of frames."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments import figures, statistics, store
from experiments.symmetrization_studies import frame_errors, graph_separation

Runs = Mapping[str, list[store.Row]]
Labels = Mapping[str, Mapping[str, str]]

_POSES = {"upright": "upright", "c4": "in quarter turns", "so2": "at any angle"}
_MARKERS = "os^D"
_KINDS = {"error": "under the group", "permutation_error": "under permutations"}
_LEAST = 3e-17  # where an error of zero is drawn


def draw(runs: Mapping[str, Runs], labels: Labels, folder: pathlib.Path) -> list[pathlib.Path]:
    """Draw the figures of the studies that have runs.

    Args:
        runs: Stored rows by study and method.
        labels: Names of the methods by study.
        folder: Where the figures go.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for study, draw_study in _STUDIES.items():
        if runs[study]:
            figure = draw_study(runs[study], labels[study])
            paths.append(folder / f"symmetrization_{study}.png")
            figure.savefig(paths[-1])
    return paths


def frame_error(run: list[store.Row], case: str, dtype: str) -> float | None:
    """Return the largest error of all kinds and seeds; None where the case was not measured."""
    names = [f"{kind}_{case}_{dtype}" for kind in _KINDS]
    values = [row["metrics"][name] for row in run for name in names if name in row["metrics"]]
    return max(values, default=None)


def _draw_pairs(runs: Runs, labels: Mapping[str, str]) -> Any:
    """Draw how many pairs are left, of every method and published."""
    figure, ((axes,),) = figures.new_figure(width=8, height=4.4)
    names = list(runs)
    places = np.arange(len(names))
    for offset, metric, label in (
        (-0.2, "pairs_not_separated", "within 1e-3 in 100 networks"),
        (0.2, "pairs_equal", "equal in float64"),
    ):
        counts = [runs[name][0]["metrics"][metric] for name in names]
        colour = figures.PALETTE[0 if offset < 0 else 2]
        axes.barh(places + offset, counts, height=0.38, color=colour, label=label)
        for place, count in zip(places, counts, strict=True):
            axes.annotate(f"{count:,}", (count, place + offset), xytext=(9, 0),
                          textcoords="offset points", va="center", fontsize=8)  # fmt: skip
    published = [graph_separation.PUBLISHED.get(name, np.nan) for name in names]
    axes.plot(published, places - 0.2, "D", color=figures.PALETTE[1], markersize=6,
              label="published", clip_on=False)  # fmt: skip
    least = runs[names[0]][0]["metrics"]["pairs_one_wl"]
    axes.axvline(least, color="#000000", linestyle=":", linewidth=1, label=f"1-WL test: {least}")
    axes.set_xscale("symlog", linthresh=1)
    axes.set(
        yticks=places,
        yticklabels=[labels[name] for name in names],
        xlabel="pairs of GRAPH8c that are left together",
        xlim=(0, 3e4),
        ylim=(len(names) - 0.5, -0.5),
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _draw_digits(runs: Runs, labels: Mapping[str, str]) -> Any:
    """Draw the accuracy of every method by pose, all seeds."""
    figure, ((axes,),) = figures.new_figure(width=8, height=4.4)
    names = list(runs)
    for index, (pose, title) in enumerate(_POSES.items()):
        for place, name in enumerate(names):
            values = [100 * row["metrics"][f"accuracy_{pose}"] for row in runs[name]]
            axes.plot(values, np.full(len(values), place + 0.2 * (index - 1)), _MARKERS[index],
                      color=figures.PALETTE[index], markersize=5, alpha=0.7, linestyle="none",
                      label=title if place == 0 else None)  # fmt: skip
            mean, _ = statistics.over_seeds(runs[name], f"accuracy_{pose}")
            axes.plot([100 * mean] * 2, [place + 0.2 * (index - 1) + d for d in (-0.1, 0.1)],
                      color=figures.PALETTE[index], linewidth=1.5)  # fmt: skip
    axes.set(
        yticks=range(len(names)),
        yticklabels=[labels[name] for name in names],
        xlabel="accuracy, % (a dot per seed, a line for their mean)",
        xlim=(0, 102),
        ylim=(len(names) - 0.5, -0.5),
    )
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        loc="outside lower center", ncols=3, frameon=False, fontsize=8, title="test digits"
    )
    return figure


def _draw_errors(runs: Runs, labels: Mapping[str, str]) -> Any:
    """Draw the errors in float64 of every method and case, under the group and permutations."""
    figure, (row,) = figures.new_figure(columns=2, width=10, height=4.8)
    names = list(runs)
    for axes, (kind, title) in zip(row, _KINDS.items(), strict=True):
        for index, case in enumerate(frame_errors.CASES):
            metric = f"{kind}_{case}_float64"
            values = [
                max([each["metrics"].get(metric, np.nan) for each in runs[name]]) for name in names
            ]
            shift = 0.16 * (index - 1.5)
            axes.plot(np.maximum(values, _LEAST), np.arange(len(names)) + shift, _MARKERS[index],
                      color=figures.PALETTE[index], markersize=5, linestyle="none",
                      label=case if axes is row[0] else None)  # fmt: skip
        axes.axvline(1e-12, color="#000000", linestyle=":", linewidth=1)
        axes.set(
            xscale="log",
            xlim=(_LEAST / 2, 30),
            ylim=(len(names) - 0.5, -0.5),
            yticks=range(len(names)),
            yticklabels=[labels[name] for name in names] if axes is row[0] else [],
            xlabel="relative error, float64",
            title=title,
        )
        axes.grid(axis="y", alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8, title="inputs")
    return figure


_STUDIES = {
    "graph_separation": _draw_pairs,
    "digits": _draw_digits,
    "frame_errors": _draw_errors,
}
