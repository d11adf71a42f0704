"""MACE on acetylacetone, trained at 300 K.

Paper: Batatia et al. 2022, arXiv:2206.07697; root mean square errors .9 meV / 5.1 meV/A at 300 K
    and 4.6 / 22.4 at 600 K (as recalled; the text of the paper was not at hand).
Command: python -m experiments.molecules --config=configs/acac/mace.py:quick
    --workdir=runs/acac_mace
Time: `quick` 14 minutes on 2 CPU cores; `full` was not run.
Expected: `quick`, of 64 channels, max_degree 2 and 10,000 steps, root mean square errors of about
    8 / 22 at 300 K and 17 / 53 at 600 K; `full` the published errors.
"""

import ml_collections

from configs.acac import base
from configs.molecules import base as molecules


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="mace")
    config.model = molecules.mace_model(config.preset)
    config.optimizer.learning_rate = 1e-3
    if config.preset == "quick":
        config.num_steps = 10_000
    if config.preset == "full":
        molecules.take_published_budget(config, num_steps=400_000)
    return config
