"""The folder of one run, its settings and the rows it leaves."""

import contextlib
import json
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np

from experiments import figures, provenance, store
from symjax_models import training
from symjax_models.training import sharding, step
from symjax_models.training.batches import Batches
from symjax_models.typing import PRNGKey, PyTree


def start(workdir: pathlib.Path, config: Mapping[str, Any]) -> None:
    """Make the folder of a run, or check that the run in it is the same one.

    Args:
        workdir: The folder.
        config: The config as JSON values.

    Raises:
        ValueError: If the folder holds a run of another config; names what differs.
    """
    provenance.revision()  # now, before someone edits the code that is running
    path = workdir / "config.json"
    # Folders of unfinished checkpoints have more than a number in their names.
    if any(p.name.isdigit() for p in workdir.glob("checkpoints/*")):
        former = _former_config(path)
        if former != json.loads(json.dumps(config)):
            differences = "; ".join(_differences(former, config))
            raise ValueError(
                f"{workdir} holds a run of another config ({differences}); choose another "
                "--workdir, or delete it to start anew"
            )
        return
    workdir.mkdir(parents=True, exist_ok=True)
    if jax.process_index() == 0:
        path.write_text(json.dumps(config, indent=2) + "\n")


def _former_config(path: pathlib.Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        raise ValueError(
            f"{path.parent} has checkpoints, but its config.json is missing or damaged; choose "
            "another --workdir, or delete it to start anew"
        ) from None


def train(
    init: Callable[[PRNGKey], PyTree],
    loss: step.Loss,
    train_data: PyTree,
    valid_data: PyTree,
    *,
    config: ml_collections.ConfigDict,
    workdir: pathlib.Path,
    report: Callable[[str], None],
    train_batches: Sequence[Batches] | None = None,
    valid_batches: Sequence[Batches] | None = None,
) -> training.Outcome:
    """Train as the fields of a config say; see `symjax_models.training.train`."""
    mesh = sharding.make_mesh(batch_size=config.batch_size, num_devices=config.num_devices or None)
    return training.train(
        init,
        loss,
        train_data,
        valid_data,
        seeds=config.seeds,
        settings=loop_settings(config),
        optimizer=optimizer_settings(config),
        workdir=workdir,
        train_batches=train_batches,
        valid_batches=valid_batches,
        mesh=mesh if mesh.size > 1 else None,
        label=config.row,
        report=report,
    )


def loop_settings(config: ml_collections.ConfigDict) -> training.LoopSettings:
    """Build the settings of the loop from the fields of a config."""
    return training.LoopSettings(
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        steps_per_dispatch=config.steps_per_dispatch,
        eval_every=config.eval_every,
        checkpoint_every=config.checkpoint_every,
        tensorboard=config.tensorboard,
    )


def optimizer_settings(config: ml_collections.ConfigDict) -> training.OptimizerSettings:
    """Build the settings of the optimizer from the fields of a config."""
    fields = dict(config.optimizer)
    for name in ("clip_norm", "ema_decay"):  # 0 is "off" in a config, whose fields keep one type
        fields[name] = fields[name] or None
    return training.OptimizerSettings(**fields)


def plot_learning_curve(outcome: training.Outcome, workdir: pathlib.Path, *, title: str) -> None:
    """Draw `learning_curve.png` into the folder of a run, if matplotlib is installed."""
    if jax.process_index() != 0 or not outcome.records:
        return
    with contextlib.suppress(ImportError):
        figures.plot_learning_curves(outcome.records, workdir / "learning_curve.png", title)


def store_rows(
    config: Mapping[str, Any],
    *,
    metrics: Sequence[Mapping[str, Any]],
    samples: Sequence[Mapping[str, np.ndarray]] | None = None,
    params: int,
    steps: int,
    seconds: float,
    overrides: Mapping[str, Any],
    workdir: pathlib.Path,
    results: pathlib.Path,
) -> None:
    """Store one row per seed of a finished run.

    Args:
        config: The config as JSON values.
        metrics: Metrics of every seed.
        samples: Arrays of every seed that tables and figures need; kept in `workdir`, and with
            the stored rows too if nothing was overridden. None if they need none.
        params: Number of parameters.
        steps: Training steps of every seed; 0 for an exact fit.
        seconds: Wall time of the run, all seeds together.
        overrides: Config fields that differ from the config file.
        workdir: Folder of the run.
        results: Folder of the stored rows.
    """
    if jax.process_index() != 0:
        return
    key = {name: config[name] for name in ("table", "row", "preset")}
    for seed, arrays in zip(config["seeds"], samples or (), strict=samples is not None):
        store.write_samples(workdir / f"samples-{seed}.npz", arrays)
        if not overrides:
            store.write_samples(store.samples_path(**key, seed=seed, results=results), arrays)
    for seed, values in zip(config["seeds"], metrics, strict=True):
        row = {
            **key,
            "seed": seed,
            "metrics": dict(values),
            "params": params,
            "steps": steps,
            "seconds": round(seconds, 2),
            "hardware": provenance.hardware(),
            "versions": provenance.versions(),
            "revision": provenance.revision(),
            "config": dict(config),
            "overrides": dict(overrides),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        store.append(row, results=results)


def _differences(former: Mapping[str, Any], config: Mapping[str, Any], prefix: str = "") -> list:
    found = []
    for name in sorted({*former, *config}):
        there, here = former.get(name), json.loads(json.dumps(config.get(name)))
        if isinstance(there, dict) and isinstance(here, dict):
            found += _differences(there, here, f"{prefix}{name}.")
        elif there != here:
            found.append(f"{prefix}{name} is {there!r} there and {here!r} here")
    return found
