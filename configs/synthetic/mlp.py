r"""Multilayer perceptron without symmetry.

Paper: Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 7, "MLP" (3 layers of 384 units,
    Adam at 3e-3 without a schedule).
Command: python -m experiments.synthetic --config=configs/synthetic/mlp.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: `quick`, 3 seeds together, about 20 s per run on 2 busy CPU cores.
Expected: `quick` test MSE on 3000 examples .17 (o5), 3.3 (inertia), .31 (lorentz): a sixth of the
    published steps on smaller batches, and worse for it.
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="mlp", model="mlp")
    if config.preset == "smoke":
        config.model = {"features": 8}
    return config
