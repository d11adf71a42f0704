"""The synthetic table: its rows and runs, its page, and its summary for README."""

import pathlib
from collections.abc import Sequence

import ml_collections

from experiments import statistics, store, synthetic, synthetic_figures, synthetic_published, tables

# `quick` is to last ten minutes on two cores, most of them the compiler's: a few runs of each kind.
_SIZES = {"quick": (30, 3000), "full": (30, 100, 300, 1000, 3000, 10_000, 30_000)}
_MODIFIED_SIZES = (1000,)
_SET_SIZES = {"quick": (256,), "full": (128, 1024, 8192)}
_VECTOR_TASKS = ("o5", "inertia", "lorentz")
_SET_TASKS = ("rotation", "correlation", "rank1", "random")
_QUICK_SET_TASKS = ("rotation", "rank1")
_VECTOR_ROWS = (
    tables.TableRow("emlp", "EMLP"),
    tables.TableRow("residual_emlp", "EMLP + residual"),
    tables.TableRow("gram", "dot products"),
    tables.TableRow("mlp", "MLP"),
    tables.TableRow("mlp_augmented", "MLP + augmentation"),
)
_SET_ROWS = (
    tables.TableRow("deep_sets", "Deep Sets"),
    tables.TableRow("invariant_graph_network", "second order"),
    tables.TableRow("set_mlp", "MLP"),
)
_TITLES = {
    "o5": "O(5) invariant: two vectors to a scalar",
    "inertia": "Moment of inertia, O(3): five masses and five vectors to a matrix",
    "modified_inertia": "Modified inertia: O(3), broken by an axis",
    "lorentz": "Electron-muon scattering, O(1, 3): four vectors to a scalar",
    "rotation": "Population statistics: entropy of a marginal, points in the plane",
    "correlation": "Population statistics: information of correlated halves, 32 dimensions",
    "rank1": "Population statistics: information, covariance of rank 1 plus 1, 32 dimensions",
    "random": "Population statistics: information, random covariance, 32 dimensions",
}
_NOTE = (
    "Test mean squared error per entry of the target in raw units, mean ± standard error over "
    "seeds; the parameters are those of the lowest validation error, the data are one draw for all "
    "rows. In brackets the published error ± its standard deviation over trials: Finzi, Welling, "
    "Wilson 2021, arXiv:2104.09459 (EMLP of the same group; constant rate, up to 1000 epochs or "
    "900,000 examples), and for the modified inertia Finzi, Benton, Wilson 2021, arXiv:2112.01388."
)


class SyntheticTable(tables.Table):
    """A table of one run per row, task and size of the training set."""

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a row by task and size."""
        found = {}
        for task, size in cases(row, preset):
            config = tables.load_config(self.name, row, preset)
            config.data.task = task
            config.data.num_train = size or config.data.num_train
            found[f"{task}, {config.data.num_train:,} examples"] = config
        return found

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write a summary: one size of every task."""
        rows = store.read(self.name, results=results)
        of_vectors = [
            ("o5", 3000),
            ("inertia", 3000),
            ("lorentz", 3000),
            ("modified_inertia", 1000),
        ]
        of_sets = [(task, size) for size in (256, 1024) for task in _SET_TASKS]
        if presets == ("smoke",):
            of_vectors = [(task, 30) for task, _ in of_vectors]
            of_sets = [(task, 20) for task in _SET_TASKS]
        lines = [_NOTE, ""]
        for kinds, columns in ((_VECTOR_ROWS, of_vectors), (_SET_ROWS, of_sets)):
            lines += _summary(kinds, columns, rows, presets)
        return "\n".join([*lines, *_provenance(rows, presets)]) + "\n"

    def page(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write one table per task: models against sizes of the training set."""
        rows = store.read(self.name, results=results)
        lines = ["# Synthetic tasks", "", _NOTE, ""]
        for task, title in _TITLES.items():
            lines += _task_table(task, title, rows, presets)
        return "\n".join([*lines, *_provenance(rows, presets)]) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw error against training size, and against boosts."""
        labels = {row.name: row.label for row in _VECTOR_ROWS}
        # The longest budget that is stored; one figure does not mix them.
        rows = store.read(self.name, results=results)
        for preset in reversed(presets):
            runs = _runs(rows, _VECTOR_ROWS, preset)
            if runs:
                return synthetic_figures.draw(runs, labels, folder, preset=preset)
        return []


def cases(row: str, preset: str) -> list[tuple[str, int]]:
    """List the runs of a row.

    Args:
        row: Name of the row.
        preset: The preset.

    Returns:
        Tasks and numbers of training examples; 0 stands for that of the config.
    """
    if row in (of_sets.name for of_sets in _SET_ROWS):
        if preset == "smoke":
            return [("rotation", 0)]
        tasks = _QUICK_SET_TASKS if preset == "quick" else _SET_TASKS
        return [(task, size) for task in tasks for size in _SET_SIZES[preset]]
    if preset == "smoke":
        return [("modified_inertia" if row == "residual_emlp" else "lorentz", 0)]
    # Residual pathways are for symmetries that are broken, and for the control that is not.
    tasks = ("inertia",) * (preset == "full") if row == "residual_emlp" else _VECTOR_TASKS
    found = [(task, size) for task in tasks for size in _SIZES[preset]]
    return [*found, *(("modified_inertia", size) for size in _MODIFIED_SIZES)]


def _runs(
    rows: list[store.Row], kinds: Sequence[tables.TableRow], preset: str
) -> dict[tuple[str, str, int], list[store.Row]]:
    """Return the newest complete runs of a preset by row, task and number of examples."""
    found = {}
    stored = [row["config"]["data"] for row in rows]
    for task, size in dict.fromkeys((data["task"], data["num_train"]) for data in stored):
        for kind in kinds:
            data = {"task": task, "num_train": size}
            run = store.latest(rows, row=kind.name, preset=preset, data=data)
            if run:
                found[kind.name, task, size] = run
    return found


def _task_table(task: str, title: str, rows: list[store.Row], presets: Sequence[str]) -> list[str]:
    kinds = _SET_ROWS if task in _SET_TASKS else _VECTOR_ROWS
    lines, floor, sizes = [], 0.0, set()
    by_preset = {
        preset: {key: run for key, run in _runs(rows, kinds, preset).items() if key[1] == task}
        for preset in presets
    }
    for runs in by_preset.values():
        sizes |= {size for _, _, size in runs}
        floor = next((run[0]["metrics"]["floor"] for run in runs.values()), floor)
    if not sizes:
        return []
    for kind in kinds:
        for preset, runs in by_preset.items():
            own = {size: run for (name, _, size), run in runs.items() if name == kind.name}
            if own:
                cells = [_cell(task, kind.name, size, own.get(size)) for size in sorted(sizes)]
                lines.append(_line([kind.label, *_facts(preset, own), *cells]))
    return [
        f"## {title}",
        "",
        f"The best constant scores {floor:.4g}. Columns: training examples; error (published).",
        "",
        _line(
            ["row", "preset: steps", "parameters", "equivariance error float32, float64"]
            + [f"{size:,}" for size in sorted(sizes)]
        ),
        _line(["---"] * (4 + len(sizes))),
        *lines,
        "",
    ]


def _summary(
    kinds: Sequence[tables.TableRow],
    columns: Sequence[tuple[str, int]],
    rows: list[store.Row],
    presets: Sequence[str],
) -> list[str]:
    lines, shown = [], set()
    found = {preset: _runs(rows, kinds, preset) for preset in presets}
    for runs in found.values():
        shown |= {(task, size) for _, task, size in runs}
    columns = [column for column in columns if column in shown]
    if not columns:
        return []
    for kind in kinds:
        for preset, runs in found.items():
            own = {c: runs[kind.name, *c] for c in columns if (kind.name, *c) in runs}
            if own:
                cells = [_cell(task, kind.name, n, own.get((task, n))) for task, n in columns]
                lines.append(_line([kind.label, _facts(preset, own)[0], *cells]))
    floors = {
        (task, size): run[0]["metrics"]["floor"]
        for runs in found.values()
        for (_, task, size), run in runs.items()
    }
    return [
        _line(["row", "preset: steps", *(f"{task}, {size:,} examples" for task, size in columns)]),
        _line(["---"] * (2 + len(columns))),
        _line(["best constant", "", *(f"{floors[column]:.4g}" for column in columns)]),
        *lines,
        "",
    ]


def _facts(preset: str, runs: dict[object, list[store.Row]]) -> list[str]:
    """Return budget, parameters and equivariance errors of the runs of one line."""
    stored = [row for run in runs.values() for row in run]
    worst = [
        max(row["metrics"][f"equivariance_error{suffix}"] for row in stored)
        for suffix in ("", "_float64")
    ]
    return [
        f"{preset}: {_span(row['steps'] for row in stored)}",
        _span(row["params"] for row in stored),
        ", ".join(f"{value:.0e}" for value in worst),
    ]


def _cell(task: str, row: str, size: int, run: list[store.Row] | None) -> str:
    published = synthetic_published.published(task, row, size)
    beside = f" ({published})" if published else ""
    if run is None:
        return beside.strip() or "–"
    mean, error = statistics.over_seeds(run, "test_mse")
    spread = "" if error is None else f" ± {error:.1g}"
    return f"**{mean:.3g}**{spread}{beside}"


def _provenance(rows: list[store.Row], presets: Sequence[str]) -> list[str]:
    runs = [
        row
        for preset in presets
        for run in _runs(rows, (*_VECTOR_ROWS, *_SET_ROWS), preset).values()
        for row in run
    ]
    if not runs:
        return [tables.provenance_line("synthetic", runs)]
    seconds = sum({(row["row"], str(row["config"])): row["seconds"] for row in runs}.values())
    return [
        f"Equivariance error: largest relative error over random elements and generators, of all "
        f"seeds together. Training took {seconds / 60:.0f} minutes in all, compilation included. "
        + tables.provenance_line("synthetic", runs),
    ]


def _span(values: object) -> str:
    low, high = min(found := list(values)), max(found)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


TABLE = SyntheticTable(name="synthetic", rows=(*_VECTOR_ROWS, *_SET_ROWS), run=synthetic.run)
