"""SE(3)-Transformer with two blocks: the second sees the positions that the first one predicts.

Paper: Fuchs, Wagstaff, Dauparas, Posner 2021, arXiv:2102.13419, which has no number for this data.
Command: python -m experiments.nbody --config=configs/nbody/iterative_se3_transformer.py:quick
    --workdir=runs/se3
Time: `quick`, 3 seeds together, 26 minutes on 2 CPU cores beside other work.
Expected: `quick` test MSE .0045 to .0051 in 1500 steps with clipped gradients and averaged
    parameters; the best validation loss comes after 700 to 1000 steps. Nothing else was tried.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="iterative_se3_transformer")
    smoke = config.preset == "smoke"
    config.model = (
        {"features": 2, "num_layers": 1, "max_degree": 1, "num_iterations": 2}
        if smoke
        else {"features": 8, "num_layers": 2, "max_degree": 2, "num_iterations": 2}
    )
    config.optimizer.learning_rate = 5e-3
    if config.preset != "full":
        config.num_steps = 2 if smoke else 1500
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
