"""PaiNN on a file of configurations.

Paper: Schuett et al. 2021, arXiv:2102.03150; no published number, the data are your own.
Command: python -m experiments.molecules --config=configs/files/painn.py:quick --workdir=runs/own
    --config.data.path=FILE.xyz
Time: `quick`, of a molecule of nine atoms, 5 to 15 minutes on 2 CPU cores.
Expected: depends on the data.
"""

import ml_collections

from configs.files import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="painn")
    smoke = config.preset == "smoke"
    config.model = {"features": 8, "num_layers": 1} if smoke else {"features": 128, "num_layers": 3}
    config.loss.energy = 0.01
    config.loss.forces = 0.99
    config.loss.per_atom = False
    if not smoke:
        config.num_steps = {"quick": 20_000, "full": 200_000}[config.preset]
    return config
