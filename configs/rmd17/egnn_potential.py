"""EGNN as the energy of atoms, on revised MD17.

Paper: Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844, whose model of QM9 this is (7 layers,
    128 features); it has no numbers for revised MD17. Loss and rate are those of PaiNN.
Command: python -m experiments.molecules --config=configs/rmd17/egnn_potential.py:quick
    --workdir=runs/egnn_potential
Time: `quick` not run yet.
Expected: no published number.
"""

import ml_collections

from configs.rmd17 import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    return base.painn_config(argument, row="egnn_potential", num_layers=7)
