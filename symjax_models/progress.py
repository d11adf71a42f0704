"""Say how far a long computation is, how fast, and when it will end."""

import sys
import time
from collections.abc import Callable

Report = Callable[[str], None]

# Seconds between two updates: of a line that changes in place, and of lines that pile up.
_IN_PLACE, _PILED = 0.2, 10.0


class ProgressLine:
    """Report the share done, the rate and the time left of a computation.

    On a terminal one line changes in place; elsewhere, and through `report`, a line is written
    every ten seconds. The last line is always written.

    Args:
        label: First words of the line.
        total: Items to do.
        unit: Plural noun for the items.
        start: Items that were done before, in an earlier part of the computation.
        report: Takes each line; None writes to standard error.
    """

    def __init__(
        self, label: str, *, total: int, unit: str, start: float = 0, report: Report | None = None
    ) -> None:
        self._label, self._total, self._unit, self._report = label, total, unit, report
        self._in_place = report is None and sys.stderr.isatty()
        self._is_open = False
        self._done = self._at_start = start
        self._began = self._last = time.monotonic()

    def advance(self, items: float, *, note: str = "") -> None:
        """Count items (a fraction counts) and report if it is time to.

        Args:
            items: Items done since the last call.
            note: The newest numbers, ready to print.
        """
        self._done += items
        now = time.monotonic()
        if now - self._last < (_IN_PLACE if self._in_place else _PILED):
            return
        self._last = now
        rate = (self._done - self._at_start) / (now - self._began)
        left = format_duration((self._total - self._done) / rate)
        self._write(
            f"{self._label}: {self._done:,.0f}/{self._total:,} {self._unit}, "
            f"{_format_rate(rate)} {self._unit}/s, {note + ', ' if note else ''}ETA {left}"
        )

    def finish(self, *, note: str = "") -> None:
        """Report the total and the time it took."""
        seconds = time.monotonic() - self._began
        rate = (self._total - self._at_start) / max(seconds, 1e-9)
        self._write(
            f"{self._label}: {self._total:,} {self._unit} in {format_duration(seconds)}, "
            f"{_format_rate(rate)} {self._unit}/s{', ' + note if note else ''}"
        )
        self.close()

    def close(self) -> None:
        """End the line that changes in place, so that other output starts on its own."""
        if self._is_open:
            print(file=sys.stderr, flush=True)
            self._is_open = False

    def _write(self, text: str) -> None:
        if self._in_place:
            # Erase to the end of the line: the line before may have been longer.
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
            self._is_open = True
        else:
            tell(text, report=self._report)


def _format_rate(rate: float) -> str:
    # Slow work would read as 0 per second.
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def tell(text: str, *, report: Report | None = None) -> None:
    """Pass one line on to `report`, or write it to standard error."""
    if report is None:
        print(text, file=sys.stderr, flush=True)
    else:
        report(text)


def format_duration(seconds: float) -> str:
    """Write a duration: seconds below a minute, else `m:ss` or `h:mm:ss`.

    >>> format_duration(2.83), format_duration(83.4), format_duration(7384)
    ('2.8 s', '1:23', '2:03:04')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
