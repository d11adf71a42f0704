"""Dynamic graph network, averaged over the frames of principal axes.

Paper: Puny et al. 2022, arXiv:2110.03336, with the network of Wang et al. 2019,
    arXiv:1801.07829; no published number of this task.
Command: python -m experiments.point_clouds --config=configs/point_clouds/fa_dgcnn.py:quick \
    --workdir=runs/fa_dgcnn --config.data.task=classification --config.data.train_pose=z
Time: `quick`, 3 seeds together, 12 to 21 minutes a task on one busy CPU core; `full` is for an
    accelerator.
Expected: `quick` classifies 96 to 98 % in all three protocols; parts 90 to 91 %, normals 82 % in
    any pose. The error in float32, up to 2e-4, is that of axes of nearly equal moments, as of
    spheres; in float64 it is 1e-14.
"""

import ml_collections

from configs.point_clouds import base, dgcnn


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(
        argument,
        row="fa_dgcnn",
        architectures={
            "classification": "fa_dgcnn",
            "segmentation": "fa_dgcnn_segmenter",
            "normals": "fa_dgcnn_normals",
        },
    )
    dgcnn.set_sizes(config)
    if config.preset == "full":
        base.use_published_optimizer(config)
    return config
