"""Counts of invariants of S(n), A(n) and B(n), as averages of characters over cycle types.

Source: W. Fulton, J. Harris, "Representation theory", 1991, sections 2.1, 2.2 and 4; I. G.
Macdonald, "Symmetric functions and Hall polynomials", 1995, appendix B (signed cycle types).
"""

import functools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from symjax_models.reps.counting.schur import Factor

Family = Literal["S", "A", "B"]
# Cycles of an element: pairs of a length and the sign that goes once around, 1 except in B(n).
Cycles = tuple[tuple[int, int], ...]


def invariants(family: Family, factors: tuple[Factor, ...], *, n: int, is_odd: bool) -> int:
    """Count invariants of a product of powers of the natural representation on R^n.

    For products of V alone this is a sum of Stirling numbers, else the average of the character
    over the classes of the group.

    Args:
        family: `"S"`, `"A"` or `"B"`: all, the even, or the signed permutations.
        factors: Pairs of a degree and 1 or -1: Sym^k V or Alt^k V.
        n: Number of things permuted.
        is_odd: Count vectors that change sign with the determinant instead.

    Returns:
        The number.
    """
    degree = sum(k for k, _ in factors)
    if family != "B" and all(k == 1 for k, _ in factors):
        plain = sum(stirling(degree, blocks) for blocks in range(min(n, degree) + 1))
        # Patterns of indices whose stabilizer has no odd element: at least n - 1 distinct ones.
        signed = stirling(degree, n) + stirling(degree, n - 1) if n > 1 else plain
        if family == "A":
            return plain + signed if n > 1 else plain
        return signed if is_odd else plain
    # Invariants of degree d do not change any more once n >= d, those with a sign vanish.
    n = min(n, degree + 2)
    total = Fraction(0)
    for cycles, weight in _classes(family, n):
        determinant = math.prod(sign * (-1) ** (length - 1) for length, sign in cycles)
        if family == "A" and determinant < 0:
            continue
        weight *= 2 if family == "A" and n > 1 else 1
        character = math.prod(_power_character(k, sign, cycles) for k, sign in factors)
        total += weight * character * (determinant if is_odd else 1)
    assert total.denominator == 1
    return int(total)


@functools.lru_cache(maxsize=4096)
def stirling(m: int, blocks: int) -> int:
    """Count the partitions of m points into so many blocks: Stirling numbers, second kind.

    >>> [stirling(4, blocks) for blocks in range(5)]
    [0, 1, 7, 6, 1]
    """
    if m == 0 or blocks <= 0:
        return int(m == 0 and blocks == 0)
    return blocks * stirling(m - 1, blocks) + stirling(m - 1, blocks - 1)


@functools.lru_cache(maxsize=65536)
def _power_character(degree: int, sign: int, cycles: Cycles) -> Fraction:
    """Return the character of Sym^k V or Alt^k V, by Newton's identity from power sums."""
    if degree == 0:
        return Fraction(1)
    return (
        sum(
            (
                (Fraction(1) if sign > 0 else Fraction((-1) ** (i - 1)))
                * _trace_of_power(i, cycles)
                * _power_character(degree - i, sign, cycles)
                for i in range(1, degree + 1)
            ),
            Fraction(0),
        )
        / degree
    )


def _trace_of_power(exponent: int, cycles: Cycles) -> int:
    # A cycle of length l contributes to the trace of g^i when l divides i.
    return sum(
        length * sign ** (exponent // length) for length, sign in cycles if exponent % length == 0
    )


def _classes(family: Family, n: int) -> Iterator[tuple[Cycles, Fraction]]:
    """Yield the conjugacy classes of S(n) or B(n) with their share of the group."""
    signs = (1, -1) if family == "B" else (1,)
    kinds = [(length, sign) for length in range(1, n + 1) for sign in signs]

    def extend(start: int, left: int) -> Iterator[tuple[Cycles, Fraction]]:
        if left == 0:
            yield (), Fraction(1)
            return
        for index in range(start, len(kinds)):
            length, sign = kinds[index]
            for count in range(1, left // length + 1):
                centralizer = (length * len(signs)) ** count * math.factorial(count)
                for cycles, weight in extend(index + 1, left - count * length):
                    yield ((length, sign),) * count + cycles, weight / centralizer

    return extend(0, n)
