"""Fields that all rows of the user's own files share."""

import ml_collections

from configs.molecules import base


def base_config(argument: str | None, *, row: str) -> ml_collections.ConfigDict:
    """Fill the shared fields: the file, its units and keys, and how it is split."""
    config = base.base_config(argument, table="files", row=row)
    smoke = config.preset == "smoke"
    config.data.path = ""  # extended XYZ, an ASE database, MD17 or rMD17 .npz
    config.data.energy_unit = "eV"
    config.data.length_unit = "angstrom"
    config.data.energy_key = ""  # empty: the usual names
    config.data.forces_key = ""
    config.data.seed = 0  # of the split
    config.data.num_train = 4 if smoke else 0  # 0 takes what is left
    config.data.num_valid = 4 if smoke else 100
    config.data.num_test = 4 if smoke else 100
    return config
