"""The task of the n-body table: its data, its loss, and what is measured after training."""

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from symjax_models import audit
from symjax_models.data import nbody, nbody_graphs
from symjax_models.models import registry
from symjax_models.ops.graph import Graph
from symjax_models.typing import Array, PRNGKey, PyTree

_AUDITED = 100  # test simulations on which equivariance is measured


def load(data: ml_collections.ConfigDict) -> nbody.NBodyDataset:
    """Load the simulations that `config.data` names.

    Args:
        data: Fields `protocol`, `num_train`, `num_valid`, `num_test` (0 takes all).

    Returns:
        The data set.

    Raises:
        ValueError: If the protocol is unknown or has fewer simulations.
    """
    numbers = {name: data[name] or None for name in ("num_train", "num_valid", "num_test")}
    return nbody.load(nbody.reduced(nbody.get_protocol(data.protocol), **numbers))


def predict(
    model: registry.Model, params: PyTree, graph: Graph, *, key: PRNGKey | None = None
) -> Array:
    """Predict positions.

    Args:
        model: Maps a graph to predicted positions.
        params: Its variables.
        graph: The graph.
        key: Of a training step, for dropout and for models that draw their frames; None switches
            dropout off and draws the same frames every time.

    Returns:
        Positions `[*batch, N, 3]`.
    """
    if key is None:
        return model.apply(params, graph, rngs={"frames": jax.random.key(0)})
    dropout, frames = jax.random.split(key)
    return model.apply(params, graph, rngs={"dropout": dropout, "frames": frames})


def squared_errors(
    model: registry.Model, params: PyTree, batch: dict[str, Any], key: PRNGKey | None = None
) -> Array:
    """Compute the mean squared error of every simulation of a batch.

    Args:
        model: Maps a graph to predicted positions.
        params: Its variables.
        batch: Examples, as `nbody_graphs.make_examples` makes them.
        key: Key of the step; None in evaluation.

    Returns:
        Means over particles and coordinates, `[B]`, in squared units of length.
    """
    predictions = predict(model, params, batch["graph"], key=key)
    return jnp.mean(jnp.square(predictions - batch["targets"]), axis=(-2, -1))


def init_params(model: registry.Model, examples: dict[str, Any], key: PRNGKey) -> PyTree:
    """Initialize the variables of a model on one example."""
    graph = jax.tree.map(lambda leaf: leaf[:1], examples["graph"])
    # Flax would draw the same numbers for both streams from one key.
    streams = {"params": key, "frames": jax.random.fold_in(key, 1)}
    return {"params": model.init(streams, graph)["params"]}


def equivariance_errors(
    model: registry.Model, params: PyTree, split: nbody.NBodySplit
) -> dict[str, float]:
    """Measure how far a trained model is from E(3) and permutation equivariance.

    Args:
        model: Maps a graph to predicted positions.
        params: Its variables.
        split: Test simulations; the first hundred are used.

    Returns:
        The largest relative errors, `equivariance_error` in float32 and
        `equivariance_error_float64`; definition in `audit.equivariance_error`.
    """

    def of_arrays(params: PyTree, positions: Array, velocities: Array, pairs: Array) -> Array:
        return predict(model, params, nbody_graphs.make_graph(positions, velocities, pairs))

    arrays = (split.positions, split.velocities, split.interactions)
    errors = {}
    for name, dtype in (("", jnp.float32), ("_float64", jnp.float64)):
        measured = audit.equivariance_error(
            of_arrays,
            jax.tree.map(np.asarray, params),
            *(array[:_AUDITED] for array in arrays),
            inputs=["invariant", "point", "vector", "pair"],
            output="point",
            dtype=dtype,
        )
        errors[f"equivariance_error{name}"] = measured.max
    return errors


def forward_milliseconds(
    model: registry.Model, params: PyTree, graphs: Graph, *, batch_size: int, repeats: int = 20
) -> float:
    """Time the compiled forward pass of one batch.

    Args:
        model: Maps a graph to predicted positions.
        params: Its variables.
        graphs: At least one batch of graphs.
        batch_size: Simulations per batch.
        repeats: Timed calls.

    Returns:
        The median, in milliseconds.
    """
    apply = jax.jit(functools.partial(predict, model))
    batch = jax.tree.map(lambda leaf: leaf[:batch_size], graphs)
    jax.block_until_ready(apply(params, batch))
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(apply(params, batch))
        times.append(time.perf_counter() - began)
    return round(1e3 * float(np.median(times)), 4)
