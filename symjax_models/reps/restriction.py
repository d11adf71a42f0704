"""Representations of a group as representations of a subgroup."""

import dataclasses
import functools
from typing import Any

import numpy as np

from symjax_models import groups
from symjax_models.groups.base import Group
from symjax_models.reps import base, powers
from symjax_models.reps.defining import Determinant, Vector, determinant, vector
from symjax_models.reps.planar_irreps import PlanarIrrep, planar_irrep
from symjax_models.reps.rotation_irreps import RotationIrrep, rotation_irrep


@dataclasses.dataclass(frozen=True, repr=False)
class Restricted(base.Rep):
    """State a representation of a larger group, `rho(g) = inner.rho(g)`; made by `restrict`.

    Args:
        group: The subgroup.
        inner: The representation of the larger group; no sum.
    """

    group: Group
    inner: base.Rep

    @property
    def dim(self) -> int:
        """That of the inner representation."""
        return self.inner.dim

    @property
    def is_orthogonal(self) -> bool:
        """Whether the generators of the subgroup act by orthogonal (unitary) matrices."""
        return self.inner.is_orthogonal or _is_orthogonal(self)

    @property
    def dual(self) -> base.Rep:
        """The restriction of the dual; itself if real orthogonal on the subgroup."""
        if self.is_orthogonal and not self.is_complex:
            return self
        return restrict(self.inner.dual, self.group)

    def _rho(self, g: Any) -> Any:
        return self.inner._rho(g)

    def _drho(self, a: Any) -> Any:
        return self.inner._drho(a)

    def __str__(self) -> str:
        return f"Res({self.inner} of {self.inner.group!r})"


def restrict(rep: base.Rep, subgroup: Group) -> base.Rep:
    """Return a representation of a group as one of a subgroup.

    What is built from V by sums, products, duals, powers and determinants is built from the V of
    the subgroup in the same way, so that closed forms apply. The rest keeps its matrices and stands
    for itself.

    Args:
        rep: The representation.
        subgroup: A group of matrices of the same size, all in `rep.group`.

    Returns:
        The representation of the subgroup: the same matrices, but for summands that are equal now
        and therefore gathered.

    Raises:
        ValueError: If the matrices differ in size, or a generator of the subgroup is not in the
            group; or if the subgroup is real, the group complex, and the representation not built
            from V.

    Equivariance:
        Exact: every map that respects the group respects the subgroup.

    >>> from symjax_models import groups
    >>> V = vector(groups.O(3))
    >>> restrict(V * V + determinant(groups.O(3)), groups.SO(3))
    V*V + 1 of SO(3)
    """
    check_subgroup(rep.group, subgroup)
    return base.direct_sum(
        (
            (multiplicity * count, own)
            for multiplicity, term in rep.terms
            for count, own in _restrict_term(term, subgroup).terms
        ),
        group=subgroup,
    )


def check_subgroup(group: Group, subgroup: Group) -> None:
    """Raise `ValueError` unless a group contains the generators of another."""
    if subgroup == group:
        return
    if subgroup.n != group.n:
        raise ValueError(
            f"expected a subgroup of {group!r} of {group.n} x {group.n} matrices, got "
            f"{subgroup!r} of {subgroup.n} x {subgroup.n} matrices"
        )
    generators = subgroup.discrete_generators
    inside = np.ones(0, bool)
    if len(generators):
        inside = group.contains(generators, tolerance=max(1e-5, subgroup.tolerance))
    if not inside.all():
        raise ValueError(
            f"expected a subgroup of {group!r}, got {subgroup!r}: its discrete generator "
            f"{int(np.argmin(inside))} is not in the group"
        )
    outside = _outside(subgroup.lie_algebra, group.lie_algebra)
    if outside.max(initial=0.0) > subgroup.tolerance:
        raise ValueError(
            f"expected a subgroup of {group!r}, got {subgroup!r}: element "
            f"{int(np.argmax(outside))} of its Lie algebra is not in that of the group"
        )


def _outside(matrices: np.ndarray, algebra: np.ndarray) -> np.ndarray:
    """Return the relative distances `[K]` of matrices from the real span of a Lie algebra."""
    rows = _as_real_rows(matrices)
    # Lie algebras are independent, so that this is a basis of the span.
    basis, _ = np.linalg.qr(_as_real_rows(algebra).T)
    rest = rows - (rows @ basis) @ basis.T
    return np.linalg.norm(rest, axis=-1) / np.linalg.norm(rows, axis=-1)


def _as_real_rows(matrices: np.ndarray) -> np.ndarray:
    rows = matrices.reshape(len(matrices), matrices.shape[-1] ** 2)
    return np.concatenate([np.real(rows), np.imag(rows)], axis=-1)


def _restrict_term(rep: base.Rep, subgroup: Group) -> base.Rep:
    """Restrict a representation that is no sum."""
    if subgroup == rep.group:
        return rep
    if isinstance(rep, base.Scalar):
        return base.Scalar(subgroup)
    if isinstance(rep, Vector):
        return vector(subgroup)
    if isinstance(rep, Determinant):
        return determinant(subgroup, power=rep.power)
    if isinstance(rep, RotationIrrep) and subgroup == groups.SO(3):
        return rotation_irrep(subgroup, rep.degree)
    if isinstance(rep, PlanarIrrep) and subgroup == groups.SO(2):
        return planar_irrep(subgroup, rep.frequency)
    if isinstance(rep, Restricted):
        return _restrict_term(rep.inner, subgroup)
    if isinstance(rep, base.Dual):
        return _restrict_term(rep.inner, subgroup).dual
    if isinstance(rep, base.Tensor):
        parts = [_restrict_term(part, subgroup) for part in rep.parts]
        # A product of sums would be distributed, which moves components.
        if not any(isinstance(part, base.Sum) for part in parts):
            return functools.reduce(lambda a, b: a * b, parts)
    if isinstance(rep, powers.Power):
        part = _restrict_term(rep.inner, subgroup)
        if not isinstance(part, base.Sum):
            power = powers.symmetric_power if rep.is_symmetric else powers.alternating_power
            return power(part, rep.degree)
    if subgroup.is_complex != rep.is_complex:
        raise ValueError(
            f"expected a complex subgroup, got {subgroup!r}: matrices of {rep!r} are complex"
        )
    return Restricted(subgroup, rep)


@functools.lru_cache(maxsize=256)
def _is_orthogonal(rep: Restricted) -> bool:
    algebra, discrete = rep.drho(rep.group.lie_algebra), rep.rho(rep.group.discrete_generators)
    bend = algebra + algebra.conj().swapaxes(-2, -1)
    stretch = discrete.conj().swapaxes(-2, -1) @ discrete - np.eye(rep.dim)
    return bool(max(np.abs(bend).max(initial=0.0), np.abs(stretch).max(initial=0.0)) < 1e-9)
