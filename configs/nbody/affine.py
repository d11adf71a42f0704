"""An affine map from a particle's position and velocity: "Linear" of the SEGNO table.

Paper: Liu et al. 2024 (SEGNO), arXiv:2308.13212, charged particles, 1000 steps, .0683.
Command: python -m experiments.nbody --config=configs/nbody/affine.py:quick --workdir=runs/affine
Time: a second. All presets are the same exact least squares fit on the 3000 training simulations.
Expected: test MSE .0686 on regenerated data (21 parameters).
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="affine")
    config.fit = "least_squares"
    return config
