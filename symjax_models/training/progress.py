"""One line that says how far a run is, how fast, and when it will end."""

import sys
import time
from typing import TextIO


def format_duration(seconds: float) -> str:
    """Write a duration as `m:ss` or `h:mm:ss`.

    >>> format_duration(83.4), format_duration(7384)
    ('1:23', '2:03:04')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """Report steps per second, time left and the newest numbers.

    On a terminal the line is rewritten in place; elsewhere a new line appears at most every
    `interval` seconds.

    Args:
        label: What is running.
        total: Number of steps of the whole run.
        start: Steps that were done before (a resumed run).
        stream: Where to write; the standard error by default.
        interval: Seconds between lines; None chooses 0.5 on a terminal and 10 elsewhere.
    """

    def __init__(
        self,
        label: str,
        *,
        total: int,
        start: int = 0,
        stream: TextIO | None = None,
        interval: float | None = None,
    ) -> None:
        self._label, self._total, self._start = label, total, start
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._interval = (0.5 if self._is_terminal else 10.0) if interval is None else interval
        self._began = self._last = time.monotonic()
        self._is_open = False

    def update(self, done: int, numbers: str) -> None:
        """Report, unless the last report is too recent.

        Args:
            done: Number of steps done.
            numbers: The newest numbers, ready to print.
        """
        now = time.monotonic()
        if now - self._last < self._interval and done < self._total:
            return
        self._last = now
        rate = (done - self._start) / max(now - self._began, 1e-9)
        left = format_duration((self._total - done) / rate) if rate > 0 else "?"
        line = (
            f"{self._label} | step {done:,}/{self._total:,} | {rate:,.0f} steps/s | "
            f"{numbers} | ETA {left}"
        )
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{line}")
            self._is_open = True
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """End the line, so that other output starts on a new one."""
        if self._is_open:
            self._stream.write("\n")
            self._stream.flush()
            self._is_open = False
