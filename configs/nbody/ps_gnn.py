"""Plain message passing, averaged over poses that are drawn from a learned law.

Paper: Kim et al. 2023, arXiv:2306.02866, .00417 (a transformer, 20 samples, as of the submission).
Command: python -m experiments.nbody --config=configs/nbody/ps_gnn.py:quick --workdir=runs/ps_gnn
Time: `quick`, 3 seeds together, 11 minutes on one CPU core.
Expected: `quick` test MSE .0049 to .0059. One pose is drawn in training and 10 in evaluation, so
    that two predictions of a system in two poses differ by about a tenth; in expectation they are
    equal.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="ps_gnn")
    if config.preset == "smoke":
        config.model = {"features": 8, "num_layers": 1, "pose_features": 4, "pose_layers": 1}
    else:
        config.model = {"features": 32, "num_layers": 4}
    if config.preset == "quick":
        config.num_steps = 9000
        config.optimizer.learning_rate = 2e-3
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
