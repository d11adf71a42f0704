"""Plain message passing in the pose that a learned canonicalization chooses.

Paper: Kaba et al. 2023, arXiv:2211.06489, table of section 5.3, .0043 (recalled; 4 layers of width
    32, batch 100, Adam at 1e-3, weight decay 1e-12, 10,000 epochs; preset `full`).
Command: python -m experiments.nbody --config=configs/nbody/cn_gnn.py:quick --workdir=runs/cn_gnn
Time: `quick`, 3 seeds together, 9 minutes on one CPU core.
Expected: `quick` test MSE .0044 to .0050 (published .0043).
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="cn_gnn")
    if config.preset == "smoke":
        config.model = {"features": 8, "num_layers": 1, "pose_features": 4, "pose_layers": 1}
    else:
        config.model = {"features": 32, "num_layers": 4}
    if config.preset == "quick":
        config.num_steps = 12_000
        config.optimizer.learning_rate = 2e-3
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
