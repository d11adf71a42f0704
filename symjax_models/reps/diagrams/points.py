"""Representations as points of diagrams: tensor powers of V and its dual, and parts of them."""

import dataclasses
from typing import Any

import numpy as np

from symjax_models.reps import base, matrices
from symjax_models.reps.defining import Determinant, Vector
from symjax_models.reps.powers import Power


@dataclasses.dataclass(frozen=True)
class Points:
    """A representation inside a tensor power of V and V*, times a power of the determinant.

    Args:
        types: 1 for V, -1 for V*, for every axis of the tensor power.
        powers: Symmetrized runs of axes: first axis, number of axes, and 1 or -1 for symmetric or
            alternating.
        determinant: The power of the determinant.
    """

    types: tuple[int, ...]
    powers: tuple[tuple[int, int, int], ...]
    determinant: int

    def exchanges(self, *, start: int) -> list[tuple[int, int]]:
        """Return the exchanges of neighbouring axes that are symmetries, as (axis, sign)."""
        return [
            (start + first + i, sign)
            for first, count, sign in self.powers
            for i in range(count - 1)
        ]


def points_of(rep: base.Rep) -> Points | None:
    """Return the points of a representation, or None if it is not built from V in this way."""
    types: list[int] = []
    powers, determinant = [], 0
    for part in rep.factors:
        if isinstance(part, Determinant):
            determinant += part.power
            continue
        count, sign, inner = 1, 0, part
        if isinstance(part, Power):
            count, sign, inner = part.degree, 1 if part.is_symmetric else -1, part.inner
        kind = _type_of(inner)
        if kind == 0:
            return None
        if sign:
            powers.append((len(types), count, sign))
        types += [kind] * count
    return Points(tuple(types), tuple(powers), determinant)


def _type_of(rep: base.Rep) -> int:
    if isinstance(rep, Vector):
        return 1
    return -1 if isinstance(rep, base.Dual) and isinstance(rep.inner, Vector) else 0


def embed(rep: base.Rep, x: Any) -> Any:
    """Map components to the tensor power.

    Args:
        rep: A representation that has points.
        x: Components `[..., D, C]`.

    Returns:
        `[..., n, ..., n, C]`, one axis per point.
    """
    batch, n, channels = x.shape[:-2], rep.group.n, x.shape[-1]
    parts = [part for part in rep.factors if not isinstance(part, Determinant)]
    x = x.reshape(*batch, *(part.dim for part in parts), channels)
    for axis, part in enumerate(parts):
        if isinstance(part, Power):
            x = contract(part.embedding, x, axis=len(batch) + axis)
    num_points = sum(part.degree if isinstance(part, Power) else 1 for part in parts)
    return x.reshape(*batch, *(n,) * num_points, channels)


def project(rep: base.Rep, x: Any) -> Any:
    """Map the tensor power to components: the transpose of `embed`.

    Args:
        rep: A representation that has points.
        x: `[..., n, ..., n, C]`, one axis per point.

    Returns:
        Components `[..., D, C]`.
    """
    parts = [part for part in rep.factors if not isinstance(part, Determinant)]
    degrees = [part.degree if isinstance(part, Power) else 1 for part in parts]
    batch, n, channels = x.shape[: x.ndim - 1 - sum(degrees)], rep.group.n, x.shape[-1]
    x = x.reshape(*batch, *(n**degree for degree in degrees), channels)
    for axis, part in enumerate(parts):
        if isinstance(part, Power):
            x = contract(part.embedding.T, x, axis=len(batch) + axis)
    return x.reshape(*batch, rep.dim, channels)


def contract(matrix: np.ndarray, x: Any, *, axis: int) -> Any:
    """Multiply one axis of an array by a matrix."""
    xp = matrices.namespace(x)
    moved = xp.moveaxis(x, axis, -1)
    result = matrices.matmul(moved, xp.asarray(matrix.T, x.dtype))
    return xp.moveaxis(result, -1, axis)
