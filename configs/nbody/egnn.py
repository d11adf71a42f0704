"""E(n) equivariant graph network with velocities.

Paper: Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, table 2, .0071 (134,020 parameters;
    batch 100, Adam at 5e-4, weight decay 1e-12, 10,000 epochs; preset `full`).
Command: python -m experiments.nbody --config=configs/nbody/egnn.py:quick --workdir=runs/egnn
Time: `quick`, 3 seeds together, about a minute on 2 CPU cores; `full` 300,000 steps, over an hour.
Expected: `quick` test MSE .0068 to .0078. It trains 100 times shorter than the paper, at a higher
    rate with a cosine schedule, clipped gradients and averaged parameters (chosen on validation
    with seeds 11 and 12): the best validation loss comes after about 2000 steps, then the model
    over-fits.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="egnn")
    config.model = {"features": 64, "num_layers": 4}
    if config.preset == "full":
        config.optimizer.learning_rate = 5e-4
    else:
        config.optimizer.learning_rate = 3e-3
        config.optimizer.clip_norm = 0.3
        config.optimizer.ema_decay = 0.99
    return config
