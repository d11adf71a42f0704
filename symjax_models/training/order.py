"""The order of the training data, as a function of (seed, step)."""

import jax
import jax.numpy as jnp

from symjax_models.typing import Array, PRNGKey


def batches_per_epoch(num_examples: int, batch_size: int) -> int:
    """Count the full batches of an epoch.

    Args:
        num_examples: Size of the training set.
        batch_size: Size of a batch.

    Returns:
        The number of batches, at least one.

    Raises:
        ValueError: If a batch is larger than the training set.
    """
    if batch_size > num_examples:
        raise ValueError(
            f"batch_size ({batch_size}) must be at most the number of training examples "
            f"({num_examples})"
        )
    return num_examples // batch_size


def batch_indices(
    key: PRNGKey, start: Array, *, num_steps: int, num_examples: int, batch_size: int
) -> Array:
    """List the examples of several consecutive batches.

    Every epoch is a fresh permutation, drawn from the key and the number of the epoch; examples
    beyond the last full batch of an epoch are left out of it.

    Args:
        key: Key of the data order.
        start: Number of steps done before the first batch, an integer array `[]`.
        num_steps: Number of batches (static).
        num_examples: Size of the training set.
        batch_size: Size B of a batch, at most `num_examples`.

    Returns:
        Indices `[num_steps, B]`. They do not depend on how a run is cut into calls.

    Raises:
        ValueError: If a batch is larger than the training set.
    """
    per_epoch = batches_per_epoch(num_examples, batch_size)
    num_epochs = (num_steps + 2 * per_epoch - 2) // per_epoch  # touched by the steps at most

    def one_epoch(epoch: Array) -> Array:
        permutation = jax.random.permutation(jax.random.fold_in(key, epoch), num_examples)
        return permutation[: per_epoch * batch_size].reshape(per_epoch, batch_size)

    epochs = start // per_epoch + jnp.arange(num_epochs)
    batches = jax.vmap(one_epoch)(epochs).reshape(-1, batch_size)
    return jax.lax.dynamic_slice_in_dim(batches, start % per_epoch, num_steps)
