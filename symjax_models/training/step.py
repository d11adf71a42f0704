"""The compiled training step: k steps per dispatch, S seeds at once, donated state."""

import dataclasses
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from symjax_models.training import sharding
from symjax_models.training.batches import Batches
from symjax_models.training.state import TrainState, stream_key
from symjax_models.typing import Array, PRNGKey, PyTree

# Maps parameters, a batch with leading axis B, and a key (None in evaluation) to losses [B].
Loss = Callable[[PyTree, PyTree, PRNGKey | None], Array]


def make_train_chunk(
    loss: Loss,
    optimizer: optax.GradientTransformation,
    *,
    num_steps: int,
    batches: Batches,
    ema_decay: float | None = None,
    mesh: Mesh | None = None,
) -> Callable[[TrainState, PyTree, Array], tuple[TrainState, dict[str, Array]]]:
    """Compile `num_steps` training steps of all seeds into one call.

    Args:
        loss: Loss of every example of a batch; the step minimizes their mean.
        optimizer: The optimizer.
        num_steps: Steps per call, k. It changes the speed, never the result: to the bit, but for
            k = 1 on jax 0.11, whose compiler unrolls that loop and may round the last bit.
        batches: How the B examples of a step are drawn and put together, over all devices.
        ema_decay: Decay of the moving average; needed if the state carries one.
        mesh: Devices to spread every batch over; None for one device.

    Returns:
        A function of (states, data, number of such batches before) that **donates the states** and
        returns the new states and the metrics `loss` and `gradient_norm`, each `[S, k]`. `data` is
        what the batches are gathered from.
    """

    def mean_loss(params: PyTree, batch: PyTree, key: PRNGKey) -> Array:
        losses = loss(params, batch, key)
        chex.assert_shape(losses, (batches.batch_size,))  # one per example, not their mean
        return jnp.sum(losses) / batches.batch_size

    def one_seed(
        state: TrainState, data: PyTree, start: Array
    ) -> tuple[TrainState, dict[str, Array]]:
        step_stream = stream_key(state.seed, "step")

        def one_step(state: TrainState, indices: Array) -> tuple[TrainState, dict[str, Array]]:
            batch = batches.gather(data, indices)
            if mesh is not None:
                batch = sharding.split_batch(batch, mesh)
            key = jax.random.fold_in(step_stream, state.step)
            value, gradient = jax.value_and_grad(mean_loss)(state.params, batch, key)
            updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            ema = state.ema
            if ema is not None and ema_decay is not None:
                ema = optax.incremental_update(params, ema, 1 - ema_decay)
            state = dataclasses.replace(
                state, step=state.step + 1, params=params, opt_state=opt_state, ema=ema
            )
            return state, {"loss": value, "gradient_norm": optax.tree.norm(gradient)}

        indices = batches.shuffled(stream_key(state.seed, "order"), start, num_steps=num_steps)
        return jax.lax.scan(one_step, state, indices)

    return jax.jit(
        jax.vmap(one_seed, in_axes=(0, None, None)),
        donate_argnums=0,
        out_shardings=None if mesh is None else sharding.replicated(mesh),
    )
