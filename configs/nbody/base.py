"""Fields that all rows of the n-body table share."""

import ml_collections

from configs import presets


def base_config(argument: str | None, *, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields.

    Presets: `quick` fits into a few minutes on two CPU cores; `full` is the published budget
    (10,000 epochs, 300,000 steps, if the row says nothing else); `smoke` is a check of the code in
    seconds, on 100 simulations.

    Args:
        argument: The preset, as given behind the colon of `--config`.
        row: Name of the row, which is the name of the model in the registry.

    Returns:
        The config; rows fill `model`, `optimizer` and the budget.
    """
    preset = presets.parse_preset(argument)
    smoke = preset == "smoke"
    config = ml_collections.ConfigDict()
    config.table = "nbody"
    config.row = row
    config.preset = preset
    config.seeds = (0,) if smoke else (0, 1, 2)  # trained side by side

    config.data = ml_collections.ConfigDict()
    config.data.protocol = "egnn_small"
    # Simulations to use; 0 takes all of the protocol: 3000, 2000 and 2000.
    config.data.num_train = 60 if smoke else 0
    config.data.num_valid = 20 if smoke else 0
    config.data.num_test = 20 if smoke else 0

    config.model = ml_collections.ConfigDict()  # fields of the module; empty keeps its defaults

    config.fit = "gradient"  # or "least_squares": exact, for models linear in their parameters
    config.batch_size = 20 if smoke else 100
    config.num_steps = {"quick": 3000, "full": 300_000, "smoke": 2}[preset]
    config.steps_per_dispatch = 1 if smoke else 50  # changes the speed, never the result
    config.eval_every = {"quick": 100, "full": 150, "smoke": 1}[preset]  # steps
    config.checkpoint_every = {"quick": 500, "full": 3000, "smoke": 1}[preset]  # steps

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "constant" if preset == "full" else "cosine"
    config.optimizer.warmup_steps = 0
    config.optimizer.weight_decay = 1e-12 if preset == "full" else 0.0
    config.optimizer.clip_norm = 0.0  # bound on the norm of the gradient; 0 is off
    config.optimizer.ema_decay = 0.0  # moving average of the parameters; 0 is off

    config.num_devices = 0  # devices to split a batch over; 0 takes all that divide it
    config.tensorboard = False  # needs the extra [tensorboard]
    return config
