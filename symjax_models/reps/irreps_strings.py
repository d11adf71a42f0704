"""Sums of irreps of rotation groups, written as strings such as `"64x0e+32x1o"`."""

import re
from collections.abc import Sequence

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base
from symjax_models.reps.checks import check_count
from symjax_models.reps.defining import determinant, vector
from symjax_models.reps.planar_irreps import PlanarIrrep, is_planar, planar_irrep
from symjax_models.reps.powers import symmetric_power
from symjax_models.reps.rotation_irreps import is_spatial, kind_of_irrep, rotation_irrep

O3 = groups.O(3)
_TERM = re.compile(r"(?:(?P<count>\d+)\s*x\s*)?(?P<name>\S+)")
_NAMES = {
    O3: "degree and parity, such as 0e, 1o, 2e",
    groups.SO(3): "degrees, such as 0, 1, 2",
    groups.O(2): "0e, 0o and frequencies, such as 1, 2",
    groups.SO(2): "frequencies, such as 0, 1, 2",
    groups.SU(2): "spins, such as 0, 1/2, 1",
}


def parse_irreps(text: str, *, group: Group = O3) -> base.Rep:
    """Read a sum of irreps: names with multiplicities, `"8x0e + 4x1o + 2e"`.

    An irrep of O(3) is its degree and parity, `1o` being vectors and `1e` axial ones; of SO(3) its
    degree; of SO(2) its frequency; of O(2) too, with `0e` and `0o` for the scalar and the
    determinant; of SU(2) its spin, a whole number of halves. `0e` and `0` are `scalar(group)`, and
    `1o`, `1` and `1/2` are `vector(group)`.

    Args:
        text: The sum. The empty string is the sum of nothing.
        group: O(3), SO(3), O(2), SO(2) or SU(2).

    Returns:
        The representation, with equal summands gathered.

    Raises:
        ValueError: If the group is another one, or a term cannot be read.

    Source: the notation of e3nn (Geiger, Smidt 2022, arXiv:2207.09453).

    >>> x = parse_irreps("8x0e + 4x1o + 2e")
    >>> x, format_irreps(x + x)
    (8*1 + 4*V + 2e of O(3), '16x0e+8x1o+2x2e')
    """
    if group not in _NAMES:
        raise ValueError(f"irreps are written as strings for {_known_groups()}, got {group!r}")
    terms: list[tuple[int, base.Rep]] = []
    for part in text.split("+") if text.strip() else []:
        match = _TERM.fullmatch(part.strip())
        irrep = None if match is None else _parse_name(match["name"], group)
        if match is None or irrep is None:
            raise ValueError(
                f"cannot read {part.strip()!r} in {text!r}: irreps of {group!r} are written as "
                f"{_NAMES[group]}, with a number of copies as in 8x in front"
            )
        terms.append((int(match["count"] or 1), irrep))
    return base.direct_sum(terms, group=group)


def format_irreps(rep: base.Rep) -> str:
    """Write a sum of irreps as a string; the inverse of `parse_irreps`.

    Args:
        rep: A sum of irreps of O(3), SO(3), O(2), SO(2) or SU(2).

    Raises:
        ValueError: If a summand is no irrep of these groups; `decompose` splits it, and for SU(2)
            `decompose_weights` says into what.
    """
    return "+".join(f"{count}x{_name_of(term)}" for count, term in rep.terms)


def sort_irreps(rep: base.Rep) -> base.Rep:
    """Sort the summands of SO(3) or O(3) by degree, even parity first.

    >>> format_irreps(sort_irreps(parse_irreps("2e + 3x0o + 1o + 2x1e + 0e")))
    '1x0e+3x0o+2x1e+1x1o+1x2e'
    """
    terms = sorted(
        rep.terms, key=lambda pair: (kind_of_irrep(pair[1])[0], -kind_of_irrep(pair[1])[1])
    )
    return base.direct_sum(terms, group=rep.group)


def filter_irreps(
    rep: base.Rep,
    *,
    keep: str | base.Rep | Sequence[str | base.Rep] | None = None,
    max_degree: int | None = None,
) -> base.Rep:
    """Keep some of the summands of a representation of SO(3) or O(3).

    Args:
        rep: The representation.
        keep: Irreps to keep, as a string or sum, or one by one; all when None.
        max_degree: The highest degree to keep; any when None.

    >>> format_irreps(filter_irreps(parse_irreps("8x0e+4x1o+2x2e"), keep="0e+2e"))
    '8x0e+2x2e'
    """
    if keep is None:
        kept = [term for _, term in rep.terms]
    else:
        given = [keep] if isinstance(keep, (str, base.Rep)) else keep
        sums = [parse_irreps(k, group=rep.group) if isinstance(k, str) else k for k in given]
        kept = [term for part in sums for _, term in part.terms]
    terms = [
        (count, term)
        for count, term in rep.terms
        if term in kept and (max_degree is None or kind_of_irrep(term)[0] <= max_degree)
    ]
    return base.direct_sum(terms, group=rep.group)


def harmonic_irreps(max_degree: int, *, group: Group = O3) -> base.Rep:
    """Return how the spherical harmonics up to a degree transform, each once.

    >>> format_irreps(harmonic_irreps(3))
    '1x0e+1x1o+1x2e+1x3o'
    """
    degrees = range(check_count(max_degree, what="max_degree") + 1)
    return base.direct_sum([(1, rotation_irrep(group, l)) for l in degrees], group=group)


def _parse_name(name: str, group: Group) -> base.Rep | None:
    if isinstance(group, groups.SU):
        match = re.fullmatch(r"(\d+)(/2)?", name)
        if match is None:
            return None
        return symmetric_power(vector(group), int(match[1]) * (1 if match[2] else 2))
    match = re.fullmatch(r"(\d+)([eo])?", name)
    if match is None:
        return None
    number, parity = int(match[1]), {"e": 1, "o": -1, None: None}[match[2]]
    if is_spatial(group):
        if (parity is None) == isinstance(group, groups.O):
            return None
        return rotation_irrep(group, number, parity=parity)
    # Of the irreps of the plane only those of dimension one have a parity, under O(2) alone.
    if (parity is not None) != (number == 0 and isinstance(group, groups.O)):
        return None
    return determinant(group) if parity == -1 else planar_irrep(group, number)


def _name_of(rep: base.Rep) -> str:
    group = rep.group
    if is_spatial(group):
        degree, parity = kind_of_irrep(rep)
        return f"{degree}" + ("" if isinstance(group, groups.SO) else "e" if parity == 1 else "o")
    if is_planar(group):
        is_full = isinstance(group, groups.O)
        if rep == base.Scalar(group):
            return "0e" if is_full else "0"
        if is_full and rep == determinant(group):
            return "0o"
        if rep == vector(group) or isinstance(rep, PlanarIrrep):
            return f"{rep.frequency}" if isinstance(rep, PlanarIrrep) else "1"
    if group == groups.SU(2) and rep == symmetric_power(vector(group), rep.dim - 1):
        return f"{(rep.dim - 1) // 2}" if rep.dim % 2 else f"{rep.dim - 1}/2"
    raise ValueError(
        f"expected a sum of irreps of {_known_groups()}, got the summand {rep!r}; reps.decompose, "
        "and for SU(2) reps.decompose_weights, says what it consists of"
    )


def _known_groups() -> str:
    *names, last = map(repr, _NAMES)
    return f"{', '.join(names)} and {last}"
