"""The defining representation of a group and its determinant."""

import dataclasses
import functools
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, factor, matrices


@dataclasses.dataclass(frozen=True, repr=False)
class Vector(base.Rep):
    """State the defining representation, `rho(g) = g`; made by `vector`."""

    group: Group

    @property
    def dim(self) -> int:
        """Size of the group's matrices."""
        return self.group.n

    def _rho(self, g: Any) -> Any:
        return g

    def _drho(self, a: Any) -> Any:
        return a

    def __str__(self) -> str:
        return "V"


@dataclasses.dataclass(frozen=True, repr=False)
class Determinant(base.Rep):
    """State a power of the determinant, `rho(g) = det(g)^power`; made by `determinant`."""

    group: Group
    power: int = 1

    @property
    def dim(self) -> int:
        """One."""
        return 1

    @property
    def dual(self) -> base.Rep:
        """The opposite power."""
        return determinant(self.group, power=-self.power)

    @property
    def is_orthogonal(self) -> bool:
        """Whether all determinants are of modulus one, also where the matrices are not unitary."""
        return self.group.is_orthogonal or _has_determinants_of_modulus_one(self.group)

    def _rho(self, g: Any) -> Any:
        return matrices.namespace(g).linalg.det(g)[..., None, None] ** self.power

    def _drho(self, a: Any) -> Any:
        return self.power * a.trace(axis1=-2, axis2=-1)[..., None, None]

    def __str__(self) -> str:
        return "det" if self.power == 1 else f"det^{self.power}"


@functools.cache
def _has_determinants_of_modulus_one(group: Group) -> bool:
    traces = group.lie_algebra.trace(axis1=-2, axis2=-1).real
    excess = np.abs(np.linalg.det(group.discrete_generators)) - 1.0
    return bool((np.abs([*traces, *excess]) <= group.tolerance).all())


def vector(group: Group) -> base.Rep:
    """Return the defining representation V of a group, by its own matrices.

    Args:
        group: The group. For a direct product, V is the sum of the factors' own.

    Returns:
        The representation, of dimension `group.n`.

    >>> vector(groups.SO(3))
    V of SO(3)
    """
    if isinstance(group, groups.DirectProduct):
        terms = [
            term
            for index, part in enumerate(group.factors)
            for term in factor.of_factor(group, index, vector(part)).terms
        ]
        return base.direct_sum(terms, group=group)
    return Vector(group)


def scalar(group: Group) -> base.Rep:
    """Return the trivial representation of a group, `rho(g) = 1`.

    >>> scalar(groups.SO(3)).dim
    1
    """
    return base.Scalar(group)


def determinant(group: Group, *, power: int = 1) -> base.Rep:
    """Return a power of the determinant: the sign for permutations, parity for O(n).

    Args:
        group: The group.
        power: The exponent; only its parity counts where determinants are 1 and -1.

    Returns:
        The one-dimensional representation; `scalar(group)` where it is trivial. For a direct
        product it is the product of the factors' own.

    >>> determinant(groups.O(3)), determinant(groups.SO(3)), determinant(groups.O(3), power=2)
    (det of O(3), 1 of SO(3), 1 of O(3))
    """
    if isinstance(group, groups.DirectProduct):
        result: base.Rep = base.Scalar(group)
        for index, part in enumerate(group.factors):
            result = result * factor.of_factor(group, index, determinant(part, power=power))
        return result
    signs = np.linalg.det(group.discrete_generators)
    traces = np.trace(group.lie_algebra, axis1=-2, axis2=-1)
    has_traces = bool(np.any(np.abs(traces) > group.tolerance))
    close = functools.partial(np.allclose, atol=max(1e-8, group.tolerance))
    if not has_traces and close(np.abs(signs.imag), 0) and close(signs.real**2, 1):
        power = power % 2
    is_trivial = power == 0 or (not has_traces and close(signs**power, 1))
    return base.Scalar(group) if is_trivial else Determinant(group, power)
