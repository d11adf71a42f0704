"""The paths of a tensor product: which irreps couple to which, and with what factor."""

import collections
import dataclasses
import math

from symjax_models.reps import base
from symjax_models.reps.rotation.clebsch_gordan import coupling_degrees
from symjax_models.reps.rotation_irreps import kind_of_irrep


@dataclasses.dataclass(frozen=True)
class Path:
    """State one way of coupling two irreps to a third.

    Args:
        index1: Which summand of the first factor, in the order of its `terms`.
        index2: Which summand of the second.
        index_out: Which summand of the product.
        degrees: Their degrees (l1, l2, l3).
        normalization: What multiplies the Clebsch-Gordan tensor of Frobenius norm one.
    """

    index1: int
    index2: int
    index_out: int
    degrees: tuple[int, int, int]
    normalization: float

    @property
    def is_even(self) -> bool:
        """Whether l1 + l2 + l3 is even: in the frame of a direction, orders keep their sign."""
        return sum(self.degrees) % 2 == 0

    @property
    def pair(self) -> tuple[int, int]:
        """The summands that the path leads from and to, `(index1, index_out)`."""
        return self.index1, self.index_out


def find_paths(rep1: base.Rep, rep2: base.Rep, rep_out: base.Rep) -> tuple[Path, ...]:
    """List the paths of a product by the triangle rule and the product of parities.

    Args:
        rep1: First factor, a sum of irreps of SO(3) or O(3).
        rep2: Second factor.
        rep_out: The irreps wanted of the product.

    Returns:
        The paths, sorted by `index_out`, then `index1`, then `index2`. Each has the normalization
        sqrt(2 l3 + 1) / sqrt(number of paths into its irrep), with which independent factors and
        weights of unit variance give components of unit variance.

    Raises:
        ValueError: If a summand is no irrep of SO(3) or O(3).

    >>> from symjax_models import reps
    >>> V = reps.parse_irreps("1o")
    >>> [path.degrees for path in find_paths(V, V, reps.parse_irreps("0e+1e+2e"))]
    [(1, 1, 0), (1, 1, 1), (1, 1, 2)]
    """
    kinds1, kinds2, kinds_out = (irrep_kinds(rep) for rep in (rep1, rep2, rep_out))
    found = [
        (index1, index2, index_out, (l1, l2, l3))
        for index_out, (l3, p3) in enumerate(kinds_out)
        for index1, (l1, p1) in enumerate(kinds1)
        for index2, (l2, p2) in enumerate(kinds2)
        if l3 in coupling_degrees(l1, l2) and p1 * p2 == p3
    ]
    counts = collections.Counter(index_out for _, _, index_out, _ in found)
    return tuple(
        Path(
            index1, index2, index_out, degrees, math.sqrt((2 * degrees[2] + 1) / counts[index_out])
        )
        for index1, index2, index_out, degrees in found
    )


def irrep_kinds(rep: base.Rep) -> list[tuple[int, int]]:
    """Return degree and parity of every summand, or raise `ValueError`."""
    return [kind_of_irrep(term) for _, term in rep.terms]


def by_pair(paths: tuple[Path, ...]) -> dict[tuple[int, int], list[int]]:
    """Gather the positions of the paths that lead from one summand to one summand."""
    groups: dict[tuple[int, int], list[int]] = {}
    for position, path in enumerate(paths):
        groups.setdefault(path.pair, []).append(position)
    return groups
