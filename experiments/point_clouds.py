r"""Train one row of the point-cloud table: classes, parts or normals of clouds in any pose.

    python -m experiments.point_clouds --config=configs/point_clouds/vn_dgcnn.py:quick \
        --workdir=runs/x --config.data.task=classification --config.data.train_pose=so3

The tasks are `experiments.clouds_data.TASKS`. A model is trained on clouds turned about z or at
random, and tested on both. Clouds are generated, or read: `--config.data.source=modelnet40
--config.data.folder=PATH`. The run resumes from its workdir; at its end it appends one row per seed
to `experiments/results/point_clouds.jsonl`.
"""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np

from experiments import cli, clouds_data, clouds_task, runs, store
from symjax_models import training
from symjax_models.models import registry
from symjax_models.suggestion import look_up
from symjax_models.training import batches, evaluate
from symjax_models.typing import PyTree

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "data": ml_collections.ConfigDict,
    "architectures": ml_collections.ConfigDict, "model": ml_collections.ConfigDict,
    "model_of_task": ml_collections.ConfigDict, "label_smoothing": float,
    "optimizer": ml_collections.ConfigDict, "batch_size": int, "num_steps": int,
    "steps_per_dispatch": int, "eval_every": int, "checkpoint_every": int, "num_devices": int,
    "tensorboard": bool,
}  # fmt: skip
# They say which run of the row it is; a run that sets only these belongs to the table.
CASE_FIELDS = {"point_clouds": ("data.task", "data.train_pose")}
_BATCH = 40  # test clouds at a time
# The task and training pose whose predictions the figure of parts shows.
_PICTURED = ("segmentation", "z")


def run(
    config: ml_collections.ConfigDict,
    *,
    workdir: pathlib.Path,
    overrides: dict[str, Any] | None = None,
    results: pathlib.Path = store.RESULTS,
    report: Callable[[str], None] = cli.report,
) -> bool:
    """Train all seeds of a config, test the best parameters of each, store one row per seed.

    Args:
        config: The config, such as `configs/point_clouds/dgcnn.py` returns.
        workdir: Folder of the run; a run found there is resumed.
        overrides: What differs from the config file, but for the case.
        results: Folder of the stored rows.
        report: Takes sentences about what happens.

    Returns:
        Whether the run reached its end (False: stopped by a signal, with a checkpoint).

    Raises:
        ValueError: If the config or a file of the data is wrong, or the workdir holds a run of
            another config.
        FloatingPointError: If the training leaves the finite numbers.
    """
    cli.check_fields(config, FIELDS)
    if not 0 <= config.label_smoothing < 1:
        raise ValueError(
            f"config.label_smoothing is a share from 0 to below 1, got {config.label_smoothing}"
        )
    pose = look_up(
        config.data.train_pose,
        {name: name for name in clouds_task.POSES},
        what="config.data.train_pose",
    )
    problem = clouds_data.load(config.data)
    model = clouds_task.make_model(config, problem)
    runs.start(workdir, cli.as_json(config))
    loss = functools.partial(
        clouds_task.losses, problem, model, pose=pose, label_smoothing=config.label_smoothing
    )
    outcome = runs.train(
        functools.partial(clouds_task.init_params, problem, model),
        loss,
        clouds_task.as_arrays(problem.examples("train")),
        clouds_task.as_arrays(problem.examples("valid", pose=pose)),
        config=config,
        workdir=workdir,
        report=report,
    )
    if not outcome.is_finished:
        return False
    title = f"{config.row}, {problem.task}, trained on {pose}"
    runs.plot_learning_curve(outcome, workdir, title=title)
    scores = _scores(problem, model, outcome)
    metrics = _measure(problem, model, outcome, scores)
    for seed, values in zip(config.seeds, metrics, strict=True):
        report(
            f"{title}, seed {seed}: {values['score_z']:.1%} +- {values['score_z_se']:.1%} on z, "
            f"{values['score_so3']:.1%} +- {values['score_so3_se']:.1%} on SO(3), equivariance "
            f"error {values['equivariance_error']:.1e}"
        )
    runs.store_rows(
        cli.as_json(config),
        metrics=metrics,
        # A row has one file of samples per seed: that of the case in the figure.
        samples=_parts(problem, model, outcome, scores["so3"])
        if (problem.task, pose) == _PICTURED
        else None,
        params=sum(leaf[0].size for leaf in jax.tree.leaves(outcome.state.params)),
        steps=config.num_steps,
        seconds=outcome.seconds,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


def _scores(
    problem: clouds_data.Problem, model: registry.Model, outcome: training.Outcome
) -> dict[str, np.ndarray]:
    """Return the scores of all test clouds, `[seeds, M]`, by pose, and of classes by angle."""
    upright = problem.examples("test")
    tests = {pose: problem.examples("test", pose=pose) for pose in clouds_task.POSES}
    if problem.task == "classification":
        tests |= {str(angle): clouds_task.turned(upright, angle) for angle in clouds_task.ANGLES}
    rows = batches.rows_of(upright, batch_size=_BATCH)
    scored = evaluate.make_evaluate(functools.partial(clouds_task.scores, problem, model), [rows])
    tested = jax.jit(jax.vmap(scored, in_axes=(0, None)))
    params = jax.tree.map(np.asarray, outcome.state.best_params)
    return {
        name: np.asarray(tested(params, clouds_task.as_arrays(examples)))
        for name, examples in tests.items()
    }


def _measure(
    problem: clouds_data.Problem,
    model: registry.Model,
    outcome: training.Outcome,
    scores: dict[str, np.ndarray],
) -> list[dict[str, Any]]:
    """Return the metrics of every seed: scores in both poses and along a turn, and the audit."""
    metrics = []
    for index, best_step in enumerate(outcome.state.best_step.tolist()):
        values: dict[str, Any] = {"best_step": best_step}
        for name, of_seeds in scores.items():
            mean, error = clouds_task.mean_and_error(of_seeds[index])
            if name in clouds_task.POSES:
                values |= {f"score_{name}": mean, f"score_{name}_se": error}
            else:
                values[f"score_at_{name}"] = mean
        params = _params_of(outcome, index)
        metrics.append(values | clouds_task.equivariance_errors(problem, model, params))
    return metrics


def _parts(
    problem: clouds_data.Problem,
    model: registry.Model,
    outcome: training.Outcome,
    scores: np.ndarray,
) -> list[dict[str, np.ndarray]]:
    """Return for every seed the scores of turned test clouds, and parts of one of each class."""
    examples = problem.examples("test", pose="so3")
    is_pictured = problem.parts_of_class.sum(axis=1) > 1
    labels, firsts = np.unique(examples["labels"], return_index=True)
    pictured = {name: values[firsts[is_pictured[labels]]] for name, values in examples.items()}
    find = jax.jit(functools.partial(clouds_task.found_parts, problem, model))
    return [
        {
            "scores": of_seed,
            "found": np.asarray(find(_params_of(outcome, index), pictured)),
            **{name: pictured[name] for name in ("points", "labels", "parts")},
        }
        for index, of_seed in enumerate(scores)
    ]


def _params_of(outcome: training.Outcome, index: int) -> PyTree:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], outcome.state.best_params)


if __name__ == "__main__":
    cli.run_training(run, case_fields=CASE_FIELDS)
