"""Convolutions with spherical harmonics of the k nearest points.

Paper: Thomas et al. 2018, arXiv:1802.08219, which has no number of these tasks; those of a later
    network of this kind in arXiv:2104.12229, table 1, are not at hand.
Command: python -m experiments.point_clouds --config=configs/point_clouds/tfn.py:quick \
    --workdir=runs/tfn --config.data.task=classification --config.data.train_pose=z
Time: `quick`, 3 seeds together, 17 to 25 minutes a task on one CPU core; `full` is for an
    accelerator.
Expected: `quick` classifies 98 to 99 % in all three protocols; parts 90 %, normals 78 % in any
    pose.
"""

import ml_collections

from configs.point_clouds import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(
        argument,
        row="tfn",
        architectures={
            "classification": "tfn_classifier",
            "segmentation": "tfn_segmenter",
            "normals": "tfn_normals",
        },
    )
    if config.preset == "smoke":
        config.model = {"hidden": "4x0e+2x1o", "num_layers": 1, "max_degree": 1, "k": 4}
    elif config.preset == "quick":
        config.model = {"hidden": "16x0e+8x1o+4x2e", "num_layers": 2, "num_channels": 8, "k": 8}
        config.model_of_task.classification = {"embedding": 64, "head": (64,), "dropout": 0.1}
        config.model_of_task.segmentation = {"embedding": 64, "head": (64, 64), "dropout": 0.1}
    return config
