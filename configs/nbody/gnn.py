"""Message passing on coordinates, without symmetry.

Paper: Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, table 2, .0107 (104,387 parameters;
    batch 100, Adam at 1e-3, weight decay 1e-12, 10,000 epochs; preset `full`).
Command: python -m experiments.nbody --config=configs/nbody/gnn.py:quick --workdir=runs/gnn
Time: `quick`, 3 seeds together, about a minute on 2 CPU cores.
Expected: `quick` test MSE .0100 to .0128, in a hundredth of the published steps at a higher rate,
    with clipped gradients and averaged parameters (chosen on validation with seeds 11 to 13): the
    best validation loss comes after about 1500 steps, then the model over-fits.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="gnn")
    smoke = config.preset == "smoke"
    config.model = {"features": 16, "num_layers": 2} if smoke else {"features": 64, "num_layers": 4}
    if config.preset == "full":
        config.optimizer.learning_rate = 1e-3
    else:
        config.optimizer.learning_rate = 2e-3
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
