"""The argument of a config file: `--config=configs/nbody/egnn.py:quick`."""

import difflib

PRESETS = ("quick", "full", "smoke")


def parse_preset(argument: str | None) -> str:
    """Read the preset from the text behind the colon.

    Args:
        argument: The text; None or empty means `"quick"`.

    Returns:
        The preset.

    Raises:
        ValueError: If it is not a preset; the nearest one is named.
    """
    preset = argument or "quick"
    if preset not in PRESETS:
        nearest = difflib.get_close_matches(preset, PRESETS, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise ValueError(f"unknown preset {preset!r}; {hint}presets are {', '.join(PRESETS)}")
    return preset
