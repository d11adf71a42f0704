r"""Run one row of the symmetrization table: plain networks, made symmetric from outside.

    python -m experiments.symmetrization --config=configs/symmetrization/digits.py:quick \
        --workdir=runs/x --config.method=canonicalization

A row is a study (`STUDIES`); its methods are runs of the row. Some studies train, others only
measure. A run that trains resumes from its workdir; at its end it appends one row per seed to
`experiments/results/symmetrization.jsonl`.
"""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np

from experiments import cli, runs, store
from experiments.symmetrization_studies import STUDIES
from symjax_models.suggestion import look_up

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "study": str, "method": str,
    "methods": tuple, "data": ml_collections.ConfigDict, "model": ml_collections.ConfigDict,
    "optimizer": ml_collections.ConfigDict, "batch_size": int, "num_steps": int,
    "steps_per_dispatch": int, "eval_every": int, "checkpoint_every": int, "num_devices": int,
    "tensorboard": bool,
}  # fmt: skip
# It says which run of the row it is; a run that sets only this belongs to the table.
CASE_FIELDS = {"symmetrization": ("method",)}


def run(
    config: ml_collections.ConfigDict,
    *,
    workdir: pathlib.Path,
    overrides: dict[str, Any] | None = None,
    results: pathlib.Path = store.RESULTS,
    report: Callable[[str], None] = cli.report,
) -> bool:
    """Run one method of a study with all seeds, and store one row per seed.

    Args:
        config: The config, such as `configs/symmetrization/digits.py` returns.
        workdir: Folder of the run; a run found there is resumed.
        overrides: What differs from the config file, but for the method.
        results: Folder of the stored rows.
        report: Takes sentences about what happens.

    Returns:
        Whether the run reached its end (False: stopped by a signal, with a checkpoint).

    Raises:
        ValueError: If the config is wrong, or the workdir holds a run of another config.
        FloatingPointError: If the training leaves the finite numbers.
    """
    cli.check_fields(config, FIELDS)
    look_up(config.method, {name: name for name in config.methods}, what="config.method")
    study = look_up(config.study, STUDIES, what="config.study")(config)
    runs.start(workdir, cli.as_json(config))
    title = f"{config.row}, {config.method}"
    began, params, number, steps = time.monotonic(), None, 0, 0
    if study.training is not None:
        outcome = runs.train(
            study.training.init,
            study.training.loss,
            study.training.train,
            study.training.valid,
            config=config,
            workdir=workdir,
            report=report,
        )
        if not outcome.is_finished:
            return False
        runs.plot_learning_curve(outcome, workdir, title=title)
        params = jax.tree.map(np.asarray, outcome.state.best_params)
        number = sum(leaf[0].size for leaf in jax.tree.leaves(params))
        steps = config.num_steps
    metrics = study.measure(params, report)
    for seed, values in zip(config.seeds, metrics, strict=True):
        shown = ", ".join(f"{name} {values[name]:.4g}" for name in study.shown)
        report(f"{title}, seed {seed}: {shown}")
    runs.store_rows(
        cli.as_json(config),
        metrics=metrics,
        params=study.params or number,
        steps=steps,
        seconds=outcome.seconds if study.training is not None else time.monotonic() - began,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


if __name__ == "__main__":
    cli.run_training(run, case_fields=CASE_FIELDS)
