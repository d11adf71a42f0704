"""PaiNN on generated metal slabs with adsorbates: periodic cells of several sizes, with stresses.

Paper: Schuett et al. 2021, arXiv:2102.03150 (the model); no published number, the data are our own.
Command: python -m experiments.molecules --config=configs/emt/painn.py:quick --workdir=runs/emt
Time: `quick` 8 minutes on 2 CPU cores, the generation of the data included; `full` was not run.
Expected: `quick` energy / force / stress MAE about 91 meV / 51 meV/A / .7 meV/A^3; in some frames
    hydrogen falls into the metal, with forces up to 25 eV/A, and the errors of these are large.
"""

import ml_collections

from configs.molecules import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, table="emt", row="painn")
    smoke = config.preset == "smoke"
    config.data.metals = ("Cu", "Pt")
    config.data.adsorbates = ("H", "O", "CO")
    config.data.frames_per_slab = 4 if smoke else 20
    config.data.seed = 0  # of the slabs and of the split
    config.data.num_train = 16 if smoke else 800
    config.data.num_valid = 4 if smoke else 100
    config.data.num_test = 4 if smoke else 100
    config.model = {"features": 8, "num_layers": 1} if smoke else {"features": 64, "num_layers": 3}
    # In eV^2 per configuration, (eV/angstrom)^2 and (eV/angstrom^3)^2: stresses are small numbers.
    config.loss.energy = 0.01
    config.loss.forces = 0.99
    config.loss.stress = 1000.0
    config.loss.per_atom = False
    config.batch_size = 4
    config.num_steps = {"quick": 6000, "full": 200_000, "smoke": 2}[config.preset]
    config.optimizer.learning_rate = 1e-3
    return config
