"""The training loop: chunks of steps, validation, checkpoints, progress, clean stops."""

import dataclasses
import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from symjax_models.training import evaluate, interrupt, sharding, state, step, writers
from symjax_models.training.batches import Batches, rows_of, take_turns
from symjax_models.training.checkpoint import Checkpoints
from symjax_models.training.monitor import Monitor
from symjax_models.training.optimizer import OptimizerSettings, make_optimizer
from symjax_models.typing import PRNGKey, PyTree


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """How long a run is and how it is cut.

    Attributes:
        num_steps: Steps of the run.
        batch_size: Examples per step.
        steps_per_dispatch: Steps per compiled call, k; it divides the three numbers below.
        eval_every: Steps between validations.
        checkpoint_every: Steps between checkpoints.
        eval_batch_size: Examples at a time in evaluation.
        tensorboard: Write TensorBoard scalars too.
    """

    num_steps: int
    batch_size: int
    steps_per_dispatch: int
    eval_every: int
    checkpoint_every: int
    eval_batch_size: int = 250
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: If a number is not positive or `steps_per_dispatch` does not divide.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "tensorboard" and value < 1:
                raise ValueError(f"{field.name} must be at least 1, got {value}")
        for name in ("num_steps", "eval_every", "checkpoint_every"):
            value, k = getattr(self, name), self.steps_per_dispatch
            if value % k:
                nearest = max(1, round(value / k)) * k
                raise ValueError(
                    f"{name} must be a multiple of steps_per_dispatch ({k}), got {value}; the "
                    f"nearest is {nearest}"
                )


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        state: The last state of all seeds, leaves `[S, ...]`.
        is_finished: False if a signal stopped the run early; it is resumed by running it again.
        seconds: Wall time of all parts of the run, compilation included.
        records: The lines of `metrics.jsonl`.
    """

    state: state.TrainState
    is_finished: bool
    seconds: float
    records: list[dict[str, Any]]


def train(
    init: Callable[[PRNGKey], PyTree],
    loss: step.Loss,
    train_data: PyTree,
    valid_data: PyTree,
    *,
    seeds: Sequence[int],
    settings: LoopSettings,
    optimizer: OptimizerSettings,
    workdir: str | os.PathLike[str],
    train_batches: Sequence[Batches] | None = None,
    valid_batches: Sequence[Batches] | None = None,
    mesh: Mesh | None = None,
    label: str = "train",
    report: Callable[[str], None] = print,
) -> Outcome:
    """Train one model with several seeds at once, or go on where an earlier call stopped.

    The parameters with the lowest validation loss are kept per seed. A checkpoint in `workdir`
    is resumed from, and the resumed run equals the uninterrupted one bit for bit. SIGTERM or
    Ctrl-C ends the run after the current chunk, with a checkpoint.

    Args:
        init: Maps a key to parameters.
        loss: Loss of every example of a batch, `(params, batch, key) -> [B]`.
        train_data: Pytree of arrays, with examples on the leading axis if `train_batches` does not
            say how to take examples from it.
        valid_data: The same, for the selection.
        seeds: One seed per run; each has its own initial parameters and order of the data.
        settings: Length and cutting of the run.
        optimizer: The optimizer.
        workdir: Folder for checkpoints and metrics.
        train_batches: Batches of one shape each, of `settings.batch_size`; if None, rows of the
            arrays. Several shapes take turns of 20 steps.
        valid_batches: The same for `valid_data`.
        mesh: Devices for data parallelism; None for one device.
        label: Name of the run in the progress line.
        report: Called with sentences about resuming and stopping.

    Returns:
        The outcome.

    Raises:
        FloatingPointError: If a loss or a gradient is not finite; says the step and the loss.
        ValueError: If the settings do not fit together or the data.
        OSError: If a checkpoint cannot be written.
    """
    train_batches = train_batches or [rows_of(train_data, batch_size=settings.batch_size)]
    if valid_batches is None:
        valid_batches = [rows_of(valid_data, batch_size=settings.eval_batch_size)]
    turns = take_turns(train_batches, num_steps=settings.steps_per_dispatch)
    transformation, schedule = make_optimizer(optimizer, num_steps=settings.num_steps)
    run_chunks = [
        step.make_train_chunk(
            loss,
            transformation,
            num_steps=settings.steps_per_dispatch,
            batches=batches,
            ema_decay=optimizer.ema_decay,
            mesh=mesh,
        )
        for batches in train_batches
    ]
    select = evaluate.make_select(loss, valid_batches)
    states = state.make_states(
        init, transformation, seeds=seeds, use_ema=optimizer.ema_decay is not None
    )
    if mesh is not None:
        states, train_data, valid_data = sharding.replicate((states, train_data, valid_data), mesh)
    else:
        train_data, valid_data = jax.device_put((train_data, valid_data))

    with Checkpoints(os.path.join(workdir, "checkpoints"), report=report) as checkpoints:
        states = checkpoints.restore_latest(states) or states
        done = int(states.step[0])
        if done:
            report(f"{label}: resuming at step {done:,} of {settings.num_steps:,}")
        writer = writers.MetricsWriter(
            workdir,
            resume_step=done,
            tensorboard=settings.tensorboard,
            is_silent=jax.process_index() != 0,
        )
        monitor = Monitor(
            writer, schedule, seeds=seeds, label=label, total=settings.num_steps, start=done
        )
        k = settings.steps_per_dispatch
        turns = itertools.islice(turns, done // k, None)
        with interrupt.StopRequest() as stop, monitor:
            while done < settings.num_steps and not stop.is_set(done):
                shape, start = next(turns)
                states, metrics = run_chunks[shape](
                    states, train_data, jnp.asarray(start, jnp.int32)
                )
                done += k
                monitor.dispatched(done, metrics)
                is_last = done == settings.num_steps
                if is_last or done % settings.eval_every == 0:
                    states, losses = select(states, valid_data)
                    monitor.validated(done, losses, states.best_loss)
                if is_last or done % settings.checkpoint_every == 0:
                    monitor.check()  # a state that is not finite is never kept
                    checkpoints.save(done, states)
            if stop.signal_name:
                monitor.check()
                checkpoints.save(done, states)
        is_finished = done == settings.num_steps
        if not is_finished:
            report(
                f"{label}: stopped by {stop.signal_name} at step {done:,} of "
                f"{settings.num_steps:,} with a checkpoint; run the same command to resume"
            )
    return Outcome(states, is_finished, monitor.seconds(), writer.records)
