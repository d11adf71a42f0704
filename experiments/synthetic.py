r"""Train one row of the synthetic table on one task and one size of the training set.

    python -m experiments.synthetic --config=configs/synthetic/emlp.py:quick --workdir=runs/x \
        --config.data.task=o5 --config.data.num_train=300

The tasks are `experiments.synthetic_task.TASKS`. The run resumes from its workdir; at its end it
appends one row per seed to `experiments/results/synthetic.jsonl`.
"""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import cli, runs, statistics, store, synthetic_task
from symjax_models import audit, reps, training
from symjax_models.models import registry
from symjax_models.training import batches, evaluate, step
from symjax_models.typing import PyTree

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "data": ml_collections.ConfigDict,
    "architecture": str, "model": ml_collections.ConfigDict,
    "model_of_task": ml_collections.ConfigDict, "augment": bool, "residual_penalty": float,
    "prior": float, "optimizer": ml_collections.ConfigDict, "batch_size": int,
    "max_epochs": int, "max_examples": int, "steps_per_dispatch": int, "eval_every": int,
    "checkpoint_every": int, "num_devices": int, "tensorboard": bool,
}  # fmt: skip
# They say which run of the row it is; a run that sets only these belongs to the table.
CASE_FIELDS = {"synthetic": ("data.task", "data.num_train", "data.set_size")}
BOOSTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # rapidities at which Lorentz equivariance is measured
# Arithmetic and inputs of the sweep, by suffix of the metric.
BOOST_PRECISIONS = {
    "": ("float32", "float32"),
    "_inputs": ("float64", "float32"),
    "_float64": ("float64", "float64"),
}
_AUDITED = 100  # test examples on which equivariance is measured


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
        config: The config, such as `configs/synthetic/emlp.py` returns.
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
    model = synthetic_task.make_model(config)
    problem = synthetic_task.load(config.data)
    budget = synthetic_task.with_budget(config)
    runs.start(workdir, cli.as_json(config))
    loss = functools.partial(
        synthetic_task.squared_errors,
        problem,
        model,
        augment=config.augment,
        residual_penalty=config.residual_penalty,
    )
    outcome = runs.train(
        functools.partial(synthetic_task.init_params, problem, model),
        loss,
        problem.splits["train"],
        problem.splits["valid"],
        config=budget,
        workdir=workdir,
        report=report,
    )
    if not outcome.is_finished:
        return False
    title = f"{config.row}, {config.data.task}, {config.data.num_train:,} examples"
    runs.plot_learning_curve(outcome, workdir, title=title)
    metrics = _measure(problem, model, loss, outcome)
    for seed, values in zip(config.seeds, metrics, strict=True):
        report(
            f"{title}, seed {seed}: test MSE {values['test_mse']:.4g} +- "
            f"{values['test_mse_se']:.2g}, {values['fraction_of_floor']:.2%} of a constant's "
            f"(best at step {values['best_step']:,}), equivariance error "
            f"{values['equivariance_error']:.1e}"
        )
    runs.store_rows(
        cli.as_json(config),
        metrics=metrics,
        params=sum(leaf[0].size for leaf in jax.tree.leaves(outcome.state.params)),
        steps=budget.num_steps,
        seconds=outcome.seconds,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


def _measure(
    problem: synthetic_task.Problem,
    model: registry.Model,
    loss: step.Loss,
    outcome: training.Outcome,
) -> list[dict[str, Any]]:
    """Return the metrics of every seed."""
    states = jax.tree.map(np.asarray, outcome.state)
    test = jax.device_put(problem.splits["test"])
    evaluated = evaluate.make_evaluate(loss, [batches.rows_of(test, batch_size=250)])
    tested = jax.jit(jax.vmap(evaluated, in_axes=(0, None)))
    errors = np.asarray(tested(states.best_params, test), np.float64)
    common = {"floor": problem.floor, **_equivariance_errors(problem, model, states.best_params)}
    metrics = []
    for of_seed, valid, best_step in zip(errors, states.best_loss, states.best_step, strict=True):
        mean = float(of_seed.mean())
        metrics.append(
            {
                "test_mse": mean,
                "test_mse_se": statistics.standard_error(of_seed),
                "valid_mse": float(valid),
                "fraction_of_floor": mean / problem.floor,
                "best_step": int(best_step),
                **common,
            }
        )
    return metrics


def _equivariance_errors(
    problem: synthetic_task.Problem, model: registry.Model, params: PyTree
) -> dict[str, float]:
    """Measure how far the trained models of all seeds are from equivariance, on test inputs.

    Returns:
        The largest relative errors, `equivariance_error` and `equivariance_error_float64`;
        definition in `audit.equivariance_error`. Where the group has boosts also
        `boost_error_T` and `boost_error_T_float64` at every rapidity T of `BOOSTS`, and
        `boost_error_T_inputs`: that of exact arithmetic on inputs rounded to float32.
    """

    # The seeds are one more batch axis: the scale of the error is that of all of them together.
    @functools.partial(jax.vmap, in_axes=(0, None))
    def apply(params: PyTree, x: reps.RepArray) -> reps.RepArray:
        outputs = synthetic_task.apply(model, params, x)
        return reps.RepArray.from_flat(problem.rep_out, outputs)

    x = problem.features(jnp.asarray(problem.splits["test"]["inputs"][:_AUDITED]))
    errors = {}
    for suffix, dtype in (("", jnp.float32), ("_float64", jnp.float64)):
        measured = audit.equivariance_error(apply, params, x, dtype=dtype)
        errors[f"equivariance_error{suffix}"] = measured.max
    if not problem.rep_in.group.is_compact:
        for suffix, (dtype, input_dtype) in BOOST_PRECISIONS.items():
            sweep = audit.boost_sweep(
                apply, params, x, sizes=BOOSTS, dtype=dtype, input_dtype=input_dtype
            )
            for size, worst in zip(BOOSTS, sweep.max, strict=True):
                errors[f"boost_error_{size:g}{suffix}"] = worst
    return errors


if __name__ == "__main__":
    cli.run_training(run, case_fields=CASE_FIELDS)
