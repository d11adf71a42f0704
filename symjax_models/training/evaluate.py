"""Evaluation: losses of single examples, and the choice of the best parameters."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from symjax_models.training.state import TrainState
from symjax_models.training.step import Loss
from symjax_models.typing import Array, PyTree


def make_evaluate(loss: Loss, *, batch_size: int) -> Callable[[PyTree, PyTree], Array]:
    """Build a function that gives the loss of every example of a data set.

    Args:
        loss: Loss of every example of a batch; called with key None.
        batch_size: Examples at a time. The last batch is padded; padding never counts.

    Returns:
        A pure function of (params, data), without the axis of seeds, to losses `[M]`.
    """

    def evaluate(params: PyTree, data: PyTree) -> Array:
        count = jax.tree.leaves(data)[0].shape[0]
        size = min(batch_size, count)
        num_batches = -(-count // size)
        # Padding repeats the first example, so it is as finite as the data are.
        indices = jnp.pad(jnp.arange(count), (0, num_batches * size - count))
        batches = indices.reshape(num_batches, size)
        losses = jax.lax.map(
            lambda rows: loss(params, jax.tree.map(lambda values: values[rows], data), None),
            batches,
        )
        return losses.reshape(-1)[:count]

    return evaluate


def make_select(
    loss: Loss, *, batch_size: int
) -> Callable[[TrainState, PyTree], tuple[TrainState, Array]]:
    """Compile the validation of all seeds and the selection of their best parameters.

    Args:
        loss: Loss of every example of a batch.
        batch_size: Examples at a time.

    Returns:
        A function of (states, validation data) that **donates the states** and returns them
        with the best parameters updated, and the validation losses `[S]`.
    """
    evaluate = make_evaluate(loss, batch_size=batch_size)

    def one_seed(state: TrainState, data: PyTree) -> tuple[TrainState, Array]:
        value = jnp.mean(evaluate(state.eval_params, data))
        is_better = value < state.best_loss

        def choose(new: Array, old: Array) -> Array:
            return jnp.where(is_better, new, old)

        return dataclasses.replace(
            state,
            best_params=jax.tree.map(choose, state.eval_params, state.best_params),
            best_loss=choose(value, state.best_loss),
            best_step=choose(state.step, state.best_step),
        ), value

    return jax.jit(jax.vmap(one_seed, in_axes=(0, None)), donate_argnums=0)
