"""Requests to stop: SIGTERM and Ctrl-C end a run at the next chunk, after a checkpoint."""

import signal
import types
from typing import Any

import jax
from jax.experimental import multihost_utils


class StopRequest:
    """Turn SIGTERM and SIGINT into a flag for the time of a `with` block.

    A second signal is not caught: it interrupts at once. In a run of several processes the
    service of `jax.distributed` watches for SIGTERM, and all processes agree on the step.
    """

    def __init__(self) -> None:
        self.signal_name: str | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        """Install the handlers."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Put the former handlers back."""
        self._restore()

    def is_set(self, step: int) -> bool:
        """Tell whether to stop now; every process gives the same answer at the same step."""
        if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(step):
            self.signal_name = self.signal_name or "SIGTERM"
            return True
        return jax.process_count() == 1 and self.signal_name is not None

    def _note(self, number: int, _: types.FrameType | None) -> None:
        self.signal_name = signal.Signals(number).name
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
