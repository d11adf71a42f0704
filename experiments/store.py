"""The stored rows: one JSON line per run, and the test errors of its simulations."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments import provenance

RESULTS = provenance.ROOT / "experiments" / "results"
_FIELDS = (
    "table", "row", "preset", "seed", "metrics", "params", "steps", "seconds", "hardware",
    "versions", "revision", "config", "overrides",
)  # fmt: skip

Row = dict[str, Any]


def path_of(table: str, results: pathlib.Path = RESULTS) -> pathlib.Path:
    """Return the file that holds the rows of a table."""
    return results / f"{table}.jsonl"


def append(row: Row, *, results: pathlib.Path = RESULTS) -> None:
    """Append a row to the file of its table, whole or not at all.

    Args:
        row: The row, with all fields of DESIGN section 3.
        results: Folder of the result files.

    Raises:
        ValueError: If a field is missing.
    """
    missing = [field for field in _FIELDS if field not in row]
    if missing:
        raise ValueError(f"a stored row needs the fields {missing}")
    append_line(path_of(row["table"], results), row)


def append_line(path: pathlib.Path, row: Mapping[str, Any]) -> None:
    """Append a JSON line to a file, in one write that is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write((json.dumps(row) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read(table: str, *, results: pathlib.Path = RESULTS) -> list[Row]:
    """Read all rows of a table, oldest first.

    Args:
        table: Name of the table.
        results: Folder of the result files.

    Returns:
        The rows; none if nothing was stored yet.

    Raises:
        ValueError: If a line is not a complete row; names the file and the line.
    """
    path = path_of(table, results)
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: not a JSON row ({error})") from error
        missing = [field for field in _FIELDS if field not in row]
        if missing:
            raise ValueError(f"{path}, line {number}: the row lacks {missing}")
        rows.append(row)
    return rows


def config_hash(config: Mapping[str, Any]) -> str:
    """Return a short hash of a config, the same for configs that mean the same."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:8]


def latest(
    rows: list[Row],
    *,
    row: str,
    preset: str,
    config: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    revision: str | None = None,
) -> list[Row]:
    """Pick the newest complete run of one row of a table.

    Args:
        rows: Stored rows, oldest first.
        row: Name of the row.
        preset: Name of the preset.
        config: Only runs of this config.
        data: Only runs with these values of `config.data`.
        revision: Only runs of this revision.

    Returns:
        One stored row per seed of the newest run without overrides that has all its seeds, in
        the order of the seeds; empty if there is none.
    """
    runs: dict[tuple[str, str], dict[int, Row]] = {}
    for stored in rows:
        if (stored["row"], stored["preset"]) != (row, preset) or stored["overrides"]:
            continue
        if config is not None and config_hash(stored["config"]) != config_hash(config):
            continue
        if data is not None and any(stored["config"]["data"].get(k) != data[k] for k in data):
            continue
        if revision is not None and stored["revision"] != revision:
            continue
        key = (config_hash(stored["config"]), stored["revision"])
        run = runs.pop(key, {})  # a run that is added to becomes the newest
        run[stored["seed"]] = stored
        runs[key] = run
    for run in reversed(runs.values()):
        some = next(iter(run.values()))
        if all(seed in run for seed in some["config"]["seeds"]):
            return [run[seed] for seed in some["config"]["seeds"]]
    return []


def samples_path(
    table: str, *, row: str, preset: str, seed: int, results: pathlib.Path = RESULTS
) -> pathlib.Path:
    """Return the file with the errors and pictured predictions of one stored row."""
    return results / "samples" / table / f"{row}-{preset}-{seed}.npz"


def write_samples(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to an `.npz` file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    os.replace(temporary, path)


def read_samples(
    stored: Row,
    *,
    metric: str,
    tell: Callable[[dict[str, np.ndarray]], float],
    results: pathlib.Path = RESULTS,
) -> dict[str, np.ndarray] | None:
    """Read the samples of a stored row.

    Args:
        stored: The row.
        metric: One of its metrics that the samples tell as well.
        tell: How they tell it.
        results: Folder of the result files.

    Returns:
        The arrays; None if the file is absent or belongs to another run than the row, which is so
        where it tells another value.
    """
    path = samples_path(
        stored["table"],
        row=stored["row"],
        preset=stored["preset"],
        seed=stored["seed"],
        results=results,
    )
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays if np.isclose(tell(arrays), stored["metrics"][metric], rtol=1e-4) else None
