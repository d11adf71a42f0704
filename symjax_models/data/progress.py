"""Say how far a long computation on the host is."""

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
      report: Takes each line; None writes to standard error.
    """

    def __init__(self, label: str, *, total: int, unit: str, report: Report | None = None):
        self._label, self._total, self._unit, self._report = label, total, unit, report
        self._in_place = report is None and sys.stderr.isatty()
        self._done = 0.0
        self._start = self._last = time.monotonic()

    def advance(self, items: float) -> None:
        """Count items (a fraction counts) and report if it is time to."""
        self._done += items
        now = time.monotonic()
        if now - self._last < (_IN_PLACE if self._in_place else _PILED):
            return
        self._last = now
        rate = self._done / (now - self._start)
        left = (self._total - self._done) / rate
        done = f"{self._label}: {self._done:.0f}/{self._total} {self._unit}"
        self._write(f"{done}, {rate:.0f}/s, {_duration(left)} left")

    def finish(self) -> None:
        """Report the total and the time it took."""
        seconds = time.monotonic() - self._start
        rate = self._total / max(seconds, 1e-9)
        text = f"{self._label}: {self._total} {self._unit} in {_duration(seconds)}, {rate:.0f}/s"
        self._write(text, end="\n")

    def _write(self, text: str, *, end: str = "") -> None:
        if self._in_place:
            # Erase to the end of the line: the line before may have been longer.
            print(f"\r{text}\x1b[K", end=end, file=sys.stderr, flush=True)
        else:
            tell(text, report=self._report)


def tell(text: str, *, report: Report | None = None) -> None:
    """Pass one line on to `report`, or write it to standard error."""
    if report is None:
        print(text, file=sys.stderr, flush=True)
    else:
        report(text)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
