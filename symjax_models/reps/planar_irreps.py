"""Irreducible representations of SO(2) and O(2), of every frequency."""

import dataclasses
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, checks, matrices
from symjax_models.reps.defining import vector


@dataclasses.dataclass(frozen=True, repr=False)
class PlanarIrrep(base.Rep):
    """State the rotation of a plane by k times the angle; made by `planar_irrep`.

    Args:
        group: SO(2) or O(2).
        frequency: k, at least 2.
    """

    group: Group
    frequency: int

    @property
    def dim(self) -> int:
        """Two."""
        return 2

    @property
    def endomorphisms(self) -> np.ndarray:
        """What commutes with the group, as an orthonormal basis `[1 or 2, 2, 2]`."""
        every = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, -1.0], [1.0, 0.0]]]) / np.sqrt(2.0)
        return every[:1] if isinstance(self.group, groups.O) else every

    def _rho(self, g: Any) -> Any:
        # The first column of g is the unit complex number of the angle, of which we take the power.
        xp = matrices.namespace(g)
        cosine, sine = _power(g[..., 0, 0], g[..., 1, 0], self.frequency)
        columns = (xp.stack([cosine, sine], axis=-1), xp.stack([-sine, cosine], axis=-1))
        if isinstance(self.group, groups.O):
            determinant = g[..., 0, 0] * g[..., 1, 1] - g[..., 0, 1] * g[..., 1, 0]
            columns = (columns[0], columns[1] * determinant[..., None])
        return xp.stack(columns, axis=-1)

    def _drho(self, a: Any) -> Any:
        return self.frequency * a

    def __str__(self) -> str:
        return f"V({self.frequency})"


def planar_irrep(group: Group, frequency: int) -> base.Rep:
    """Return the representation of SO(2) or O(2) that rotates by k times the angle.

    `rho(g)` of the rotation by t is the rotation by k t, and of the reflection diag(1, -1) it is
    diag(1, -1): under O(2) the two components turn into each other like cos(k t) and sin(k t).
    With `scalar` and, for O(2), `determinant`, these are all real irreducible representations; -k
    is equivalent to k.

    Args:
        group: `groups.SO(2)` or `groups.O(2)`.
        frequency: k, at least 0.

    Returns:
        The representation, of dimension 2: the scalar for k = 0, V for k = 1.

    Raises:
        ValueError: If the group is another one or k no whole number of at least 0.

    Numerics: entries are polynomials in those of g, by repeated squaring: differentiable, and
        rounding grows in proportion to k.

    >>> planar_irrep(groups.O(2), 3), planar_irrep(groups.O(2), 1)
    (V(3) of O(2), V of O(2))
    """
    if not is_planar(group):
        raise ValueError(f"expected groups.SO(2) or groups.O(2), got {group!r}")
    frequency = checks.check_count(frequency, what="a frequency")
    if frequency == 0:
        return base.Scalar(group)
    return vector(group) if frequency == 1 else PlanarIrrep(group, frequency)


def is_planar(group: Group) -> bool:
    """Tell whether a group is SO(2) or O(2)."""
    return isinstance(group, (groups.SO, groups.O)) and group.n == 2


def top_frequency(rep: base.Rep) -> int:
    """Return the highest frequency that occurs in a representation of SO(2) or O(2)."""
    if isinstance(rep, base.Sum):
        return max((top_frequency(term) for _, term in rep.terms), default=0)
    if isinstance(rep, base.Tensor):
        return sum(top_frequency(part) for part in rep.parts)
    values = np.linalg.eigvals(rep.drho(rep.group.lie_algebra[0]))
    return round(float(np.abs(np.imag(values)).max(initial=0.0)))


def _power(cosine: Any, sine: Any, exponent: int) -> tuple[Any, Any]:
    """Return real and imaginary part of `(cosine + i sine)^exponent`, for a positive exponent."""
    if exponent == 1:
        return cosine, sine
    c, s = _power(cosine, sine, exponent // 2)
    c, s = c * c - s * s, 2 * c * s
    return (c * cosine - s * sine, c * sine + s * cosine) if exponent % 2 else (c, s)
