"""Radial Field: forces along the lines between particles.

Paper: Koehler, Klein, Noe 2019, arXiv:1910.00753; Satorras, Hoogeboom, Welling 2021,
    arXiv:2102.09844, table 2, .0104 (2,052 parameters; batch 100, Adam at 2e-4, weight decay
    1e-12, 10,000 epochs; preset `full`).
Command: python -m experiments.nbody --config=configs/nbody/radial_field.py:quick --workdir=runs/rf
Time: `quick`, 3 seeds together, about a minute on 2 CPU cores.
Expected: .0104 to .0125, both presets. The first gradients are huge (fast particles), and without
    a warm-up and tight clipping some seeds of `quick` (12,000 steps) never recover from them.
"""

import ml_collections

from configs.nbody import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="radial_field")
    smoke = config.preset == "smoke"
    config.model = {"features": 16, "num_layers": 2} if smoke else {"features": 64, "num_layers": 4}
    if config.preset == "full":
        config.optimizer.learning_rate = 2e-4
    else:
        config.optimizer.learning_rate = 3e-3
        config.optimizer.warmup_steps = 0 if smoke else 500
        config.optimizer.clip_norm = 0.1
    if config.preset == "quick":
        config.num_steps = 12_000
    return config
