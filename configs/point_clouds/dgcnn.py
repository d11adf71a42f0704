"""Dynamic graph network on coordinates: a baseline without symmetry under rotations.

Paper: Wang et al. 2019, arXiv:1801.07829; ModelNet40 90.3 / 33.8 / 88.6 as recalled from
    arXiv:2104.12229, table 1 (1,024 points, k = 20, SGD at .1, 250 epochs; preset `full`).
Command: python -m experiments.point_clouds --config=configs/point_clouds/dgcnn.py:quick \
    --workdir=runs/dgcnn --config.data.task=classification --config.data.train_pose=z
Time: `quick`, 3 seeds together, 7 minutes on one CPU core; `full` is for an accelerator.
Expected: `quick` classifies 98 to 99 % of clouds turned about z, 26 to 31 % of those turned in any
    way; parts 96 and 74 %, normals 80 and 68 %.
"""

import ml_collections

from configs.point_clouds import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(
        argument,
        row="dgcnn",
        architectures={
            "classification": "dgcnn",
            "segmentation": "dgcnn_segmenter",
            "normals": "dgcnn_normals",
        },
    )
    set_sizes(config)
    if config.preset == "full":
        base.use_published_optimizer(config)
    return config


def set_sizes(config: ml_collections.ConfigDict) -> None:
    """Fill the widths of DGCNN, of the rows that are symmetrized too."""
    if config.preset == "smoke":
        config.model = {"k": 4, "embedding": 16, "head": (8,)}
        config.model_of_task.classification = {"channels": ((4,), (4,))}
        config.model_of_task.segmentation = {"channels": ((4,), (4,)), "category_features": 4}
        config.model_of_task.normals = {"channels": ((4,), (4,))}
    elif config.preset == "quick":
        config.model = {"k": 8, "embedding": 64, "head": (64,), "dropout": 0.1}
        config.model_of_task.classification = {"channels": ((16,), (16,), (32,))}
        config.model_of_task.segmentation = {
            "channels": ((16,), (16,), (32,)),
            "category_features": 16,
            "transform": ((16, 32), (64,), (32, 16)),
        }
        config.model_of_task.normals = {"channels": ((16,), (16,), (32,))}
