"""Fields that all rows of the tables of molecules share."""

from typing import Any

import ml_collections

from configs import presets


def base_config(argument: str | None, *, table: str, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields.

    Presets: `quick` fits on two CPU cores in less than an hour; `full` is the published budget;
    `smoke` is a check of the code in seconds.

    Args:
        argument: The preset, as given behind the colon of `--config`.
        table: Name of the table.
        row: Name of the row, which is the name of the model in the registry.

    Returns:
        The config; tables fill `data`, rows `model`, `loss`, `optimizer` and the budget.
    """
    preset = presets.parse_preset(argument)
    smoke = preset == "smoke"
    config = ml_collections.ConfigDict()
    config.table = table
    config.row = row
    config.preset = preset
    config.seeds = (0,)
    config.data = ml_collections.ConfigDict()

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

    # Dynamics at constant energy with the trained potential, from a test configuration.
    config.dynamics = ml_collections.ConfigDict()
    config.dynamics.picoseconds = 0.0  # length; 0 leaves it out
    config.dynamics.timestep = 0.5  # fs
    config.dynamics.temperature = 300.0  # of the velocities at the start, K
    config.dynamics.sample_every = 20  # steps between stored configurations

    config.num_devices = 1
    config.tensorboard = False  # needs the extra [tensorboard]
    return config


def take_published_budget(config: ml_collections.ConfigDict, *, num_steps: int) -> None:
    """Set the fields of a budget of days: its steps, and how often it looks and saves."""
    config.num_steps = num_steps
    config.eval_every = 1000
    config.checkpoint_every = 10_000


def nequip_model(preset: str) -> dict[str, Any]:
    """Return the fields of NequIP: `full` the published ones, `quick` for two CPU cores."""
    if preset == "smoke":
        return {"hidden": "4x0e+4x1o", "max_degree": 1, "num_layers": 2}
    if preset == "full":
        return {"hidden": "32x0e+32x1o+32x2e+32x3o", "max_degree": 3, "num_layers": 5}
    return {"hidden": "32x0e+32x1o+32x2e", "max_degree": 2, "num_layers": 4}


def mace_model(preset: str) -> dict[str, Any]:
    """Return the fields of MACE: `full` the published ones, `quick` for two CPU cores."""
    if preset == "smoke":
        return {"num_channels": 4, "max_degree": 1, "hidden_degree": 1, "correlation": 2}
    if preset == "full":
        return {"num_channels": 256, "max_degree": 3, "hidden_degree": 2, "correlation": 3}
    return {"num_channels": 64, "max_degree": 2, "hidden_degree": 1, "correlation": 3}
