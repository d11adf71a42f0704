"""Matches and poses of features of coordinates: the baseline without symmetry under rotations.

Paper: the convolution of Wang et al. 2019 (DGCNN), arXiv:1801.07829; the rest as the equivariant
    network, arXiv:2407.10142.
Command: python -m experiments.registration \
    --config=configs/registration/plain_registration_network.py:quick --workdir=runs/plain \
    --config.data.rotation_degrees=0
Time: `quick`, 3 seeds together, 5 minutes on one busy CPU core; `full` is for an accelerator and
    was never run.
Expected: `quick`, trained without rotation, has a recall below 20 % from 45 degrees on:
    100, 94, 3, 0 and 0 % at 0, 15, 45, 90 and 180 degrees.
"""

import ml_collections

from configs.registration import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.network_config(argument, row="plain_registration_network")
