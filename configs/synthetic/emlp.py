r"""Equivariant multilayer perceptron for the group of the task.

Paper: Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 7 (384 channels, 3 layers, Adam at
    3e-3 without a schedule; the numbers of its repository stand in the table).
Command: python -m experiments.synthetic --config=configs/synthetic/emlp.py:quick \
    --workdir=runs/x --config.data.task=o5 --config.data.num_train=300
Time: `seconds` of the stored rows, `experiments/results/synthetic.jsonl`.
Expected: the stored rows, `experiments/results/synthetic.md`.
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
