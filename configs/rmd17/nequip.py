"""NequIP: convolutions of O(3) features with gates, on revised MD17.

Paper: Batzner et al. 2022, arXiv:2101.03164; rMD17 numbers as quoted by Batatia et al. 2022,
    arXiv:2206.07697, table 2 (950 + 50 frames: ethanol .4 meV / 2.8 meV/A, aspirin 2.3 / 8.2) and
    table 3 (50 frames: ethanol 8.7 / 40.2). 5 layers, max_degree 3, 32 features, cutoff 4 A, Adam
    at 5e-3 with AMSGrad, batch 5, forces weighted 1000, average of parameters .99 (preset `full`,
    which has Adam and a cosine for AMSGrad and the plateau schedule). The rate is 1e-3: published
    weights have unit variance and are divided by the square root of their number, ours are so at
    the start.
Command: python -m experiments.molecules --config=configs/rmd17/nequip.py:quick
    --workdir=runs/nequip
Time: `quick` 9 minutes on 2 CPU cores; `full` was not run.
Expected: `quick` energy / force MAE about 9 / 44 for 50 frames of ethanol.
"""

import ml_collections

from configs.molecules import base as molecules
from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="nequip")
    config.cutoff = 4.0
    config.model = molecules.nequip_model(config.preset)
    config.optimizer.learning_rate = 1e-3
    if config.preset == "full":
        molecules.take_published_budget(config, num_steps=500_000)
    return config
