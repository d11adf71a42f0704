"""TODO."""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="mlp", model="mlp")
    if config.preset == "smoke":
        config.model = {"features": 8}
    return config
