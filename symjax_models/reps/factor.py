"""Representations of one factor of a direct product."""

import dataclasses
from typing import Any

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base


@dataclasses.dataclass(frozen=True, repr=False)
class OfFactor(base.Rep):
    """State a representation in which only one factor of a direct product acts.

    Args:
        group: The direct product.
        index: Which of its factors acts.
        inner: How it acts; neither a sum nor a product. Made by `of_factor`.
    """

    group: groups.DirectProduct  # pyright: ignore[reportIncompatibleVariableOverride]
    index: int
    inner: base.Rep

    @property
    def dim(self) -> int:
        """That of the factor's representation."""
        return self.inner.dim

    @property
    def is_orthogonal(self) -> bool:
        """That of the factor's representation."""
        return self.inner.is_orthogonal

    @property
    def dual(self) -> base.Rep:
        """The dual of the factor's representation, of the same factor."""
        return of_factor(self.group, self.index, self.inner.dual)

    def _rho(self, g: Any) -> Any:
        return self.inner._rho(self.group.split(g)[self.index])

    def _drho(self, a: Any) -> Any:
        return self.inner._drho(self.group.split(a)[self.index])

    def __str__(self) -> str:
        return f"{self.inner}[{self.index}]"


def of_factor(group: Group, index: int, rep: base.Rep) -> base.Rep:
    """Let one factor of a direct product act by a representation of its own.

    Products of such representations are the external tensor products: for `G = O(3) x S(5)`,
    `of_factor(G, 0, V) * of_factor(G, 1, W)` is five vectors in space, to be permuted.

    Args:
        group: A direct product.
        index: Which of its factors acts, from 0.
        rep: A representation of that factor.

    Returns:
        The representation of the product, of the same dimension.

    Raises:
        ValueError: If the group is no direct product, has no such factor, or the representation is
            not of it.

    >>> from symjax_models import reps
    >>> G = groups.DirectProduct(groups.O(3), groups.S(5))
    >>> of_factor(G, 0, reps.vector(groups.O(3))) * of_factor(G, 1, reps.vector(groups.S(5)))
    V[0]*V[1] of DirectProduct(O(3), S(5))
    """
    if not isinstance(group, groups.DirectProduct):
        raise ValueError(f"expected a groups.DirectProduct, got {group!r}")
    if not 0 <= index < len(group.factors):
        raise ValueError(f"{group!r} has factors 0 to {len(group.factors) - 1}, got {index}")
    if rep.group != group.factors[index]:
        raise ValueError(
            f"factor {index} of {group!r} is {group.factors[index]!r}, got a representation of "
            f"{rep.group!r}"
        )
    return base.direct_sum(
        (
            (multiplicity, _product(group, [OfFactor(group, index, f) for f in term.factors]))
            for multiplicity, term in rep.terms
        ),
        group=group,
    )


def _product(group: Group, factors: list[base.Rep]) -> base.Rep:
    result: base.Rep = base.Scalar(group)
    for part in factors:
        result = result * part
    return result
