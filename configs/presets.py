"""What config files share: their argument, as in `configs/nbody/egnn.py:quick`, and Adam."""

import difflib

import ml_collections

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


def adam(learning_rate: float) -> ml_collections.ConfigDict:
    """Return the fields of Adam with a cosine schedule and clipped gradients."""
    optimizer = ml_collections.ConfigDict()
    optimizer.name = "adam"
    optimizer.learning_rate = learning_rate
    optimizer.schedule = "cosine"
    optimizer.warmup_steps = 0
    optimizer.weight_decay = 0.0
    optimizer.clip_norm = 1.0  # bound on the norm of the gradient; 0 is off
    optimizer.ema_decay = 0.0  # moving average of the parameters; 0 is off
    return optimizer
