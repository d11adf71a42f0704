"""Make the data sets of the synthetic benchmark: regression tasks with a known symmetry.

    from symjax_models.data import synthetic

    data = synthetic.make_dataset("o5", num_train=1000, num_valid=1000, num_test=5000, seed=0)
    data.train.inputs.shape      # (1000, 10)
    synthetic.constant_floor("o5")   # what a constant scores

The tasks are listed in `TASKS`.
"""

import dataclasses
import functools

import numpy as np

from symjax_models.data.synthetic_labels import (
    inertia_label,
    lorentz_label,
    modified_inertia_label,
    o5_label,
)
from symjax_models.data.synthetic_tasks import TASKS, SyntheticTask, get_task

__all__ = [
    "TASKS",
    "Normalization",
    "SyntheticDataset",
    "SyntheticSplit",
    "SyntheticTask",
    "constant_floor",
    "get_task",
    "inertia_label",
    "lorentz_label",
    "make_dataset",
    "make_normalization",
    "modified_inertia_label",
    "o5_label",
]

Array = np.ndarray

# Every purpose has a random stream of its own, so that no size of one changes another.
_STREAMS = ("train", "valid", "test", "floor")
_FLOOR_SAMPLES = 1_000_000
_FLOOR_CHUNK = 100_000


@dataclasses.dataclass(frozen=True, eq=False)
class SyntheticSplit:
    """Hold M examples as read-only float32 arrays.

    Attributes:
      inputs: `[M, D_in]`; the task's notes state the layout.
      targets: `[M, D_out]`, the exact labels of these inputs, rounded once.
    """

    inputs: Array
    targets: Array

    def __post_init__(self):
        for field in dataclasses.fields(self):
            getattr(self, field.name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.inputs)


@dataclasses.dataclass(frozen=True, eq=False)
class SyntheticDataset:
    """Hold the three splits of a task."""

    train: SyntheticSplit
    valid: SyntheticSplit
    test: SyntheticSplit


@dataclasses.dataclass(frozen=True, eq=False)
class Normalization:
    """Hold the constants that bring a task's numbers to size one.

    A model sees inputs / input_scale; target_mean + target_scale * output is its prediction of the
    raw target, in whose unit errors are reported.

    Attributes:
      input_scale: `[D_in]`, float32, read-only: one number for all vectors and 1 for scalars, so
        that dividing commutes with the group.
      target_mean: Mean of the targets, or 0.
      target_scale: Standard deviation of the targets, or 1.
    """

    input_scale: Array
    target_mean: float
    target_scale: float

    def __post_init__(self):
        self.input_scale.flags.writeable = False


def make_dataset(
    task: str, *, num_train: int, num_valid: int, num_test: int, seed: int
) -> SyntheticDataset:
    """Make the splits of a task.

    A split is a function of task, seed and its own size only, and a smaller one is the beginning of
    a larger one. Inputs are rounded to float32 before they are labelled in float64.

    Args:
      task: One of `TASKS`.
      num_train: Examples for training.
      num_valid: Examples for model selection.
      num_test: Examples for the reported error.
      seed: Seed of the three random streams, at least 0.

    Returns:
      The data set.

    Raises:
      ValueError: If the task is unknown or a split is empty.

    >>> data = make_dataset("inertia", num_train=4, num_valid=2, num_test=3, seed=0)
    >>> data.train.inputs.shape, data.test.targets.shape
    ((4, 20), (3, 9))
    """
    stated = get_task(task)
    sizes = {"train": num_train, "valid": num_valid, "test": num_test}
    for split, size in sizes.items():
        if size < 1:
            raise ValueError(f"expected num_{split} of at least 1, got {size}")
    return SyntheticDataset(
        **{split: _make_split(stated, split, size, seed) for split, size in sizes.items()}
    )


@functools.lru_cache
def constant_floor(task: str) -> float:
    """Return the error of the best constant predictor: the variance of the label.

    A mean squared error is read against this number. It is a Monte Carlo estimate from 10^6
    examples of a fixed seed, kept in memory; its standard error is below 1% for every task.

    Args:
      task: One of `TASKS`.

    Returns:
      The mean over the label's entries of their variances.

    Raises:
      ValueError: If the task is unknown.

    >>> abs(constant_floor("lorentz") - 47 / 64) < 0.02  # 47/64 is exact
    True
    """
    stated = get_task(task)
    rng = _stream(stated, "floor", seed=0)
    total, squares = 0.0, 0.0
    for _ in range(_FLOOR_SAMPLES // _FLOOR_CHUNK):
        labels = stated.label(stated.draw(rng, _FLOOR_CHUNK))
        total += labels.sum(axis=0)
        squares += np.square(labels).sum(axis=0)
    variances = squares / _FLOOR_SAMPLES - np.square(total / _FLOOR_SAMPLES)
    return float(np.mean(variances))


def make_normalization(task: str, split: SyntheticSplit) -> Normalization:
    """Return the constants that bring a task's numbers to size one, from its training split.

    Vectors are divided by their root mean square over examples, vectors and components together;
    masses are left as they are. Targets are standardized where they are scalars (`o5`, `lorentz`).

    Args:
      task: One of `TASKS`.
      split: The training split.

    Returns:
      The constants.

    Raises:
      ValueError: If the task is unknown, the split is of another task, or targets that are to be
        standardized are all equal.

    Equivariance: dividing all vectors by one number commutes with every linear group.

    Source: Finzi, Welling, Wilson 2021, arXiv 2104.09459, whose code keeps one root mean square per
    vector (`o5`, and `lorentz` with the absolute Minkowski square) and none for `inertia`.

    >>> data = make_dataset("o5", num_train=64, num_valid=1, num_test=1, seed=0)
    >>> make_normalization("o5", data.train).input_scale.shape
    (10,)
    """
    stated = get_task(task)
    if split.inputs.shape[1] != stated.num_inputs:
        raise ValueError(
            f"{task}: expected inputs of {stated.num_inputs} numbers, got {split.inputs.shape[1]}"
        )
    vectors = split.inputs[:, stated.num_scalars :].astype(np.float64)
    input_scale = np.ones(stated.num_inputs, np.float32)
    input_scale[stated.num_scalars :] = np.sqrt(np.mean(np.square(vectors)))
    if not stated.standardizes_targets:
        return Normalization(input_scale, 0.0, 1.0)
    targets = split.targets.astype(np.float64)
    target_scale = float(targets.std())
    if target_scale == 0.0:
        raise ValueError(f"{task}: expected targets that differ, got {len(split)} equal ones")
    return Normalization(input_scale, float(targets.mean()), target_scale)


def _stream(task: SyntheticTask, stream: str, *, seed: int) -> np.random.Generator:
    return np.random.default_rng([*task.name.encode(), _STREAMS.index(stream), seed])


def _make_split(task: SyntheticTask, split: str, size: int, seed: int) -> SyntheticSplit:
    inputs = task.draw(_stream(task, split, seed=seed), size).astype(np.float32)
    return SyntheticSplit(inputs, task.label(inputs.astype(np.float64)).astype(np.float32))
