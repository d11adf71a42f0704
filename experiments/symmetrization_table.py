"""The symmetrization table: plain networks made symmetric from outside, one table per study."""

import pathlib
from collections.abc import Callable, Sequence

import ml_collections

from experiments import statistics, store, symmetrization, symmetrization_figures, tables
from experiments.symmetrization_studies import digits, frame_errors, graph_classes, graph_separation

Run = list[store.Row]
Cells = Callable[[Run], list[str]]

_ROWS = (
    tables.TableRow("graph_separation", "GRAPH8c, pairs left"),
    tables.TableRow("twin_separation", "Twins of graphs, pairs left"),
    tables.TableRow("graph_classes", "Twins of graphs, accuracy in %"),
    tables.TableRow("digits", "Digits, accuracy in %"),
    tables.TableRow("lorentz", "Scattering, O(1, 3)"),
    tables.TableRow("frame_errors", "Errors of frames, float32, float64"),
)
_SEPARATION_LABELS = {
    "gin": "GIN, 3 layers",
    "gin_deep": "GIN, 8 layers",
    "gcn": "GCN, 3 layers",
    "gin_ids": "GIN with node ids",
    "gin_frames": "GIN with node ids, frames",
    "gin_average": "GIN with node ids, random orders",
    "mlp": "perceptron",
    "mlp_canonical": "perceptron, one sorted order",
    "mlp_frames": "perceptron, frames",
    "mlp_average": "perceptron, random orders",
}
# Names of the methods of every row, in print order.
LABELS = {
    "graph_separation": _SEPARATION_LABELS,
    # Layers for all rounds of the 1-WL test would be as many as nodes.
    "twin_separation": {k: v for k, v in _SEPARATION_LABELS.items() if k != "gin_deep"},
    "graph_classes": {
        "gin": "GIN",
        "gin_frames": "GIN with node ids, frames",
        "mlp": "perceptron",
        "mlp_canonical": "perceptron, one sorted order",
        "mlp_frames": "perceptron, frames",
        "mlp_average": "perceptron, random orders",
        "mlp_distribution": "perceptron, learned distribution",
    },
    "digits": {
        "plain": "plain",
        "augmented": "trained on quarter turns",
        "augmented_so2": "trained at any angle",
        "averaged_at_test": "averaged over C4 in tests alone",
        "whole_group": "averaged over C4",
        "canonicalization": "learned canonicalization",
        "canonicalization_prior": "learned canonicalization, prior",
        "optimization": "canonicalization by optimization",
        "optimization_prior": "canonicalization by optimization, prior",
    },
    "lorentz": {
        "mlp": "perceptron",
        "augmented": "perceptron, augmentation",
        "frames": "perceptron, frames",
        "generator": "perceptron, generator by orbit distance",
        "gram": "perceptron of dot products",
    },
    "frame_errors": {
        "none": "none (control)",
        "pca_all": "principal axes, all signs",
        "pca_moment": "principal axes, signs of third moments",
        "pca_random": "principal axes, random signs",
        "component_sum": "principal axes, signs of sums (control)",
        "minimal": "minimal frames",
        "first_rows": "the first three points (control)",
        "whole_group": "octahedral group, all elements",
        "haar": "O(3), random elements",
        "mds_frames": "coordinates made of distances, minimal frames",
        "lorentz": "Lorentz frames, O(1, 3)",
        "laplacian": "Laplacian sort, S(6)",
    },
}
_CAPTIONS = {
    "graph_separation": (
        "All 11,117 connected graphs of eight nodes, 61,788,286 pairs, of which the 1-WL test "
        "leaves 312. A pair is not separated if 100 untrained networks all embed it within 1e-3, "
        "in L1 distance, as published (O. Puny et al. 2022, arXiv:2110.03336); it is equal if it "
        "is within 1e-12 in float64. Three layers on top of the degrees make four of the five "
        "rounds that the test needs, which leave 320."
    ),
    "twin_separation": (
        "600 pairs of twins, which the 1-WL test leaves all: two random cubic graphs of 32 nodes, "
        "from ten such pairs, each beside the same random graph; in place of EXP, whose numbers "
        "are the published ones. Counted as above. What changes with the order of the nodes tells "
        "any two graphs apart, a graph and itself reordered too: a count of 0 means something "
        "where graphs are invariant."
    ),
    "graph_classes": (
        "The same twins, told which is which, in place of EXP, whose numbers are the published "
        "ones (arXiv:2110.03336, arXiv:2306.02866). Cores of test graphs are among the ten pairs "
        "of training; frames of cores have one to four orders. To the network that scores nodes "
        "for the learned distribution all nodes of a core look alike, unlike those of EXP."
    ),
    "digits": (
        "Digits of scikit-learn, trained upright (800 images), tested on 797: upright, in quarter "
        "turns, at any angle. Published: CIFAR-10 under C8, other images (arXiv:2310.01647). A 6 "
        "turned is a 9, so that no invariant classifier is perfect."
    ),
    "lorentz": (
        "Scattering of electrons and muons from 1,000 examples in `quick`; nothing is published "
        "in numbers (arXiv:2311.07143). Mean squared error, and as a share of that of the best "
        "constant."
    ),
    "frame_errors": (
        "Largest relative change of a random network under the group and under permutations, "
        "float32, float64. Symmetric clouds are nested tetrahedra, the symmetric graph is a "
        "circle; four-vectors have such clouds as momenta. Sources that draw are exact in "
        "expectation alone."
    ),
}
_PUBLISHED = {
    "graph_separation": graph_separation.PUBLISHED,
    "twin_separation": graph_separation.PUBLISHED_PAIRS,
    "graph_classes": graph_classes.PUBLISHED,
    "digits": digits.PUBLISHED,
}


_NOTE = (
    "Means over seeds, with parameters of the lowest validation loss. The first ± is the standard "
    "error over test examples, the second over seeds. K: how often the network sees every input. "
    "Equivariance error: largest relative change under elements of the group (of digits, quarter "
    "turns). Seconds: all seeds together, compilation included, on cores that were busy."
)


class SymmetrizationTable(tables.Table):
    """A table of one run per study and method."""

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a study by method."""
        found = {}
        for method in LABELS[row]:
            found[method] = tables.load_config(self.name, row, preset)
            found[method].method = method
        return found

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write one table per study."""
        runs = newest(presets, results)
        lines = []
        for row in _ROWS:
            own = {key: run for key, run in runs.items() if key[0] == row.name}
            if own:
                lines += [_CAPTIONS[row.name], "", *_study_table(row, own), ""]
        stored = [each for run in runs.values() for each in run]
        if stored:
            lines += [_NOTE, ""]
        return "\n".join([*lines, tables.provenance_line(self.name, stored)]) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw pairs left, accuracies by pose and errors of frames."""
        for preset in reversed(presets):
            runs = newest((preset,), results)
            if runs:
                by_study = {
                    study: {m: run for (row, m, _), run in runs.items() if row == study}
                    for study in LABELS
                }
                return symmetrization_figures.draw(by_study, LABELS, folder)
        return []


def newest(presets: Sequence[str], results: pathlib.Path) -> dict[tuple[str, str, str], Run]:
    """Return the newest complete runs by study, method and preset, in print order."""
    rows = store.read("symmetrization", results=results)
    found = {}
    for study, labels in LABELS.items():
        for method in labels:
            own = [row for row in rows if row["config"]["method"] == method]
            for preset in presets:
                run = store.latest(own, row=study, preset=preset)
                if run:
                    found[study, method, preset] = run
    return found


def _study_table(row: tables.TableRow, runs: dict[tuple[str, str, str], Run]) -> list[str]:
    headers, cells_of = _COLUMNS[row.name]
    published = _PUBLISHED.get(row.name)
    columns = [row.label, *(["published"] if published else []), *headers, "K", "parameters",
               "preset: steps", "seconds"]  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for (study, method, preset), run in runs.items():
        first = run[0]
        cells = [
            LABELS[study][method],
            *([str(published.get(method, "–"))] if published else []),
            *cells_of(run),
            str(first["metrics"]["forward_passes"]),
            f"{first['params']:,}",
            f"{preset}: {first['steps']:,}" if first["steps"] else f"{preset}: untrained",
            f"{first['seconds']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _separation_cells(run: Run) -> list[str]:
    metrics = run[0]["metrics"]
    return [
        f"**{metrics['pairs_not_separated']:,}**",
        f"**{metrics['pairs_equal']:,}**",
        f"{metrics['permutation_error']:.0e}",
        f"{100 * metrics['exact_share']:.1f}",
    ]


def _class_cells(run: Run) -> list[str]:
    apart, _ = statistics.over_seeds(run, "pairs_told_apart")
    return [_percent(run, "test_accuracy"), f"{100 * apart:.1f}"]


def _digit_cells(run: Run) -> list[str]:
    identity = "–"
    if "identity_metric" in run[0]["metrics"]:
        identity = f"{100 * statistics.over_seeds(run, 'identity_metric')[0]:.0f}"
    poses = ("upright", "c4", "so2")
    return [*(_percent(run, f"accuracy_{pose}") for pose in poses), identity, _errors(run)]


def _lorentz_cells(run: Run) -> list[str]:
    mean, error = statistics.over_seeds(run, "test_mse")
    sampling = max(row["metrics"]["test_mse_se"] for row in run)
    share, _ = statistics.over_seeds(run, "fraction_of_floor")
    spread = "" if error is None else f" ± {error:.2g}"
    return [f"**{mean:.2g}** ± {sampling:.1g}{spread}", f"{100 * share:.2g} %", _errors(run)]


def _frame_cells(run: Run) -> list[str]:
    cells = []
    for case in frame_errors.CASES:
        worst = [
            symmetrization_figures.frame_error(run, case, dtype) for dtype in ("float32", "float64")
        ]
        cells.append("–" if None in worst else ", ".join(f"{value:.0e}" for value in worst))
    return cells


def _percent(run: Run, metric: str) -> str:
    mean, error = statistics.over_seeds(run, metric)
    sampling = max(row["metrics"][f"{metric}_se"] for row in run)
    spread = "" if error is None else f" ± {100 * error:.1f}"
    return f"**{100 * mean:.1f}** ± {100 * sampling:.1f}{spread}"


def _errors(run: Run) -> str:
    suffixes = ("", "_float64")
    worst = [max(row["metrics"][f"equivariance_error{suffix}"] for row in run)
             for suffix in suffixes]  # fmt: skip
    return ", ".join(f"{value:.0e}" for value in worst)


_SEPARATION_COLUMNS = (
    ["not separated", "equal", "largest change under permutations", "invariant graphs, %"],
    _separation_cells,
)
_COLUMNS: dict[str, tuple[list[str], Cells]] = {
    "graph_separation": _SEPARATION_COLUMNS,
    "twin_separation": _SEPARATION_COLUMNS,
    "graph_classes": (["accuracy", "twins put into two classes, %"], _class_cells),
    "digits": (
        ["upright", "quarter turns", "any angle", "left upright, %", "equivariance error"],
        _digit_cells,
    ),
    "lorentz": (["error", "of a constant's", "equivariance error"], _lorentz_cells),
    "frame_errors": (list(frame_errors.CASES), _frame_cells),
}

TABLE = SymmetrizationTable(name="symmetrization", rows=_ROWS, run=symmetrization.run)
