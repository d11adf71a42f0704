"""x + t v with one fitted time t: "Linear" of the EGNN table.

Paper: Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, table 2, .0819.
Command: python -m experiments.nbody --config=configs/nbody/linear.py:quick --workdir=runs/linear
Time: a second. All presets are the same exact least squares fit on the 3000 training simulations.
Expected: test MSE .0836 on regenerated data (1 parameter).
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="linear")
    config.fit = "least_squares"
    return config
