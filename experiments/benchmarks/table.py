"""The benchmark rows as text in README."""

import json
import pathlib
from typing import Any

from experiments import store, tables
from experiments.benchmarks import grid

NAME = "benchmarks"
_GRIDS = ("tensor_products",)  # of so many rows that every peer has a column


def read(results: pathlib.Path = store.RESULTS) -> list[dict[str, Any]]:
    """Read the newest stored row of every comparison, in the order of their first appearance.

    Args:
        results: Folder of the stored rows.

    Returns:
        The rows; none if nothing was stored yet.
    """
    path = store.path_of(NAME, results)
    if not path.exists():
        return []
    newest = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        case = json.dumps(row["case"], sort_keys=True)
        newest[row["benchmark"], case, row["quantity"], row["peer"], row["hardware"]] = row
    return list(newest.values())


def render(rows: list[dict[str, Any]]) -> str:
    """Write benchmark rows as a Markdown table, ending in a newline.

    Args:
        rows: Stored rows.

    Returns:
        The text.
    """
    lines = [
        "| benchmark | quantity | case | ours | peer | ratio |",
        "|---|---|---|---|---|---|",
    ]
    shared = _shared_sizes(rows)
    for row in (row for row in rows if row["benchmark"] not in _GRIDS):
        own = {k: v for k, v in row["case"].items() if k not in shared[row["benchmark"]]}
        cells = (
            row["benchmark"],
            row["quantity"].replace("_", " "),
            _sizes(own),
            _time(row, "ours"),
            f"{row['peer']}: {_time(row, 'peer')}",
            f"{row['ratio']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    for name in _GRIDS:
        own = [row for row in rows if row["benchmark"] == name]
        if own:
            lines += ["", f"{name}, a ratio with the time and memory of every peer:", ""]
            lines.append(grid.render(own).rstrip())
    hardware = ", ".join(sorted({row["hardware"] for row in rows})) or "nothing yet"
    return "\n".join(
        [
            *lines,
            "",
            "A ratio above 1 says that we are faster: the peer's time over ours, the median over "
            f"rounds of one run. Times with several seeds are per seed. Measured on {hardware}.",
            "",
            *(f"Sizes of {name}: {_sizes(sizes)}." for name, sizes in shared.items() if sizes),
            "",
        ]
    )


def _time(row: dict[str, Any], side: str) -> str:
    """Write the milliseconds of "ours" or "peer", and what is known of the parameters."""
    parameters = row.get(f"{side}_parameters")
    behind = "" if parameters is None else f" ({parameters:,} parameters)"
    return f"{row[f'{side}_ms']:.3g} ms{behind}"


def _shared_sizes(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sizes that all rows of a benchmark have in common, by benchmark."""
    shared: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = shared.setdefault(row["benchmark"], dict(row["case"]))
        shared[row["benchmark"]] = dict(known.items() & row["case"].items())
    return {name: dict(sorted(sizes.items())) for name, sizes in shared.items()}


def _sizes(case: dict[str, Any]) -> str:
    words = {name: v if isinstance(v, str) else f"{v:,}" for name, v in case.items()}
    return ", ".join(f"{name.replace('_', ' ')} {word}" for name, word in words.items())


def publish(results: pathlib.Path = store.RESULTS) -> None:
    """Renew the benchmark table in README from the project's own stored rows.

    Args:
        results: Folder of the stored rows; nothing happens for another one than the project's.
    """
    if results == store.RESULTS:
        tables.update_readme(NAME, render(read(results)))
