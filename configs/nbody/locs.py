"""LoCS: every node sees its neighbours from a frame of its own.

Paper: Kofinas, Nagaraja, Gavves 2021, arXiv:2110.14961, which has no number on this benchmark; the
    preset `full` takes the budget of the other rows (10,000 epochs of 100 simulations a batch).
Command: python -m experiments.nbody --config=configs/nbody/locs.py:quick --workdir=runs/locs
Time: `quick`, 3 seeds together, 3 minutes on one CPU core.
Expected: `quick` test MSE .0092 to .0094, above EGNN's .0071: it learns the 3,000 simulations by
    heart (.0045 on them). Its frames follow rotations and translations but not reflections, under
    which the audit's error is .3.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="locs")
    config.model = {
        "smoke": {"features": 4, "num_layers": 1, "filter_features": 4},
        "quick": {"features": 32, "num_layers": 3, "filter_features": 8},
        "full": {},
    }[config.preset]
    config.optimizer.clip_norm = 1.0
    if config.preset != "full":
        config.optimizer.learning_rate = 2e-3
        config.optimizer.ema_decay = 0.99
    else:
        config.optimizer.learning_rate = 5e-4
    return config
