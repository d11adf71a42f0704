r"""Perceptron of dot products: invariant theory as a baseline.

Paper: Villar, Hogg, Storey-Fisher, Yao, Blum-Smith 2021, arXiv:2106.06610; no number for these
    tasks. The labels are functions of few dot products, so a model must beat this one to prove
    much.
Command: python -m experiments.synthetic --config=configs/synthetic/gram.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: TIME
Expected: EXPECTED
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="gram", model="gram")
    if config.preset == "smoke":
        config.model = {"features": 8}
    elif config.preset == "quick":
        config.model = {"features": 128}
    return config
