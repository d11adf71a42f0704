"""Irreducible representations of SO(3) and O(3), of every degree and parity."""

import dataclasses
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, checks, matrices
from symjax_models.reps.defining import Determinant, Vector, determinant, vector
from symjax_models.reps.rotation.generators import generators
from symjax_models.reps.rotation.wigner import wigner_d


@dataclasses.dataclass(frozen=True, repr=False)
class RotationIrrep(base.Rep):
    """State the rotation of harmonics of one degree; made by `rotation_irrep`.

    Args:
        group: SO(3) or O(3).
        degree: l; at least 2, or 1 for axial vectors of O(3).
        parity: What the inversion -1 of O(3) multiplies by, 1 or -1; 1 for SO(3).
    """

    group: Group
    degree: int
    parity: int

    @property
    def dim(self) -> int:
        """2 l + 1."""
        return 2 * self.degree + 1

    @property
    def endomorphisms(self) -> np.ndarray:
        """What commutes with the group, as an orthonormal basis `[1, D, D]`: the identity."""
        return np.eye(self.dim)[None] / np.sqrt(self.dim)

    def _rho(self, g: Any) -> Any:
        # A polynomial of degree l in g: for improper g it has the parity of the harmonics.
        matrix = wigner_d(g, degree=self.degree)
        if isinstance(self.group, groups.SO) or self.parity == (-1) ** self.degree:
            return matrix
        return matrix * _determinant(g)[..., None, None]

    def _drho(self, a: Any) -> Any:
        # The element of the Lie algebra is the cross product with this vector.
        xp = matrices.namespace(a)
        axis = xp.stack([a[..., 2, 1], a[..., 0, 2], a[..., 1, 0]], axis=-1)
        x, y, z = xp.asarray(generators(self.degree), a.dtype)
        return sum(axis[..., k, None, None] * matrix for k, matrix in enumerate((x, y, z)))

    def __str__(self) -> str:
        if isinstance(self.group, groups.SO):
            return f"V({self.degree})"
        return f"{self.degree}{'e' if self.parity == 1 else 'o'}"


def rotation_irrep(group: Group, degree: int, *, parity: int | None = None) -> base.Rep:
    """Return the irreducible representation of SO(3) or O(3) of a degree and parity.

    Rotations act on the `2 l + 1` components as on the real spherical harmonics of degree l, in
    e3nn's order and axes (`ops.harmonics`), and the inversion multiplies by the parity.

    Args:
        group: `groups.SO(3)` or `groups.O(3)`.
        degree: l, at least 0.
        parity: 1 or -1, of O(3) alone; that of the harmonics, `(-1)^l`, when None.

    Returns:
        The representation. Where it has a simpler name it is that one: the scalar for degree 0,
        the determinant if its parity is odd, and V for degree 1.

    Raises:
        ValueError: If the group is another one, l no whole number of at least 0, or the parity not
            1 or -1.

    Source: conventions of e3nn; see `reps.rotation.wigner`.

    >>> V = rotation_irrep(groups.O(3), 1)
    >>> V, rotation_irrep(groups.O(3), 1, parity=1), rotation_irrep(groups.SO(3), 2)
    (V of O(3), 1e of O(3), V(2) of SO(3))
    """
    if not is_spatial(group):
        raise ValueError(f"expected groups.SO(3) or groups.O(3), got {group!r}")
    degree = checks.check_count(degree, what="a degree")
    if isinstance(group, groups.SO):
        if parity is not None:
            raise ValueError(f"irreps of SO(3) have no parity, got {parity}")
        simple = {0: base.Scalar(group), 1: vector(group)}
        return simple.get(degree) or RotationIrrep(group, degree, 1)
    parity = (-1) ** degree if parity is None else parity
    if parity not in (1, -1):
        raise ValueError(f"a parity is 1 or -1, got {parity}")
    if degree == 0:
        return base.Scalar(group) if parity == 1 else determinant(group)
    return vector(group) if (degree, parity) == (1, -1) else RotationIrrep(group, degree, parity)


def is_spatial(group: Group) -> bool:
    """Tell whether a group is SO(3) or O(3)."""
    return isinstance(group, (groups.SO, groups.O)) and group.n == 3


def degree_and_parity(rep: base.Rep) -> tuple[int, int] | None:
    """Return degree and parity of an irrep of SO(3) or O(3), as in `rotation_irrep`.

    Args:
        rep: The representation.

    Returns:
        The degree and the parity (1 for SO(3)); None if it is no irrep of these groups.
    """
    if isinstance(rep, RotationIrrep):
        return rep.degree, rep.parity
    if not is_spatial(rep.group):
        return None
    if isinstance(rep, base.Scalar):
        return 0, 1
    # The determinant is one on SO(3) and so the scalar there: this one changes sign with -1.
    if isinstance(rep, Determinant):
        return 0, -1
    if isinstance(rep, Vector):
        return 1, 1 if isinstance(rep.group, groups.SO) else -1
    return None


def kind_of_irrep(rep: base.Rep) -> tuple[int, int]:
    """Return `degree_and_parity`, or raise `ValueError` if it is no irrep of SO(3) or O(3)."""
    kind = degree_and_parity(rep)
    if kind is None:
        raise ValueError(
            f"expected a sum of irreps of SO(3) or O(3), got the summand {rep!r}; "
            "reps.decompose splits it"
        )
    return kind


def _determinant(g: Any) -> Any:
    """Return the determinants of 3 x 3 matrices, as polynomials."""
    xp = matrices.namespace(g)
    return xp.sum(g[..., 0] * xp.cross(g[..., 1], g[..., 2]), axis=-1)
