"""Alternating groups A(n): even permutations of n things."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base, symmetric


@dataclasses.dataclass(frozen=True, repr=False)
class A(base.Group):
    """State the alternating group, as permutation matrices of determinant 1.

    The matrix of a permutation ``p`` takes the basis column ``e_j`` to ``e_p(j)``. The discrete
    generators are the cycle of the first three things and, for ``n > 3``, the longest cycle of odd
    length: of all things if ``n`` is odd, of all but the first if it is even. Samples are uniform.

    Args:
      degree: ``n``, the number of things permuted.

    Raises:
      ValueError: if ``degree`` is not a whole number of at least 1.

    >>> A(5), A(5).order, len(A(5).elements)
    (A(5), 60, 60)
    """

    degree: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", base.check_size(self.degree, name="A(n)"))

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.degree

    @property
    def order(self) -> int:
        """The number of elements, ``n! / 2`` for ``n > 1``."""
        return max(1, math.factorial(self.n) // 2)

    def _make_discrete_generators(self) -> np.ndarray:
        identity = np.eye(self.n)
        generators = []
        if self.n > 2:
            generators.append(identity[[2, 0, 1, *range(3, self.n)]])
        if self.n > 3:
            fixed = 1 - self.n % 2
            cycle = np.roll(np.arange(fixed, self.n), 1)
            generators.append(identity[[*range(fixed), *cycle]])
        return np.reshape(generators, (-1, self.n, self.n))

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        g = symmetric.S(self.n)._sample(key, shape, dtype)
        if self.n == 1:
            return g
        # Swapping two columns maps the odd permutations one to one on the even ones.
        swapped = g.at[..., :2].set(g[..., 1::-1])
        return jnp.where(jnp.linalg.det(g)[..., None, None] > 0, g, swapped)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        volume = np.abs(np.linalg.det(matrix) - 1.0)
        return np.maximum(symmetric.S(self.n)._residual(matrix), volume)
