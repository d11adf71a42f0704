"""What the algebra of representations asks of its arguments."""

import operator
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax_models.groups.base import Group
from symjax_models.typing import ArrayLike


def check_same_group(a: Any, b: Any) -> None:
    """Raise `ValueError` unless both are representations of the same group."""
    if a.group != b.group:
        raise ValueError(
            f"expected representations of one group, got {a!r} and {b!r}; reps.restrict and "
            "reps.of_factor turn one into a representation of another group"
        )


def check_count(value: Any, *, what: str) -> int:
    """Return a whole number of at least 0 as an `int`, or raise `ValueError`."""
    try:
        count = operator.index(value)
    except TypeError:
        count = -1
    if isinstance(value, bool) or count < 0:
        raise ValueError(f"{what} is a whole number of at least 0, got {value!r}")
    return count


def check_matrices(array: ArrayLike, group: Group, *, what: str) -> Any:
    """Return matrices `[..., n, n]` as a floating NumPy or JAX array, or raise `ValueError`."""
    array = array if isinstance(array, np.ndarray) else jnp.asarray(array)
    # Constants take the dtype of the matrices, which must not truncate them.
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        array = array.astype(np.float64 if isinstance(array, np.ndarray) else float)
    if array.shape[-2:] != (group.n, group.n):
        raise ValueError(
            f"{what} of {group!r} have shape [..., {group.n}, {group.n}], got {array.shape}"
        )
    return array
