"""The registered models, small, with parameters that let particles feel each other."""

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import models
from symjax_models.data.nbody_graphs import make_graph

BATCH, N, D = 3, 4, 3
HYPERPARAMETERS = {
    "affine": {},
    "egnn": {"features": 8, "num_layers": 2},
    "gnn": {"features": 8, "num_layers": 2},
    "leapfrog": {"features": 8, "num_steps": 2},
    "linear": {},
    "radial_field": {"features": 8, "num_layers": 2},
    "segnn": {"features": 2, "num_layers": 1},
    "tfn": {"features": 2, "num_layers": 1, "max_degree": 1},
}
# Attributes are small, and with smaller parameters messages would hardly matter.
GAINS = {"segnn": 2.0}
FORCE_KERNELS = re.compile(
    r"/(phi_x|phi_\d+)/Dense_1/kernel$|/step/force/kernel$"
    r"|/message_\d+_second/kernel_\d+$|/weights/kernel_out$"
)


def draw_params(model: nn.Module, example: Any) -> Any:
    """Draw parameters from normal laws of the usual width.

    The kernels that give the forces between particles start a thousand times smaller than these,
    so that forces are lost in rounding and nothing that tests them would show anything.
    """
    rng = np.random.default_rng(0)

    def draw(leaf: Any) -> jax.Array:
        width = np.prod(leaf.shape[:-1], dtype=int) ** -0.5
        return jnp.asarray(width * rng.normal(size=leaf.shape), leaf.dtype)

    return jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(0), example))


def scale_forces(params: Any, factor: float) -> Any:
    """Multiply the kernels that give the forces between particles."""

    def scale(path: Any, leaf: jax.Array) -> jax.Array:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return leaf * factor if FORCE_KERNELS.search(name) else leaf

    return jax.tree_util.tree_map_with_path(scale, params)


@dataclasses.dataclass(frozen=True)
class Case:
    """Hold a model, its parameters in float32 and its inputs in float64."""

    name: str
    model: nn.Module
    params: Any
    positions: np.ndarray
    velocities: np.ndarray
    interactions: np.ndarray
    apply: Callable[..., jax.Array]
    scale_forces: Callable[..., Any] = scale_forces
    draw_params: Callable[..., Any] = draw_params

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Positions, velocities, interactions and parameters: what `predict` takes."""
        return self.positions, self.velocities, self.interactions, self.params

    def predict(self, positions, velocities, interactions, params):
        return self.apply(params, make_graph(positions, velocities, interactions))

    def graph(self, dtype=np.float32):
        arrays = (self.positions, self.velocities, self.interactions)
        return make_graph(*(jnp.asarray(array, dtype) for array in arrays))


@functools.cache
def _make_case(name: str) -> Case:
    rng = np.random.default_rng(0)
    positions, velocities = rng.normal(size=(2, BATCH, N, D))
    charges = rng.choice([-1.0, 1.0], size=(BATCH, N))
    model = models.registry.make_model(name, HYPERPARAMETERS[name])
    interactions = charges[:, :, None] * charges[:, None, :]
    params = draw_params(model, make_graph(positions, velocities, interactions))
    return Case(
        name=name,
        model=model,
        params=jax.tree.map(lambda leaf: GAINS.get(name, 1.0) * leaf, params),
        positions=positions,
        velocities=velocities,
        interactions=interactions,
        apply=jax.jit(model.apply),
    )


@pytest.fixture(params=sorted(HYPERPARAMETERS))
def case(request):
    """Each model in turn; `indirect` parametrization picks some."""
    return _make_case(request.param)
