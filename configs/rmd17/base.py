"""Fields that all rows of the rMD17 table share."""

import ml_collections

from configs import presets


def base_config(argument: str | None, *, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields.

    Presets: `quick` takes 50 training frames and less than an hour on two CPU cores; `full` is the
    published protocol, 950 training and 50 validation frames, with the published budget; `smoke`
    is a check of the code in seconds.

    Args:
        argument: The preset, as given behind the colon of `--config`.
        row: Name of the row, which is the name of the model in the registry.

    Returns:
        The config; rows fill `model`, `loss`, `optimizer` and the budget.
    """
    preset = presets.parse_preset(argument)
    smoke, full = preset == "smoke", preset == "full"
    config = ml_collections.ConfigDict()
    config.table = "rmd17"
    config.row = row
    config.preset = preset
    config.seeds = (0,)

    config.data = ml_collections.ConfigDict()
    # Folder with <molecule>/train_01.xyz.gz and test_01.xyz.gz; empty: $SYMJAX_MODELS_DATA/rmd17.
    config.data.path = ""
    config.data.molecule = "ethanol"
    config.data.split = 1  # of the official ones
    config.data.num_train = 950 if full else 8 if smoke else 50  # the first frames of the file
    config.data.num_valid = 8 if smoke else 50  # the last frames of the training file
    config.data.num_test = 8 if smoke else 0  # of the test file; 0 takes all

    config.cutoff = 5.0  # angstrom
    config.model = ml_collections.ConfigDict()  # fields of the module; empty keeps its defaults

    config.loss = ml_collections.ConfigDict()  # weights of squared errors, in eV and eV/angstrom
    config.loss.energy = 1.0
    config.loss.forces = 1000.0
    config.loss.stress = 0.0
    config.loss.per_atom = True  # of energies

    config.batch_size = 4 if smoke else 5
    config.num_steps = 2 if smoke else 20_000
    config.steps_per_dispatch = 1 if smoke else 20  # changes the speed, never the result
    config.eval_every = 1 if smoke else 500  # steps
    config.checkpoint_every = 1 if smoke else 1000  # steps
    config.max_compilations = 4  # shapes of batches, if configurations differ in size

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 0
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 10.0  # bound on the norm of the gradient; 0 is off
    config.optimizer.ema_decay = 0.99  # moving average of the parameters; 0 is off

    config.num_devices = 1
    config.tensorboard = False  # needs the extra [tensorboard]
    return config
