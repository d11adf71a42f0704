"""SchNet: distances alone, the baseline, on revised MD17.

Paper: Schuett et al. 2017, arXiv:1706.08566, which has no numbers for revised MD17. 6
    interactions; 128 features and a cutoff of 5 A as in the authors' later software. Loss and rate
    are those of PaiNN.
Command: python -m experiments.molecules --config=configs/rmd17/schnet.py:quick
    --workdir=runs/schnet
Time: `quick` 8 minutes on 2 CPU cores; `full` was not run.
Expected: no published number.
"""

import ml_collections

from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.painn_config(argument, row="schnet", num_layers=6)
