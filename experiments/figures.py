"""Figures of runs and tables."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

# Colours that stay apart for colour-blind readers (Okabe and Ito).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def new_figure(*, columns: int = 1, rows: int = 1, width: float = 6.0, height: float = 4.0) -> Any:
    """Return a figure and its axes `[rows, columns]`, without a display.

    Raises:
        ImportError: If matplotlib is not installed; says how to install it.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'symjax_models[plots]'") from error
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def plot_learning_curves(records: Sequence[dict[str, Any]], path: pathlib.Path, title: str) -> None:
    """Plot training and validation loss against the step, every seed and their mean.

    Args:
        records: Lines of `metrics.jsonl`.
        path: Where the picture goes.
        title: Its title.
    """
    figure, ((axes,),) = new_figure()
    steps = np.array([record["step"] for record in records])
    for name, colour, label in (
        ("train_loss", PALETTE[0], "training"),
        ("valid_loss", PALETTE[1], "validation"),
    ):
        values = np.array([record[name] for record in records])
        axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.5)
        axes.plot(steps, values.mean(axis=1), color=colour, linewidth=1.8, label=label)
    best = np.array([record["best_valid_loss"] for record in records]).min(axis=0)
    axes.axhline(best.mean(), color=PALETTE[1], linestyle=":", linewidth=1, label="best validation")
    axes.set(xlabel="step", ylabel="mean squared error", title=title, yscale="log")
    axes.legend(frameon=False)
    figure.savefig(path)
