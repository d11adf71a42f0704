"""Convolutions over positions and orientations.

Paper: Bekkers et al. 2024, arXiv:2310.02970, which has no number of these tasks.
Command: python -m experiments.point_clouds --config=configs/point_clouds/ponita.py:quick \
    --workdir=runs/ponita --config.data.task=classification --config.data.train_pose=z
Time: `quick`, 3 seeds together, 25 to 50 minutes a task on one busy CPU core; `full` is for an
    accelerator.
Expected: `quick` classifies 96 to 97 % in all three protocols; parts 88 % in any pose.
"""

import ml_collections

from configs.point_clouds import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(
        argument,
        row="ponita",
        architectures={
            "classification": "ponita_classifier",
            "segmentation": "ponita_segmenter",
        },
    )
    if config.preset == "smoke":
        config.model = {
            "features": 4,
            "num_layers": 1,
            "basis": 4,
            "num_neighbours": 4,
            "embedding": 8,
            "head": (8,),
        }
    elif config.preset == "quick":
        config.model = {
            "features": 16,
            "num_orientations": 6,
            "num_layers": 2,
            "basis": 16,
            "num_neighbours": 8,
            "widening": 2,
            "layer_scale": 1.0,
            "length_scale": 0.4,  # 128 points lie farther apart than 1,024
            "embedding": 64,
            "head": (64,),
            "dropout": 0.1,
        }
    return config
