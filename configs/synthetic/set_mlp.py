r"""Multilayer perceptron of all points of a set, in the order they come: no symmetry.

Paper: the tasks of Zaheer et al. 2017, arXiv:1703.06114, section 4.1.1; no number for this model.
Command: python -m experiments.synthetic --config=configs/synthetic/set_mlp.py:quick \
    --workdir=runs/x --config.data.task=rotation --config.data.num_train=256
Time: `seconds` of the stored rows, `experiments/results/synthetic.jsonl`.
Expected: the stored rows, `experiments/results/synthetic.md`.
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="set_mlp", model="mlp")
    base.fill_population(config)
    config.model = {"features": 8 if config.preset == "smoke" else 128}
    return config
