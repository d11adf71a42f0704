"""Dynamic graph network of vector neurons: exactly invariant under rotations.

Paper: Deng et al. 2021, arXiv:2104.12229; ModelNet40 89.5 / 89.5 / 90.2, table 1 (1,024 points,
    k = 20, SGD at .1, 250 epochs; preset `full`, with a cosine in place of steps).
Command: python -m experiments.point_clouds --config=configs/point_clouds/vn_dgcnn.py:quick \
    --workdir=runs/vn_dgcnn --config.data.task=classification --config.data.train_pose=z
Time: `quick`, 3 seeds together, 14 to 32 minutes a task on one CPU core; `full` is for an
    accelerator.
Expected: `quick` classifies 97 to 99 % in all three protocols; parts 91 to 93 %, normals 84 % in
    any pose.
"""

import ml_collections

from configs.point_clouds import base


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(
        argument,
        row="vn_dgcnn",
        architectures={
            "classification": "vn_dgcnn",
            "segmentation": "vn_dgcnn_segmenter",
            "normals": "vn_dgcnn_normals",
        },
    )
    if config.preset == "smoke":
        config.model = {"k": 4, "embedding": 16, "head": (8,)}
        config.model_of_task.classification = {"channels": ((4,), (4,))}
        config.model_of_task.segmentation = {"channels": ((4,), (4,)), "category_features": 4}
        config.model_of_task.normals = {"channels": ((4,), (4,))}
    elif config.preset == "quick":
        config.model = {"k": 8, "embedding": 32, "head": (32,), "dropout": 0.1}
        config.model_of_task.classification = {"channels": ((8,), (8,), (16,))}
        config.model_of_task.segmentation = {
            "channels": ((8,), (8,), (16,)),
            "category_features": 16,
        }
        config.model_of_task.normals = {"channels": ((8,), (8,), (16,))}
    else:
        base.use_published_optimizer(config)
    return config
