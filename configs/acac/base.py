"""Fields that all rows of the acetylacetone table share."""

import ml_collections

from configs.molecules import base


def base_config(argument: str | None, *, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields: training at 300 K, tests at 300 K and 600 K and along two scans."""
    config = base.base_config(argument, table="acac", row=row)
    smoke = config.preset == "smoke"
    config.data.path = ""  # folder with train_300K.xyz.gz ...; empty: $SYMJAX_MODELS_DATA/acac
    config.data.temperature = 300  # of the training file, K
    config.data.seed = 0  # of the split of the training file
    config.data.num_train = 8 if smoke else 450
    config.data.num_valid = 8 if smoke else 50
    return config
