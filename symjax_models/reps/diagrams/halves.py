"""Diagrams of equivariant maps between tensor powers, cut into two halves.

A diagram joins the k input points and l output points of a map `V^k -> V^l`. It is applied in
three steps that never form a matrix: the input half contracts the tensor to the legs that reach the
output (`InputHalf.reduce`), the legs are permuted, and the output half copies them out again
(`OutputHalf.spread`). Diagrams with a common half share its work.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax_models.reps import matrices
from symjax_models.reps.powers import permutation_sign


@dataclasses.dataclass(frozen=True)
class Epsilon:
    """A determinant tensor in a diagram.

    Args:
        labels: Labels of the input half that it is contracted or multiplied with, in order.
        num_legs: How many of its indices reach the output half, after the labels.
        num_summed: How many of its indices are summed over, after the legs.
    """

    labels: tuple[int, ...]
    num_legs: int
    num_summed: int = 0


@dataclasses.dataclass(frozen=True)
class InputHalf:
    """The part of a diagram at the input.

    Args:
        labels: Label of each point; points of one label are joined.
        through: Labels that reach the output half, in order; the others are summed over.
        epsilons: Determinant tensors; their legs follow those of `through`.
    """

    labels: tuple[int, ...]
    through: tuple[int, ...]
    epsilons: tuple[Epsilon, ...] = ()

    @property
    def kind(self) -> tuple[int, ...]:
        """What an output half must match: the numbers of through labels and of epsilon legs."""
        return (len(self.through), *(epsilon.num_legs for epsilon in self.epsilons))

    def reduce(
        self, tensors: Sequence[Any], *, form: np.ndarray | None, inverse: np.ndarray | None
    ) -> Any:
        """Contract a tensor `[..., n, ..., n, C]` to `[..., n, ..., n, C]`, one axis per leg.

        Args:
            tensors: The tensor, one axis per point; or several whose product, channel by channel,
                it is, each with its share of the points. The product is never formed.
            form: Bilinear form that joined pairs are contracted with; None for the plain sum.
            inverse: Its inverse, which raises the legs of determinant tensors.
        """
        xp, dtype = matrices.namespace(tensors[0]), tensors[0].dtype
        # The channels' name is 0, labels come next, then the batch axes.
        labels, operands = [label + 1 for label in self.labels], []
        fresh = itertools.count(max(labels, default=0) + 1)
        if form is not None:
            for first, second in self._pairs():
                labels[second] = next(fresh)
                operands += [form, [labels[first], labels[second]]]
        legs = [label + 1 for label in self.through]
        for epsilon in self.epsilons:
            own = [label + 1 for label in epsilon.labels]
            more = [next(fresh) for _ in range(epsilon.num_legs + epsilon.num_summed)]
            operands += [_raised(len(own), len(more), inverse), [*own, *more]]
            legs += more[: epsilon.num_legs]
        if len(tensors) == 1 and not operands and labels == legs:
            return tensors[0]
        num_batch = sum(tensor.ndim - 1 for tensor in tensors) - len(labels)
        batch = [next(fresh) for _ in range(num_batch // len(tensors))]
        constants = [x if isinstance(x, list) else xp.asarray(x, dtype) for x in operands]
        arguments, start = [], 0
        for tensor in tensors:
            stop = start + tensor.ndim - 1 - len(batch)
            arguments += [tensor, [*batch, *labels[start:stop], 0]]
            start = stop
        return einsum(xp, *arguments, *constants, [*batch, *legs, 0])

    def _pairs(self) -> list[tuple[int, int]]:
        pairs: dict[int, list[int]] = {}
        for point, label in enumerate(self.labels):
            pairs.setdefault(label, []).append(point)
        return [(points[0], points[1]) for points in pairs.values() if len(points) == 2]


@dataclasses.dataclass(frozen=True)
class OutputHalf:
    """The part of a diagram at the output.

    Args:
        labels: Label of each point; points of one label are joined.
        legs: Labels that come from the input half, in order: those through, then of epsilons.
    """

    labels: tuple[int, ...]
    legs: tuple[int, ...]

    def spread(self, x: Any, *, n: int, form: np.ndarray | None) -> Any:
        """Copy a tensor `[..., n, ..., n, C]`, one axis per leg, to one axis per point.

        Args:
            x: The tensor.
            n: Length of the axes.
            form: Values of joined pairs that have no leg; None for the Kronecker delta.

        Returns:
            An array that broadcasts to `[..., n, ..., n, C]`, one axis per point.
        """
        xp = matrices.namespace(x)
        num_legs, num_points = len(self.legs), len(self.labels)
        batch = x.ndim - num_legs - 1
        first = {label: self.labels.index(label) for label in self.labels}
        order = sorted(range(num_legs), key=lambda leg: first[self.legs[leg]])
        x = x.transpose(*range(batch), *(batch + leg for leg in order), x.ndim - 1)
        taken = {first[label] for label in self.legs}
        x = x.reshape(
            *x.shape[:batch], *(n if p in taken else 1 for p in range(num_points)), x.shape[-1]
        )
        for point, label in enumerate(self.labels):
            if point != first[label]:
                joined = np.eye(n) if form is None or label in self.legs else form
                shape = [n if p in (first[label], point) else 1 for p in range(num_points)]
                x = x * xp.asarray(joined.reshape(*shape, 1), x.dtype)
        return x


@dataclasses.dataclass(frozen=True)
class Diagram:
    """An equivariant map between tensor powers.

    Args:
        source: The input half.
        order: Leg `order[j]` of the input half is leg j of the output half (through legs only).
        target: The output half.
    """

    source: InputHalf
    order: tuple[int, ...]
    target: OutputHalf


def einsum(xp: Any, *arguments: Any) -> Any:
    """Sum products over indices, in full precision."""
    if xp is np:
        return np.einsum(*arguments, optimize=len(arguments) > 5)
    return xp.einsum(*arguments, precision="highest")


def _raised(num_labels: int, num_more: int, inverse: np.ndarray | None) -> np.ndarray:
    """Return a determinant tensor whose last axes are raised by the inverse form."""
    tensor = levi_civita(num_labels + num_more)
    if inverse is not None:
        for axis in range(num_labels, tensor.ndim):
            tensor = np.moveaxis(np.tensordot(tensor, inverse, (axis, 1)), -1, axis)
    return tensor


@functools.lru_cache(maxsize=16)
def levi_civita(n: int) -> np.ndarray:
    """Return the antisymmetric tensor of n indices, 1 at (0, 1, ..., n - 1), read-only."""
    tensor = np.zeros((n,) * n)
    for order in itertools.permutations(range(n)):
        tensor[order] = permutation_sign(order)
    tensor.setflags(write=False)
    return tensor
