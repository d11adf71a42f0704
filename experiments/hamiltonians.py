"""Train a model of Hamiltonians for one row of a table.

    python -m experiments.hamiltonians --config=configs/water_hamiltonian/qhnet.py:quick \
        --workdir=runs/qhnet

The first run generates the frames with tblite and pyscf, and keeps them. Config fields are
overridden by `--config.optimizer.learning_rate=1e-3`. The run resumes from its workdir, and appends
one row per seed to `experiments/results/water_hamiltonian.jsonl`.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np

from experiments import cli, hamiltonians_task, runs, store

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "data": ml_collections.ConfigDict,
    "model": ml_collections.ConfigDict, "batch_size": int, "num_steps": int,
    "steps_per_dispatch": int, "eval_every": int, "checkpoint_every": int,
    "optimizer": ml_collections.ConfigDict, "num_devices": int, "tensorboard": bool,
}  # fmt: skip


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
        config: The config, such as `configs/water_hamiltonian/qhnet.py` returns.
        workdir: Folder of the run; a run found there is resumed.
        overrides: What differs from the config file.
        results: Folder of the stored rows.
        report: Takes sentences about what happens.

    Returns:
        Whether the run reached its end (False: stopped by a signal, with a checkpoint).

    Raises:
        ValueError: If the config is wrong, or the workdir holds a run of another config.
        FloatingPointError: If the training leaves the finite numbers.
        ImportError: If frames have to be generated and tblite or pyscf is not installed.
    """
    cli.check_fields(config, FIELDS)
    hamiltonians_task.check_model(config)
    kept = cli.as_json(config)
    runs.start(workdir, kept)
    problem = hamiltonians_task.make_problem(config)
    outcome = runs.train(
        lambda key: hamiltonians_task.init_params(problem, key),
        hamiltonians_task.make_loss(problem.network),
        problem.train,
        problem.valid,
        config=config,
        workdir=workdir,
        report=report,
    )
    if not outcome.is_finished:
        return False
    runs.plot_learning_curve(outcome, workdir, title=config.row)
    states = jax.tree.map(np.asarray, outcome.state)
    metrics, samples = [], []
    for index, seed in enumerate(config.seeds):
        params = jax.tree.map(lambda leaf, index=index: leaf[index], states.best_params)
        measured, arrays = hamiltonians_task.measure(problem, params)
        measured["best_step"] = int(states.best_step[index])
        metrics.append(measured)
        samples.append(arrays)
        report(
            f"{config.row} seed {seed}: H MAE {measured['hamiltonian_mae']:.2f}, orbital energy "
            f"MAE {measured['energy_mae']:.2f} (1e-6 hartree), similarity "
            f"{measured['similarity']:.2f} %"
        )
    runs.store_rows(
        kept,
        metrics=metrics,
        samples=samples,
        params=sum(leaf[0].size for leaf in jax.tree.leaves(states.best_params)),
        steps=config.num_steps,
        seconds=outcome.seconds,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


if __name__ == "__main__":
    cli.run_training(run)
