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


@dataclasses.dataclass(frozen=True)
class Pairing:
    """A Brauer diagram on m points.

    Args:
        pairs: Joined points, each pair in increasing order, pairs in increasing order.
        groups: Points of each determinant tensor in increasing order, groups in increasing order.
    """

    pairs: tuple[tuple[int, int], ...]
    groups: tuple[tuple[int, ...], ...] = ()


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


def gram(diagrams: list[Pairing], *, n: int, sign: int, num_inputs: int) -> np.ndarray:
    """Return the Frobenius inner products of pairings without groups, `[K, K]` float64.

    Two diagrams on the same points close to loops, each worth a factor n.

    Args:
        diagrams: The pairings.
        n: Dimension of the space.
        sign: 1 for a symmetric form or none, -1 for the symplectic form, where a loop is worth -n,
            up to signs of the single diagrams.
        num_inputs: Number of input points.
    """
    if not diagrams or not diagrams[0].pairs:
        return np.ones((len(diagrams), len(diagrams)))
    num_points = 2 * len(diagrams[0].pairs)
    partner = np.zeros((len(diagrams), num_points), np.int64)
    for row, diagram in zip(partner, diagrams, strict=True):
        for a, b in diagram.pairs:
            row[a], row[b] = b, a
    count = len(diagrams)
    loops = np.zeros((count, count), np.int64)
    for row in range(count):
        # A loop is named by its least point; labels travel along both matchings in turn.
        labels = np.broadcast_to(np.arange(num_points), (count, num_points)).copy()
        for _ in range(num_points // 2):
            labels = np.minimum(labels, labels[:, partner[row]])
            labels = np.minimum(labels, np.take_along_axis(labels, partner, axis=1))
        loops[row] = (labels == np.arange(num_points)).sum(axis=1)
    signs = np.array([_symplectic_sign(d, num_inputs) if sign < 0 else 1.0 for d in diagrams])
    values = float(n) ** loops * float(sign) ** (num_points // 2 - loops)
    return signs[:, None] * values * signs[None, :]


def gram_of_groups(diagrams: list[Pairing], *, n: int) -> np.ndarray:
    """Return the Frobenius inner products of pairings with groups, from their entries.

    The form with which legs may be raised or lowered is orthogonal, so it changes none of them.
    """
    if not diagrams:
        return np.zeros((0, 0))
    tensors = np.array([_entries(diagram, n).ravel() for diagram in diagrams])
    return tensors @ tensors.T


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
    crossings = sum(
        a < c < b < d for (a, b), (c, d) in itertools.permutations(diagram.pairs, 2)
    )
    flips = sum(b >= num_inputs for _, b in diagram.pairs)
    return -1.0 if (crossings + flips) % 2 else 1.0


def _entries(diagram: Pairing, n: int) -> np.ndarray:
    num_points = 2 * len(diagram.pairs) + n * len(diagram.groups)
    arguments = []
    for pair in diagram.pairs:
        arguments += [np.eye(n), list(pair)]
    for group in diagram.groups:
        arguments += [levi_civita(n), list(group)]
    return np.einsum(*arguments, list(range(num_points)))


def _relabel(labels: list[int]) -> tuple[int, ...]:
    names: dict[int, int] = {}
    return tuple(names.setdefault(label, len(names)) for label in labels)
