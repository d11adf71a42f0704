"""Atomic numbers as indices of the species that a model knows."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from symjax_models.typing import Array


def species_index(numbers: Array, species: Sequence[int]) -> Array:
    """Turn atomic numbers into indices of species.

    Args:
        numbers: Atomic numbers, `[N]`.
        species: Those that are known, increasing.

    Returns:
        Indices, `[N]`; 0 for padding, which has the number 0, and for species that are not known:
        `check_species` refuses those before they come here.

    >>> species_index(jnp.array([8, 1, 0, 6]), (1, 6, 8)).tolist()
    [2, 0, 0, 1]
    """
    table = np.zeros(max(species) + 1, np.int32)
    table[list(species)] = np.arange(len(species))
    return jnp.asarray(table).at[numbers].get(mode="fill", fill_value=0)


def check_species(numbers: np.ndarray, species: Sequence[int]) -> None:
    """Raise `ValueError` if there are atoms of which a model knows nothing.

    Args:
        numbers: Atomic numbers of data, `[N]`.
        species: Those that the model knows.
    """
    unknown = sorted(set(np.unique(numbers).tolist()) - set(species))
    if unknown:
        raise ValueError(
            f"the model knows the atomic numbers {', '.join(map(str, species))}, and the data hold "
            f"{', '.join(map(str, unknown))} too"
        )
