"""A pytree cut into pieces, each with the action that moves it."""

import dataclasses
from typing import Any, Protocol, Self

import jax
import jax.numpy as jnp
import numpy as np


class Action(Protocol):
    """What the audit asks of the ways in which a piece can transform."""

    @property
    def is_invariant(self) -> bool:
        """Whether the piece is a pytree of anything, left alone."""
        ...

    @property
    def cotangent(self) -> "Action":
        """How the gradient with respect to the piece transforms."""
        ...

    def act(self, element: Any, value: Any) -> Any:
        """Transform a piece, computed in float64 and returned in the dtype it came in."""
        ...


@dataclasses.dataclass(frozen=True)
class Typed[A: Action]:
    """Hold a pytree cut into pieces, each with its kind.

    Args:
      treedef: how the pieces make up the whole.
      kinds: kind of each piece.
      values: the pieces: one array or typed feature each, or for invariant ones any pytree.
      labels: what messages call each piece.
    """

    treedef: Any
    kinds: tuple[A, ...]
    values: tuple[Any, ...]
    labels: tuple[str, ...]

    @property
    def whole(self) -> Any:
        """The pytree put together again."""
        return jax.tree.unflatten(self.treedef, self.values)

    @property
    def moving(self) -> list[tuple[A, Any, str]]:
        """Kind, value and label of the pieces that are not invariant."""
        pieces = zip(self.kinds, self.values, self.labels, strict=True)
        return [piece for piece in pieces if not piece[0].is_invariant]

    def transform(self, element: Any) -> Self:
        """Let an element act on every piece."""
        moved = (
            kind.act(element, value) for kind, value in zip(self.kinds, self.values, strict=True)
        )
        return dataclasses.replace(self, values=tuple(moved))

    def cast(self, dtype: np.dtype) -> Self:
        """Convert every floating or complex leaf, inside invariant pieces too, on the host."""
        return dataclasses.replace(
            self, values=jax.tree.map(lambda leaf: _cast(leaf, dtype), self.values)
        )


def _cast(leaf: Any, dtype: np.dtype) -> Any:
    found = getattr(leaf, "dtype", None)
    if found is None or jnp.issubdtype(found, jax.dtypes.prng_key):
        return leaf
    # Integers come to the host too: JAX takes NumPy's int64 with and without jax.enable_x64, its
    # own only with.
    array = np.asarray(leaf)
    if jnp.issubdtype(found, jnp.floating):
        return array.astype(dtype)
    if jnp.issubdtype(found, jnp.complexfloating):
        return array.astype(np.result_type(dtype, np.complex64))
    return array
