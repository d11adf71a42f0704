r"""Second-order permutation network on population statistics.

Paper: Maron, Ben-Hamu, Shamir, Lipman 2019, arXiv:1812.09902; tasks of Zaheer et al. 2017,
    arXiv:1703.06114, section 4.1.1. No number is published for the two together.
Command: python -m experiments.synthetic \
    --config=configs/synthetic/invariant_graph_network.py:quick --workdir=runs/x \
    --config.data.task=rotation --config.data.num_train=256
Time: `seconds` of the stored rows, `experiments/results/synthetic.jsonl`.
Expected: the stored rows, `experiments/results/synthetic.md`.
"""

import ml_collections

from configs.synthetic import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(
        argument, row="invariant_graph_network", model="invariant_graph_network"
    )
    base.fill_population(config)
    if config.preset == "smoke":
        config.model = {"node_channels": 4, "pair_channels": 2, "num_layers": 1, "readout": (4,)}
    return config
