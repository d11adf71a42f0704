"""Which groups have diagrams, and which diagrams they have."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.reps import base, matrices
from symjax_models.reps.diagrams import pairings, partitions, points
from symjax_models.reps.diagrams.basis import DiagramBasis, select, symmetrize
from symjax_models.reps.diagrams.halves import Diagram
from symjax_models.reps.diagrams.points import Points

_PERMUTATIONS = (groups.S, groups.A, groups.B)
_ORTHOGONAL = (groups.O, groups.SO)
_INDEFINITE = (groups.IndefiniteO, groups.IndefiniteSO, groups.Lorentz)
_LINEAR = (groups.GL, groups.GLPlus, groups.SL, groups.U, groups.SU)
_SPECIAL = (groups.SO, groups.IndefiniteSO, groups.Lorentz, groups.SL, groups.SU, groups.A)
# Beyond this the inner products alone fill gigabytes.
_MAX_DIAGRAMS = 5000


@dataclasses.dataclass(frozen=True)
class _Spanning:
    """Diagrams that span the equivariant maps between two tensor powers.

    Args:
        diagrams: What they are, for the functions below.
        gram: Their inner products.
        cut: Makes the applicable diagram.
        exchange: Exchanges two neighbouring points of a diagram, returning a diagram and a sign.
    """

    diagrams: list[Any]
    gram: np.ndarray
    cut: Callable[[Any], Diagram]
    exchange: Callable[[Any, int], tuple[Any, float]]


def diagram_basis(rep_in: base.Rep, rep_out: base.Rep) -> DiagramBasis | None:
    """Build the basis of equivariant maps from diagrams.

    Args:
        rep_in: What the maps take; no sum.
        rep_out: What they return; no sum.

    Returns:
        The basis; None if the group or a representation has no diagrams.

    Raises:
        ValueError: If there are more diagrams than fit into memory.
    """
    group = rep_in.group
    source, target = points.points_of(rep_in), points.points_of(rep_out)
    if source is None or target is None:
        return None
    if isinstance(group, _PERMUTATIONS):
        spans, name, form = _partition_spans(group, source, target), "set partitions", None
    elif isinstance(group, (*_ORTHOGONAL, *_INDEFINITE, *_LINEAR, groups.Sp)):
        form = _form(group)
        spans, name = _pairing_spans(
            group, source, target, sign=-1 if isinstance(group, groups.Sp) else 1
        )
    else:
        return None
    num_inputs = len(source.types)
    exchanges = [*source.exchanges(start=0), *target.exchanges(start=num_inputs)]
    diagrams, blocks = [], []
    for span in spans:
        if not span.diagrams:
            continue
        members, gram = span.diagrams, span.gram
        if exchanges:
            acts = [(_exchange(span, point), sign) for point, sign in exchanges]
            members, gram = symmetrize(members, gram, acts)
        chosen, coordinates = select(members, gram)
        diagrams += [span.cut(members[i]) for i in chosen]
        blocks.append(coordinates)
    return DiagramBasis(
        rep_in,
        rep_out,
        diagrams=diagrams,
        coordinates=_block_diagonal(blocks),
        form=form,
        method=f"{len(diagrams)} diagrams ({name})",
    )


def _exchange(span: _Spanning, point: int) -> Callable[[Any], tuple[Any, float]]:
    return lambda diagram: span.exchange(diagram, point)


def _form(group: groups.Group) -> np.ndarray | None:
    if isinstance(group, _INDEFINITE):
        return group.metric
    return group.form if isinstance(group, groups.Sp) else None


def _partition_spans(group: groups.Group, source: Points, target: Points) -> list[_Spanning]:
    num_inputs, num_points = len(source.types), len(source.types) + len(target.types)
    n, is_odd = group.n, bool((source.determinant + target.determinant) % 2)
    spans = []
    found = partitions.set_partitions(num_points, max_blocks=n)
    if isinstance(group, groups.B):
        # A flip of one axis must not change, or with the determinant must change, a diagram.
        found = (
            p
            for p in found
            if (_can_be_signed(p, group) if is_odd else partitions.has_even_blocks(p))
        )
    found = _limited(found, group, num_points)
    if not is_odd:
        plain = found
        spans.append(
            _Spanning(
                plain,
                partitions.gram(plain, n=n),
                lambda p: partitions.make_diagram(p, num_inputs=num_inputs),
                lambda p, i: (partitions.permute(p, _swap(i, num_points))[0], 1.0),
            )
        )
    if is_odd or (isinstance(group, groups.A) and n > 1):
        signed = [p for p in found if _can_be_signed(p, group)]
        spans.append(
            _Spanning(
                signed,
                # Orbits are disjoint, and every one has n! entries of modulus 1.
                np.eye(len(signed)) * float(math.factorial(n)),
                lambda p: partitions.make_signed_diagram(p, num_inputs=num_inputs, n=n),
                lambda p, i: partitions.permute(p, _swap(i, num_points)),
            )
        )
    return spans


def _can_be_signed(partition: partitions.Partition, group: groups.Group) -> bool:
    num_blocks = max(partition, default=-1) + 1
    if isinstance(group, groups.B):
        # A flip of one axis changes the sign, so every index must occur an odd number of times.
        return num_blocks == group.n and all(np.bincount(partition) % 2)
    return num_blocks in (group.n, group.n - 1)


def _pairing_spans(
    group: groups.Group, source: Points, target: Points, *, sign: int
) -> tuple[list[_Spanning], str]:
    num_inputs, num_points = len(source.types), len(source.types) + len(target.types)
    types = (*(-kind for kind in source.types), *target.types)
    is_typed = isinstance(group, _LINEAR)
    spans, name = [], "Brauer"
    for number in _numbers_of_groups(group, source, target, sum(types)):
        name = "Brauer, determinant" if number else name
        diagrams = _limited(
            pairings.pairings(types, is_typed=is_typed, group_size=group.n, num_groups=number),
            group,
            num_points,
        )
        spans.append(
            _Spanning(
                diagrams,
                pairings.gram(
                    types,
                    is_typed=is_typed,
                    n=group.n,
                    num_groups=number,
                    sign=sign,
                    num_inputs=num_inputs,
                ),
                lambda d: pairings.make_diagram(d, num_inputs=num_inputs, num_points=num_points),
                lambda d, i: pairings.permute(d, _swap(i, num_points), sign=sign),
            )
        )
    return spans, name


def _numbers_of_groups(
    group: groups.Group, source: Points, target: Points, excess: int
) -> tuple[int, ...]:
    """Return the numbers of determinant tensors that diagrams may have."""
    power = target.determinant - source.determinant
    special = isinstance(group, _SPECIAL)
    if not isinstance(group, _LINEAR):
        if special:
            return (0, 1)
        return (power % 2,)
    # The tensor must carry the opposite power of the determinant: each determinant tensor has one.
    number, rest = divmod(abs(excess), group.n)
    fits = rest == 0 and (special or excess == -power * group.n)
    return (number,) if fits else ()


def _limited(found: Any, group: groups.Group, num_points: int) -> list[Any]:
    diagrams = list(itertools.islice(found, _MAX_DIAGRAMS + 1))
    if len(diagrams) > _MAX_DIAGRAMS:
        raise ValueError(
            f"maps of {group!r} between tensor powers of total degree {num_points} have more than "
            f"{_MAX_DIAGRAMS} diagrams; take lower powers, or split them into irreducible parts"
        )
    return diagrams


def _swap(point: int, num_points: int) -> tuple[int, ...]:
    order = list(range(num_points))
    order[point], order[point + 1] = order[point + 1], order[point]
    return tuple(order)


def _block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    size = sum(map(len, blocks))
    return matrices.block_diagonal(np.zeros((size, size)), blocks)
