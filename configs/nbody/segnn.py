"""Steerable E(3) equivariant graph network, with geometric and physical attributes.

Paper: Brandstetter et al. 2022, arXiv:2110.02905, table 1, .0043 +- .00015 (batch 100, Adam at
    5e-4, weight decay 1e-12, 1000 epochs = 30,000 steps; preset `full`). The authors' JAX version,
    segnn-jax, states .0045 after 6000 steps of AdamW at 5e-3.
Command: python -m experiments.nbody --config=configs/nbody/segnn.py:quick --workdir=runs/segnn
Time: `quick`, 3 seeds together, 18 minutes on 2 CPU cores beside other work.
Expected: `quick` test MSE .0043 to .0049 in 2500 steps at the rate of segnn-jax, with a cosine
    schedule, clipped gradients and averaged parameters (chosen on validation with seed 11 among
    rates of 1.5e-3 and 5e-3); the best validation loss comes after 1300 to 1900 steps. `full` was
    not run.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="segnn")
    smoke = config.preset == "smoke"
    config.model = {"features": 4, "num_layers": 1} if smoke else {"features": 32, "num_layers": 4}
    if config.preset == "full":
        config.num_steps = 30_000
        config.optimizer.learning_rate = 5e-4
    else:
        config.num_steps = 2 if smoke else 2500
        config.optimizer.learning_rate = 5e-3
        config.optimizer.clip_norm = 1.0
        config.optimizer.ema_decay = 0.99
    return config
