"""Matches and poses of features that turn with the points: the same recall at any rotation.

Paper: Yao et al. 2024 (PARE-Net), arXiv:2407.10142, at one resolution.
Command: python -m experiments.registration \
    --config=configs/registration/registration_network.py:quick --workdir=runs/registration_network
Time: `quick`, 3 seeds together, 6 minutes on one busy CPU core; `full` is for an accelerator and
    was never run.
Expected: `quick` has the same recall at any rotation, 100 %.
"""

import ml_collections

from configs.registration import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.network_config(argument, row="registration_network")
