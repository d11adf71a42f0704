r"""Perceptron of dot products: invariant theory as a baseline.

Paper: Villar, Hogg, Storey-Fisher, Yao, Blum-Smith 2021, arXiv:2106.06610; no number for these
    tasks. The labels are functions of few dot products, so a model must beat this one to prove
    much.
Command: python -m experiments.synthetic --config=configs/synthetic/gram.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: `quick`, 3 seeds together, about 20 s per run on 2 busy CPU cores.
Expected: `quick` test MSE .02 to .07 on o5 and .003 to .02 on lorentz from 300 examples on; 2 to 3
    on inertia, where 300 steps are far too few; `full` from 30,000 examples .0009 on o5, .012 on
    inertia, 1.3e-4 on lorentz.
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
