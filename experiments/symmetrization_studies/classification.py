"""Losses and accuracies of the studies that sort inputs into classes."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.typing import Array, PyTree

_CHUNK = 200  # examples that are evaluated at once

Logits = Callable[[PyTree, PyTree], Array]


def cross_entropy(logits: Array, labels: Array) -> Array:
    """Return `-log p(label)` of every example.

    Args:
        logits: `[B, classes]`.
        labels: `[B]`.

    Returns:
        `[B]`.

    >>> round(cross_entropy(jnp.zeros((1, 2)), jnp.array([1])).item(), 3)
    0.693
    """
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)[:, 0]


def correct(
    logits: Logits, params: PyTree, sets: Sequence[dict[str, np.ndarray]]
) -> list[np.ndarray]:
    """Tell which examples networks put into the right class.

    Args:
        logits: Maps parameters and a batch to logits `[B, classes]`.
        params: Parameters of all seeds, stacked.
        sets: Sets of examples: arrays of M examples each, among them `labels`.

    Returns:
        `[S, M]` bool for every set.
    """

    @jax.jit
    def guess(params: PyTree, batch: PyTree) -> Array:
        of_seed = lambda params: jnp.argmax(logits(params, batch), axis=-1)  # noqa: E731
        return jax.vmap(of_seed)(params)

    found = []
    for examples in sets:
        count = len(examples["labels"])
        parts = []
        for start in range(0, count, _CHUNK):
            # All chunks are of one length, for one compilation; the last one begins anew.
            index = np.arange(start, start + min(_CHUNK, count)) % count
            batch = {name: x[index] for name, x in examples.items()}
            parts.append(np.asarray(guess(params, batch)))
        found.append(np.concatenate(parts, axis=1)[:, :count] == examples["labels"])
    return found
