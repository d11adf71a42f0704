"""MACE: messages of many bodies by symmetric contractions, on revised MD17.

Paper: Batatia et al. 2022, arXiv:2206.07697, table 2 (950 + 50 frames: ethanol .4 meV / 2.1 meV/A,
    aspirin 2.2 / 6.6) and table 3 (50 frames: ethanol 6.7 / 32.6, aspirin 17.0 / 43.9). 2 layers,
    256 channels, correlation 3, cutoff 5 A, AMSGrad at .01, batch 5, forces weighted 1000, average
    of parameters .99 (preset `full`, which has Adam and a cosine for AMSGrad and the published
    schedule). The rate is 1e-3, as of `nequip`.
Command: python -m experiments.molecules --config=configs/rmd17/mace.py:quick
    --workdir=runs/mace
Time: `quick` 6 minutes on 2 CPU cores before the contraction became twice as fast; `full` was not
    run to its end.
Expected: `quick` energy / force MAE about 7.5 / 38 for 50 frames of ethanol, 5 / 19 for 950.
"""

import ml_collections

from configs.molecules import base as molecules
from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="mace")
    config.model = molecules.mace_model(config.preset)
    config.optimizer.learning_rate = 1e-3
    if config.preset == "quick":
        config.num_steps = 8000
    if config.preset == "full":
        molecules.take_published_budget(config, num_steps=500_000)
    return config
