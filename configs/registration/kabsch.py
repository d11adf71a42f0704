"""The best motion of the true partners, in closed form: what a perfect matching would reach.

Paper: Kabsch 1976, Acta Crystallographica A32, 922; the setting is that of arXiv:2407.10142.
Command: python -m experiments.registration --config=configs/registration/kabsch.py:quick \
    --workdir=runs/kabsch
Time: seconds.
Expected: a recall of 100 % wherever views overlap.
"""

import ml_collections

from configs.registration import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.closed_form_config(argument, row="kabsch")
