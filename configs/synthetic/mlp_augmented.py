r"""Multilayer perceptron trained on examples moved by random elements of the group.

Paper: Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 7, "MLP+Aug" (3 layers of 384 units,
    Adam at 3e-3 without a schedule).
Command: python -m experiments.synthetic --config=configs/synthetic/mlp_augmented.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: `quick`, 3 seeds together, about 25 s per run on 2 busy CPU cores.
Expected: `quick` test MSE on 3000 examples .15 (o5), 3.0 (inertia), .31 (lorentz): a sixth of the
    published steps on smaller batches, and worse for it.
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="mlp_augmented", model="mlp")
    config.augment = True
    if config.preset == "smoke":
        config.model = {"features": 8}
    return config
