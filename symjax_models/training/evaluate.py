"""Evaluation: losses of single examples, and the choice of the best parameters."""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.training.batches import Batches
from symjax_models.training.state import TrainState
from symjax_models.training.step import Loss
from symjax_models.typing import Array, PyTree


def make_evaluate(loss: Loss, batches: Sequence[Batches]) -> Callable[[PyTree, PyTree], Array]:
    """Build a function that gives the loss of every example of a data set.

    Args:
        loss: Loss of every example of a batch; called with key None.
        batches: How examples are put together, with one entry per shape; together they hold every
            example once. Where the last batches are filled up, that never counts.

    Returns:
        A pure function of (params, data), without the axis of seeds, to losses `[M]`.
    """

    def evaluate(params: PyTree, data: PyTree) -> Array:
        indices, losses = [], []
        for each in batches:
            rows = each.every_example()
            values = jax.lax.map(
                lambda some, each=each: loss(params, each.gather(data, some), None), rows
            )
            indices.append(rows[rows >= 0])
            losses.append(values[rows >= 0])
        order = np.argsort(np.concatenate(indices))
        return jnp.concatenate(losses)[order]

    return evaluate


def make_select(
    loss: Loss, batches: Sequence[Batches]
) -> Callable[[TrainState, PyTree], tuple[TrainState, Array]]:
    """Compile the validation of all seeds and the selection of their best parameters.

    Args:
        loss: Loss of every example of a batch.
        batches: How examples are put together, as of `make_evaluate`.

    Returns:
        A function of (states, validation data) that **donates the states** and returns them
        with the best parameters updated, and the validation losses `[S]`.
    """
    evaluate = make_evaluate(loss, batches)

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
