"""Equivariant maps of any group, by solving the constraints numerically.

A matrix X is equivariant when `rho_out(h) X = X rho_in(h)` for the discrete generators h and
`drho_out(A) X = X drho_in(A)` for a basis A of the Lie algebra. These maps act on X by products
with D x D matrices; they are never written out as matrices on the D_out D_in entries of X, except
in small problems.

Source: M. Finzi, M. Welling, A. G. Wilson, 2021, arXiv:2104.09459, theorem 1 (the constraints). The
solver is our own: exact orthonormal null vectors in float64, with a certificate.
"""

import dataclasses
from typing import Any

import numpy as np

from symjax_models.reps import base, matrices
from symjax_models.reps.constraints import Constraints
from symjax_models.reps.null_space import smallest_singular_vectors

_MAX_ENTRIES = 2_000_000
# A singular value that does not count as zero must be so many times the tolerance,
_MARGIN = 10.0
# and, unless the tolerance says that zeros are exact to more digits, at least so large: what is
# between is the noise of generators rather than a constraint.
_CLEAR = 1e-2
_DIGITS = 1e7
# Rows whose components outside those chosen so far are smaller do not count as independent.
_INDEPENDENT = 1e-4


@dataclasses.dataclass(frozen=True)
class Certificate:
    """How clearly the equivariant maps stand apart from all others.

    Args:
        tolerance: Singular values of the constraints up to here count as zero.
        largest_zero: The largest singular value that counts as zero, relative to the norm of the
            generators' matrices.
        smallest_nonzero: The smallest one that does not; infinite if there is none.
    """

    tolerance: float
    largest_zero: float
    smallest_nonzero: float

    @property
    def gap(self) -> float:
        """The ratio of the smallest nonzero singular value to the largest that counts as zero."""
        return self.smallest_nonzero / max(self.largest_zero, 1e-17)


class SolvedBasis:
    """Hold an orthonormal basis of Hom_G(rep_in, rep_out) found numerically.

    The basis is a function of the space of maps alone: its reduced echelon form, orthonormalized in
    order. So the same weights mean the same map on every machine.

    Args:
        rep_in: What the maps take.
        rep_out: What they return.
        tolerance: Singular values of the constraints, relative to the norm of the generators'
            matrices, that count as zero.

    Raises:
        ValueError: If no clear gap separates zero from nonzero singular values, or if the problem
            is too large.

    Numerics:
        The smallest nonzero singular value must be at least 10 times the tolerance, and at least
        1e-2 or 1e7 times the tolerance, whichever is less. So generators with noise of 1e-4 are
        refused at the default tolerance of 1e-9, and solved for at 1e-3. Lie algebra elements are
        scaled to norm 1 first.
    """

    def __init__(self, rep_in: base.Rep, rep_out: base.Rep, *, tolerance: float) -> None:
        self.rep_in, self.rep_out = rep_in, rep_out
        shape = (rep_out.dim, rep_in.dim)
        if shape[0] * shape[1] > _MAX_ENTRIES:
            raise ValueError(
                f"maps from {rep_in!r} to {rep_out} have {shape[0]} x {shape[1]} entries, too many "
                "to solve for: no closed form is known for them, so split the representations or "
                "take lower powers"
            )
        vectors, values = smallest_singular_vectors(
            Constraints(rep_in, rep_out), tolerance=tolerance
        )
        vectors, self.certificate = _cut(vectors, values, tolerance)
        self.size = vectors.shape[1]
        self._maps = _canonical(vectors).T.reshape(self.size, *shape)
        self.method = f"{self.size} solutions, gap {self.certificate.gap:.0e}"

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps; see `DiagramBasis.apply`."""
        xp = matrices.namespace(x)
        outputs, inputs = self._maps.shape[1:]
        maps = xp.asarray(self._maps.reshape(self.size, outputs * inputs).T, weights.dtype)
        flat = weights.reshape(self.size, weights.shape[1] * weights.shape[2])
        matrix = matrices.matmul(maps, flat)
        return matrices.mix_channels(matrix.reshape(outputs, inputs, *weights.shape[1:]), x)

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]` float64 or complex128."""
        return self._maps.copy()


def _cut(
    vectors: np.ndarray, values: np.ndarray, tolerance: float
) -> tuple[np.ndarray, Certificate]:
    """Keep the vectors whose singular values, in increasing order, count as zero."""
    count = int((values <= tolerance).sum())
    zero = float(values[count - 1]) if count else 0.0
    nonzero = float(values[count]) if count < len(values) else np.inf
    certificate = Certificate(tolerance, zero, nonzero)
    least = max(_MARGIN * tolerance, min(_CLEAR, _DIGITS * tolerance))
    if nonzero < least:
        near = ", ".join(f"{v:.1e}" for v in values[max(0, count - 2) : count + 2])
        raise ValueError(
            f"the constraints have no clear gap at the tolerance {tolerance:.0e}: relative "
            f"singular values near it are {near}, and the smallest nonzero one must be at least "
            f"{least:.0e}; give generators with more digits, or MatrixGroup(..., tolerance=...) "
            "inside a gap: larger for noisy generators, smaller for exact ones"
        )
    return vectors[:, :count], certificate


def _canonical(vectors: np.ndarray) -> np.ndarray:
    """Return the orthonormal basis that depends on the span alone."""
    rows: list[int] = []
    rest = vectors.copy()
    for row in range(len(vectors)):
        if len(rows) == vectors.shape[1]:
            break
        length = np.linalg.norm(rest[row])
        if length > _INDEPENDENT:
            rows.append(row)
            direction = rest[row].conj() / length
            rest = rest - np.outer(rest @ direction, direction.conj())
    if len(rows) < vectors.shape[1]:
        raise ValueError("the solutions have no well-conditioned echelon form")
    echelon = np.linalg.solve(vectors[rows].T, vectors.T).T
    basis, triangle = np.linalg.qr(echelon)
    phases = np.diag(triangle) / np.abs(np.diag(triangle))
    return basis * phases
