"""Build a model from its name in the tables and a mapping of hyper-parameters."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from symjax_models.models import affine, egnn, gnn, linear, radial_field
from symjax_models.suggestion import nearest_of

# What callers outside layers and models need to know of a Linen module.
Model = nn.Module

MODELS: dict[str, type[Model]] = {
    "affine": affine.Affine,
    "egnn": egnn.EGNN,
    "gnn": gnn.GNN,
    "linear": linear.LinearDynamics,
    "radial_field": radial_field.RadialField,
}


def make_model(name: str, hyperparameters: Mapping[str, Any] | None = None) -> Model:
    """Build a registered model.

    Args:
        name: The name of the row in the result tables, such as `"egnn"`.
        hyperparameters: Values of the module's fields; fields left out keep their defaults.

    Returns:
        The Linen module.

    Raises:
        ValueError: If the name or a hyper-parameter is unknown; the nearest one is named.

    >>> make_model("egnn", {"features": 32}).features
    32
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; {nearest_of(name, sorted(MODELS))}")
    model = MODELS[name]
    fields = [f.name for f in dataclasses.fields(model) if f.name not in ("parent", "name")]
    for key in hyperparameters or {}:
        if key not in fields:
            raise ValueError(
                f"model {name!r} has no field {key!r}; {nearest_of(key, sorted(fields))}"
            )
    return model(**(hyperparameters or {}))
