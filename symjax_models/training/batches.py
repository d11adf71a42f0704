"""How batches are made of examples: which ones, in which order, and how they are put together."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import chex
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.training import order
from symjax_models.typing import Array, PRNGKey, PyTree

_TURN = 20  # steps of one shape; long ones would forget the others


class Batches(Protocol):
    """Batches of one shape."""

    @property
    def num_examples(self) -> int:
        """Number of examples that batches are made of."""
        ...

    @property
    def batch_size(self) -> int:
        """Examples per batch, B."""
        ...

    def shuffled(self, key: PRNGKey, start: Array, *, num_steps: int) -> Array:
        """List the examples of several consecutive training batches, `[num_steps, B]`."""
        ...

    def every_example(self) -> np.ndarray:
        """List batches `[M, B]` that hold every example; -1 fills the last ones."""
        ...

    def gather(self, data: PyTree, indices: Array) -> PyTree:
        """Put the examples `[B]` together; those of -1 may hold anything finite."""
        ...


@dataclasses.dataclass(frozen=True)
class Rows:
    """Batches of the rows of arrays, in a fresh random order in every epoch.

    Attributes:
        num_examples: Length of the leading axis of the arrays.
        batch_size: Rows per batch.
    """

    num_examples: int
    batch_size: int

    def shuffled(self, key: PRNGKey, start: Array, *, num_steps: int) -> Array:
        """List the examples of several consecutive batches; see `order.batch_indices`."""
        return order.batch_indices(
            key,
            start,
            num_steps=num_steps,
            num_examples=self.num_examples,
            batch_size=self.batch_size,
        )

    def every_example(self) -> np.ndarray:
        """List batches in the order of the rows."""
        size = min(self.batch_size, self.num_examples)
        count = -(-self.num_examples // size)
        indices = np.arange(count * size)
        return np.where(indices < self.num_examples, indices, -1).reshape(count, size)

    def gather(self, data: PyTree, indices: Array) -> PyTree:
        """Take rows; that of -1 is the first one."""
        return jax.tree.map(lambda values: values[jnp.maximum(indices, 0)], data)


def rows_of(data: PyTree, *, batch_size: int) -> Rows:
    """Make batches of the rows of arrays that have one leading axis in common."""
    leaves = jax.tree.leaves(data)
    chex.assert_equal_shape_prefix(leaves, 1)
    return Rows(leaves[0].shape[0], batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class SizeStrata:
    """Batches that take one example of each of B strata of similar size.

    See `data.batch_plan.SizeClass`: all batches fit into one shape, and little of it is padding.
    Within its stratum every example is drawn once per epoch; if B does not divide their number,
    a fresh choice of the others is left out of every epoch.

    Attributes:
        members: Indices of the examples, sorted by size.
        batch_size: B.
        gather: Puts examples together, `(data, indices [B]) -> batch`.
    """

    members: np.ndarray
    batch_size: int
    gather: Callable[[PyTree, Array], PyTree]

    @property
    def num_examples(self) -> int:
        """Number of examples."""
        return len(self.members)

    def shuffled(self, key: PRNGKey, start: Array, *, num_steps: int) -> Array:
        """List the examples of several consecutive batches, as a function of (key, step)."""
        per_epoch = order.batches_per_epoch(self.num_examples, self.batch_size)
        num_epochs = (num_steps + 2 * per_epoch - 2) // per_epoch

        def one_epoch(epoch: Array) -> Array:
            choose, shuffle = jax.random.split(jax.random.fold_in(key, epoch))
            chosen = jax.random.permutation(choose, self.num_examples)
            ranks = jnp.sort(chosen[: per_epoch * self.batch_size])
            strata = ranks.reshape(self.batch_size, per_epoch)
            return jax.random.permutation(shuffle, strata, axis=1, independent=True).T

        epochs = start // per_epoch + jnp.arange(num_epochs)
        ranks = jax.vmap(one_epoch)(epochs).reshape(-1, self.batch_size)
        ranks = jax.lax.dynamic_slice_in_dim(ranks, start % per_epoch, num_steps)
        return jnp.asarray(self.members)[ranks]

    def every_example(self) -> np.ndarray:
        """List batches of which each holds one example of every stratum."""
        count = -(-self.num_examples // self.batch_size)
        batches = np.full((count, self.batch_size), -1)
        # As even as can be, so that no stratum reaches beyond what it may hold in training.
        for column, members in enumerate(np.array_split(self.members, self.batch_size)):
            batches[: len(members), column] = members
        return batches


def take_turns(batches: Sequence[Batches], *, num_steps: int) -> Iterator[tuple[int, int]]:
    """Decide of which shape each call of several steps is, if there are batches of several shapes.

    Shapes take turns of 20 steps, so that the number of steps per call changes no result. Every
    shape gets a share of the turns as large as its share of the batches, spread evenly.

    Args:
        batches: One entry per shape.
        num_steps: Steps per call.

    Yields:
        For every call, which entry, and how many steps it had before.

    Raises:
        ValueError: If a batch is larger than the set of its examples, or calls do not fill turns.
    """
    steps = np.array([order.batches_per_epoch(b.num_examples, b.batch_size) for b in batches])
    if len(batches) > 1 and _TURN % num_steps:
        fitting = [n for n in range(1, _TURN + 1) if _TURN % n == 0]
        raise ValueError(
            f"batches of {len(batches)} shapes take turns of {_TURN} steps, which calls of "
            f"{num_steps} steps do not fill; {', '.join(map(str, fitting))} fit"
        )
    turn = _TURN if len(batches) > 1 else num_steps
    shares, counts = steps / steps.sum(), np.zeros(len(batches), int)
    for number in itertools.count(1):
        chosen = int(np.argmax(number * shares - counts))
        for start in range(0, turn, num_steps):
            yield chosen, int(counts[chosen]) * turn + start
        counts[chosen] += 1
