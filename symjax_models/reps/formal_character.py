"""Formal characters: the weights of representations of classical groups.

A weight is how the diagonal matrices of the complexified group act on a vector: entry i is the
power of the i-th of their parameters. The formal character counts them. O(n), n odd, is SO(n) times
the inversion: there a last entry says how often a vector changes sign with it, to be read modulo 2.

Source: W. Fulton, J. Harris, "Representation theory", 1991, sections 15.1, 16.1, 18.1 and 23.2.
"""

import collections
import functools
import itertools
from collections.abc import Mapping
from typing import Literal

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base
from symjax_models.reps.defining import Determinant, Vector
from symjax_models.reps.planar_irreps import PlanarIrrep
from symjax_models.reps.powers import Power
from symjax_models.reps.rotation_irreps import RotationIrrep

Weight = tuple[int, ...]
Character = collections.Counter[Weight]

_LINEAR = (groups.U, groups.GL, groups.GLPlus)
SPECIAL_LINEAR = (groups.SU, groups.SL)
_SPECIAL_ORTHOGONAL = (groups.SO, groups.IndefiniteSO, groups.Lorentz)


def family_of(group: Group) -> Literal["A", "B", "C", "D"] | None:
    """Return the letter of the series of root systems; A stands for that of GL(n)."""
    if isinstance(group, (*_LINEAR, *SPECIAL_LINEAR)):
        return "A"
    if isinstance(group, groups.Sp):
        return "C"
    if isinstance(group, _SPECIAL_ORTHOGONAL):
        return "B" if group.n % 2 else "D"
    return "B" if has_inversion(group) else None


def has_inversion(group: Group) -> bool:
    """Tell whether a group is O(n), n odd, whose weights end with a parity."""
    return isinstance(group, groups.O) and group.n % 2 == 1


def rank(family: str, n: int) -> int:
    """Return the number of entries of a weight."""
    return n if family == "A" else n // 2


@functools.lru_cache(maxsize=1024)
def formal_character(rep: base.Rep) -> Character | None:
    """Count the weights of a representation.

    Args:
        rep: A representation of a group that has a family.

    Returns:
        The multiplicity of every weight; None if the representation is not built from V.
    """
    if isinstance(rep, base.Sum):
        parts = [(count, formal_character(term)) for count, term in rep.terms]
        total: Character = collections.Counter()
        for count, part in parts:
            if part is None:
                return None
            total = add(total, part, factor=count)
        return total
    if isinstance(rep, (base.Scalar, base.Tensor)):
        product: Character = collections.Counter([(0,) * _rank_of(rep)])
        for factor in rep.factors:
            part = formal_character(factor)
            if part is None:
                return None
            product = _multiply(product, part)
        return product
    if isinstance(rep, (base.Dual, Power)):
        inner = formal_character(rep.inner)
        if inner is None:
            return None
        return _adams(inner, -1) if isinstance(rep, base.Dual) else _power(inner, rep)
    return _of_simple(rep)


def _of_simple(rep: base.Rep) -> Character | None:
    family, size, inverts = family_of(rep.group), _rank_of(rep), has_inversion(rep.group)
    if isinstance(rep, Determinant):
        return collections.Counter([(0,) * (size - 1) + (1,) if inverts else (rep.power,) * size])
    if isinstance(rep, RotationIrrep):
        parity = (0 if rep.parity == 1 else 1,) * inverts
        orders = range(-rep.degree, rep.degree + 1)
        return collections.Counter([(order, *parity) for order in orders])
    if isinstance(rep, PlanarIrrep):
        return collections.Counter([(rep.frequency,), (-rep.frequency,)])
    if not isinstance(rep, Vector):
        return None
    axes = size - inverts
    weights = [tuple(int(axis == i) for i in range(axes)) for axis in range(axes)]
    if family != "A":
        weights += [_scale(weight, -1) for weight in weights]
    if family == "B":
        weights.append((0,) * axes)
    return collections.Counter([(*weight, 1) if inverts else weight for weight in weights])


def _rank_of(rep: base.Rep) -> int:
    family = family_of(rep.group)
    assert family is not None
    return rank(family, rep.group.n) + has_inversion(rep.group)


def _power(inner: Character, rep: Power) -> Character:
    # Newton's identity k h_k = sum_i p_i h_(k-i), with signs for the alternating power.
    found: list[Character] = [collections.Counter([(0,) * _rank_of(rep)])]
    for k in range(1, rep.degree + 1):
        total: Character = collections.Counter()
        for i in range(1, k + 1):
            sign = 1 if rep.is_symmetric else (-1) ** (i - 1)
            total = add(total, _multiply(_adams(inner, i), found[k - i]), factor=sign)
        found.append(collections.Counter({w: count // k for w, count in total.items()}))
    return found[-1]


def _adams(character: Character, exponent: int) -> Character:
    """Return the character of the power g^i, as a function of g."""
    return collections.Counter({_scale(w, exponent): count for w, count in character.items()})


def _multiply(a: Character, b: Character) -> Character:
    result: Character = collections.Counter()
    for (left, m1), (right, m2) in itertools.product(a.items(), b.items()):
        result[tuple(x + y for x, y in zip(left, right, strict=True))] += m1 * m2
    return result


def add(a: Mapping[Weight, int], b: Mapping[Weight, int], *, factor: int) -> Character:
    """Return a plus a multiple of b, without zeros."""
    result: Character = collections.Counter(dict(a))
    for weight, count in b.items():
        result[weight] += factor * count
    return collections.Counter({weight: count for weight, count in result.items() if count})


def _scale(weight: Weight, factor: int) -> Weight:
    return tuple(factor * w for w in weight)
