"""The figures of the synthetic table."""

import pathlib
from collections.abc import Mapping

import numpy as np

from experiments import figures, statistics, store, synthetic, synthetic_published

Runs = Mapping[tuple[str, str, int], list[store.Row]]
_BOOST_STYLES = {
    "": ("-o", "float32"),
    "_inputs": (":^", "exact, of float32 inputs"),
    "_float64": ("--s", "float64"),
}
_PANELS = {"o5": "O(5) invariant", "inertia": "moment of inertia", "lorentz": "scattering, O(1, 3)"}


def draw(
    runs: Runs, labels: Mapping[str, str], folder: pathlib.Path, *, preset: str
) -> list[pathlib.Path]:
    """Draw test error against training size, and Lorentz equivariance against boosts.

    Args:
        runs: Stored rows, one per seed, by row, task and number of training examples.
        labels: Label of every row.
        folder: Where the pictures go.
        preset: The preset of the runs, for the titles.

    Returns:
        The paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    colours = {row: figures.PALETTE[i] for i, row in enumerate(labels)}
    paths = []
    if any(task in _PANELS for _, task, _ in runs):
        paths.append(folder / "synthetic_error.png")
        _draw_errors(runs, labels, colours, paths[-1], preset=preset)
    if any(task == "lorentz" for _, task, _ in runs):
        paths.append(folder / "synthetic_boosts.png")
        _draw_boosts(runs, labels, colours, paths[-1], preset=preset)
    return paths


def _draw_errors(
    runs: Runs,
    labels: Mapping[str, str],
    colours: Mapping[str, str],
    path: pathlib.Path,
    *,
    preset: str,
) -> None:
    tasks = [task for task in _PANELS if any(task == found for _, found, _ in runs)]
    figure, (grid,) = figures.new_figure(columns=len(tasks), width=4.2 * len(tasks), height=4.2)
    for axes, task in zip(grid, tasks, strict=True):
        floor = 1.0
        for row, colour in colours.items():
            own = {
                n: run for (name, of, n), run in sorted(runs.items()) if (name, of) == (row, task)
            }
            if own:
                floor = next(iter(own.values()))[0]["metrics"]["floor"]
                means, errors = zip(
                    *(statistics.over_seeds(run, "test_mse") for run in own.values()), strict=True
                )
                bars = [error or 0.0 for error in errors]
                axes.errorbar(list(own), means, yerr=bars, color=colour, marker="o", capsize=3)
            sizes, published = synthetic_published.published_curve(task, row)
            axes.plot(sizes, published, color=colour, linestyle="--", linewidth=1, marker=".")
        axes.axhline(floor, color="0.4", linestyle=":", linewidth=1.2)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="training examples",
            title=_PANELS[task],
        )
    grid[0].set_ylabel("test mean squared error")
    for row, label in labels.items():
        is_ours = any(name == row and task in _PANELS for name, task, _ in runs)
        if is_ours or any(synthetic_published.published_curve(task, row)[0] for task in tasks):
            style = {"marker": "o"} if is_ours else {"linestyle": "--"}
            grid[0].plot([], [], color=colours[row], label=label, **style)
    grid[0].plot([], [], color="0.3", linestyle="--", marker=".", label="published")
    grid[0].plot([], [], color="0.4", linestyle=":", label="best constant")
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(f"Preset {preset}: mean and standard error over seeds", fontsize=10)
    figure.savefig(path)


def _draw_boosts(
    runs: Runs,
    labels: Mapping[str, str],
    colours: Mapping[str, str],
    path: pathlib.Path,
    *,
    preset: str,
) -> None:
    figure, ((axes,),) = figures.new_figure(width=7.5, height=4.5)
    largest = max(size for _, task, size in runs if task == "lorentz")
    for row, colour in colours.items():
        run = runs.get((row, "lorentz", largest))
        if run is None:
            continue
        for suffix, (style, _) in _BOOST_STYLES.items():
            names = [f"boost_error_{size:g}{suffix}" for size in synthetic.BOOSTS]
            if all(names[0] in stored["metrics"] for stored in run):
                values = [np.max([stored["metrics"][name] for stored in run]) for name in names]
                axes.plot(synthetic.BOOSTS, values, style, color=colour, markersize=4)
        axes.plot([], [], color=colour, label=labels[row])
    for style, label in _BOOST_STYLES.values():
        axes.plot([], [], style, color="0.3", markersize=4, label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="rapidity of the boost",
        ylabel="largest relative equivariance error",
        title=f"Scattering, {largest:,} training examples, preset {preset}",
    )
    axes.set_xticks(synthetic.BOOSTS, [f"{size:g}" for size in synthetic.BOOSTS])
    axes.minorticks_off()
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path)
