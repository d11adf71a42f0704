"""Symmetric groups S(n): permutations of n things."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False)
class S(base.Group):
    """State the symmetric group, as permutation matrices.

    The matrix of a permutation ``p`` takes the basis column ``e_j`` to ``e_p(j)``: row ``p(j)`` of
    ``g x`` is row ``j`` of ``x``. The discrete generators are the swap of the first two things and,
    for ``n > 2``, the cycle that moves each thing one place on. Samples are uniform over all ``n!``
    permutations.

    Args:
      degree: ``n``, the number of things permuted.

    Raises:
      ValueError: if ``degree`` is not a whole number of at least 1.

    >>> S(5)
    S(5)
    >>> S(5).discrete_generators.shape, S(2).discrete_generators.shape
    ((2, 5, 5), (1, 2, 2))
    """

    degree: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", base.check_size(self.degree, name="S(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.degree

    @property
    def order(self) -> int:
        """The number of elements, ``n!``."""
        return math.factorial(self.n)

    def _make_discrete_generators(self) -> np.ndarray:
        identity = np.eye(self.n)
        swap = identity[[1, 0, *range(2, self.n)]] if self.n > 1 else None
        cycle = np.roll(identity, 1, axis=0) if self.n > 2 else None
        generators = [g for g in (swap, cycle) if g is not None]
        return np.reshape(generators, (-1, self.n, self.n))

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        # jax.random.permutation, not one argsort of uniforms, whose ties would favour the identity.
        ordered = jnp.broadcast_to(jnp.arange(self.n), (*shape, self.n))
        columns = jax.random.permutation(key, ordered, axis=-1, independent=True)
        return jax.nn.one_hot(columns, self.n, dtype=dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        nearest = (matrix > 0.5).astype(np.float64)
        entries = np.abs(matrix - nearest).max(axis=(-2, -1))
        rows = np.abs(nearest.sum(axis=-1) - 1.0).max(axis=-1)
        columns = np.abs(nearest.sum(axis=-2) - 1.0).max(axis=-1)
        return np.maximum(entries, np.maximum(rows, columns))
