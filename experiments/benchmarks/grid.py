"""Benchmark rows as a table with one line per case and one column per peer."""

from typing import Any

Row = dict[str, Any]


def render(rows: list[Row]) -> str:
    """Write the rows of one benchmark as a Markdown table, ending in a newline.

    Args:
        rows: Stored rows. What distinguishes the peers of a case stands in its `agreement`.

    Returns:
        The text; the table, and below it what the agreement of every peer is.
    """
    peers = list(dict.fromkeys(row["peer"] for row in rows))
    varying = _varying_sizes(rows)
    lines: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        sizes = [str(row["case"].get(size, "")) for size in varying]
        place = (*sizes, row["quantity"].replace("_", " "), row["hardware"])
        lines.setdefault(place, {})[row["peer"]] = row
    hardware = {row["hardware"] for row in rows}
    heads = [size.replace("_", " ") for size in varying] + ["quantity"]
    heads += ["hardware"] if len(hardware) > 1 else []
    text = [_line([*heads, "ours", *peers]), _line(["---"] * (len(heads) + 1 + len(peers)))]
    for place, by_peer in lines.items():
        shown = place if len(hardware) > 1 else place[:-1]
        # The newest row has our newest time.
        ours = _side(list(by_peer.values())[-1], "ours")
        text.append(_line([*shown, ours, *(_cell(by_peer.get(peer)) for peer in peers)]))
    agreements = {
        row["peer"]: row["case"]["agreement"] for row in rows if "agreement" in row["case"]
    }
    said = "; ".join(f"{peer}: {words}" for peer, words in agreements.items())
    return "\n".join([*text, "", f"Results: {said}.", ""] if said else [*text, ""])


def _varying_sizes(rows: list[Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row["case"])
    return [
        name
        for name in names
        if name != "agreement" and len({str(row["case"].get(name)) for row in rows}) > 1
    ]


def _side(row: Row, side: str) -> str:
    if f"{side}_exponent" in row:
        return f"exponent {row[f'{side}_exponent']:.2f}"
    memory = f", {row[f'{side}_mb']:,.0f} MB" if f"{side}_mb" in row else ""
    return f"{row[f'{side}_ms']:.3g} ms{memory}"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    if "peer_exponent" in row:
        return _side(row, "peer")
    return f"{row['ratio']:.2f} ({_side(row, 'peer')})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
