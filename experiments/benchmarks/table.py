"""The benchmark rows as text in README."""

import json
import pathlib
from typing import Any

from experiments import store, tables

NAME = "benchmarks"


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
    for row in rows:
        case = ", ".join(f"{name} {value:,}" for name, value in row["case"].items())
        cells = (
            row["benchmark"],
            row["quantity"].replace("_", " "),
            case.replace("_", " "),
            f"{row['ours_ms']:.3g} ms",
            f"{row['peer']}: {row['peer_ms']:.3g} ms",
            f"{row['ratio']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    hardware = ", ".join(sorted({row["hardware"] for row in rows})) or "nothing yet"
    return "\n".join(
        [
            *lines,
            "",
            "A ratio above 1 says that we are faster: the peer's time over ours, the median over "
            f"rounds of one run. Times with several seeds are per seed. Measured on {hardware}.",
            "",
        ]
    )


def publish(results: pathlib.Path = store.RESULTS) -> None:
    """Renew the benchmark table in README from the project's own stored rows.

    Args:
        results: Folder of the stored rows; nothing happens for another one than the project's.
    """
    if results == store.RESULTS:
        tables.update_readme(NAME, render(read(results)))
