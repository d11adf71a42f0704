"""Fields that all rows of the symmetrization table share."""

import ml_collections

from configs import presets


def base_config(
    argument: str | None, *, row: str, methods: tuple[str, ...]
) -> ml_collections.ConfigDict:
    """Fill the shared fields.

    Presets: `quick` fits into minutes on two CPU cores; `full` is the published protocol as far as
    there is one; `smoke` is a check of the code in seconds.

    Args:
        argument: The preset, as given behind the colon of `--config`.
        row: Name of the row, and of the study unless the row names another one.
        methods: The methods of the row, of which `config.method` is one.

    Returns:
        The config; rows fill `data`, `model` and the budget.
    """
    preset = presets.parse_preset(argument)
    smoke = preset == "smoke"
    config = ml_collections.ConfigDict()
    config.table = "symmetrization"
    config.row = row
    config.preset = preset
    config.seeds = (0,) if smoke else (0, 1, 2)  # trained side by side
    config.study = row
    config.method = methods[0]
    config.methods = methods

    config.data = ml_collections.ConfigDict()
    config.model = ml_collections.ConfigDict()

    config.batch_size = 4 if smoke else 100
    config.num_steps = 2 if smoke else 1000
    config.steps_per_dispatch = 1 if smoke else 10  # changes the speed, never the result
    config.eval_every = 1 if smoke else 100  # steps
    config.checkpoint_every = 1 if smoke else 500  # steps

    config.optimizer = presets.adam(1e-3)

    config.num_devices = 0  # devices to split a batch over; 0 takes all that divide it
    config.tensorboard = False  # needs the extra [tensorboard]
    return config
