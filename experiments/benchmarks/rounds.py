"""Timing in turns, so that a disturbance of the machine meets all candidates alike."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Something to time.

    Attributes:
        run: Does the work and returns when it is done.
        steps: How many steps one call of `run` does.
    """

    run: Callable[[], None]
    steps: int


def time_in_turns(
    candidates: Mapping[str, Candidate], *, rounds: int, seconds: float
) -> dict[str, np.ndarray]:
    """Time all candidates once per round, every other round in reverse order.

    Args:
        candidates: What to time, by name.
        rounds: Number of rounds, R.
        seconds: About how long a candidate runs in one round.

    Returns:
        Milliseconds per step, `[R]` for every candidate; entries of one round belong together.
    """
    calls = {name: _calls_within(seconds, candidate) for name, candidate in candidates.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for index in range(rounds):
        for name in list(candidates) if index % 2 == 0 else reversed(candidates):
            began = time.perf_counter()
            for _ in range(calls[name]):
                candidates[name].run()
            elapsed = time.perf_counter() - began
            times[name].append(1e3 * elapsed / (calls[name] * candidates[name].steps))
    return {name: np.asarray(values) for name, values in times.items()}


def compare(
    benchmark: str,
    case: dict[str, Any],
    quantity: str,
    peer: str,
    ours: np.ndarray,
    theirs: np.ndarray,
) -> dict[str, Any]:
    """Return a comparison of times as it is stored.

    Args:
        benchmark: Name of the benchmark.
        case: The sizes.
        quantity: What was timed.
        peer: Name and version of the other side.
        ours: Milliseconds, one entry per round.
        theirs: Milliseconds of the other side in the same rounds.

    Returns:
        The medians, and the median of the ratios.
    """
    return {
        "benchmark": benchmark,
        "case": case,
        "peer": peer,
        "ours_ms": round(float(np.median(ours)), 4),
        "peer_ms": round(float(np.median(theirs)), 4),
        "ratio": round(float(np.median(theirs / ours)), 4),
        "quantity": quantity,
    }


def _calls_within(seconds: float, candidate: Candidate) -> int:
    candidate.run()  # the first call compiles, allocates and fills the caches
    began = time.perf_counter()
    candidate.run()
    return max(1, math.ceil(seconds / (time.perf_counter() - began)))
