"""Equivariant maps between irreducible representations, by Schur's lemma."""

from typing import Any

import numpy as np

from symjax_models.reps import base
from symjax_models.reps.diagrams.halves import einsum
from symjax_models.reps.irreps import Irrep
from symjax_models.reps.planar_irreps import PlanarIrrep


class SchurBasis:
    """Hold an orthonormal basis of the maps between two irreps of one list.

    There are none between different ones. Those from one to itself are the real numbers, the
    complex numbers or the quaternions.

    Args:
        rep_in: What the maps take.
        rep_out: What they return.

    Source: J.-P. Serre, "Linear representations of finite groups", 1977, sections 2.2 and 13.2.
    """

    def __init__(self, rep_in: Irrep | PlanarIrrep, rep_out: Irrep | PlanarIrrep) -> None:
        self.rep_in, self.rep_out = rep_in, rep_out
        same = rep_in.endomorphisms if rep_in == rep_out else np.zeros((0, rep_out.dim, rep_in.dim))
        self._maps = same
        self.size = len(same)
        self.method = f"{self.size} endomorphisms (Schur)"

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps; see `DiagramBasis.apply`."""
        xp = base.namespace(x)
        maps = xp.asarray(self._maps, weights.dtype)
        if weights.ndim == 2:
            return einsum(xp, maps, [0, 1, 2], x, [..., 2, 3], weights, [0, 3], [..., 1, 3])
        return einsum(xp, maps, [0, 1, 2], x, [..., 2, 3], weights, [0, 3, 4], [..., 1, 4])

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]` float64 or complex128."""
        return self._maps.copy()


def schur_basis(rep_in: base.Rep, rep_out: base.Rep) -> SchurBasis | None:
    """Return the basis of maps between two irreps; None if one is something else."""
    for kind in (Irrep, PlanarIrrep):
        if isinstance(rep_in, kind) and isinstance(rep_out, kind):
            return SchurBasis(rep_in, rep_out)
    return None
