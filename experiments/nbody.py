"""Train one row of the n-body table: positions of charged particles, 1000 steps ahead.

    python -m experiments.nbody --config=configs/nbody/egnn.py:quick --workdir=runs/egnn

Config fields are overridden by `--config.optimizer.learning_rate=1e-3`. The run resumes from its
workdir; at its end it appends one row per seed to `experiments/results/nbody.jsonl`.
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

from experiments import cli, nbody_task, runs, statistics, store
from symjax_models.data import nbody, nbody_graphs
from symjax_models.models import registry
from symjax_models.suggestion import nearest_of
from symjax_models.training import batches, evaluate, least_squares
from symjax_models.typing import PyTree

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "model": ml_collections.ConfigDict,
    "data": ml_collections.ConfigDict, "optimizer": ml_collections.ConfigDict, "fit": str,
    "batch_size": int, "num_steps": int, "steps_per_dispatch": int, "eval_every": int,
    "checkpoint_every": int, "num_devices": int, "tensorboard": bool,
}  # fmt: skip
_PICTURED = 6  # test simulations whose predictions are stored for the figure


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
        config: The config, such as `configs/nbody/egnn.py` returns.
        workdir: Folder of the run; a run found there is resumed.
        overrides: What differs from the config file.
        results: Folder of the stored rows.
        report: Takes sentences about what happens.

    Returns:
        Whether the run reached its end (False: stopped by a signal, with a checkpoint).

    Raises:
        ValueError: If the config is wrong, or the workdir holds a run of another config.
        FloatingPointError: If the training leaves the finite numbers.
    """
    cli.check_fields(config, FIELDS)
    model = registry.make_model(config.row, config.model)
    data = nbody_task.load(config.data)
    runs.start(workdir, cli.as_json(config))
    fitted = _fit(model, data, config, workdir=workdir, report=report)
    if fitted is None:
        return False
    params, best_steps, seconds = fitted
    metrics, samples = _measure(model, params, data, config)
    for seed, best_step, values in zip(config.seeds, best_steps, metrics, strict=True):
        values["best_step"] = best_step
        report(
            f"{config.row} seed {seed}: test MSE {values['test_mse']:.5f} +- "
            f"{values['test_mse_se']:.5f} (valid {values['valid_mse']:.5f}, best at step "
            f"{best_step:,}), equivariance error {values['equivariance_error']:.1e}"
        )
    runs.store_rows(
        cli.as_json(config),
        metrics=metrics,
        samples=samples,
        params=sum(leaf[0].size for leaf in jax.tree.leaves(params)),
        steps=config.num_steps if config.fit == "gradient" else 0,
        seconds=seconds,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


def _fit(
    model: registry.Model,
    data: nbody.NBodyDataset,
    config: ml_collections.ConfigDict,
    *,
    workdir: pathlib.Path,
    report: Callable[[str], None],
) -> tuple[PyTree, list[int], float] | None:
    """Return the parameters of all seeds, their steps and the seconds; None if stopped."""
    train, valid = nbody_graphs.make_examples(data.train), nbody_graphs.make_examples(data.valid)
    init = functools.partial(nbody_task.init_params, model, train)
    if config.fit == "least_squares":
        began = time.monotonic()
        params = least_squares.fit_least_squares(
            model.apply, init(jax.random.key(0)), train["graph"], train["targets"]
        )
        # There is no randomness: every seed has the same parameters.
        params = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(config.seeds)), params)
        return params, [0] * len(config.seeds), time.monotonic() - began
    if config.fit != "gradient":
        known = nearest_of(config.fit, ["gradient", "least_squares"])
        raise ValueError(f"unknown config.fit {config.fit!r}; {known}")
    outcome = runs.train(
        init,
        functools.partial(nbody_task.squared_errors, model),
        train,
        valid,
        config=config,
        workdir=workdir,
        report=report,
    )
    if not outcome.is_finished:
        return None
    runs.plot_learning_curve(outcome, workdir, title=config.row)
    states = jax.tree.map(np.asarray, outcome.state)
    return states.best_params, states.best_step.tolist(), outcome.seconds


def _measure(
    model: registry.Model,
    params: PyTree,
    data: nbody.NBodyDataset,
    config: ml_collections.ConfigDict,
) -> tuple[list[dict[str, Any]], list[dict[str, np.ndarray]]]:
    """Return the metrics and the samples of every seed."""

    @jax.jit
    def measure(params: PyTree, examples: Any) -> Any:
        return evaluate.make_evaluate(
            functools.partial(nbody_task.squared_errors, model),
            [batches.rows_of(examples, batch_size=250)],
        )(params, examples)

    valid, test = nbody_graphs.make_examples(data.valid), nbody_graphs.make_examples(data.test)
    pictured = jax.tree.map(lambda leaf: leaf[:_PICTURED], test["graph"])
    metrics, samples = [], []
    for index in range(len(config.seeds)):
        of_seed = jax.tree.map(lambda leaf, index=index: jnp.asarray(leaf[index]), params)
        errors = np.asarray(measure(of_seed, test))
        metrics.append(
            {
                "test_mse": float(errors.mean(dtype=np.float64)),
                "test_mse_se": statistics.standard_error(errors),
                "test_mse_median": float(np.median(errors)),
                "valid_mse": float(np.mean(measure(of_seed, valid))),
                **nbody_task.equivariance_errors(model, of_seed, data.test),
                "forward_ms": nbody_task.forward_milliseconds(
                    model, of_seed, test["graph"], batch_size=config.batch_size
                ),
            }
        )
        samples.append(
            {
                "errors": errors,
                "predictions": np.asarray(nbody_task.predict(model, of_seed, pictured)),
            }
        )
    return metrics, samples


if __name__ == "__main__":
    cli.run_training(run)
