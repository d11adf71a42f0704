"""Fields that all rows of the table of water Hamiltonians share."""

import ml_collections

from configs import presets


def base_config(argument: str | None, *, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields: generated frames, 500 each for training, validation and test.

    Presets: `quick` fits on two CPU cores in less than an hour; `full` has the published budget;
    `smoke` is a check of the code in seconds.
    """
    preset = presets.parse_preset(argument)
    smoke, full = preset == "smoke", preset == "full"
    config = ml_collections.ConfigDict()
    config.table = "water_hamiltonian"
    config.row = row
    config.preset = preset
    config.seeds = (0,)

    config.data = ml_collections.ConfigDict()
    config.data.seed = 0  # of the dynamics and of the split
    config.data.num_train = 4 if smoke else 500
    config.data.num_valid = 4 if smoke else 500
    config.data.num_test = 4 if smoke else 500

    config.model = ml_collections.ConfigDict()  # fields of the module; empty keeps its defaults

    config.batch_size = 2 if smoke else 10
    config.num_steps = {"quick": 20_000, "full": 200_000, "smoke": 2}[preset]
    config.steps_per_dispatch = 1 if smoke else 10  # changes the speed, never the result
    config.eval_every = 1 if smoke else 2000 if full else 500  # steps
    config.checkpoint_every = 1 if smoke else 2000 if full else 500  # steps

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 5e-4
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 0 if smoke else 1000 if full else 200
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 1.0  # bound on the norm of the gradient; 0 is off
    config.optimizer.ema_decay = 0.99  # of the parameters; 0 is off

    config.num_devices = 1
    config.tensorboard = False  # needs the extra [tensorboard]
    return config
