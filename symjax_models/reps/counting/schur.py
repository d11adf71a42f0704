"""Tensor powers of V as sums of Schur functors, by Pieri's rule.

Every product of V, its symmetric and its alternating powers is a sum of Schur functors S_lambda(V)
over partitions lambda, independently of the dimension of V. Which of them contain invariants of a
classical group is known in closed form.

Source: W. Fulton, J. Harris, "Representation theory", 1991, appendix A (Pieri) and sections 6.1 and
25.3; D. E. Littlewood, "The theory of group characters", 1950, chapter 11 (invariants of the
orthogonal and symplectic groups in S_lambda(V)).
"""

import collections
import functools

# A partition of a number, as its parts in decreasing order, and how often each functor occurs.
Partition = tuple[int, ...]
Functor = collections.Counter[Partition]

# A factor of a tensor product: k and whether it is Sym^k V (1) or Alt^k V (-1).
Factor = tuple[int, int]


@functools.lru_cache(maxsize=4096)
def product(factors: tuple[Factor, ...]) -> Functor:
    """Multiply symmetric and alternating powers of V.

    Args:
        factors: The powers; V itself is `(1, 1)`.

    Returns:
        The multiplicity of every Schur functor.

    >>> product(((1, 1), (1, 1)))
    Counter({(1, 1): 1, (2,): 1})
    """
    if not factors:
        return collections.Counter({(): 1})
    *rest, (degree, sign) = factors
    result: Functor = collections.Counter()
    for partition, count in product(tuple(rest)).items():
        shape = partition if sign > 0 else conjugate(partition)
        for larger in _horizontal_strips(shape, degree):
            result[larger if sign > 0 else conjugate(larger)] += count
    return result


def conjugate(partition: Partition) -> Partition:
    """Exchange rows and columns of a partition's diagram."""
    return tuple(sum(part > i for part in partition) for i in range(max(partition, default=0)))


def _horizontal_strips(partition: Partition, size: int) -> list[Partition]:
    """Add boxes, no two of them in one column."""
    rows = (*partition, 0)

    def add(index: int, left: int) -> list[Partition]:
        if index == len(rows):
            return [()] if left == 0 else []
        # A row may grow up to the old length of the row above it.
        room = left if index == 0 else min(left, rows[index - 1] - rows[index])
        return [
            (rows[index] + more, *below)
            for more in range(room + 1)
            for below in add(index + 1, left - more)
        ]

    return [tuple(part for part in shape if part) for shape in add(0, size)]


def orthogonal_invariants(functor: Functor, *, n: int, is_odd: bool) -> int:
    """Count invariants of O(n), or with `is_odd` vectors that change sign with the determinant.

    S_lambda(V) has one invariant if lambda has at most n rows, all even; and one of the other kind
    if lambda has exactly n rows, all odd.
    """
    if is_odd:
        return sum(
            count for rows, count in functor.items() if len(rows) == n and all(r % 2 for r in rows)
        )
    return sum(
        count for rows, count in functor.items() if len(rows) <= n and all(r % 2 == 0 for r in rows)
    )


def symplectic_invariants(functor: Functor, *, n: int) -> int:
    """Count invariants of Sp(n), n even: one if lambda has at most n rows, in equal pairs."""
    return sum(
        count
        for rows, count in functor.items()
        if len(rows) <= n and len(rows) % 2 == 0 and rows[::2] == rows[1::2]
    )


def linear_maps(source: Functor, target: Functor, *, n: int, power: int | None) -> int:
    """Count maps of GL(n) from one functor of V to another, up to a power of the determinant.

    Args:
        source: What the maps take.
        target: What they return.
        n: Dimension of V.
        power: The maps f with `g f g^-1 = det(g)^power f`; None for any power, as for SL(n).
    """

    def reduce(rows: Partition) -> tuple[Partition, int]:
        # S_lambda(V) with n rows is a smaller functor times a power of the determinant.
        last = rows[-1] if len(rows) == n else 0
        return tuple(r - last for r in rows if r > last), last

    def by_shape(functor: Functor) -> collections.Counter[tuple[Partition, int]]:
        found: collections.Counter[tuple[Partition, int]] = collections.Counter()
        for rows, count in functor.items():
            if len(rows) <= n:
                found[reduce(rows)] += count
        return found

    return sum(
        count * other
        for (shape, last), count in by_shape(source).items()
        for (wanted, level), other in by_shape(target).items()
        if shape == wanted and (power is None or level - last == power)
    )
