"""Equivariant maps between irreducible representations, by Schur's lemma."""

from typing import Any

import numpy as np

from symjax_models.reps import base, matrices
from symjax_models.reps.diagrams.halves import einsum
from symjax_models.reps.finite_irreps import Irrep
from symjax_models.reps.planar_irreps import PlanarIrrep
from symjax_models.reps.rotation_irreps import RotationIrrep, degree_and_parity


class SchurBasis:
    """Hold an orthonormal basis of the maps between two irreps of one list.

    There are none between different ones. Those from one to itself are the real numbers, the
    complex numbers or the quaternions.

    Args:
        rep_in: What the maps take.
        rep_out: What they return.

    Source: J.-P. Serre, "Linear representations of finite groups", 1977, sections 2.2 and 13.2.
    """

    def __init__(self, rep_in: base.Rep, rep_out: base.Rep) -> None:
        self.rep_in, self.rep_out = rep_in, rep_out
        self._maps = np.zeros((0, rep_out.dim, rep_in.dim))
        if rep_in == rep_out and isinstance(rep_in, (Irrep, PlanarIrrep, RotationIrrep)):
            self._maps = rep_in.endomorphisms
        self.size = len(self._maps)
        self.method = f"{self.size} endomorphisms (Schur)"

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps; see `DiagramBasis.apply`."""
        xp = matrices.namespace(x)
        maps = xp.asarray(self._maps, weights.dtype)
        return einsum(xp, maps, [0, 1, 2], x, [..., 2, 3], weights, [0, 3, 4], [..., 1, 4])

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]` float64 or complex128."""
        return self._maps.copy()


def schur_basis(rep_in: base.Rep, rep_out: base.Rep) -> SchurBasis | None:
    """Return the basis of maps between two irreps; None if one is something else."""
    for kind in (Irrep, PlanarIrrep):
        ends = [rep for rep in (rep_in, rep_out) if isinstance(rep, kind)]
        if ends and all(isinstance(rep, (kind, base.Scalar)) for rep in (rep_in, rep_out)):
            return SchurBasis(rep_in, rep_out)
    if degree_and_parity(rep_in) is not None and degree_and_parity(rep_out) is not None:
        return SchurBasis(rep_in, rep_out)
    return None
