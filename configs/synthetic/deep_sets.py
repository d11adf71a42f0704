r"""Deep Sets on population statistics.

Paper: Zaheer et al. 2017, arXiv:1703.06114, section 4.1.1 (512 points per set, Adam at 1e-3, 500
    epochs of batch 128; figures only, and of targets that differ, see `population_statistics`).
Command: python -m experiments.synthetic --config=configs/synthetic/deep_sets.py:quick \
    --workdir=runs/x --config.data.task=rotation --config.data.num_train=256
Time: `seconds` of the stored rows, `experiments/results/synthetic.jsonl`.
Expected: the stored rows, `experiments/results/synthetic.md`.
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="deep_sets", model="deep_sets")
    base.fill_population(config)
    if config.preset == "smoke":
        config.model = {"hidden": (4,), "readout": (4,)}
    return config
