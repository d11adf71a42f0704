"""PaiNN on generated ethanol: data, training, test and dynamics from nothing in one command.

Paper: Schuett et al. 2021, arXiv:2102.03150 (the model); no published number, the data are our own.
Command: python -m experiments.molecules --config=configs/gfn2/painn.py:quick --workdir=runs/gfn2
Time: `quick` 7 minutes on 2 CPU cores, the generation of the data included.
Expected: drift of the energy in 10 ps of dynamics below .1 meV/atom/ps (measured .002); energy /
    force MAE about 2 meV / 13 meV/A.
"""

import ml_collections

from configs.molecules import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, table="gfn2", row="painn")
    smoke = config.preset == "smoke"
    config.data.molecule = "ethanol"
    config.data.temperature = 500  # of the Langevin trajectory, K
    config.data.seed = 0  # of the trajectory and of the split
    config.data.num_train = 8 if smoke else 800
    config.data.num_valid = 4 if smoke else 100
    config.data.num_test = 4 if smoke else 100
    config.model = {"features": 8, "num_layers": 1} if smoke else {"features": 64, "num_layers": 3}
    config.loss.energy = 0.01
    config.loss.forces = 0.99
    config.loss.per_atom = False
    config.batch_size = 4 if smoke else 10
    config.num_steps = {"quick": 16_000, "full": 200_000, "smoke": 2}[config.preset]
    config.optimizer.learning_rate = 1e-3
    config.dynamics.picoseconds = 0.02 if smoke else 10.0
    config.dynamics.temperature = 500.0
    config.dynamics.sample_every = 20
    return config
