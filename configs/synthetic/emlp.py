"""TODO."""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="emlp", model="emlp")
    if config.preset == "smoke":
        config.model = {"channels": (4, 2, 1), "num_layers": 1}
    return config
