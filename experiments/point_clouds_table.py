"""The point-cloud table: classes, parts and normals under z/z, z/SO(3) and SO(3)/SO(3)."""

import pathlib
from collections.abc import Sequence

import ml_collections

from experiments import clouds_data, clouds_task, figures, point_clouds, statistics, store, tables

_VN = "Vector Neurons, tables 1 and 2"
_ROWS = (
    tables.TableRow("pointnet", "PointNet", "85.9 / 19.6 / 74.7; – / 38.0 / 62.3", _VN),
    tables.TableRow("dgcnn", "DGCNN", "90.3 / 33.8 / 88.6; – / 49.3 / 78.6", _VN),
    tables.TableRow("vn_pointnet", "VN-PointNet", "77.5 / 77.5 / 77.2; – / 72.4 / 72.8", _VN),
    tables.TableRow("vn_dgcnn", "VN-DGCNN", "89.5 / 89.5 / 90.2; – / 81.4 / 81.4", _VN),
    tables.TableRow("fa_dgcnn", "DGCNN, averaged over frames"),
    tables.TableRow("cn_dgcnn", "DGCNN, learned canonicalization"),
)
# Rows without any symmetry under rotations; the others are invariant.
PLAIN = ("pointnet", "dgcnn")
_TITLES = {
    "classification": "Classes, accuracy in %",
    "segmentation": "Parts, mean intersection over union of instances in %",
    "normals": "Normals, mean squared cosine in %",
}
_PROTOCOLS = (("z", "z"), ("z", "so3"), ("so3", "so3"))
_CAPTION = (
    "Generated clouds of ten classes of bodies (64 points in `quick`, with noise), 1,600 for "
    "training, 200 for validation and 800 for testing. A protocol is training pose / test pose: z "
    "turns every cloud about the vertical axis, SO(3) in any way. Published: ModelNet40 and "
    "ShapeNet-part, other data than ours, as recalled from arXiv:2104.12229."
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
        runs = _newest(self, presets, results)
        lines = [_CAPTION, ""]
        for task, title in _TITLES.items():
            lines += _task_table(self, task, title, runs, presets)
        stored = [row for run in runs.values() for row in run]
        if stored:
            lines += [_note(runs), ""]
        return "\n".join([*lines, tables.provenance_line(self.name, stored)]) + "\n"

    def draw(
        self, folder: pathlib.Path, *, presets: Sequence[str], results: pathlib.Path
    ) -> list[pathlib.Path]:
        """Draw the score against the angle that test clouds are turned by."""
        for preset in reversed(presets):
            runs = _newest(self, (preset,), results)
            runs = {key[:3]: run for key, run in runs.items() if key[1] == "classification"}
            if runs:
                return [_draw_orbits(self, runs, folder)]
        return []


def _newest(
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


def _note(runs: dict[tuple[str, str, str, str], list[store.Row]]) -> str:
    seeds = sorted({len(run) for run in runs.values()})
    return (
        f"Mean over {' or '.join(map(str, seeds))} seeds, parameters chosen on validation clouds "
        "in the training pose. The first ± is the standard error over test clouds, the second over "
        "seeds. Equivariance error: largest relative change of the logits (or normals) under "
        "random rotations and permutations."
    )


def _draw_orbits(
    table: tables.Table,
    runs: dict[tuple[str, str, str], list[store.Row]],
    folder: pathlib.Path,
) -> pathlib.Path:
    figure, axes = figures.new_figure(columns=2, width=10, height=4)
    for axis, pose in zip(axes[0], clouds_task.POSES, strict=True):
        for index, row in enumerate(table.rows):
            run = runs.get((row.name, "classification", pose))
            if run is None:
                continue
            values = [
                statistics.over_seeds(run, f"score_at_{angle}")[0] for angle in clouds_task.ANGLES
            ]
            axis.plot(
                clouds_task.ANGLES,
                [100 * value for value in values],
                color=figures.PALETTE[index % len(figures.PALETTE)],
                linestyle="--" if row.name in PLAIN else "-",
                marker="os^Dv<>P"[index],
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
    drawn = [axis for axis in axes[0] if axis.lines]
    drawn[-1].legend(frameon=False, fontsize=8)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "point_clouds_orbits.png"
    figure.savefig(path)
    return path


TABLE = PointCloudTable(name="point_clouds", rows=_ROWS, run=point_clouds.run)
