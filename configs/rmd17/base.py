"""Fields that all rows of the rMD17 table share."""

import ml_collections

from configs.molecules import base


def base_config(argument: str | None, *, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields: `quick` takes 50 training frames, `full` the published 950 and 50."""
    config = base.base_config(argument, table="rmd17", row=row)
    smoke = config.preset == "smoke"
    # Folder with <molecule>/train_01.xyz.gz and test_01.xyz.gz; empty: $SYMJAX_MODELS_DATA/rmd17.
    config.data.path = ""
    config.data.molecule = "ethanol"
    config.data.split = 1  # of the official ones
    # The first frames of the training file, its last ones, and of the test file (0 takes all).
    config.data.num_train = {"quick": 50, "full": 950, "smoke": 8}[config.preset]
    config.data.num_valid = 8 if smoke else 50
    config.data.num_test = 8 if smoke else 0
    return config


def painn_config(argument: str | None, *, row: str, num_layers: int) -> ml_collections.ConfigDict:
    """Fill the fields that PaiNN and the baselines beside it share: its loss, rate and budget."""
    config = base_config(argument, row=row)
    smoke = config.preset == "smoke"
    config.model = {"features": 8 if smoke else 128, "num_layers": 1 if smoke else num_layers}
    config.loss.energy = 0.01
    config.loss.forces = 0.99
    config.loss.per_atom = False
    config.optimizer.learning_rate = 1e-3
    if config.preset == "full":
        config.batch_size = 10
        base.take_published_budget(config, num_steps=500_000)
    return config
