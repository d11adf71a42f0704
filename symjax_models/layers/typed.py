"""What layers of typed features check about their input, and how they read it."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax_models.reps import Rep, RepArray, parse_irreps


def output_rep(rep_out: Rep | str, *features: Any, layer: str) -> Rep:
    """Return the representation of a layer's output, and check that of its inputs.

    Args:
        rep_out: As the layer was given it; a string of irreps is of the group of the input.
        *features: What the layer is applied to.
        layer: Name of the layer, for the message.

    Raises:
        ValueError: Unless all inputs are features of the group of the output, or the string cannot
            be read.
    """
    for x in features:
        check_typed(x, layer=layer)
    if isinstance(rep_out, str):
        rep_out = parse_irreps(rep_out, group=features[0].rep.group)
    for x in features:
        if x.rep.group != rep_out.group:
            raise ValueError(
                f"{layer} has representations of {rep_out.group!r}, got features of {x.rep!r}; "
                "reps.restrict turns a representation into one of a subgroup"
            )
    return rep_out


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
    dtype = jnp.result_type(float, *(x.dtype for x in features))
    return jnp.promote_types(dtype, jnp.complex64) if rep_out.is_complex else dtype
