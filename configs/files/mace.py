"""MACE on a file of configurations.

Paper: Batatia et al. 2022, arXiv:2206.07697; no published number, the data are your own.
Command: python -m experiments.molecules --config=configs/files/mace.py:quick --workdir=runs/own
    --config.data.path=FILE.xyz
Time: `quick`, of a molecule of nine atoms, 5 to 15 minutes on 2 CPU cores.
Expected: depends on the data.
"""

import ml_collections

from configs.files import base
from configs.molecules import base as molecules


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="mace")
    smoke = config.preset == "smoke"
    config.model = molecules.mace_model("smoke" if smoke else "quick")
    if not smoke:
        config.num_steps = {"quick": 20_000, "full": 200_000}[config.preset]
    return config
