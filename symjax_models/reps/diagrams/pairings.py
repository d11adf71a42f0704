"""Brauer diagrams: maps between tensor powers that commute with a classical group.

Points are joined in pairs, each a contraction with the invariant form of the group (O, Sp and their
indefinite kin) or of a vector with a covector (GL, U); determinant tensors on n points each come in
for the special groups and for maps that carry a power of the determinant.

Source: R. Brauer, "On algebras which are connected with the semisimple continuous groups", 1937;
H. Weyl, "The classical groups", 1946, theorems 2.6.A, 2.9.A and 6.1.A (first fundamental theorems);
E. Pearce-Crump, 2022, arXiv:2212.08648 (as layers, for O, Sp and SO).
"""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from symjax_models.reps.diagrams.halves import (
    Diagram,
    Epsilon,
    InputHalf,
    OutputHalf,
    levi_civita,
)
from symjax_models.reps.powers import permutation_sign

# Pairs of points, and points of determinant tensors.
Pairs = tuple[tuple[int, int], ...]
Groups = tuple[tuple[int, ...], ...]
_Ends = tuple[Pairs, Groups]


@dataclasses.dataclass(frozen=True)
class Pairing:
    """A Brauer diagram on m points.

    Args:
        pairs: Joined points, each pair in increasing order, pairs in increasing order.
        groups: Points of each determinant tensor in increasing order, groups in increasing order.
    """

    pairs: Pairs
    groups: Groups = ()


def pairings(
    types: tuple[int, ...], *, is_typed: bool, group_size: int, num_groups: int
) -> Iterator[Pairing]:
    """Yield all diagrams on points, in lexicographic order.

    Args:
        types: 1 or -1 for each point, vector or covector of an invariant tensor.
        is_typed: Whether pairs join opposite types only, and groups hold one type only.
        group_size: Points per determinant tensor, n.
        num_groups: How many determinant tensors there are.
    """
    points = tuple(range(len(types)))
    for chosen in _groups(points, group_size, num_groups):
        if is_typed and any(len({types[p] for p in group}) > 1 for group in chosen):
            continue
        rest = tuple(p for p in points if not any(p in group for group in chosen))
        for pairs in _matchings(rest, types, is_typed):
            yield Pairing(pairs, chosen)


def make_diagram(pairing: Pairing, *, num_inputs: int, num_points: int) -> Diagram:
    """Cut a pairing of input points, then output points, into halves."""
    inputs, outputs = range(num_inputs), range(num_inputs, num_points)
    label = {b: a for a, b in pairing.pairs}
    source = _relabel([label.get(p, p) for p in inputs])
    target = _relabel([label.get(p, p) for p in outputs])
    across = [(a, b - num_inputs) for a, b in pairing.pairs if a in inputs and b in outputs]
    by_target = sorted(across, key=lambda pair: pair[1])
    epsilons, legs = [], [target[b] for _, b in by_target]
    for group in pairing.groups:
        own = tuple(source[p] for p in group if p in inputs)
        epsilons.append(Epsilon(own, len(group) - len(own)))
        legs += [target[p - num_inputs] for p in group if p in outputs]
    through = [a for a, _ in across]
    return Diagram(
        InputHalf(source, tuple(source[a] for a in through), tuple(epsilons)),
        tuple(through.index(a) for a, _ in by_target),
        OutputHalf(target, tuple(legs)),
    )


def gram(
    types: tuple[int, ...],
    *,
    is_typed: bool,
    n: int,
    num_groups: int,
    sign: int,
    num_inputs: int,
) -> np.ndarray:
    """Return the Frobenius inner products of all diagrams that `pairings` yields, `[K, K]` float64.

    Two diagrams on the same points close to loops, each worth a factor n, and to contractions of
    determinant tensors. The form with which legs may be raised or lowered is orthogonal, so it
    changes none of them.

    Args:
        types: As for `pairings`.
        is_typed: As for `pairings`.
        n: Dimension of the space.
        num_groups: As for `pairings`.
        sign: 1 for a symmetric form or none, -1 for the symplectic form, where a loop is worth -n,
            up to signs of the single diagrams.
        num_inputs: Number of input points.
    """
    found, products = _products(types, is_typed, n, num_groups, sign, {})
    if sign > 0:
        return products
    signs = np.array([_symplectic_sign(diagram, num_inputs) for diagram in found])
    return signs[:, None] * products * signs * float(sign) ** (len(types) // 2)


def _products(
    types: tuple[int, ...],
    is_typed: bool,
    n: int,
    num_groups: int,
    sign: int,
    known: dict[tuple[int, ...], tuple[list[Pairing], np.ndarray]],
) -> tuple[list[Pairing], np.ndarray]:
    """Return diagrams and their inner products, from those on two points less."""
    if types in known:
        return known[types]
    found = list(pairings(types, is_typed=is_typed, group_size=n, num_groups=num_groups))
    by_pair: dict[tuple[int, int], list[int]] = {}
    for i, diagram in enumerate(found):
        if diagram.pairs:
            by_pair.setdefault(diagram.pairs[0], []).append(i)
    if by_pair or not found:
        products = np.zeros((len(found), len(found)))
    else:
        entries = np.array([_entries(diagram, n).ravel() for diagram in found])
        products = entries @ entries.T
    partners = [_partners(diagram) for diagram in found]
    for (a, b), rows in by_pair.items():
        fewer = types[:a] + types[a + 1 : b] + types[b + 1 :]
        smaller, inner = _products(fewer, is_typed, n, num_groups, sign, known)
        number: dict[_Ends | None, int] = {None: 0}
        number |= {(diagram.pairs, diagram.groups): i for i, diagram in enumerate(smaller)}
        joined = [
            _join(diagram, partner, a, b, loop=float(sign * n))
            for diagram, partner in zip(found, partners, strict=True)
        ]
        columns = [number[end] for end, _ in joined]
        values = np.array([value for _, value in joined])
        places = [columns[row] for row in rows]
        products[rows] = inner[np.ix_(places, columns)] * values
    known[types] = found, products
    return found, products


def _join(
    diagram: Pairing, partner: dict[int, int], a: int, b: int, *, loop: float
) -> tuple[_Ends | None, float]:
    """Join two points of a diagram; return pairs and groups without them, and a factor."""
    left = [p for p in range(len(partner) + sum(map(len, diagram.groups))) if p not in (a, b)]
    name = {p: i for i, p in enumerate(left)}
    pairs = [(name[p], name[q]) for p, q in diagram.pairs if p in name and q in name]
    groups, value = list(diagram.groups), 1.0
    if a in partner and b in partner:
        if partner[a] == b:
            value = loop
        else:
            p, q = sorted((name[partner[a]], name[partner[b]]))
            pairs = sorted([*pairs, (p, q)])
    else:
        # A determinant tensor takes over the other end of the pair, and vanishes on a pair.
        held, other = (b, partner.get(a)) if a in partner else (a, partner.get(b))
        if other is None:
            return None, 0.0
        place = next(i for i, group in enumerate(groups) if held in group)
        moved = [other if p == held else p for p in groups[place]]
        value = permutation_sign(tuple(moved))
        groups[place] = tuple(sorted(moved))
    renamed = sorted(tuple(name[p] for p in group) for group in groups)
    return (tuple(pairs), tuple(renamed)), value


def _partners(diagram: Pairing) -> dict[int, int]:
    return {p: q for pair in diagram.pairs for p, q in (pair, pair[::-1])}


def permute(pairing: Pairing, order: tuple[int, ...], *, sign: int) -> tuple[Pairing, float]:
    """Move point `order[i]` to i, within inputs and within outputs.

    Args:
        pairing: The diagram.
        order: The permutation.
        sign: 1 or -1, by which a pair inside a half changes when its points are exchanged.

    Returns:
        The new diagram and the sign by which it differs from the moved one.
    """
    image = {point: i for i, point in enumerate(order)}
    total, pairs = 1.0, []
    for a, b in pairing.pairs:
        a, b = image[a], image[b]
        if a > b:
            a, b, total = b, a, total * sign
        pairs.append((a, b))
    groups = []
    for group in pairing.groups:
        moved = [image[p] for p in group]
        total *= permutation_sign(tuple(moved))
        groups.append(tuple(sorted(moved)))
    return Pairing(tuple(sorted(pairs)), tuple(sorted(groups))), total


def _groups(
    points: tuple[int, ...], size: int, number: int
) -> Iterator[tuple[tuple[int, ...], ...]]:
    if number == 0:
        yield ()
        return
    for group in itertools.combinations(points, size):
        rest = tuple(p for p in points if p > group[0] and p not in group)
        for others in _groups(rest, size, number - 1):
            yield (group, *others)


def _matchings(
    points: tuple[int, ...], types: tuple[int, ...], is_typed: bool
) -> Iterator[tuple[tuple[int, int], ...]]:
    if not points:
        yield ()
        return
    first, *rest = points
    for i, second in enumerate(rest):
        if not is_typed or types[first] != types[second]:
            for others in _matchings((*rest[:i], *rest[i + 1 :]), types, is_typed):
                yield ((first, second), *others)


def _symplectic_sign(diagram: Pairing, num_inputs: int) -> float:
    # Crossings, and what separates "through lines are the identity, output pairs the inverse form"
    # from contracting every point with the same form.
    crossings = sum(a < c < b < d for (a, b), (c, d) in itertools.permutations(diagram.pairs, 2))
    flips = sum(b >= num_inputs for _, b in diagram.pairs)
    return -1.0 if (crossings + flips) % 2 else 1.0


def _entries(diagram: Pairing, n: int) -> np.ndarray:
    num_points = 2 * len(diagram.pairs) + n * len(diagram.groups)
    arguments = [np.ones(()), []]
    for pair in diagram.pairs:
        arguments += [np.eye(n), list(pair)]
    for group in diagram.groups:
        arguments += [levi_civita(n), list(group)]
    return np.einsum(*arguments, list(range(num_points)))


def _relabel(labels: list[int]) -> tuple[int, ...]:
    names: dict[int, int] = {}
    return tuple(names.setdefault(label, len(names)) for label in labels)
