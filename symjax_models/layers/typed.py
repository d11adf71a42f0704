"""What layers of typed features check about their input, and how they read it."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax_models.groups import Group
from symjax_models.reps import Rep, RepArray


def check_features(x: Any, group: Group, *, layer: str) -> None:
    """Raise `ValueError` unless x are features of the group.

    Args:
        x: What a layer was given.
        group: The group of the layer's representations.
        layer: Name of the layer, for the message.
    """
    check_typed(x, layer=layer)
    if x.rep.group != group:
        raise ValueError(
            f"{layer} has representations of {group!r}, got features of {x.rep!r}; "
            "reps.restrict turns a representation into one of a subgroup"
        )


def check_typed(x: Any, *, layer: str) -> None:
    """Raise `ValueError` unless x is a `RepArray`."""
    if not isinstance(x, RepArray):
        raise ValueError(
            f"{layer} takes a reps.RepArray, got {type(x).__name__}; "
            "reps.RepArray.from_flat(rep, array) gives an array its type"
        )


def as_jax(x: RepArray) -> RepArray:
    """Hand features in NumPy to JAX: bases calculate in the module that arrays come from."""
    return x.map(jnp.asarray)


def output_dtype(rep_out: Rep, *features: RepArray) -> np.dtype:
    """Return the dtype of features made of others: complex where the group is, as rho is then.

    Args:
        rep_out: Representation of the output.
        *features: The inputs; scalars of a complex group may be real.
    """
    dtype = jnp.result_type(*(x.dtype for x in features))
    return jnp.promote_types(dtype, jnp.complex64) if rep_out.is_complex else dtype
