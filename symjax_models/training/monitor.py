"""Watch a run: read its metrics one chunk late, stop on NaN, write them, show progress."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import optax

from symjax_models.progress import ProgressLine
from symjax_models.training.writers import MetricsWriter
from symjax_models.typing import Array


class Monitor:
    """Follow the metrics of a run; use as a context manager around its loop.

    The metrics of a chunk are read when the next chunk has been dispatched, so that the device
    never waits for the host.

    Args:
        writer: Where the numbers go.
        schedule: Learning rate as a function of the step.
        seeds: The seeds that are trained side by side.
        label: Name of the run.
        total: Steps of the run.
        start: Steps done before.
    """

    def __init__(
        self,
        writer: MetricsWriter,
        schedule: optax.Schedule,
        *,
        seeds: Sequence[int],
        label: str,
        total: int,
        start: int,
    ) -> None:
        self._writer, self._schedule, self._seeds, self._label = writer, schedule, seeds, label
        self._progress = ProgressLine(label, total=total, unit="steps", start=start)
        self._is_complete = start == total
        self._total, self._began = total, time.monotonic()
        self._earlier = writer.records[-1]["seconds"] if writer.records else 0.0
        self._unread: tuple[int, Mapping[str, Array]] | None = None
        self._losses: list[np.ndarray] = []
        self._valid = self._note = ""

    def __enter__(self) -> "Monitor":
        """Return the monitor."""
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Read what is unread, unless there was an error, and end the progress line."""
        if error is None:
            self.check()
        if error is None and self._is_complete and self._note:
            self._progress.finish(note=self._note)
        else:
            self._progress.close()

    def seconds(self) -> float:
        """Return the wall time of all parts of the run so far."""
        return self._earlier + time.monotonic() - self._began

    def dispatched(self, done: int, metrics: Mapping[str, Array]) -> None:
        """Take the metrics of a chunk that has just been dispatched.

        Args:
            done: Steps done after it.
            metrics: `loss` and others, each `[S, k]`.

        Raises:
            FloatingPointError: If the chunk before it left the finite numbers.
        """
        self.check()
        self._unread = (done, metrics)

    def check(self) -> None:
        """Read the metrics that are unread.

        Raises:
            FloatingPointError: If one is not finite; says the step, the seed and the loss.
        """
        if self._unread is None:
            return
        (done, metrics), self._unread = self._unread, None
        values = {name: np.asarray(array) for name, array in metrics.items()}
        for name, array in values.items():
            bad = np.argwhere(~np.isfinite(array))
            if len(bad):
                seed, index = bad[np.argmin(bad[:, 1])]
                raise FloatingPointError(
                    f"{self._label}: the {name.replace('_', ' ')} is {array[seed, index]} at step "
                    f"{done - array.shape[1] + index + 1:,} of seed {self._seeds[seed]} (loss "
                    f"{values['loss'][seed, index]}); checkpoints from before are kept; lower "
                    "optimizer.learning_rate, set optimizer.clip_norm, or check the data"
                )
        self._losses.append(values["loss"])
        self._is_complete = done == self._total
        self._note = f"loss {values['loss'][:, -1].mean():.5f}{self._valid}"
        self._progress.advance(values["loss"].shape[1], note=self._note)

    def validated(self, done: int, losses: Array, best_losses: Array) -> None:
        """Write the numbers of a validation.

        Args:
            done: Steps done.
            losses: Validation losses `[S]`.
            best_losses: The lowest so far `[S]`.
        """
        self.check()
        valid, best = np.asarray(losses), np.asarray(best_losses)
        self._valid = f", valid {valid.mean():.5f} (best {best.mean():.5f})"
        self._writer.write(
            done,
            {
                "train_loss": np.concatenate(self._losses, axis=1).mean(axis=1).tolist(),
                "valid_loss": valid.tolist(),
                "best_valid_loss": best.tolist(),
                "learning_rate": float(np.asarray(self._schedule(done - 1))),
                "seconds": round(self.seconds(), 3),
            },
        )
        self._losses = []
