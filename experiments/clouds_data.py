"""Clouds of the point-cloud table: generated ones, or those of files."""

import dataclasses
import functools
from collections.abc import Callable

import ml_collections
import numpy as np

from symjax_models.data import modelnet_files, shapenet_part_files, shapes
from symjax_models.data.cloud_poses import pose_clouds
from symjax_models.data.clouds import Clouds
from symjax_models.suggestion import look_up

TASKS = ("classification", "segmentation", "normals")
_SPLITS = {"train": 0, "valid": 1, "test": 2}

Examples = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """A task with its upright examples.

    Attributes:
        task: One of `TASKS`.
        splits: Clouds `train`, `valid` and `test`, upright.
        parts_of_class: True where a cloud of a class has a part, `[classes, parts]`.
    """

    task: str
    splits: dict[str, Clouds]
    parts_of_class: np.ndarray

    @property
    def outputs(self) -> dict[str, int]:
        """Fields of the model that the data decide."""
        clouds = self.splits["train"]
        return {
            "classification": {"num_classes": len(clouds.classes)},
            "segmentation": {"num_parts": len(clouds.part_names)},
            "normals": {},
        }[self.task]

    def examples(self, split: str, *, pose: str = "none") -> Examples:
        """Return the arrays of a split, in a pose.

        Args:
            split: `train`, `valid` or `test`.
            pose: `none` (upright), `z` or `so3`, with rotations that are always the same.
        """
        clouds = pose_clouds(self.splits[split], pose=pose, seed=_SPLITS[split])
        arrays = {"points": clouds.points, "labels": clouds.labels}
        if self.task == "segmentation":
            arrays["parts"] = clouds.parts
        if self.task == "normals":
            arrays["normals"] = clouds.normals
        return arrays


def load(data: ml_collections.ConfigDict) -> Problem:
    """Make or read the clouds that `config.data` names.

    Args:
        data: Fields `task`, `source` (`shapes`, `modelnet40`, `modelnet40_h5` or
            `shapenet_part`), `folder`, `num_points`, `per_class` (numbers of training, validation
            and test shapes of every class, for generated ones), `noise`, `occlusion`, `seed`.

    Returns:
        The problem.

    Raises:
        ValueError: If a field or a file is wrong, or the data lack what the task needs.
    """
    look_up(data.task, {name: name for name in TASKS}, what="config.data.task")
    load_splits = look_up(data.source, _SOURCES, what="config.data.source")
    splits = load_splits(data)
    needed = {"classification": "labels", "segmentation": "parts", "normals": "normals"}[data.task]
    for split, clouds in splits.items():
        if getattr(clouds, needed) is None:
            raise ValueError(
                f"the task {data.task!r} needs {needed}, which the {split} split of "
                f"{data.source!r} lacks"
            )
    if len(splits["test"]) < 2:
        raise ValueError("expected at least 2 test clouds, for a standard error, got 1")
    return Problem(data.task, splits, _parts_of_class(data.source, splits["train"]))


def _generated(data: ml_collections.ConfigDict) -> dict[str, Clouds]:
    if data.folder:
        files = ", ".join(name for name in _SOURCES if name != "shapes")
        raise ValueError(
            f"config.data.folder is {data.folder!r}, but source 'shapes' reads no files; expected "
            f"config.data.source to be one of {files}"
        )
    if len(data.per_class) != len(_SPLITS):
        raise ValueError(
            "config.data.per_class has three numbers, of training, validation and test shapes, got "
            f"{data.per_class}"
        )
    return {
        split: shapes.make_shapes(
            num_per_class=number,
            num_points=data.num_points,
            seed=3 * data.seed + index,
            noise=data.noise,
            occlusion=data.occlusion,
        )
        for (split, index), number in zip(_SPLITS.items(), data.per_class, strict=True)
    }


def _modelnet(read: Callable[..., Clouds], data: ml_collections.ConfigDict) -> dict[str, Clouds]:
    _check_files(data)
    train, test = (
        read(data.folder, split=split, num_points=data.num_points) for split in ("train", "test")
    )
    # The benchmark has no validation split: a tenth of the training set, the same in every run.
    order = np.random.default_rng(0).permutation(len(train))
    held_out = max(1, len(train) // 10)
    return {
        "train": train.take(np.sort(order[held_out:])),
        "valid": train.take(np.sort(order[:held_out])),
        "test": test,
    }


def _shapenet_part(data: ml_collections.ConfigDict) -> dict[str, Clouds]:
    _check_files(data)
    return {
        split: shapenet_part_files.read_shapenet_part(
            data.folder,
            split={"valid": "val"}.get(split, split),
            num_points=data.num_points,
            seed=data.seed,
        )
        for split in _SPLITS
    }


def _check_files(data: ml_collections.ConfigDict) -> None:
    if not data.folder:
        raise ValueError(
            f"config.data.folder says where the files of source {data.source!r} are, and is empty"
        )
    if data.occlusion:
        raise ValueError(
            f"config.data.occlusion cuts generated shapes only; with source {data.source!r} "
            f"expected 0, got {data.occlusion}"
        )


_SOURCES = {
    "shapes": _generated,
    "modelnet40": functools.partial(_modelnet, modelnet_files.read_modelnet40),
    "modelnet40_h5": functools.partial(_modelnet, modelnet_files.read_modelnet40_h5),
    "shapenet_part": _shapenet_part,
}


_PARTS_OF = {"shapes": shapes.parts_of, "shapenet_part": shapenet_part_files.parts_of}


def _parts_of_class(source: str, clouds: Clouds) -> np.ndarray:
    has_part = np.zeros((len(clouds.classes), len(clouds.part_names)), bool)
    if source in _PARTS_OF:
        for index, name in enumerate(clouds.classes):
            has_part[index, list(_PARTS_OF[source](name))] = True
    return has_part
