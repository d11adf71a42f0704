"""Set-partition diagrams: maps between tensor powers of R^n that commute with permutations.

A partition of the points into blocks gives the tensor that is 1 where the indices of each block
agree; those with at most n blocks are a basis for S(n), those of them with even blocks a basis for
the hyperoctahedral group B(n). Multiplied with the sign of the order of n distinct indices they
are the maps that change sign under odd permutations ("jellyfish"), which A(n) has in addition.

Source: C. Godfrey, M. Rawson, D. Brown, H. Kvinge, 2023, arXiv:2303.06208 (S(n), diagram and
orbit bases); E. Pearce-Crump, 2022, arXiv:2212.08630 (S(n)), and 2023, arXiv:2303.07172 (A(n)).
"""

from collections.abc import Iterator

import numpy as np

from symjax_models.reps.diagrams.halves import Diagram, Epsilon, InputHalf, OutputHalf
from symjax_models.reps.powers import permutation_sign

# A partition of m points as the label of each, where labels appear in the order 0, 1, ...
Partition = tuple[int, ...]


def set_partitions(num_points: int, *, max_blocks: int) -> Iterator[Partition]:
    """Yield the partitions of points into at most so many blocks, in lexicographic order."""

    def extend(labels: Partition, blocks: int) -> Iterator[Partition]:
        if len(labels) == num_points:
            yield labels
            return
        for label in range(min(blocks + 1, max_blocks)):
            yield from extend((*labels, label), max(blocks, label + 1))

    return extend((), 0)


def has_even_blocks(partition: Partition) -> bool:
    """Tell whether every block has an even number of points."""
    return all(count % 2 == 0 for count in np.bincount(partition, minlength=1))


def make_diagram(partition: Partition, *, num_inputs: int) -> Diagram:
    """Cut a partition of input points, then output points, into halves."""
    inputs, outputs = partition[:num_inputs], partition[num_inputs:]
    through = tuple(dict.fromkeys(label for label in inputs if label in outputs))
    # Legs follow the first points of their blocks, in either half.
    legs = tuple(dict.fromkeys(label for label in outputs if label in inputs))
    source_labels, target_labels = _relabel(inputs), _relabel(outputs)
    return Diagram(
        InputHalf(source_labels[0], tuple(source_labels[1][label] for label in through)),
        tuple(through.index(label) for label in legs),
        OutputHalf(target_labels[0], tuple(target_labels[1][label] for label in legs)),
    )


def make_signed_diagram(partition: Partition, *, num_inputs: int, n: int) -> Diagram:
    """Cut a partition into n or n - 1 blocks, times the sign of the indices, into halves."""
    plain = make_diagram(partition, num_inputs=num_inputs)
    num_blocks = max(partition, default=-1) + 1
    num_in = len(set(plain.source.labels))
    own = tuple(dict.fromkeys(x for x in plain.target.labels if x not in plain.target.legs))
    epsilon = Epsilon(tuple(range(num_in)), len(own), n - num_blocks)
    return Diagram(
        InputHalf(plain.source.labels, plain.source.through, (epsilon,)),
        plain.order,
        OutputHalf(plain.target.labels, (*plain.target.legs, *own)),
    )


def gram(partitions: list[Partition], *, n: int) -> np.ndarray:
    """Return the Frobenius inner products of partition diagrams, `[K, K]` float64.

    The product of two diagrams is the diagram of the finest partition that is coarser than both,
    and a diagram with b blocks has n ** b ones.

    Args:
        partitions: Partitions of the same points into at most n blocks each.
        n: Number of things permuted.
    """
    if not partitions:
        return np.zeros((0, 0))
    return float(n) ** _joint_blocks(partitions, len(partitions[0]), n)


def _joint_blocks(partitions: list[Partition], num_points: int, n: int) -> np.ndarray:
    """Count the blocks `[K, K]` of the finest partitions coarser than each two."""
    if num_points == 0:
        return np.zeros((len(partitions), len(partitions)))
    fewer = list(set_partitions(num_points - 1, max_blocks=n))
    counts = _joint_blocks(fewer, num_points - 1, n)
    number = {partition: i for i, partition in enumerate(fewer)}
    # The first point of a diagram joins it to the next point of its block, if there is one.
    by_second: dict[int, list[int]] = {}
    for i, partition in enumerate(partitions):
        second = partition.index(0, 1) if 0 in partition[1:] else 0
        by_second.setdefault(second, []).append(i)
    result = np.zeros((len(partitions), len(partitions)))
    for second, rows in by_second.items():
        own = [number[_relabel(partitions[row][1:])[0]] for row in rows]
        rest, alone = [], []
        for partition in partitions:
            other = partition[second]
            moved = tuple(0 if label == other else label for label in partition[1:])
            rest.append(number[_relabel(moved)[0]])
            alone.append(second == 0 and 0 not in partition[1:])
        result[rows] = counts[np.ix_(own, rest)] + np.array(alone)
    return result


def permute(partition: Partition, order: tuple[int, ...]) -> tuple[Partition, float]:
    """Move point `order[i]` to i; return the partition and the sign by which its blocks moved."""
    moved = [partition[i] for i in order]
    labels, names = _relabel(tuple(moved))
    return labels, permutation_sign(tuple(names))


def _relabel(labels: tuple[int, ...]) -> tuple[Partition, dict[int, int]]:
    """Rename labels in the order of their appearance; return the new ones and the names."""
    names: dict[int, int] = {}
    for label in labels:
        names.setdefault(label, len(names))
    return tuple(names[label] for label in labels), names
