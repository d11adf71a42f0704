"""Equivariant maps between tensor products of irreps of SO(3) and O(3), by couplings."""

import collections
import functools
import itertools
import math
from typing import Any

import numpy as np

from symjax_models.reps import base, matrices
from symjax_models.reps.diagrams.halves import einsum
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan
from symjax_models.reps.rotation_irreps import degree_and_parity, kind_of_irrep

# A product's copies of irreps are not formed where they have more entries.
_MAX_ENTRIES = 4_000_000

Kind = tuple[int, int]  # degree and parity
Copies = dict[Kind, np.ndarray]


class CouplingBasis:
    """Hold the orthonormal basis of the maps between two tensor products of irreps.

    The factors of a product are coupled one after another by Clebsch-Gordan coefficients, each
    path of intermediate degrees giving one copy of an irrep. A basis map takes one copy in the
    source to one in the target.

    Args:
        rep_in: What the maps take: a tensor product of irreps of SO(3) or O(3).
        rep_out: What they return, likewise.

    Source: M. E. Rose, "Elementary theory of angular momentum", 1957, sections 9 and 32 (recoupling
        of angular momenta); paths as in e3nn's reduced tensor products.
    """

    def __init__(self, rep_in: base.Rep, rep_out: base.Rep) -> None:
        self.rep_in, self.rep_out = rep_in, rep_out
        source, target = copies(rep_in), copies(rep_out)
        self._pairs = [(source[kind], target[kind]) for kind in source if kind in target]
        self._sizes = [len(a) * len(b) for a, b in self._pairs]
        self.size = sum(self._sizes)
        self.method = f"{self.size} couplings"

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps; see `DiagramBasis.apply`."""
        xp = matrices.namespace(x)
        channels = weights.shape[1:]
        total = xp.zeros((*x.shape[:-2], self.rep_out.dim, channels[1]), weights.dtype)
        ends = itertools.accumulate(self._sizes)
        for (a, b), size, end in zip(self._pairs, self._sizes, ends, strict=True):
            kernel = weights[end - size : end].reshape(len(a), len(b), *channels)
            a, b = (xp.asarray(c, weights.dtype) for c in (a, b / math.sqrt(b.shape[1])))
            coupled = einsum(xp, a, [0, 1, 2], x, [..., 2, 3], [..., 0, 1, 3])
            mixed = einsum(xp, coupled, [..., 0, 1, 2], kernel, [0, 3, 2, 4], [..., 3, 1, 4])
            total = total + einsum(xp, b, [0, 1, 2], mixed, [..., 0, 1, 3], [..., 2, 3])
        return total

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]`."""
        return matrices.maps_of(self)


def coupling_basis(rep_in: base.Rep, rep_out: base.Rep) -> CouplingBasis | None:
    """Return the basis of maps between products of irreps; None for others or too large ones."""
    factors = (*rep_in.factors, *rep_out.factors)
    if not factors or any(degree_and_parity(factor) is None for factor in factors):
        return None
    if max(rep_in.dim, rep_out.dim) ** 2 > _MAX_ENTRIES:
        return None
    return CouplingBasis(rep_in, rep_out)


@functools.lru_cache(maxsize=256)
def copies(rep: base.Rep) -> Copies:
    """Find all copies of irreps in a tensor product of irreps.

    Args:
        rep: The product; a single irrep is its own only factor.

    Returns:
        For every degree and parity that occurs, lowest first, equivariant maps `[P, 2l+1, D]` from
        the product to the irrep. Their rows, of all together, are an orthonormal basis.
    """
    found: Copies = {(0, 1): np.ones((1, 1, 1))}
    for factor in rep.factors:
        found = _couple(found, *kind_of_irrep(factor))
    return dict(sorted(found.items()))


def _couple(found: Copies, degree: int, parity: int) -> Copies:
    """Multiply by one more irrep."""
    blocks: dict[Kind, list[np.ndarray]] = collections.defaultdict(list)
    for (former, sign), maps in found.items():
        for total in range(abs(former - degree), former + degree + 1):
            c = clebsch_gordan(former, degree, total) * math.sqrt(2 * total + 1)
            # Components of the product are row-major: those of the last factor run fastest.
            product = np.einsum("pid,ijk->pkdj", maps, c, optimize=True)
            blocks[total, sign * parity].append(product.reshape(len(maps), 2 * total + 1, -1))
    return {kind: np.concatenate(parts) for kind, parts in blocks.items()}
