r"""Equivariant multilayer perceptron for the group of the task.

Paper: Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 7 (384 channels, 3 layers, Adam at
    3e-3 without a schedule; the numbers of its repository stand in the table).
Command: python -m experiments.synthetic --config=configs/synthetic/emlp.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: `full`, 3 seeds together, 20 to 110 s per run on 2 busy CPU cores, 20 minutes in all.
Expected: `full` test MSE from 30 to 30,000 examples: o5 .096 to .0017, inertia 2.6 to .0062,
    lorentz .47 to 3e-7; 6,000 to 13,000 parameters. Deviations from the published training: fewer
    channels and layers, cosine schedule, clipped gradients, weight decay that falls with the number
    of examples. `residual_emlp` is the same with soft symmetry.
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="emlp", model="emlp")
    if config.preset == "smoke":
        config.model = {"channels": (4, 2), "num_layers": 1}
        return config
    # Chosen on validation errors, the same for all sizes. One layer and the output make maps of
    # degree four in the vectors, enough but for the norms of the O(5) task.
    config.model = {"channels": (32, 16), "num_layers": 1}
    config.model_of_task = {"o5": {"num_layers": 2}}
    config.optimizer.name = "adamw"
    config.optimizer.clip_norm = 1.0
    config.prior = 30.0
    return config
