"""Symmetric and alternating powers of representations."""

import collections
import dataclasses
import functools
import itertools
import math
from typing import Any

import numpy as np

from symjax_models.groups.base import Group
from symjax_models.reps import base, checks, defining, factor, matrices


@dataclasses.dataclass(frozen=True, repr=False)
class Power(base.Rep):
    """State the symmetric or alternating part of the k-fold tensor product of one representation.

    The components refer to an orthonormal basis: one vector for every multiset (set) of k basis
    vectors, in lexicographic order, which is their normalized symmetrized (antisymmetrized)
    product. `embedding` has these vectors as columns.

    Args:
        inner: What the power is of; no sum. Made by `symmetric_power` and `alternating_power`.
        degree: k, at least 2.
        is_symmetric: Which of the two it is.
    """

    inner: base.Rep
    degree: int
    is_symmetric: bool

    @property
    def group(self) -> Group:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The group of the inner representation."""
        return self.inner.group

    @property
    def dim(self) -> int:
        """Binomial(d + k - 1, k) for the symmetric power, binomial(d, k) for the alternating."""
        d = self.inner.dim
        return math.comb(d + self.degree - 1 if self.is_symmetric else d, self.degree)

    @property
    def is_orthogonal(self) -> bool:
        """That of the inner representation."""
        return self.inner.is_orthogonal

    @property
    def dual(self) -> base.Rep:
        """The same power of the dual."""
        return Power(self.inner.dual, self.degree, self.is_symmetric)

    @property
    def embedding(self) -> np.ndarray:
        """The isometry into the tensor power, `[d ** k, dim]` float64, read-only."""
        return _embedding(self.inner.dim, self.degree, self.is_symmetric)

    def _rho(self, g: Any) -> Any:
        matrix = functools.reduce(matrices.kron, [self.inner._rho(g)] * self.degree)
        return self._restrict(matrix)

    def _drho(self, a: Any) -> Any:
        # By symmetry each of the k terms of the product rule contributes the same.
        xp = matrices.namespace(a)
        rest = xp.eye(self.inner.dim ** (self.degree - 1), dtype=a.dtype)
        return self.degree * self._restrict(matrices.kron(self.inner._drho(a), rest))

    def _restrict(self, matrix: Any) -> Any:
        embedding = matrices.namespace(matrix).asarray(self.embedding, matrix.dtype)
        return matrices.matmul(embedding.T, matrices.matmul(matrix, embedding))

    def __str__(self) -> str:
        return f"{'Sym' if self.is_symmetric else 'Alt'}^{self.degree}({self.inner})"


def symmetric_power(rep: base.Rep, degree: int) -> base.Rep:
    """Return the symmetric part of the k-fold tensor product of a representation.

    Args:
        rep: The representation. The power of a sum is distributed over its summands.
        degree: k, at least 0.

    Returns:
        The symmetric power, of dimension binomial(d + k - 1, k).

    >>> from symjax_models import groups
    >>> symmetric_power(defining.vector(groups.SO(3)), 2).dim
    6
    """
    return _power(rep, checks.check_count(degree, what="a degree"), is_symmetric=True)


def alternating_power(rep: base.Rep, degree: int) -> base.Rep:
    """Return the alternating (exterior) part of the k-fold tensor product of a representation.

    Args:
        rep: The representation. The power of a sum is distributed over its summands.
        degree: k, at least 0.

    Returns:
        The alternating power, of dimension binomial(d, k): of V, `det` at k = n and nothing above.

    >>> from symjax_models import groups
    >>> V = defining.vector(groups.O(3))
    >>> alternating_power(V, 2).dim, alternating_power(V, 3), alternating_power(V, 4).dim
    (3, det of O(3), 0)
    """
    return _power(rep, checks.check_count(degree, what="a degree"), is_symmetric=False)


def _power(rep: base.Rep, degree: int, *, is_symmetric: bool) -> base.Rep:
    # Sym^k(A + B) is the sum of Sym^i(A) * Sym^(k-i)(B), and so for the alternating power.
    group = rep.group
    summands = [term for multiplicity, term in rep.terms for _ in range(multiplicity)]
    result = base.Sum(group, ())
    for chosen in itertools.combinations_with_replacement(range(len(summands)), degree):
        product: base.Rep = base.Scalar(group)
        for index, times in collections.Counter(chosen).items():
            product = product * _power_of_term(summands[index], times, is_symmetric=is_symmetric)
        result = result + product
    return result


def _power_of_term(rep: base.Rep, degree: int, *, is_symmetric: bool) -> base.Rep:
    if degree == 0:
        return base.Scalar(rep.group)
    if degree == 1:
        return rep
    if rep.dim == 1:
        return rep**degree if is_symmetric else base.Sum(rep.group, ())
    if not is_symmetric and degree > rep.dim:
        return base.Sum(rep.group, ())
    if isinstance(rep, factor.OfFactor):
        inner = _power(rep.inner, degree, is_symmetric=is_symmetric)
        return factor.of_factor(rep.group, rep.index, inner)
    if not is_symmetric and degree == rep.dim and isinstance(rep, defining.Vector):
        return defining.determinant(rep.group)
    return Power(rep, degree, is_symmetric)


@functools.lru_cache(maxsize=64)
def _embedding(d: int, degree: int, is_symmetric: bool) -> np.ndarray:
    choose = itertools.combinations_with_replacement if is_symmetric else itertools.combinations
    columns = list(choose(range(d), degree))
    matrix = np.zeros((d,) * degree + (len(columns),))
    for column, indices in enumerate(columns):
        for order in itertools.permutations(range(degree)):
            sign = 1.0 if is_symmetric else permutation_sign(order)
            matrix[(*(indices[i] for i in order), column)] += sign
    matrix = matrix.reshape(d**degree, len(columns))
    matrix /= np.linalg.norm(matrix, axis=0)
    matrix.setflags(write=False)
    return matrix


def permutation_sign(order: tuple[int, ...]) -> float:
    """Return the sign of a permutation, given as the images of 0, 1, ..."""
    inversions = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
    return -1.0 if inversions % 2 else 1.0
