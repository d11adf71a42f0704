"""NequIP on acetylacetone, trained at 300 K.

Paper: Batzner et al. 2022, arXiv:2101.03164; numbers as quoted by Batatia et al. 2022,
    arXiv:2205.06643: root mean square errors .81 meV / 5.90 meV/A at 300 K and 6.04 / 27.8 at
    600 K (as recalled; the text of the paper was not at hand).
Command: python -m experiments.molecules --config=configs/acac/nequip.py:quick
    --workdir=runs/acac_nequip
Time: `quick` 33 minutes on 2 CPU cores shared with other work; `full` was not run.
Expected: `quick`, of max_degree 2 and 10,000 steps, root mean square errors of about 7 / 24 at
    300 K and 17 / 56 at 600 K; `full` the published errors.
"""

import ml_collections

from configs.acac import base
from configs.molecules import base as molecules


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="nequip")
    config.model = molecules.nequip_model(config.preset)
    config.optimizer.learning_rate = 1e-3
    if config.preset == "quick":
        config.num_steps = 10_000
    if config.preset == "full":
        molecules.take_published_budget(config, num_steps=400_000)
    return config
