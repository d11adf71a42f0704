"""Group elements that do not depend on the input: all of a finite group, or random ones."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.ops.symmetrization import Frame
from symjax_models.typing import PRNGKey

_MOST_ELEMENTS = 10_000


@dataclasses.dataclass(frozen=True)
class WholeGroup:
    """Take all elements of a finite group: the group average.

    Attributes:
        group: A finite group of at most 10,000 elements.

    Raises:
        ValueError: If the group is infinite or larger.

    Equivariance:
        Exact for every input.

    >>> WholeGroup(groups.C(4))(jnp.zeros((7, 8, 8, 1))).elements.shape
    (4, 2, 2)
    """

    group: groups.Group

    def __post_init__(self) -> None:
        if not self.group.order <= _MOST_ELEMENTS:
            order = "infinitely many" if math.isinf(self.group.order) else f"{self.group.order:,}"
            raise ValueError(
                f"{self.group!r} has {order} elements, more than {_MOST_ELEMENTS:,}: average over "
                "Haar(group, num_samples) or over a frame"
            )

    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Return all elements, the same for every input."""
        del key
        elements = np.asarray(self.group.elements)
        dtype = _floating_of(x)
        return Frame(
            jnp.asarray(elements, dtype),
            jnp.asarray(np.linalg.inv(elements), dtype),
            jnp.full(len(elements), 1 / len(elements), dtype),
        )


@dataclasses.dataclass(frozen=True)
class Haar:
    """Draw elements of a group, without looking at the input: Monte Carlo of the group average.

    Attributes:
        group: The group; by Haar measure where it is compact, else by its documented law.
        num_samples: K.
        batch_axes: Number of leading axes of the input whose entries have elements of their own; by
            default all inputs share them.

    Equivariance:
        In expectation over keys for compact groups; the variance falls as 1 / K. For others, as
        E(d), the law is not invariant, and neither is the expectation.
    """

    group: groups.Group
    num_samples: int
    batch_axes: int = 0

    def __post_init__(self) -> None:
        check_num_samples(self.num_samples)

    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Draw elements.

        Raises:
            ValueError: If the key is missing.
        """
        key = check_key(key, what="Haar samples need")
        dtype = _floating_of(x)
        shape = (self.num_samples, *jax.tree.leaves(x)[0].shape[: self.batch_axes])
        elements = self.group.sample(key, shape, dtype=dtype)
        inverses = (
            jnp.swapaxes(elements, -1, -2).conj()
            if self.group.is_orthogonal
            else jnp.linalg.inv(elements)
        )
        return Frame(elements, inverses, jnp.full(shape, 1 / self.num_samples, dtype))


def _floating_of(x: Any) -> jnp.dtype:
    """Return the floating type of inputs, of which some may be integers."""
    return jnp.result_type(jnp.float32, *(leaf.dtype for leaf in jax.tree.leaves(x)))


def check_key(key: PRNGKey | None, *, what: str) -> PRNGKey:
    """Return a key, or raise a ValueError that says how to give one to what draws with it."""
    if key is None:
        raise ValueError(
            f"{what} a key: key=... of the call, or rngs={{'frames': ...}} of a module"
        )
    return key


def check_num_samples(number: int) -> None:
    """Raise a ValueError unless a number of samples is at least 1."""
    if number < 1:
        raise ValueError(f"expected num_samples of at least 1, got {number}")
