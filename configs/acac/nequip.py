"""NequIP on acetylacetone, trained at 300 K.

Paper: Batzner et al. 2022, arXiv:2101.03164; numbers as quoted by Batatia et al. 2022,
    arXiv:2205.06643: root mean square errors .81 meV / 5.90 meV/A at 300 K and 6.04 / 27.8 at
    600 K.
Command: python -m experiments.molecules --config=configs/acac/nequip.py:quick
    --workdir=runs/acac_nequip
Time: `quick` not run yet.
Expected: `full` the published errors; `quick` has a shorter budget and max_degree 2.
"""

import ml_collections

from configs.acac import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="nequip")
    smoke, full = config.preset == "smoke", config.preset == "full"
    config.model = {
        "hidden": "4x0e+4x1o" if smoke else "32x0e+32x1o+32x2e" + "+32x3o" * full,
        "max_degree": 1 if smoke else 3 if full else 2,
        "num_layers": 2 if smoke else 5 if full else 4,
    }
    config.optimizer.learning_rate = 1e-3
    if full:
        config.num_steps = 400_000
        config.eval_every = 1000
        config.checkpoint_every = 10_000
    return config
