"""EGNN as the energy of atoms, on revised MD17.

Paper: Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, whose model of QM9 this is (7 layers,
    128 features); it has no numbers for revised MD17. Loss and rate are those of PaiNN.
Command: python -m experiments.molecules --config=configs/rmd17/egnn_potential.py:quick
    --workdir=runs/egnn_potential
Time: `quick` not run yet.
Expected: no published number.
"""

import ml_collections

from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="egnn_potential")
    smoke, full = config.preset == "smoke", config.preset == "full"
    config.model = {"features": 8, "num_layers": 1} if smoke else {"features": 128, "num_layers": 7}
    config.loss.energy = 0.01
    config.loss.forces = 0.99
    config.loss.per_atom = False
    config.optimizer.learning_rate = 1e-3
    if full:
        config.batch_size = 10
        config.num_steps = 500_000
        config.eval_every = 1000
        config.checkpoint_every = 10_000
    return config
