"""The n-body table: its rows, the published numbers, its figures."""

import pathlib

import numpy as np

from experiments import figures, nbody, statistics, tables
from symjax_models.data import nbody as nbody_data

_EGNN = "EGNN, table 2"
_LONG = "300,000 steps"

_ROWS = (
    tables.TableRow("linear", "Linear (x + t v)", ".0819", _EGNN, _LONG),
    tables.TableRow("affine", "Affine", ".0683 ± .0002", 'SEGNO, its "Linear"', "trained"),
    tables.TableRow("radial_field", "Radial Field", ".0104", _EGNN, _LONG),
    tables.TableRow("gnn", "GNN", ".0107", _EGNN, _LONG),
    tables.TableRow("egnn", "EGNN", ".0071", _EGNN, _LONG),
    tables.TableRow("tfn", "TFN", ".0155", _EGNN, _LONG),
    tables.TableRow("se3_transformer", "SE(3)-Transformer", ".0244", _EGNN, _LONG),
    tables.TableRow("iterative_se3_transformer", "SE(3)-Transformer, iterative"),
    tables.TableRow("segnn", "SEGNN", ".0043 ± .0002", "SEGNN, table 1", "30,000 steps"),
    tables.TableRow("fa_gnn", "FA-GNN", ".0057", "Frame Averaging, recalled", _LONG),
    tables.TableRow("cn_gnn", "CN-GNN", ".0043", "learned canonicalization, recalled", _LONG),
    tables.TableRow("ps_gnn", "PS-GNN", ".0042", "LPS (a transformer), its review", _LONG),
    tables.TableRow("ponita", "PONITA", ".0043", "PONITA, its repository", _LONG),
    tables.TableRow("locs", "LoCS"),
    tables.TableRow("leapfrog", "Leapfrog network (ours)"),
)

_CAPTION = (
    "Charged 5-body system, frames 30 to 40 (1000 integration steps ahead), 3000 training, 2000 "
    "validation and 2000 test simulations (seed 43): mean squared error of the predicted "
    "positions, in squared units of length. Published: EGNN is arXiv:2102.09844, SEGNO is "
    "arXiv:2308.13212; the published data are regenerated, equal up to floating-point chaos."
)


def plot(
    found: dict[tuple[str, str], statistics.Summary], folder: pathlib.Path
) -> list[pathlib.Path]:
    """Draw the figures of the table.

    Args:
        found: Summaries by (row, preset).
        folder: Where the pictures go.

    Returns:
        Their paths: errors, and predicted against true trajectories.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not found:
        return []
    presets = {preset for _, preset in found}
    preset = "quick" if "quick" in presets else presets.pop()
    paths = [folder / "nbody_error.png", folder / "nbody_trajectories.png"]
    _plot_errors(found, paths[0], preset=preset)
    _plot_trajectories(found, paths[1], preset=preset)
    return paths


def _plot_errors(
    found: dict[tuple[str, str], statistics.Summary], path: pathlib.Path, *, preset: str
) -> None:
    labels = {row.name: row for row in _ROWS}
    figure, ((axes,),) = figures.new_figure(width=7, height=1.3 + 0.27 * len(found))
    colour, ticks = figures.PALETTE[0], []
    for place, ((name, budget), summary) in enumerate(found.items()):
        row = labels[name]
        seeds = [stored["metrics"]["test_mse"] for stored in summary.stored]
        axes.plot(seeds, [place] * len(seeds), "|", color=colour, alpha=0.6, markersize=9)
        axes.errorbar(
            summary.mean,
            place,
            xerr=summary.se_simulations,
            color=colour,
            marker="s" if budget == "full" else "o",
            capsize=3,
            linestyle="none",
        )
        if row.published:
            published = float(row.published.split()[0])
            axes.plot(published, place, color=figures.PALETTE[1], marker="D", markersize=5)
        ticks.append(f"{row.label} ({summary.stored[0]['params']:,})")
    if ("egnn", preset) in found:
        egnn = found["egnn", preset]
        low, high = egnn.mean - egnn.se_simulations, egnn.mean + egnn.se_simulations
        axes.axvspan(low, high, color=colour, alpha=0.12, linewidth=0)
    of_ours = {"color": colour, "linestyle": "none"}
    axes.plot([], [], marker="o", label=f"ours, {preset}", **of_ours)
    axes.plot([], [], marker="s", label="ours, full", **of_ours)
    axes.plot([], [], marker="|", label="single seeds", **of_ours)
    axes.plot([], [], "D", color=figures.PALETTE[1], markersize=5, label="published")
    axes.set(
        xscale="log",
        xlabel="test mean squared error ± standard error; band: EGNN",
        yticks=range(len(ticks)),
        yticklabels=ticks,
        ylim=(len(ticks) - 0.4, -0.6),
        title="n-body, with the number of parameters",
    )
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path)


def _plot_trajectories(
    found: dict[tuple[str, str], statistics.Summary], path: pathlib.Path, *, preset: str
) -> None:
    shown = [name for name in ("linear", "gnn", "egnn") if (name, preset) in found]
    data = nbody_data.load("egnn_small")
    first, last = data.protocol.input_frame, data.protocol.target_frame
    count = min(3, *(len(found[name, preset].predictions) for name in shown))
    figure, grid = figures.new_figure(columns=count, width=4.0 * count, height=4.4)
    markers = {"linear": "+", "gnn": "x", "egnn": "o"}
    labels = {row.name: row.label for row in _ROWS}
    for index, axes in enumerate(grid[0]):
        path_of = data.test.trajectories[index, first : last + 1]
        # Look along the direction in which this simulation extends the least.
        centred = path_of.reshape(-1, 3) - path_of.reshape(-1, 3).mean(axis=0)
        view = np.linalg.svd(centred, full_matrices=False)[2][:2].T
        charges = data.test.charges[index, :, 0]
        for body, charge in enumerate(charges):
            colour = figures.PALETTE[1] if charge > 0 else figures.PALETTE[0]
            line = path_of[:, body] @ view
            axes.plot(*line.T, color=colour, linewidth=1.2)
            axes.plot(*line[0], color=colour, marker=".", markersize=5)
            axes.plot(*line[-1], color=colour, marker="*", markersize=9)
        for name in shown:
            predicted = found[name, preset].predictions[index] @ view
            axes.plot(
                *predicted.T,
                linestyle="none",
                marker=markers[name],
                markersize=10,
                markerfacecolor="none",
                color="0.15",
                label=labels[name],
            )
        errors = ", ".join(
            f"{labels[name].split()[0]} {found[name, preset].errors[index]:.4f}" for name in shown
        )
        axes.set_title(f"test simulation {index}\nMSE: {errors}", fontsize=8)
        axes.set_aspect("equal", adjustable="datalim")
        axes.tick_params(labelsize=7)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    figure.suptitle(
        "True paths (dot to star; blue negative, orange positive charges) and predicted ends",
        fontsize=10,
    )
    figure.savefig(path)


TABLE = tables.PairedTable(
    name="nbody",
    rows=_ROWS,
    baselines=("egnn", "segnn"),
    caption=_CAPTION,
    run=nbody.run,
    plot=plot,
)
