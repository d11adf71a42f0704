"""The stored benchmarks: one JSON line per comparison."""

import pathlib
from collections.abc import Mapping
from typing import Any

from experiments import provenance, store
from symjax_models.suggestion import nearest_of

_FIELDS = ("benchmark", "case", "peer", "ours_ms", "peer_ms", "ratio", "quantity")
_OPTIONAL = tuple(
    f"{side}_{what}" for what in ("mb", "exponent", "parameters") for side in ("ours", "peer")
)


def append_benchmark(comparison: Mapping[str, Any], *, results: pathlib.Path) -> None:
    """Append a comparison to `benchmarks.jsonl`, whole or not at all.

    Args:
        comparison: The fields `benchmark`, `case` (a flat dict of sizes), `peer` (name and
            version), `ours_ms`, `peer_ms`, `ratio` (peer over ours) and `quantity`; hardware,
            versions and revision are added here. It may have `ours_mb` and `peer_mb`, the memory
            of the timed programs, `ours_exponent` and `peer_exponent`, with which the times grow
            in the size that the case lists, and `ours_parameters` and `peer_parameters`, how many
            the networks have.
        results: Folder of the result files.

    Raises:
        ValueError: If a field is missing or unknown, or the case is not flat.
    """
    missing = [field for field in _FIELDS if field not in comparison]
    if missing:
        raise ValueError(f"a stored benchmark needs the fields {missing}")
    for field in comparison:
        if field not in _FIELDS + _OPTIONAL:
            raise ValueError(
                f"unknown field {field!r}; {nearest_of(field, [*_FIELDS, *_OPTIONAL])}"
            )
    nested = [name for name, size in comparison["case"].items() if isinstance(size, (dict, list))]
    if nested:
        raise ValueError(f"a case is a flat dict of sizes, but {nested} are not numbers or words")
    row = {
        **comparison,
        "hardware": provenance.hardware(),
        "versions": provenance.versions(),
        "revision": provenance.revision(),
    }
    store.append_line(store.path_of("benchmarks", results), row)
