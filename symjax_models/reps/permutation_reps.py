"""Functions on a finite group and on its cosets, permuted by the group."""

import dataclasses
import functools
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, finite, matrices, restriction


@dataclasses.dataclass(frozen=True, repr=False)
class Quotient(finite.Tabulated):
    """State the functions on the cosets g H of a subgroup; made by `quotient` and `regular`.

    Args:
        group: The group.
        subgroup: H; the trivial group for functions on the group itself.
    """

    group: Group
    subgroup: Group

    @property
    def dim(self) -> int:
        """The number of cosets."""
        return self.actions.shape[1]

    @property
    def is_orthogonal(self) -> bool:
        """True: the matrices are permutations."""
        return True

    @property
    def dual(self) -> base.Rep:
        """Itself."""
        return self

    @property
    def actions(self) -> np.ndarray:
        """The coset to which each element takes each coset, `[order, dim]`, read-only."""
        return _actions(self.group, self.subgroup)

    @property
    def characters(self) -> np.ndarray:
        """The number of cosets that each element leaves in place, `[order]`."""
        return _fixed_points(self)

    def matrices(self, index: Any, dtype: Any) -> Any:
        """Return permutation matrices `[..., dim, dim]`."""
        xp = matrices.namespace(index)
        images = xp.asarray(self.actions)[index]
        return xp.swapaxes(xp.eye(self.dim, dtype=dtype)[images], -1, -2)

    def __str__(self) -> str:
        if isinstance(self.subgroup, groups.Trivial):
            return "regular"
        return f"[G/{self.subgroup!r}]"


def regular(group: Group) -> base.Rep:
    """Return the functions on a finite group, on which it acts by `(g f)(x) = f(g^-1 x)`.

    Component i belongs to the i-th of `group.elements`; `rho(g)` takes it to that of the product.
    It contains each irreducible representation, as often as its dimension over that of its
    endomorphisms.

    Args:
        group: A finite group.

    Returns:
        The representation by permutation matrices, of dimension `group.order`.

    Raises:
        ValueError: If the group is infinite or has too many elements to list and multiply.

    Numerics:
        One table of products, 64 MB at most; an element is found in `order n^2` operations.

    >>> regular(groups.C(4)).dim
    4
    """
    return quotient(group, groups.Trivial(group.n))


def quotient(group: Group, subgroup: Group) -> base.Rep:
    """Return the functions on the cosets g H of a subgroup, on which a finite group acts.

    What the group permutes transitively are the cosets of the stabilizer H of one thing: the faces
    of a cube are the cosets of the turns about one axis. The cosets are numbered in the order in
    which they appear in `group.elements`, so H itself is the first.

    Args:
        group: A finite group.
        subgroup: H, a group of matrices of the same size whose generators are in the group.

    Returns:
        The representation by permutation matrices, of dimension `group.order / subgroup.order`.

    Raises:
        ValueError: If the group is infinite or too large, or H is no subgroup.

    >>> quarter_turn = groups.Octahedral().discrete_generators[0]
    >>> faces = quotient(groups.Octahedral(), groups.MatrixGroup([quarter_turn], name="C4"))
    >>> faces, faces.dim
    ([G/C4] of Octahedral(), 6)
    """
    restriction.check_subgroup(group, subgroup)
    finite.check_index(group, subgroup)
    if subgroup.order == group.order:
        return base.Scalar(group)
    if subgroup.order == 1:
        subgroup = groups.Trivial(group.n)
    return Quotient(group, subgroup)


@functools.lru_cache(maxsize=32)
def _actions(group: Group, subgroup: Group) -> np.ndarray:
    first, label = finite.cosets(group, subgroup)
    of_generators = label[finite.left_products(group)[:, first]].astype(np.int32)
    identity = np.arange(len(first), dtype=np.int32)
    return finite.extend(group, of_generators, identity, lambda p, q: p[q])


@functools.lru_cache(maxsize=256)
def _fixed_points(rep: Quotient) -> np.ndarray:
    fixed = rep.actions == np.arange(rep.dim)
    return fixed.sum(axis=-1).astype(np.float64)
