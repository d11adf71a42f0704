r"""Train one row of the registration table: the motion between two overlapping views.

    python -m experiments.registration --workdir=runs/x \
        --config=configs/registration/plain_registration_network.py:quick \
        --config.data.rotation_degrees=180

Training pairs are turned by at most `data.rotation_degrees`; test pairs by fixed angles, and there
are test sets of several overlaps and strengths of noise. The rows `kabsch` and `moments` are closed
forms, without training. The run resumes from its workdir; at its end it appends one row per seed to
`experiments/results/registration.jsonl`.
"""

import functools
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import cli, registration_task, runs, store
from experiments.clouds_task import as_arrays
from symjax_models.models import registry
from symjax_models.ops.registration import RigidMotion
from symjax_models.training import batches, evaluate
from symjax_models.typing import Array, PRNGKey, PyTree

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "data": ml_collections.ConfigDict,
    "model": ml_collections.ConfigDict, "optimizer": ml_collections.ConfigDict, "batch_size": int,
    "num_steps": int, "steps_per_dispatch": int, "eval_every": int, "checkpoint_every": int,
    "num_devices": int, "tensorboard": bool,
}  # fmt: skip
# It says which run of the row it is; a run that sets only this belongs to the table.
CASE_FIELDS = {"registration": ("data.rotation_degrees",)}
_BATCH = 20  # test pairs at a time
_PICTURED = 0  # the test pair of the figure


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
        config: The config, such as `configs/registration/registration_network.py` returns.
        workdir: Folder of the run; a run found there is resumed.
        overrides: What differs from the config file, but for the case.
        results: Folder of the stored rows.
        report: Takes sentences about what happens.

    Returns:
        Whether the run reached its end (False: stopped by a signal, with a checkpoint).

    Raises:
        ValueError: If the config is wrong, or the workdir holds a run of another config.
        FloatingPointError: If the training leaves the finite numbers.
    """
    cli.check_fields(config, FIELDS)
    is_closed = config.row in registration_task.CLOSED_FORMS
    model = None if is_closed else registry.make_model(config.row, config.model)
    problem = registration_task.load(config.data)
    runs.start(workdir, cli.as_json(config))
    began = time.monotonic()
    if model is None:
        estimate = registration_task.CLOSED_FORMS[config.row]
        fitted = [({}, {"exact_error": registration_task.exact_error(estimate, config.data)})]
        fitted, seconds = fitted * len(config.seeds), time.monotonic() - began
    else:
        estimate = registration_task.make_estimate(model)
        trained = _train(model, problem, config, workdir=workdir, report=report)
        if trained is None:
            return False
        fitted, seconds = trained
    metrics, samples = _measure(problem, estimate, fitted)
    _report(config, metrics, report)
    runs.store_rows(
        cli.as_json(config),
        metrics=metrics,
        # A row has one file of samples per seed: that of the case in the figure.
        samples=None if config.data.rotation_degrees else samples,
        params=sum(leaf.size for leaf in jax.tree.leaves(fitted[0][0])),
        steps=0 if is_closed else config.num_steps,
        seconds=seconds,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


def _train(
    model: registry.Model,
    problem: registration_task.Problem,
    config: ml_collections.ConfigDict,
    *,
    workdir: pathlib.Path,
    report: Callable[[str], None],
) -> tuple[list[tuple[PyTree, dict[str, Any]]], float] | None:
    """Return parameters and first metrics of every seed, and the seconds; None if stopped."""
    first = {name: values[:1] for name, values in problem.train.items()}

    def init(key: PRNGKey) -> PyTree:
        return {"params": model.init(key, first["source"], first["target"])["params"]}

    outcome = runs.train(
        init,
        functools.partial(registration_task.losses, model, radius=config.data.radius),
        as_arrays(problem.train),
        as_arrays(problem.valid),
        config=config,
        workdir=workdir,
        report=report,
    )
    if not outcome.is_finished:
        return None
    runs.plot_learning_curve(outcome, workdir, title=_title(config))
    states = jax.tree.map(np.asarray, outcome.state)
    fitted = [
        (
            jax.tree.map(lambda leaf, index=index: leaf[index], states.best_params),
            {"best_step": best_step},
        )
        for index, best_step in enumerate(states.best_step.tolist())
    ]
    return fitted, outcome.seconds


def _measure(
    problem: registration_task.Problem,
    estimate: registration_task.Estimate,
    fitted: list[tuple[PyTree, dict[str, Any]]],
) -> tuple[list[dict[str, Any]], list[dict[str, np.ndarray]]]:
    """Return metrics and samples of every seed."""

    def motions(params: PyTree, batch: registration_task.Examples, key: None) -> Array:
        del key
        rotation, translation = estimate(params, batch)
        return jnp.concatenate([rotation, translation[..., None]], axis=-1)

    hardest = problem.tests[registration_task.HARDEST]
    rows = batches.rows_of(hardest, batch_size=_BATCH)
    tested = jax.jit(evaluate.make_evaluate(motions, [rows]))
    measured = jax.jit(registration_task.errors)
    metrics, samples = [], []
    for params, values in fitted:
        errors = {}
        for name, examples in problem.tests.items():
            found = np.asarray(tested(params, as_arrays(examples)))
            motion = RigidMotion(found[..., :3], found[..., 3])
            errors[name] = np.asarray(measured(motion, examples))
            if name == registration_task.HARDEST:
                samples.append(
                    {
                        "registered": errors[name][:, 2],
                        "source": examples["source"][_PICTURED],
                        "target": examples["target"][_PICTURED],
                        "rotation": motion.rotation[_PICTURED],
                        "translation": motion.translation[_PICTURED],
                    }
                )
        metrics.append(
            values
            | registration_task.summarize(errors)
            | registration_task.equivariance_errors(estimate, params, hardest)
        )
    return metrics, samples


def _title(config: ml_collections.ConfigDict) -> str:
    return f"{config.row}, trained on rotations up to {config.data.rotation_degrees:g} degrees"


def _report(
    config: ml_collections.ConfigDict,
    metrics: list[dict[str, Any]],
    report: Callable[[str], None],
) -> None:
    is_closed = config.row in registration_task.CLOSED_FORMS
    title = config.row if is_closed else _title(config)
    for seed, values in zip(config.seeds, metrics, strict=True):
        recalls = ", ".join(
            f"{values[f'recall_rotation_{angle}']:.1%} at {angle}"
            for angle in registration_task.ANGLES
        )
        report(
            f"{title}, seed {seed}: recall {recalls} degrees, equivariance error "
            f"{values['equivariance_error']:.1e}"
        )


if __name__ == "__main__":
    cli.run_training(run, case_fields=CASE_FIELDS)
