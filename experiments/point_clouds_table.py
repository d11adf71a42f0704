"""The point-cloud table: classes, parts and normals under z/z, z/SO(3) and SO(3)/SO(3)."""

import pathlib
from collections.abc import Sequence

import ml_collections

from experiments import (
    clouds_data,
    clouds_task,
    point_clouds,
    point_clouds_figures,
    statistics,
    store,
    tables,
)
from symjax_models.data import shapes

_VN = "Vector Neurons, tables 1 and 2"
_ROWS = (
    tables.TableRow("deep_sets", "Deep Sets"),
    tables.TableRow("pointnet", "PointNet", "85.9 / 19.6 / 74.7; – / 38.0 / 62.3", _VN),
    tables.TableRow("dgcnn", "DGCNN", "90.3 / 33.8 / 88.6; – / 49.3 / 78.6", _VN),
    tables.TableRow("vn_pointnet", "VN-PointNet", "77.5 / 77.5 / 77.2; – / 72.4 / 72.8", _VN),
    tables.TableRow("vn_dgcnn", "VN-DGCNN", "89.5 / 89.5 / 90.2; – / 81.4 / 81.4", _VN),
    tables.TableRow("tfn", "TFN"),
    tables.TableRow("ponita", "PONITA"),
    tables.TableRow("fa_dgcnn", "DGCNN, averaged over frames"),
    tables.TableRow("cn_dgcnn", "DGCNN, learned canonicalization"),
)
# Rows without any symmetry under rotations; the others are invariant.
PLAIN = ("deep_sets", "pointnet", "dgcnn")
_TITLES = {
    "classification": "Classes, accuracy in %",
    "segmentation": "Parts, mean intersection over union of instances in %",
    "normals": "Normals, mean squared cosine in %",
}
_PROTOCOLS = (("z", "z"), ("z", "so3"), ("so3", "so3"))
_CAPTION = (
    "Generated clouds of ten classes of bodies. A protocol is training pose / test pose: z turns "
    "every cloud about the vertical axis, SO(3) in any way. Published: ModelNet40 and "
    "ShapeNet-part, other data than ours, as recalled from arXiv:2104.12229. Widths and numbers of "
    "steps of `quick` were settled on these clouds, test clouds among them."
)


class PointCloudTable(tables.Table):
    """A table of one run per row, task and pose of the training clouds."""

    def configs(self, row: str, preset: str) -> dict[str, ml_collections.ConfigDict]:
        """Return the configs of a row by task and pose."""
        found = {}
        for task in tables.load_config(self.name, row, preset).architectures:
            for pose in clouds_task.POSES:
                config = tables.load_config(self.name, row, preset)
                config.data.task, config.data.train_pose = task, pose
                found[f"{task}, trained on {pose}"] = config
        return found

    def readme(self, *, presets: Sequence[str], results: pathlib.Path) -> str:
        """Write one table per task."""
        runs = newest(self, presets, results)
        lines = [_CAPTION, ""]
        for task, title in _TITLES.items():
            lines += _task_table(self, task, title, runs, presets)
        stored = [row for run in runs.values() for row in run]
        if stored:
            lines += [f"{_sizes(stored)} {_note(runs)}", ""]
        return "\n".join([*lines, tables.provenance_line(self.name, stored)]) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the score against the angle of the test clouds, and predicted parts."""
        for preset in reversed(presets):
            runs = {key[:3]: run for key, run in newest(self, (preset,), results).items()}
            if runs:
                orbits = point_clouds_figures.draw_orbits(self, runs, folder, plain=PLAIN)
                parts = point_clouds_figures.draw_parts(self, runs, folder, results=results)
                return [path for path in (orbits, parts) if path is not None]
        return []


def newest(
    table: tables.Table, presets: Sequence[str], results: pathlib.Path
) -> dict[tuple[str, str, str, str], list[store.Row]]:
    """Return the newest complete runs by row, task, training pose and preset."""
    rows = store.read(table.name, results=results)
    found = {}
    for row in table.rows:
        for preset in presets:
            for task in clouds_data.TASKS:
                for pose in clouds_task.POSES:
                    data = {"task": task, "train_pose": pose}
                    run = store.latest(rows, row=row.name, preset=preset, data=data)
                    if run:
                        found[row.name, task, pose, preset] = run
    return found


def _task_table(
    table: tables.Table,
    task: str,
    title: str,
    runs: dict[tuple[str, str, str, str], list[store.Row]],
    presets: Sequence[str],
) -> list[str]:
    lines = []
    for row in table.rows:
        for preset in presets:
            own = {
                pose: runs[row.name, task, pose, preset]
                for pose in clouds_task.POSES
                if (row.name, task, pose, preset) in runs
            }
            if own:
                lines.append(_line(row, task, preset, own))
    if not lines:
        return []
    columns = [
        title, "published", "z / z", "z / SO(3)", "SO(3) / SO(3)", "preset: steps", "parameters",
        "equivariance error float32, float64", "training",
    ]  # fmt: skip
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *lines, ""]


def _line(row: tables.TableRow, task: str, preset: str, own: dict[str, list[store.Row]]) -> str:
    stored = [each for run in own.values() for each in run]
    index = {"classification": 0, "segmentation": 1}.get(task)
    published = "–"
    if row.published and index is not None:
        published = f"{row.published.split('; ')[index]} ({row.source})"
    worst = [
        max(each["metrics"][f"equivariance_error{suffix}"] for each in stored)
        for suffix in ("", "_float64")
    ]
    cells = [
        row.label,
        published,
        *(_score(own.get(trained), tested) for trained, tested in _PROTOCOLS),
        f"{preset}: {stored[0]['steps']:,}",
        f"{stored[0]['params']:,}",
        ", ".join(f"{value:.0e}" for value in worst),
        f"{sum({pose: run[0]['seconds'] for pose, run in own.items()}.values()):.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _score(run: list[store.Row] | None, tested: str) -> str:
    if run is None:
        return "–"
    mean, error = statistics.over_seeds(run, f"score_{tested}")
    sampling = max(row["metrics"][f"score_{tested}_se"] for row in run)
    spread = "" if error is None else f" ± {100 * error:.1f}"
    return f"**{100 * mean:.1f}** ± {100 * sampling:.1f}{spread}"


def _sizes(stored: Sequence[store.Row]) -> str:
    """Say how large the data of every preset are."""
    sizes = []
    for preset, data in {row["preset"]: row["config"]["data"] for row in stored}.items():
        train, valid, test = (len(shapes.CLASSES) * number for number in data["per_class"])
        sizes.append(
            f"`{preset}`: {data['num_points']:,} points with noise of {data['noise']}, {train:,} "
            f"clouds for training, {valid:,} for validation, {test:,} for testing."
        )
    return " ".join(sizes)


def _note(runs: dict[tuple[str, str, str, str], list[store.Row]]) -> str:
    seeds = sorted({len(run) for run in runs.values()})
    return (
        f"Mean over {' or '.join(map(str, seeds))} seeds, parameters chosen on validation clouds "
        "in the training pose. The first ± is the standard error over test clouds, the second over "
        "seeds. Equivariance error: largest relative change of the logits (or normals) under "
        "random rotations and permutations."
    )


TABLE = PointCloudTable(name="point_clouds", rows=_ROWS, run=point_clouds.run)
