"""Train a potential of molecules for one row of a table.

    python -m experiments.molecules --config=configs/rmd17/nequip.py:quick --workdir=runs/nequip

Data are looked for in `--config.data.path`, or in `$SYMJAX_MODELS_DATA/<table>`. Config fields are
overridden by `--config.optimizer.learning_rate=1e-3`. The run resumes from its workdir; at its end
it leaves the trained potential there, `potential.npz`, for `experiments.potentials`, and appends
one row per seed to `experiments/results/<table>.jsonl`.
"""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np

from experiments import (
    cli,
    molecules_data,
    molecules_errors,
    molecules_task,
    potential_checks,
    potentials,
    provenance,
    runs,
    store,
)
from symjax_models.dynamics import Settings, observables
from symjax_models.models import saved_potential
from symjax_models.typing import PyTree

FIELDS = {
    "table": str, "row": str, "preset": str, "seeds": tuple, "data": ml_collections.ConfigDict,
    "cutoff": float, "model": ml_collections.ConfigDict, "loss": ml_collections.ConfigDict,
    "batch_size": int, "num_steps": int, "steps_per_dispatch": int, "eval_every": int,
    "checkpoint_every": int, "max_compilations": int, "optimizer": ml_collections.ConfigDict,
    "num_devices": int, "tensorboard": bool, "dynamics": ml_collections.ConfigDict,
}  # fmt: skip
# Fields that say which run of a row it is: setting them is no override.
CASE_FIELDS = {
    "acac": ("data.path",),
    "files": ("data.path",),
    "rmd17": ("data.path", "data.molecule", "data.split", "data.num_train"),
}
LOADERS = {
    "acac": molecules_data.load_acac,
    "emt": molecules_data.load_emt,
    "files": molecules_data.load_file,
    "gfn2": molecules_data.load_gfn2,
    "rmd17": molecules_data.load_rmd17,
}
_NAMED = ("acac", "rmd17")  # the tables whose data are the same wherever they lie


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
        config: The config, such as `configs/rmd17/nequip.py` returns.
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
    if config.num_devices != 1:
        raise ValueError(
            f"batches of molecules are not split over devices yet: num_devices is 1, got "
            f"{config.num_devices}"
        )
    settings = _dynamics_settings(config)
    splits = LOADERS[config.table](config.data)
    kept = cli.as_json(config)
    if config.table in _NAMED:
        kept["data"]["path"] = ""  # where a known data set lies does not make it another run
    runs.start(workdir, kept)
    problem = molecules_task.make_problem(splits, config, report=report)
    outcome = runs.train(
        lambda key: molecules_task.init_params(problem, key),
        molecules_task.make_loss(problem.potential, config),
        problem.train.store,
        problem.valid.store,
        config=config,
        workdir=workdir,
        report=report,
        train_batches=problem.train.batches,
        valid_batches=problem.valid.batches,
    )
    if not outcome.is_finished:
        return False
    runs.plot_learning_curve(outcome, workdir, title=config.row)
    states = jax.tree.map(np.asarray, outcome.state)
    metrics, scans = [], []
    for index in range(len(config.seeds)):
        params = jax.tree.map(lambda leaf, index=index: leaf[index], states.best_params)
        suffix = f"-{config.seeds[index]}" if index else ""
        measured, along_scans = _measure(
            problem, params, splits, config, workdir=workdir, suffix=suffix
        )
        measured["best_step"] = int(states.best_step[index])
        metrics.append(measured)
        scans.append(along_scans)
        saved = _as_saved(problem, params, config)
        saved_potential.save(workdir / f"potential{suffix}.npz", saved)
        if settings is not None:
            measured |= _run_dynamics(saved, splits, settings, workdir, report=report)
        for test in splits.tests:
            prefix = f"{test}_" if test else ""
            forces = measured.get(f"{prefix}force_mae")
            report(
                f"{config.row} seed {config.seeds[index]}{f', {test}' if test else ''}: energy MAE "
                f"{measured[f'{prefix}energy_mae']:.1f} meV"
                f"{'' if forces is None else f', force MAE {forces:.1f} meV/A'}"
            )
    report(f"trained potential: {workdir / 'potential.npz'}")
    runs.store_rows(
        kept,
        metrics=metrics,
        samples=scans if splits.scans else None,
        params=sum(leaf[0].size for leaf in jax.tree.leaves(states.best_params)),
        steps=config.num_steps,
        seconds=outcome.seconds,
        overrides=overrides or {},
        workdir=workdir,
        results=results,
    )
    return True


def _measure(
    problem: molecules_task.Problem,
    params: PyTree,
    splits: molecules_data.Splits,
    config: ml_collections.ConfigDict,
    *,
    workdir: pathlib.Path,
    suffix: str,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the metrics of one seed, and the energies along the scans; draw the tests."""
    predicted = molecules_errors.predict(problem.potential, params, problem.valid)
    valid = molecules_errors.measure(predicted, problem.valid)
    metrics: dict[str, Any] = {
        f"valid_{name}": valid[name] for name in ("energy_mae", "force_mae") if name in valid
    }
    scans = {}
    for name, structures in splits.tests.items():
        prepared = molecules_task.prepare(structures, problem.references, cutoff=config.cutoff)
        prefix = f"{name}_" if name else ""
        predicted = molecules_errors.predict(problem.potential, params, prepared)
        measured = molecules_errors.measure(predicted, prepared)
        metrics |= {f"{prefix}{key}": value for key, value in measured.items()}
        if name in splits.scans:
            scans |= {
                f"{prefix}coordinate": splits.scans[name],
                f"{prefix}reference": prepared.store.labels["energies"],
                f"{prefix}predicted": predicted["energies"],
            }
        with contextlib.suppress(ImportError):
            molecules_errors.plot(predicted, prepared, workdir / f"{prefix}errors{suffix}.png")
    plan = problem.train.plan
    metrics |= {
        "padding_nodes": round(float(plan.padding_nodes), 4),
        "padding_edges": round(float(plan.padding_edges), 4),
        "compilations": len(plan.classes),
    }
    return metrics, scans


def _dynamics_settings(config: ml_collections.ConfigDict) -> Settings | None:
    """Return the settings of the dynamics, checked before the training; None if there is none."""
    fields = dict(config.dynamics)
    picoseconds = fields.pop("picoseconds")
    if not picoseconds:
        return None
    return Settings(num_steps=round(1000 * picoseconds / fields["timestep"]), **fields)


def _run_dynamics(
    saved: saved_potential.SavedPotential,
    splits: molecules_data.Splits,
    settings: Settings,
    workdir: pathlib.Path,
    *,
    report: Callable[[str], None],
) -> dict[str, float]:
    """Move the first test configuration at constant energy; return what is measured."""
    test = next(iter(splits.tests.values()))
    began = time.perf_counter()
    try:
        trajectory = potential_checks.move(saved, test.frame(0), settings, report=report)
    except FloatingPointError as error:
        report(str(error))  # it costs these numbers, and not the others
        return {}
    seconds = time.perf_counter() - began
    drift = 1000 * observables.energy_drift(trajectory)
    picoseconds = settings.num_steps * settings.timestep / 1000
    report(f"drift of the energy in {picoseconds:g} ps: {drift:.1e} meV/atom/ps")
    with contextlib.suppress(ImportError):
        path = workdir / "dynamics.png"
        positions = np.stack([test.frame(index)["positions"] for index in range(len(test))])
        potentials.plot_dynamics(trajectory, path, reference=positions)
        report(f"figure: {path}")
    return {
        "nve_drift": drift,
        "nve_fluctuation": 1000 * observables.energy_fluctuation(trajectory),
        "nve_temperature": float(trajectory.temperature.mean()),
        "md_steps_per_second": round(settings.num_steps / seconds, 1),
    }


def _as_saved(
    problem: molecules_task.Problem, params: PyTree, config: ml_collections.ConfigDict
) -> saved_potential.SavedPotential:
    return saved_potential.SavedPotential(
        model=config.row,
        hyperparameters=problem.hyperparameters,
        **{
            field.name: getattr(problem.potential, field.name)
            for field in dataclasses.fields(problem.potential)
            if field.name != "network"
        },
        reference_energies=tuple(problem.references.values()),
        cutoff=config.cutoff,
        params=params,
        provenance={
            "config": cli.as_json(config),
            "revision": provenance.revision(),
            "versions": provenance.versions(),
        },
    )


if __name__ == "__main__":
    cli.run_training(run, case_fields=CASE_FIELDS)
