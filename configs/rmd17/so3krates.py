"""SO3krates: attention by Euclidean variables, on revised MD17.

Paper: Frank, Unke, Mueller 2022, arXiv:2205.14276, and Frank et al. 2024, arXiv:2309.15126, which
    have numbers for MD17, not for revised MD17. 3 layers, 132 features, 4 heads, degrees 1 to 3,
    cutoff 5 A, Adam at 1e-3, loss .01 of energies and .99 of forces (preset `full`, which has a
    cosine for the published exponential decay, clipped gradients, averaged parameters and the
    batch of PaiNN).
Command: python -m experiments.molecules --config=configs/rmd17/so3krates.py:quick
    --workdir=runs/so3krates
Time: `quick` about 10 minutes on 2 CPU cores; `full` was not run.
Expected: `quick` energy / force MAE about 10 / 47 for 50 frames of ethanol; no published number.
"""

import ml_collections

from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.painn_config(argument, row="so3krates", num_layers=3)
    # Heads and degrees divide the features.
    config.model.features = 12 if config.preset == "smoke" else 132
    return config
