"""Highest weights of the irreducible parts of representations of classical groups.

A weight is how the diagonal matrices of the complexified group act on a vector. The weights of a
representation, with multiplicities, are its formal character, and multiplied by Weyl's denominator
this becomes an alternating sum in which every irreducible part has one dominant term.

Source: W. Fulton, J. Harris, "Representation theory", 1991, section 24.1.
"""

import collections
import functools
import itertools
import math
from fractions import Fraction

from symjax_models.groups.base import Group
from symjax_models.reps import base
from symjax_models.reps.formal_character import (
    SPECIAL_LINEAR,
    Character,
    Weight,
    add,
    family_of,
    formal_character,
    has_inversion,
    rank,
)


def decompose_weights(rep: base.Rep) -> dict[Weight, int]:
    """Count the irreducible parts of a representation of a classical group.

    Args:
        rep: A representation built from V by sums, products, duals, symmetric and alternating
            powers, and powers of the determinant, of SO, SU, U, Sp, of one of their real forms SL,
            GL, GL+, SO(p, q) and the Lorentz group, which count like the complexified group, or of
            O(n), n odd. For SO(3) and O(3) also from their irreps.

    Returns:
        The multiplicity of each highest weight, highest first. For U(n) a weight holds n whole
        numbers in decreasing order; for SU(n) the last is 0; for SO(n) and Sp(n) there are n / 2,
        rounded down, of which the last may be negative for SO(n), n even: the degree l for SO(3).
        For O(n) there follows 0 if the inversion leaves the part alone, and 1 if it changes signs.

    Raises:
        ValueError: If the group is another one or the representation built in another way.

    >>> from symjax_models import groups, reps
    >>> V = reps.vector(groups.SO(3))
    >>> decompose_weights(V * V)
    {(2,): 1, (1,): 1, (0,): 1}
    >>> W = reps.vector(groups.SU(3))
    >>> decompose_weights(W * W.dual)
    {(2, 1, 0): 1, (0, 0, 0): 1}
    """
    found = known_highest_weights(rep)
    if found is None:
        raise ValueError(
            f"expected a representation built from V of SO, SU, U, Sp, one of their real forms, or "
            f"O(n) with odd n, got {rep!r}"
        )
    return dict(sorted(found.items(), reverse=True))


def dimension_of_weight(group: Group, weight: Weight) -> int:
    """Return the dimension of the irreducible representation with a highest weight.

    Args:
        group: SO, SU, U, Sp or one of their real forms, or O(n), n odd.
        weight: As `decompose_weights` returns it.

    Returns:
        The dimension, by Weyl's formula.

    Raises:
        ValueError: If the group is another one, or the weight not a dominant one of it.

    Source: W. Fulton, J. Harris, "Representation theory", 1991, corollary 24.6.

    >>> from symjax_models import groups
    >>> dimension_of_weight(groups.SU(3), (2, 1, 0)), dimension_of_weight(groups.SO(3), (2,))
    (8, 5)
    """
    family = family_of(group)
    if family is None:
        raise ValueError(
            f"expected SO, SU, U, Sp, one of their real forms, or O(n) with odd n, got {group!r}"
        )
    size, inverts = rank(family, group.n), has_inversion(group)
    highest, parity = weight[:size], weight[size:]
    roots = _positive_roots(family, group.n)
    fits = len(weight) == size + inverts and set(parity) <= {0, 1}
    if not fits or not _is_dominant(highest, roots):
        what = f"{size + inverts} entries" + ", the last of them 0 or 1" * inverts
        raise ValueError(f"a highest weight of {group!r} has {what}, got {weight}")
    # Twice Weyl's vector, half the sum of the positive roots.
    rho = tuple(map(sum, zip(*roots, strict=True))) if roots else (0,) * size
    shifted = tuple(2 * w + r for w, r in zip(highest, rho, strict=True))
    result = math.prod(
        (Fraction(_dot(shifted, root), _dot(rho, root)) for root in roots), start=Fraction(1)
    )
    return int(result)


@functools.lru_cache(maxsize=1024)
def known_highest_weights(rep: base.Rep) -> Character | None:
    """Decompose like `decompose_weights`, or return None for other representations."""
    family = family_of(rep.group)
    product = None if family is None else formal_character(rep)
    if family is None or product is None:
        return None
    roots = _positive_roots(family, rep.group.n)
    if has_inversion(rep.group):
        roots = tuple((*root, 0) for root in roots)
        product = _with_parities(product)
    for root in roots:
        lowered = {
            tuple(w - r for w, r in zip(weight, root, strict=True)): count
            for weight, count in product.items()
        }
        product = add(product, lowered, factor=-1)
    result: Character = collections.Counter()
    for weight, count in product.items():
        if _is_dominant(weight, roots):
            # All weights of SL differ by multiples of (1, ..., 1) from those of GL.
            last = weight[-1] if isinstance(rep.group, SPECIAL_LINEAR) else 0
            result[tuple(w - last for w in weight)] += count
    return result


def _with_parities(character: Character) -> Character:
    """Read the last entry of every weight modulo 2."""
    result: Character = collections.Counter()
    for weight, count in character.items():
        result[*weight[:-1], weight[-1] % 2] += count
    return result


@functools.lru_cache(maxsize=64)
def _positive_roots(family: str, n: int) -> tuple[Weight, ...]:
    size = rank(family, n)

    def root(*entries: tuple[int, int]) -> Weight:
        values = [0] * size
        for axis, value in entries:
            values[axis] = value
        return tuple(values)

    pairs = list(itertools.combinations(range(size), 2))
    roots = [root((i, 1), (j, -1)) for i, j in pairs]
    if family != "A":
        roots += [root((i, 1), (j, 1)) for i, j in pairs]
    if family in "BC":
        roots += [root((i, 1 if family == "B" else 2)) for i in range(size)]
    return tuple(roots)


def _dot(a: Weight, b: Weight) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _is_dominant(weight: Weight, roots: tuple[Weight, ...]) -> bool:
    return all(_dot(weight, root) >= 0 for root in roots)
