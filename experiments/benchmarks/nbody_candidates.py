"""The training step in JAX, in three ways: our engine on both layouts, and as users write it."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import nbody_setting, rounds
from symjax_models.ops import graph
from symjax_models.training import batches, state, step
from symjax_models.typing import Array, PyTree


@dataclasses.dataclass(frozen=True)
class Peer:
    """Another way to do the training step.

    Attributes:
        name: Its name, with the version.
        loss: The mean loss of the first batch at the initial parameters.
        gradient_norm: The norm of its gradient.
        timed: Training steps.
        compile_seconds: Time of tracing and compilation; None if it is not compiled.
    """

    name: str
    loss: float
    gradient_norm: float
    timed: rounds.Candidate
    compile_seconds: float | None = None


def engine_steps(
    setting: nbody_setting.Setting, loss: step.Loss, *, seeds: Sequence[int]
) -> tuple[rounds.Candidate, float]:
    """Compile training steps of our engine.

    Args:
        setting: The setting.
        loss: Loss of every example of a batch.
        seeds: Seeds that are trained at once.

    Returns:
        The steps of all seeds, each seed's counted, and the seconds of tracing and compilation.
    """
    case = setting.case
    chunk = step.make_train_chunk(
        loss,
        setting.optimizer,
        num_steps=case.steps_per_dispatch,
        batches=batches.rows_of(setting.data, batch_size=case.batch_size),
    )
    held = state.make_states(setting.init, setting.optimizer, seeds=seeds, use_ema=False)
    done, began = 0, time.perf_counter()
    compiled = chunk.lower(held, setting.data, np.int32(0)).compile()
    seconds = time.perf_counter() - began

    def run() -> None:
        nonlocal held, done
        held, metrics = compiled(held, setting.data, np.int32(done))
        done += case.steps_per_dispatch
        jax.block_until_ready(metrics)

    return rounds.Candidate(run, case.steps_per_dispatch * len(seeds)), seconds


def sparse_peer(setting: nbody_setting.Setting, *, version: str) -> Peer:
    """Build the same model and engine on the sparse edge list."""

    def loss(params: PyTree, batch: PyTree, _: Any = None) -> Array:
        predictions = setting.model.apply(params, graph.to_sparse(batch["graph"]))
        errors = predictions.reshape(batch["targets"].shape) - batch["targets"]
        return jnp.mean(jnp.square(errors), axis=(-2, -1))

    value, norm, _ = nbody_setting.loss_and_norm(loss, setting.params, setting.first_batch())
    timed, seconds = engine_steps(setting, loss, seeds=[0])
    return Peer(f"symjax_models sparse {version}", value, norm, timed, seconds)


def plain_peer(setting: nbody_setting.Setting) -> Peer:
    """Build EGNN as one writes it first: all pairs and a mask, one compiled step per call."""
    held = (setting.params, setting.optimizer.init(setting.params))
    batches = [
        {name: values[rows] for name, values in setting.arrays.items()} for rows in setting.batches
    ]
    value, norm, _ = nbody_setting.loss_and_norm(plain_losses, setting.params, batches[0])

    def train_step(params: PyTree, opt_state: PyTree, batch: PyTree) -> tuple[PyTree, ...]:
        def mean_loss(params: PyTree) -> Array:
            return jnp.mean(plain_losses(params, batch))

        value, gradient = jax.value_and_grad(mean_loss)(params)
        updates, opt_state = setting.optimizer.update(gradient, opt_state, params)
        return jax.tree.map(jnp.add, params, updates), opt_state, value

    began = time.perf_counter()
    compiled = jax.jit(train_step).lower(*held, batches[0]).compile()
    seconds = time.perf_counter() - began

    def run() -> None:
        nonlocal held
        for batch in batches:
            *held, value = compiled(*held, batch)
        jax.block_until_ready(value)

    timed = rounds.Candidate(run, len(batches))
    return Peer(f"plain dense JAX {jax.__version__}", value, norm, timed, seconds)


def plain_losses(params: PyTree, batch: dict[str, Array]) -> Array:
    """Compute the squared errors of EGNN over all N x N pairs, `[B]`.

    Args:
        params: Parameters of `symjax_models.models.EGNN`.
        batch: A part of `Setting.arrays`.

    Returns:
        The mean squared error of every system.
    """
    params, positions, velocities = params["params"], batch["positions"], batch["velocities"]
    *_, num_nodes, _ = positions.shape
    mask = 1 - jnp.eye(num_nodes)[..., None]
    interactions = batch["interactions"][..., None]
    h = _dense(params["embedding"], jnp.linalg.norm(velocities, axis=-1, keepdims=True))
    initial = None
    for name in sorted(name for name in params if name.startswith("layer_")):
        layer = params[name]
        displacements = positions[:, :, None] - positions[:, None]
        distances = jnp.sum(displacements**2, axis=-1, keepdims=True)
        initial = distances if initial is None else initial
        pairs = (*interactions.shape[:-1], h.shape[-1])
        receivers = jnp.broadcast_to(h[:, :, None], pairs)
        senders = jnp.broadcast_to(h[:, None], pairs)
        inputs = jnp.concatenate([receivers, senders, distances, interactions, initial], axis=-1)
        hidden = jax.nn.silu(_dense(layer["phi_e_first"], inputs))
        messages = jax.nn.silu(_dense(layer["phi_e_second"], hidden))
        pulls = jnp.clip(displacements * _mlp(layer["phi_x"], messages), -100, 100)
        drift = _mlp(layer["phi_v"], h) * velocities
        positions = positions + jnp.sum(mask * pulls, axis=2) / (num_nodes - 1) + drift
        received = jnp.sum(mask * messages, axis=2)
        h = h + _mlp(layer["phi_h"], jnp.concatenate([h, received], axis=-1))
    return jnp.mean((positions - batch["targets"]) ** 2, axis=(-2, -1))


def _dense(params: PyTree, inputs: Array) -> Array:
    outputs = inputs @ params["kernel"]
    return outputs + params["bias"] if "bias" in params else outputs


def _mlp(params: PyTree, inputs: Array) -> Array:
    return _dense(params["Dense_1"], jax.nn.silu(_dense(params["Dense_0"], inputs)))
