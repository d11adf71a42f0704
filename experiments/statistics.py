"""Means and errors of a row over its seeds and test simulations."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from experiments import store


@dataclasses.dataclass(frozen=True)
class Summary:
    """What the seeds of one run have in common.

    Attributes:
        stored: The stored rows, one per seed.
        mean: Mean test error over seeds.
        se_simulations: Standard error of the mean over test simulations, of the errors averaged
            over seeds: how well this test set determines the number.
        se_seeds: Standard error of the mean over seeds: how much training varies. None for one.
        errors: Error of every test simulation, averaged over seeds, `[M]`.
        predictions: Predictions of the first seed for the pictured simulations.
    """

    stored: tuple[store.Row, ...]
    mean: float
    se_simulations: float
    se_seeds: float | None
    errors: np.ndarray
    predictions: np.ndarray


def summarize(
    stored: Sequence[store.Row], *, results: pathlib.Path = store.RESULTS
) -> Summary | None:
    """Summarize the seeds of one run.

    Args:
        stored: Stored rows, one per seed, at least one.
        results: Folder of the result files.

    Returns:
        The summary; None if the samples of a row are absent or belong to another run.
    """
    samples = [
        store.read_samples(
            row, metric="test_mse", tell=lambda arrays: arrays["errors"].mean(), results=results
        )
        for row in stored
    ]
    if any(sample is None for sample in samples):
        return None
    errors = np.stack([sample["errors"] for sample in samples]).astype(np.float64)
    means, averaged = errors.mean(axis=1), errors.mean(axis=0)
    return Summary(
        stored=tuple(stored),
        mean=float(means.mean()),
        se_simulations=standard_error(averaged),
        se_seeds=standard_error(means) if len(means) > 1 else None,
        errors=averaged,
        predictions=samples[0]["predictions"],
    )


def over_seeds(stored: Sequence[store.Row], metric: str) -> tuple[float, float | None]:
    """Average a metric over the seeds of one run.

    Args:
        stored: Stored rows, one per seed, at least one.
        metric: Name of the metric.

    Returns:
        Mean over seeds, and its standard error; None for one seed.
    """
    values = np.array([row["metrics"][metric] for row in stored], np.float64)
    return float(values.mean()), standard_error(values) if len(values) > 1 else None


def paired_difference(first: Summary, second: Summary) -> tuple[float, float]:
    """Compare two rows on the same test simulations.

    Most of the error of a test mean comes from a few simulations that are hard for every model;
    it cancels in the difference.

    Args:
        first: A row.
        second: The row to compare with.

    Returns:
        Mean of (first - second) over simulations, and its standard error.

    Raises:
        ValueError: If the rows were tested on different numbers of simulations.
    """
    if first.errors.shape != second.errors.shape:
        raise ValueError(
            f"a paired comparison needs the same simulations, got {first.errors.shape} and "
            f"{second.errors.shape} errors"
        )
    differences = first.errors - second.errors
    return float(differences.mean()), standard_error(differences)


def standard_error(values: np.ndarray) -> float:
    """Return the standard error of the mean of independent values `[M]`."""
    return float(np.std(values, ddof=1, dtype=np.float64) / np.sqrt(len(values)))
