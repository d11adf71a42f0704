"""A potential that is known in closed form, in the clothes of a trained one."""

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.models import registry
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.ops import message_passing, safe

CUTOFF = 4.0


class Springs(nn.Module):
    """Sum `depth (r - length)^2 (1 - (r / cutoff)^2)^3` over neighbours, smooth at the cutoff."""

    species: tuple[int, ...] = (1, 8, 29)
    cutoff: float = CUTOFF

    @nn.compact
    def __call__(self, graph):
        depth = self.param("depth", nn.initializers.constant(1.0), ())
        length = self.param("length", nn.initializers.constant(1.5), ())
        r = safe.norm(graph.edges["displacements"])
        near = jnp.where(r < self.cutoff, 1 - jnp.square(r / self.cutoff), 0) ** 3
        energies = depth * jnp.square(r - length) * near
        # Padding has displacements of zero.
        return message_passing.sum_messages(graph, energies[:, None])


@pytest.fixture(scope="module")
def saved():
    registry.MODELS["springs"] = Springs  # a user's own network
    yield SavedPotential(
        model="springs",
        hyperparameters={"species": [1, 8, 29]},
        scale=(0.5, 0.5, 0.5),
        shift=(0.0, 0.0, 0.0),
        reference_energies=(-13.5, -2041.25, -1000.0),
        cutoff=CUTOFF,
        params={"params": {"depth": np.float64(2.0), "length": np.float64(1.2)}},
        provenance={"data": "closed form"},
    )
    del registry.MODELS["springs"]


@pytest.fixture(scope="module")
def single(saved):
    """The same in single precision, as trained networks are."""
    params = {"params": {"depth": np.float32(2.0), "length": np.float32(1.2)}}
    return dataclasses.replace(saved, params=params)
