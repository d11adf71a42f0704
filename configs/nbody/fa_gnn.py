"""Plain message passing whose every layer is averaged over frames of principal axes.

Paper: Puny et al. 2022, arXiv:2110.03336, table of section 4.3, .0057 (recalled; 4 layers of width
    60, batch 100, Adam at 1e-3, weight decay 1e-12, 10,000 epochs; preset `full`).
Command: python -m experiments.nbody --config=configs/nbody/fa_gnn.py:quick --workdir=runs/fa_gnn
Time: `quick`, 3 seeds together, about 20 minutes on 2 CPU cores: every step is eight of `gnn`.
Expected: `quick` test MSE below that of `gnn`.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="fa_gnn")
    smoke = config.preset == "smoke"
    config.model = {"features": 12, "num_layers": 2} if smoke else {"features": 60, "num_layers": 4}
    if config.preset == "full":
        config.optimizer.learning_rate = 1e-3
    else:
        config.optimizer.learning_rate = 2e-3
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
