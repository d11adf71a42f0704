"""What all candidates of the n-body benchmark share: sizes, data, parameters, optimizer."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import nbody_task
from symjax_models import training
from symjax_models.data import nbody_graphs
from symjax_models.models import registry
from symjax_models.training import order, state
from symjax_models.typing import Array, PRNGKey, PyTree

LEARNING_RATE = 5e-4


@dataclasses.dataclass(frozen=True)
class Case:
    """Sizes; the defaults are those of the EGNN row of the n-body table.

    Attributes:
        batch_size: Systems per step, B.
        num_nodes: Particles per system, N.
        features: Width of the model.
        num_layers: Layers of the model.
        num_examples: Systems in the training set.
        steps_per_dispatch: Steps in one call of the training engine.
    """

    batch_size: int = 100
    num_nodes: int = 5
    features: int = 64
    num_layers: int = 4
    num_examples: int = 3000
    steps_per_dispatch: int = 50


@dataclasses.dataclass(frozen=True, eq=False)
class Setting:
    """A case with its model, data and initial parameters.

    Attributes:
        case: The sizes.
        model: EGNN.
        optimizer: Adam.
        arrays: The training set, M systems: `positions`, `velocities`, `targets` `[M, N, 3]` and
            `interactions` `[M, N, N]`.
        data: The same as the pytree of examples that the training engine takes.
        params: The initial parameters of seed 0.
        batches: The examples of the first call of the training engine, `[k, B]`.
    """

    case: Case
    model: registry.Model
    optimizer: Any
    arrays: dict[str, np.ndarray]
    data: dict[str, Any]
    params: PyTree
    batches: np.ndarray

    def init(self, key: PRNGKey) -> PyTree:
        """Draw initial parameters."""
        return nbody_task.init_params(self.model, self.data, key)

    def loss(self, params: PyTree, batch: PyTree, _: PRNGKey | None = None) -> Array:
        """Compute the squared errors of a batch, `[B]`."""
        return nbody_task.squared_errors(self.model, params, batch)

    def first_batch(self) -> PyTree:
        """Return the batch of the first step."""
        return jax.tree.map(lambda leaf: leaf[self.batches[0]], self.data)


def make_setting(case: Case) -> Setting:
    """Build the setting of a case.

    The systems are random: the time of a step does not depend on what it computes with.

    Args:
        case: The sizes.

    Returns:
        The setting.
    """
    arrays = _random_systems(case)
    graphs = nbody_graphs.make_graph(
        *(jnp.asarray(arrays[name]) for name in ("positions", "velocities", "interactions"))
    )
    data = {"graph": graphs, "targets": jnp.asarray(arrays["targets"])}
    model = registry.make_model("egnn", {"features": case.features, "num_layers": case.num_layers})
    settings = training.OptimizerSettings(name="adam", learning_rate=LEARNING_RATE)
    optimizer, _ = training.make_optimizer(settings, num_steps=1)
    batches = order.batch_indices(
        state.stream_key(jnp.uint32(0), "order"),
        jnp.int32(0),
        num_steps=case.steps_per_dispatch,
        num_examples=case.num_examples,
        batch_size=case.batch_size,
    )
    return Setting(
        case=case,
        model=model,
        optimizer=optimizer,
        arrays=arrays,
        data=data,
        params=nbody_task.init_params(model, data, state.stream_key(jnp.uint32(0), "init")),
        batches=np.asarray(batches),
    )


def _random_systems(case: Case) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (case.num_examples, case.num_nodes, 3)
    positions, velocities, noise = (rng.normal(size=shape) for _ in range(3))
    charges = rng.choice([-1.0, 1.0], size=shape[:2])
    systems = {
        "positions": positions,
        "velocities": velocities,
        "interactions": charges[:, :, None] * charges[:, None, :],
        "targets": positions + velocities + 0.1 * noise,
    }
    return {name: values.astype(np.float32) for name, values in systems.items()}


def loss_and_norm(
    loss: Callable[[PyTree, PyTree], Array], params: PyTree, batch: PyTree
) -> tuple[float, float, jax.stages.Compiled]:
    """Compute what all candidates have to agree on.

    Args:
        loss: Losses of the examples of a batch.
        params: Parameters.
        batch: A batch.

    Returns:
        The mean loss, the norm of its gradient, and the compiled function behind them.
    """

    def mean_loss(params: PyTree, batch: PyTree) -> Array:
        return jnp.mean(loss(params, batch))

    compiled = jax.jit(jax.value_and_grad(mean_loss)).lower(params, batch).compile()
    value, gradient = compiled(params, batch)
    squares = jax.tree.map(lambda leaf: jnp.sum(jnp.square(leaf)), gradient)
    return float(value), float(jnp.sqrt(sum(jax.tree.leaves(squares)))), compiled
