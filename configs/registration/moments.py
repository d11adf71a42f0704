"""The pose from moments of invariant features, in closed form: nothing is trained or matched.

Paper: Haitman et al. 2024 (UMERegRobust), arXiv:2408.12380; its features are learned, ours are
    shells of the distance to the centroid, so the views must overlap fully.
Command: python -m experiments.registration --config=configs/registration/moments.py:quick \
    --workdir=runs/moments
Time: seconds.
Expected: exact without noise in full overlap, a recall near zero in partial overlap.
"""

import ml_collections

from configs.registration import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.closed_form_config(argument, row="moments")
