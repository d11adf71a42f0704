"""PaiNN: scalar and vector features, on revised MD17.

Paper: Schuett et al. 2021, arXiv:2102.03150; rMD17 numbers as quoted with the table (950 + 50
    frames: ethanol 2.7 meV / 10.0 meV/A, aspirin 6.9 / 16.1). 3 layers, 128 features, 20 radial
    functions, cutoff 5 A, batch 10, Adam at 1e-3, loss .01 of energies and .99 of forces (preset
    `full`, which has a cosine for the published schedule, clipped gradients and averaged
    parameters).
Command: python -m experiments.molecules --config=configs/rmd17/painn.py:quick
    --workdir=runs/painn
Time: `quick` 8 minutes on 2 CPU cores; `full` was not run.
Expected: `quick` energy / force MAE about 28 / 99; no published number for 50 frames.
"""

import ml_collections

from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.painn_config(argument, row="painn", num_layers=3)
