"""The argument of a config file: `--config=configs/nbody/egnn.py:quick`."""

import difflib
from collections.abc import Sequence

PRESETS = ("quick", "full", "smoke")


def parse_preset(argument: str | None, *, known: Sequence[str] = PRESETS) -> str:
    """Read the preset from the text behind the colon.

    Args:
        argument: The text; None or empty means `"quick"`.
        known: The presets that there are.

    Returns:
        The preset.

    Raises:
        ValueError: If it is not a preset; the nearest one is named.
    """
    preset = argument or "quick"
    if preset not in known:
        nearest = difflib.get_close_matches(preset, known, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise ValueError(f"unknown preset {preset!r}; {hint}presets are {', '.join(known)}")
    return preset
