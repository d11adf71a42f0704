"""Fields that all rows of the point-cloud table share."""

import ml_collections

from configs import presets


def base_config(
    argument: str | None, *, row: str, architectures: dict[str, str]
) -> ml_collections.ConfigDict:
    """Fill the shared fields.

    Presets: `quick` trains small networks on generated clouds of 128 points, minutes on two CPU
    cores; `full` has 1,024 points, the published widths and the budget of DGCNN (250 epochs of
    batches of 32 with a cosine schedule, dropout and label smoothing), for files or generated
    clouds; `smoke` is a check of the code in seconds.
    The widths and numbers of steps of `quick` were settled on the clouds of seed 0, which the table
    is made of, until invariant rows reached 95 %; the parameters of a run are chosen on validation
    clouds.

    Args:
        argument: The preset, as given behind the colon of `--config`.
        row: Name of the row.
        architectures: Name in the registry of the model for every task that the row has.

    Returns:
        The config; rows fill `model` and `model_of_task`.
    """
    preset = presets.parse_preset(argument)
    smoke, full = preset == "smoke", preset == "full"
    config = ml_collections.ConfigDict()
    config.table = "point_clouds"
    config.row = row
    config.preset = preset
    config.seeds = (0,) if smoke else (0, 1, 2)  # trained side by side

    config.data = ml_collections.ConfigDict()
    config.data.task = "classification"  # or "segmentation", "normals", if `architectures` has it
    config.data.train_pose = "z"  # or "so3": how training clouds are turned in every step
    config.data.source = "shapes"  # or "modelnet40", "modelnet40_h5", "shapenet_part", in `folder`
    config.data.folder = ""
    config.data.num_points = 32 if smoke else 1024 if full else 128
    # Generated training, validation and test shapes of each of the ten classes.
    config.data.per_class = (2, 2, 2) if smoke else (984, 100, 247) if full else (1000, 40, 80)
    # Of generated shapes: noise, and the share that a half-space cuts away.
    config.data.noise = 0.02
    config.data.occlusion = 0.0
    config.data.seed = 0

    config.architectures = ml_collections.ConfigDict(architectures)
    config.model = ml_collections.ConfigDict()  # fields of the module; empty keeps its defaults
    # Fields that are other ones for a task.
    config.model_of_task = ml_collections.ConfigDict()

    config.label_smoothing = 0.2 if full else 0.0
    config.batch_size = 4 if smoke else 32 if full else 16
    # 250 epochs of 9,843 clouds.
    config.num_steps = 2 if smoke else 76_900 if full else 4000
    config.steps_per_dispatch = 1 if smoke else 10  # changes the speed, never the result
    config.eval_every = 1 if smoke else 300 if full else 100  # steps
    config.checkpoint_every = 1 if smoke else 1200 if full else 500  # steps

    config.optimizer = presets.adam(1e-3 if full else 4e-3)

    config.num_devices = 0  # devices to split a batch over; 0 takes all that divide it
    config.tensorboard = False  # needs the extra [tensorboard]
    return config


def use_published_optimizer(config: ml_collections.ConfigDict) -> None:
    """Take SGD with momentum .9, as the public code of DGCNN and Vector Neurons does."""
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.1
    config.optimizer.weight_decay = 1e-4
    config.optimizer.clip_norm = 0.0
