"""Hyperoctahedral groups B(n): permutations and sign changes of n axes."""

import dataclasses
import math

import jax
import numpy as np

from symjax_models.groups import base, orthogonal, symmetric


@dataclasses.dataclass(frozen=True, repr=False)
class B(base.Group):
    """State the hyperoctahedral group: signed permutation matrices, the symmetries of the n-cube.

    The discrete generators are those of ``S(n)`` and then the reflection of the first axis. Samples
    are uniform.

    Args:
      dimension: ``n``, the dimension of the cube.

    Raises:
      ValueError: if ``dimension`` is not a whole number of at least 1.

    >>> B(3), B(3).order
    (B(3), 48)
    """

    dimension: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", base.check_size(self.dimension, name="B(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.dimension

    @property
    def order(self) -> int:
        """The number of elements, ``2^n n!``."""
        return 2**self.n * math.factorial(self.n)

    def _make_discrete_generators(self) -> np.ndarray:
        permutations = symmetric.S(self.n).discrete_generators
        return np.concatenate([permutations, orthogonal.O(self.n).discrete_generators])

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        order_key, sign_key = jax.random.split(key)
        signs = jax.random.rademacher(sign_key, (*shape, 1, self.n), dtype)
        return signs * symmetric.S(self.n)._sample(order_key, shape, dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return symmetric.S(self.n)._residual(np.abs(matrix))
