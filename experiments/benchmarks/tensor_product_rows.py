"""The comparisons of convolutions as they are stored, what they say, and what follows from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.benchmarks import rounds
from experiments.benchmarks.tensor_product_programs import QUANTITIES
from experiments.benchmarks.tensor_product_setting import SAME

BENCHMARK = "tensor_products"
Row = dict[str, Any]


def describe(row: Mapping[str, Any]) -> str:
    """Say a comparison in one line."""
    sides = [
        f"{row[f'{side}_ms']:.4g} ms"
        + (f", {row[f'{side}_mb']:,.0f} MB" if f"{side}_mb" in row else "")
        + (f", exponent {row[f'{side}_exponent']:.2f}" if f"{side}_exponent" in row else "")
        for side in ("ours", "peer")
    ]
    agreement = row["case"].get("agreement")
    name = row["peer"] + (f" ({agreement})" if agreement else "")
    return f"{row['quantity']}: {sides[0]}; {name} {sides[1]}; ratio {row['ratio']:.2f}"


def describe_fastest(rows: Sequence[Row]) -> list[str]:
    """Say which other library with our result is fastest in a case, by quantity."""
    lines = []
    for quantity in QUANTITIES:
        others = [
            row
            for row in rows
            if row["quantity"] == quantity
            and row["case"].get("agreement") == SAME
            and not row["peer"].startswith("symjax_models")
        ]
        if others:
            fastest = min(others, key=lambda row: row["peer_ms"])
            lines.append(f"{quantity}: fastest is {fastest['peer']}, ratio {fastest['ratio']:.2f}")
    return lines


def fit_exponent(times: Mapping[int, float]) -> float:
    """Fit the exponent a of `time ~ degree^a`, by least squares of the logarithms.

    Args:
        times: Time by degree, at least two.

    Returns:
        The exponent.
    """
    exponent, _ = np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)
    return float(exponent)


def times_of(rows: Sequence[Row], quantity: str, *, side: str) -> dict[int, float]:
    """Return milliseconds by degree, of `side` "ours" or "peer"."""
    return {
        row["case"]["max_degree"]: row[f"{side}_ms"] for row in rows if row["quantity"] == quantity
    }


def predict_seconds(rows: Sequence[Row], degree: int) -> float:
    """Predict how long a peer takes at a degree from its last two; 0 if it has not had two.

    Args:
        rows: Its rows, degrees increasing.
        degree: The next degree.

    Returns:
        Seconds of one call, forward and backward.
    """
    times = times_of(rows, "forward_backward", side="peer")
    last = dict(list(times.items())[-2:])
    if len(last) < 2:
        return 0.0
    reached = max(last)
    return last[reached] / 1e3 * (degree / reached) ** fit_exponent(last)


def growth(sizes: Mapping[str, int], rows_of_peers: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Fit how times grow from degree 2 on, if there are three degrees or more.

    Args:
        sizes: The sizes that do not change.
        rows_of_peers: Rows at all degrees by peer; the copy is one that has every degree.

    Returns:
        A row of every quantity and peer that was measured at all degrees, with the exponents.
    """
    found = []
    for quantity in QUANTITIES:
        sides = [
            [times_of(rows, quantity, side=side) for side in ("ours", "peer")]
            for rows in rows_of_peers.values()
        ]
        degrees = {degree for ours, _ in sides for degree in ours if degree > 1}
        for (ours, theirs), rows in zip(sides, rows_of_peers.values(), strict=True):
            if len(degrees) < 3 or not degrees <= theirs.keys():
                continue
            times = [
                {degree: side[degree] for degree in sorted(degrees)} for side in (ours, theirs)
            ]
            case = {"max_degree": ", ".join(map(str, sorted(degrees)))} | dict(sizes)
            last = (np.array([side[max(degrees)]]) for side in times)
            exponents = [round(fit_exponent(side), 3) for side in times]
            found.append(
                rounds.compare(BENCHMARK, case, f"{quantity}_growth", rows[0]["peer"], *last)
                | dict(zip(("ours_exponent", "peer_exponent"), exponents, strict=True))
            )
    return found
