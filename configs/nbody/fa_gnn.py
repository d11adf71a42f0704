"""Plain message passing whose every layer is averaged over frames of principal axes.

Paper: Puny et al. 2022, arXiv:2110.03336, table of section 4.3, .0057 (recalled; 4 layers of width
    60, batch 100, Adam at 1e-3, weight decay 1e-12, 10,000 epochs; preset `full`).
Command: python -m experiments.nbody --config=configs/nbody/fa_gnn.py:quick --workdir=runs/fa_gnn
Time: `quick`, 3 seeds together, 25 minutes on one busy CPU core.
Expected: `quick` test MSE .0050 to .0054, below the published .0057: drawing one element of every
    frame in training regularizes, and makes a step as cheap as one of `gnn`. With all elements in
    training it over-fits after 3000 steps (.0074).
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="fa_gnn")
    if config.preset == "smoke":
        config.model = {"features": 12, "num_layers": 2, "draws_in_training": True}
    else:
        config.model = {"features": 60, "num_layers": 4}
    if config.preset == "quick":
        config.model.draws_in_training = True
        config.num_steps = 12_000
        config.optimizer.learning_rate = 2e-3
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
