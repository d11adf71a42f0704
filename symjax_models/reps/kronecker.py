"""Equivariant maps of direct products: products of the maps of the factors."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.reps import base, matrices
from symjax_models.reps.factor import OfFactor


class KroneckerBasis:
    """Hold the basis of Hom(V1 x V2 x ..., W1 x W2 x ...) made of products of basis maps.

    Args:
        rep_in: What the maps take: a tensor product of representations of single factors.
        rep_out: What they return, likewise.
        parts: A basis for each factor of the group.
    """

    def __init__(self, rep_in: base.Rep, rep_out: base.Rep, parts: Sequence[Any]) -> None:
        self.rep_in, self.rep_out, self.parts = rep_in, rep_out, tuple(parts)
        self.size = math.prod(part.size for part in parts)
        self.method = " x ".join(f"[{part.method}]" for part in parts)

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps; see `DiagramBasis.apply`."""
        channels_in, channels_out = weights.shape[1:]
        num_batch, last = x.ndim - 2, len(self.parts) - 1
        x = _split_axes(x, self.rep_in, [part.rep_in.dim for part in self.parts])
        # All factors but the last are expanded into the maps of their bases, which become channels.
        for number, part in enumerate(self.parts[:-1]):
            x = _expand(part, x, axis=num_batch + number)
        sizes = [part.size for part in self.parts]
        rest = math.prod(sizes[:last])
        kernel = weights.reshape(rest, sizes[last], channels_in, channels_out)
        kernel = kernel.transpose(1, 2, 0, 3)
        kernel = kernel.reshape(sizes[last], channels_in * rest, channels_out)
        return _merge_axes(self.parts[last].apply(kernel, x), self.rep_out, num_batch=num_batch)

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]`."""
        return matrices.maps_of(self)


def split(
    rep_in: base.Rep, rep_out: base.Rep, group: groups.DirectProduct
) -> list[tuple[base.Rep, base.Rep]] | None:
    """Return what each factor of the group acts on, or None if they act together."""
    for rep in (rep_in, rep_out):
        if not all(isinstance(part, OfFactor) for part in rep.factors):
            return None
    return [
        (part_of(rep_in, index, part), part_of(rep_out, index, part))
        for index, part in enumerate(group.factors)
    ]


def part_of(rep: base.Rep, index: int, group: groups.Group) -> base.Rep:
    """Return the tensor factors of a representation in which one factor of a product acts."""
    own = [f.inner for f in rep.factors if isinstance(f, OfFactor) and f.index == index]
    return functools.reduce(lambda a, b: a * b, own, base.Scalar(group))


def _order(rep: base.Rep) -> list[int]:
    """Return the tensor factors in the order of the group's factors that act on them."""
    indices = [part.index for part in rep.factors if isinstance(part, OfFactor)]
    return sorted(range(len(indices)), key=indices.__getitem__)


def _split_axes(x: Any, rep: base.Rep, sizes: list[int]) -> Any:
    """Turn components `[..., D, C]` into `[..., D_1, D_2, ..., C]`, an axis per group factor."""
    batch, channels = x.shape[:-2], x.shape[-1]
    x = x.reshape(*batch, *(part.dim for part in rep.factors), channels)
    axes = [len(batch) + i for i in _order(rep)]
    x = x.transpose(*range(len(batch)), *axes, x.ndim - 1)
    return x.reshape(*batch, *sizes, channels)


def _merge_axes(x: Any, rep: base.Rep, *, num_batch: int) -> Any:
    """Undo `_split_axes`."""
    batch, channels, order = x.shape[:num_batch], x.shape[-1], _order(rep)
    x = x.reshape(*batch, *(rep.factors[i].dim for i in order), channels)
    axes = [num_batch + order.index(i) for i in range(len(order))]
    x = x.transpose(*range(num_batch), *axes, x.ndim - 1)
    return x.reshape(*batch, rep.dim, channels)


def _expand(part: Any, x: Any, *, axis: int) -> Any:
    """Apply every basis map along an axis; the maps become channels, `[..., C K]`."""
    xp = matrices.namespace(x)
    moved = xp.moveaxis(x, axis, -1)[..., None]
    every = xp.eye(part.size, dtype=x.dtype)[:, None, :]
    result = xp.moveaxis(part.apply(every, moved), -2, axis)
    return result.reshape(*result.shape[:-2], result.shape[-2] * part.size)
