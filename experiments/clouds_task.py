"""The tasks of the point-cloud table: their losses and scores."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import statistics
from experiments.clouds_data import Examples, Problem
from symjax_models import audit, groups
from symjax_models.models import registry
from symjax_models.ops import safe
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PRNGKey, PyTree

POSES = ("z", "so3")
# Degrees about a horizontal axis at which the score is measured.
ANGLES = (0, 15, 30, 45, 60, 90, 120, 150, 180)
_AUDITED = 8  # test clouds on which equivariance is measured
_PRECISION = jax.lax.Precision.HIGHEST


def make_model(config: ml_collections.ConfigDict, problem: Problem) -> registry.Model:
    """Build the model of a config for its task.

    Args:
        config: The config; `architectures` names the model of every task and `model` its fields.
        problem: The task.

    Raises:
        ValueError: If the model has no variant for the task, or a field is unknown.
    """
    name = look_up(problem.task, dict(config.architectures), what="task of this model")
    fields = {**config.model, **config.model_of_task.get(problem.task, {})}
    return registry.make_model(name, {**fields, **problem.outputs})


def predict(
    problem: Problem,
    model: registry.Model,
    params: PyTree,
    points: Array,
    labels: Array,
    *,
    key: PRNGKey | None = None,
) -> Array:
    """Apply a model to clouds.

    Args:
        problem: The task.
        model: The model.
        params: Its variables.
        points: `[B, N, 3]`.
        labels: Classes `[B]`, which segmentation is told.
        key: Key of dropout and of random frames in training; None in evaluation.

    Returns:
        Logits `[B, classes]` or `[B, N, parts]`, or normals `[B, N, 3]` of any length.
    """
    arguments = [points]
    if problem.task == "segmentation":
        arguments.append(jax.nn.one_hot(labels, len(problem.parts_of_class), dtype=points.dtype))
    rngs = (
        {} if key is None else dict(zip(("dropout", "frames"), jax.random.split(key), strict=True))
    )
    return model.apply(params, *arguments, deterministic=key is None, rngs=rngs)


def init_params(problem: Problem, model: registry.Model, key: PRNGKey) -> PyTree:
    """Initialize the parameters of a model."""
    points = jnp.asarray(problem.splits["train"].points[:2])
    arguments = [points]
    if problem.task == "segmentation":
        arguments.append(jnp.zeros((2, len(problem.parts_of_class))))
    return {"params": model.init(key, *arguments)["params"]}


def losses(
    problem: Problem,
    model: registry.Model,
    params: PyTree,
    batch: Examples,
    key: PRNGKey | None,
    *,
    pose: str,
    label_smoothing: float,
) -> Array:
    """Compute the loss of every cloud of a batch.

    Args:
        problem: The task.
        model: The model.
        params: Its variables.
        batch: Examples.
        key: Key of the step: clouds are turned at random as `pose` says, and dropout is on. None
            in evaluation, where clouds are taken as they are.
        pose: `z` or `so3`.
        label_smoothing: Share of the target that all classes divide between them.

    Returns:
        `[B]`: cross entropy, or for normals the mean of `1 - <n, m>^2`.
    """
    points, normals = batch["points"], batch.get("normals")
    if key is not None:
        turn_key, key = jax.random.split(key)
        turns = random_rotations(turn_key, len(points), pose=pose).astype(points.dtype)
        points = _turn(turns, points)
        normals = None if normals is None else _turn(turns, normals)
    outputs = predict(problem, model, params, points, batch["labels"], key=key)
    if problem.task == "normals":
        return 1 - jnp.mean(_squared_cosines(outputs, normals), axis=-1)
    labels = batch["labels" if problem.task == "classification" else "parts"]
    targets = jax.nn.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
    targets = (1 - label_smoothing) * targets + label_smoothing / outputs.shape[-1]
    entropies = -jnp.sum(targets * jax.nn.log_softmax(outputs), axis=-1)
    return entropies if problem.task == "classification" else jnp.mean(entropies, axis=-1)


def scores(
    problem: Problem, model: registry.Model, params: PyTree, batch: Examples, _: None = None
) -> Array:
    """Score every cloud of a batch between 0 and 1, the best.

    Args:
        problem: The task.
        model: The model.
        params: Its variables.
        batch: Examples in their test pose.

    Returns:
        `[B]`: whether the class is right; the mean intersection over union of the parts of the
        cloud's class, where a part that is neither there nor predicted counts 1; or the mean
        squared cosine of the normals.
    """
    if problem.task == "segmentation":
        return _overlaps(problem, batch, found_parts(problem, model, params, batch))
    outputs = predict(problem, model, params, batch["points"], batch["labels"])
    if problem.task == "classification":
        return (jnp.argmax(outputs, axis=-1) == batch["labels"]).astype(outputs.dtype)
    return jnp.mean(_squared_cosines(outputs, batch["normals"]), axis=-1)


def found_parts(
    problem: Problem, model: registry.Model, params: PyTree, batch: Examples, _: None = None
) -> Array:
    """Predict the part of every point, `[B, N]`, among the parts of the cloud's class."""
    outputs = predict(problem, model, params, batch["points"], batch["labels"])
    allowed = jnp.asarray(problem.parts_of_class)[batch["labels"]]
    return jnp.argmax(jnp.where(allowed[:, None], outputs, -jnp.inf), axis=-1)


def _overlaps(problem: Problem, batch: Examples, found: Array) -> Array:
    allowed = jnp.asarray(problem.parts_of_class)[batch["labels"]]
    parts = jnp.arange(allowed.shape[-1])
    is_found, is_there = (some[..., None] == parts for some in (found, batch["parts"]))
    both = jnp.sum(is_found & is_there, axis=1)
    either = jnp.sum(is_found | is_there, axis=1)
    overlap = jnp.where(either > 0, both / jnp.maximum(either, 1), 1)
    return jnp.sum(jnp.where(allowed, overlap, 0), axis=-1) / jnp.sum(allowed, axis=-1)


def _squared_cosines(outputs: Array, normals: Array) -> Array:
    along = jnp.square(jnp.sum(outputs * normals, axis=-1))
    return safe.divide(along, jnp.sum(jnp.square(outputs), axis=-1))


def random_rotations(key: PRNGKey, number: int, *, pose: str) -> Array:
    """Draw rotations `[number, 3, 3]`: about z, or of any kind."""
    if look_up(pose, {name: name for name in POSES}, what="config.data.train_pose") == "so3":
        return groups.SO(3).sample(key, (number,))
    planar = groups.SO(2).sample(key, (number,))
    return jnp.zeros((number, 3, 3)).at[:, :2, :2].set(planar).at[:, 2, 2].set(1)


def turned(examples: Examples, angle: float) -> Examples:
    """Turn all clouds by an angle in degrees about the axis (1, 1, 0), which is horizontal."""
    generator = np.array([[0, 0, 1], [0, 0, -1], [-1, 1, 0]]) / np.sqrt(2)
    radians = np.deg2rad(angle)
    turn = (
        np.eye(3) + np.sin(radians) * generator + (1 - np.cos(radians)) * generator @ generator
    ).astype(np.float32)
    moved = {name: examples[name] @ turn.T for name in ("points", "normals") if name in examples}
    return examples | moved


def _turn(turns: Array, x: Array) -> Array:
    return jnp.einsum("bij,bnj->bni", turns, x, precision=_PRECISION)


def equivariance_errors(
    problem: Problem, model: registry.Model, params: PyTree
) -> dict[str, float]:
    """Measure how far a trained model is from rotations and permutations, on test clouds.

    Args:
        problem: The task.
        model: The model.
        params: Its variables.

    Returns:
        The largest relative errors, `equivariance_error` in float32 and
        `equivariance_error_float64`; definition in `audit.equivariance_error`.
    """
    clouds = problem.splits["test"]
    kind = {"classification": "invariant", "segmentation": "scalar", "normals": "vector"}
    errors = {}
    for suffix, dtype in (("", jnp.float32), ("_float64", jnp.float64)):
        measured = audit.equivariance_error(
            lambda params, points: predict(
                problem, model, params, points, jnp.asarray(clouds.labels[:_AUDITED])
            ),
            jax.tree.map(np.asarray, params),
            clouds.points[:_AUDITED],
            inputs=["invariant", "vector"],
            output=kind[problem.task],
            reflections=False,
            dtype=dtype,
        )
        errors[f"equivariance_error{suffix}"] = measured.max
    return errors


def mean_and_error(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Return the mean of the scores of test clouds and its standard error."""
    array = np.asarray(values, np.float64)
    return float(array.mean()), statistics.standard_error(array)


def as_arrays(examples: Examples) -> dict[str, Any]:
    """Put examples on the device."""
    return {name: jnp.asarray(values) for name, values in examples.items()}
