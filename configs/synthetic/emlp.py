r"""Equivariant multilayer perceptron for the group of the task.

Paper: Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 7 (384 channels, 3 layers, Adam at
    3e-3 without a schedule; the numbers of its repository stand in the table).
Command: python -m experiments.synthetic --config=configs/synthetic/emlp.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: TIME
Expected: EXPECTED
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="emlp", model="emlp")
    if config.preset == "smoke":
        config.model = {"channels": (4, 2), "num_layers": 1}
    elif config.preset == "full":
        config.model = {"channels": (64, 32), "num_layers": 3}
    return config
