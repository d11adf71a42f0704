"""Fields that all rows of the synthetic table share."""

import ml_collections

from configs import presets


def base_config(argument: str | None, *, row: str, model: str) -> ml_collections.ConfigDict:
    """Fill the shared fields.

    A run is one row, one task (`config.data.task`) and one size of the training set
    (`config.data.num_train`). As published, it lasts `max_epochs` epochs or until `max_examples`
    examples are seen, whichever is less, and a batch is `batch_size` examples or all there are.

    Presets: `full` is the published budget (1000 epochs or 900,000 examples: 1000 steps on up to
    300 examples, 1800 on more; batch 500); `quick` has 300 steps of batch 100; `smoke` is a check
    of the code.

    Args:
        argument: The preset, as given behind the colon of `--config`.
        row: Name of the row.
        model: Name of the model in the registry.

    Returns:
        The config; rows fill `model` and the way of training.
    """
    preset = presets.parse_preset(argument)
    smoke = preset == "smoke"
    config = ml_collections.ConfigDict()
    config.table = "synthetic"
    config.row = row
    config.preset = preset
    config.seeds = (0, 1) if smoke else (0, 1, 2)  # trained side by side

    config.data = ml_collections.ConfigDict()
    config.data.task = "o5"
    config.data.num_train = 30 if smoke else 1000
    config.data.num_valid = 20 if smoke else 1000
    config.data.num_test = 20 if smoke else 5000
    config.data.seed = 0  # one draw for all rows and seeds
    config.data.set_size = 0  # points per set, where an example is a set

    config.architecture = model
    config.model = ml_collections.ConfigDict()  # fields of the module; empty keeps its defaults
    config.model_of_task = ml_collections.ConfigDict()  # task: fields that differ there
    config.augment = False  # move every example by a random element of the group in every step
    config.residual_penalty = 0.0  # weight of maps without the symmetry; 0 has none of them
    # Weight decay times examples: like a prior, it counts the less the more data there are; 0 is
    # off, and else it takes the place of `optimizer.weight_decay`.
    config.prior = 0.0

    config.batch_size = {"quick": 100, "full": 500, "smoke": 10}[preset]  # at most
    config.max_epochs = {"quick": 300, "full": 1000, "smoke": 1}[preset]
    config.max_examples = {"quick": 30_000, "full": 900_000, "smoke": 20}[preset]
    config.steps_per_dispatch = 1 if smoke else 50  # changes the speed, never the result
    config.eval_every = 1 if smoke else 50  # steps
    config.checkpoint_every = 1 if smoke else 300  # steps

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "cosine"  # published: constant
    config.optimizer.warmup_steps = 0
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 0.0  # bound on the norm of the gradient; 0 is off
    config.optimizer.ema_decay = 0.0  # moving average of the parameters; 0 is off

    config.num_devices = 0  # devices to split a batch over; 0 takes all that divide it
    config.tensorboard = False  # needs the extra [tensorboard]
    return config


def fill_population(config: ml_collections.ConfigDict) -> None:
    """Set the fields of the tasks of sets: the size of a set, of the splits, and the rate.

    `full` has 64 points per set (published: 512), which a network of pairs can still read.
    """
    smoke = config.preset == "smoke"
    config.data.task = "rotation"
    config.data.num_train = 20 if smoke else 256
    config.data.set_size = {"quick": 32, "full": 64, "smoke": 4}[config.preset]
    if not smoke:
        config.data.num_valid = 512
        config.data.num_test = 512 if config.preset == "quick" else 2048
    config.batch_size = min(
        config.batch_size, {"quick": 32, "full": 128, "smoke": 10}[config.preset]
    )
    config.optimizer.learning_rate = 1e-3
