"""Representations of a subgroup induced to a finite group."""

import dataclasses
import functools
from typing import Any

import numpy as np

from symjax_models.groups.base import Group
from symjax_models.reps import base, finite, matrices, permutation_reps, restriction
from symjax_models.reps.counting.characters import character


@dataclasses.dataclass(frozen=True, repr=False)
class Induced(finite.Tabulated):
    """State a representation W of a subgroup H induced to a finite group; made by `induce`.

    A vector holds one element of W for every coset: with first elements c_j of the cosets and
    `g c_j = c_i h`, h in H, the element g moves block j to block i and applies `W(h)` to it.

    Args:
        group: The group.
        inner: W; no sum.
    """

    group: Group
    inner: base.Rep

    @property
    def dim(self) -> int:
        """The number of cosets times the dimension of W."""
        return _moves(self.group, self.inner.group).shape[-1] * self.inner.dim

    @property
    def is_orthogonal(self) -> bool:
        """Whether W is."""
        return self.inner.is_orthogonal

    @property
    def dual(self) -> base.Rep:
        """Induced from the dual of W."""
        return induce(self.inner.dual, self.group)

    @property
    def characters(self) -> np.ndarray:
        """The traces of the blocks on the diagonal, `[order]`."""
        return _characters(self)

    def matrices(self, index: Any, dtype: Any) -> Any:
        """Return matrices `[..., dim, dim]`: one block in every row and column of blocks."""
        xp = matrices.namespace(index)
        moves = xp.asarray(_moves(self.group, self.inner.group))[index]
        targets, elements = moves[..., 0, :], moves[..., 1, :]
        blocks = xp.asarray(self.inner.rho(self.inner.group.elements), dtype)[elements]
        num_cosets, d = moves.shape[-1], self.inner.dim
        # [..., j, i]: whether block j moves to block i.
        is_moved = xp.eye(num_cosets, dtype=dtype)[targets]
        matrix = xp.einsum("...ji,...jab->...iajb", is_moved, blocks)
        return matrix.reshape(*index.shape, num_cosets * d, num_cosets * d)

    def __str__(self) -> str:
        return f"Ind({self.inner} of {self.inner.group!r})"


def induce(rep: base.Rep, group: Group) -> base.Rep:
    """Induce a representation of a subgroup to a finite group.

    It is the space of functions f on the group with values in W and `f(g h) = W(h)^-1 f(g)`: the
    maps from it to a representation U are those from W to the restriction of U (Frobenius).

    Args:
        rep: W, a representation of a subgroup H. A sum is induced summand by summand.
        group: A finite group of matrices of the same size that contains H.

    Returns:
        The representation, of dimension `dim W * group.order / H.order`; `quotient(group, H)` for
        the trivial W.

    Raises:
        ValueError: If the group is infinite or too large, does not contain H, or is complex while H
            is real.

    Source: J.-P. Serre, "Linear representations of finite groups", 1977, sections 3.3 and 7.2.

    >>> from symjax_models import groups, reps
    >>> induce(reps.vector(groups.C(3)), groups.D(3)).dim
    4
    """
    subgroup = rep.group
    restriction.check_subgroup(group, subgroup)
    finite.check_index(group, subgroup)
    if subgroup == group:
        return rep
    if subgroup.is_complex != group.is_complex:
        raise ValueError(f"expected a complex subgroup of {group!r}, got {subgroup!r}")
    return base.direct_sum(
        (
            (multiplicity * count, own)
            for multiplicity, term in rep.terms
            for count, own in _induce_term(term, group).terms
        ),
        group=group,
    )


def _induce_term(rep: base.Rep, group: Group) -> base.Rep:
    if isinstance(rep, base.Scalar):
        return permutation_reps.quotient(group, rep.group)
    return Induced(group, rep)


@functools.lru_cache(maxsize=32)
def _moves(group: Group, subgroup: Group) -> np.ndarray:
    """Return where each element takes each coset, and the h by which: `[order, 2, index]`."""
    first, label = finite.cosets(group, subgroup)
    representatives = group.elements[first]
    moved = group.discrete_generators[:, None] @ representatives
    targets = label[finite.left_products(group)[:, first]]
    inverses = np.linalg.inv(representatives)
    elements = finite.index_of(subgroup, inverses[targets] @ moved)
    products = _products(subgroup)

    def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.stack([a[0, b[0]], products[a[1, b[0]], b[1]]])

    identity = np.stack([np.arange(len(first)), np.zeros(len(first), np.intp)])
    of_generators = np.stack([targets, elements], axis=1)
    return finite.extend(group, of_generators, identity, multiply)


def _products(group: Group) -> np.ndarray:
    """Return the places of all products of two elements, `[order, order]`."""
    places = np.arange(len(group.elements))
    return finite.extend(group, finite.left_products(group), places, lambda p, q: p[q])


@functools.lru_cache(maxsize=256)
def _characters(rep: Induced) -> np.ndarray:
    moves = _moves(rep.group, rep.inner.group)
    of_subgroup = character(rep.inner, rep.inner.group.elements)
    is_fixed = moves[:, 0] == np.arange(moves.shape[-1])
    return (is_fixed * of_subgroup[moves[:, 1]]).sum(axis=-1)
