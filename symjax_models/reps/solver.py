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
import scipy.linalg
import scipy.sparse.linalg

from symjax_models.reps import base, matrices

_MAX_DENSE = 1200
_MAX_ENTRIES = 2_000_000
# A singular value that does not count as zero must be so many times the tolerance,
_MARGIN = 10.0
# and, unless the tolerance says that zeros are exact to more digits, at least so large: what is
# between is the noise of generators rather than a constraint.
_CLEAR = 1e-2
_DIGITS = 1e7
# How many solutions the iteration looks for at first.
_FIRST_SEARCH = 8
_MAX_STEPS = 10_000
# Singular values of projected vectors of length 1 that are smaller are rounding.
_VANISHING = 1e-6
# Rows whose components outside those chosen so far are smaller do not count as independent.
_INDEPENDENT = 1e-4


@dataclasses.dataclass(frozen=True)
class Certificate:
    """How clearly the equivariant maps stand apart from all others.

    Args:
        tolerance: Singular values of the constraints up to here count as zero.
        largest_zero: The largest singular value that counts as zero, relative to the largest.
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
        tolerance: Singular values of the constraints, relative to the largest, that count as zero.

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
        constraints = _Constraints(rep_in, rep_out)
        vectors, self.certificate = _solve(constraints, tolerance=tolerance)
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
        matrix = matrix.reshape(outputs, inputs, *weights.shape[1:])
        rows, columns = inputs * weights.shape[1], outputs * weights.shape[2]
        matrix = matrix.transpose(1, 2, 0, 3).reshape(rows, columns)
        y = matrices.matmul(x.reshape(*x.shape[:-2], rows), matrix)
        return y.reshape(*x.shape[:-2], outputs, weights.shape[2])

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]` float64 or complex128."""
        return self._maps.copy()


class _Constraints:
    """The linear map from X to all its violations, as products of small matrices."""

    def __init__(self, rep_in: base.Rep, rep_out: base.Rep) -> None:
        group = rep_in.group
        # The scale of an element of the Lie algebra means nothing.
        algebra = group.lie_algebra
        algebra = algebra / np.linalg.norm(algebra, axis=(-2, -1), keepdims=True)
        pairs = [
            *zip(rep_out.drho(algebra), rep_in.drho(algebra), strict=True),
            *zip(
                rep_out.rho(group.discrete_generators),
                rep_in.rho(group.discrete_generators),
                strict=True,
            ),
        ]
        self.pairs = [pair for pair in pairs if np.abs(pair[0]).max() or np.abs(pair[1]).max()]
        self.shape = (rep_out.dim, rep_in.dim)
        self.dtype = np.complex128 if rep_in.is_complex else np.float64

    def violations(self, x: np.ndarray) -> np.ndarray:
        """Map columns of matrices `[D_out D_in, r]` to their violations `[M D_out D_in, r]`."""
        cube = x.reshape(*self.shape, -1)
        rows = [
            np.einsum("ij,jkr->ikr", left, cube, optimize=True)
            - np.einsum("ijr,jk->ikr", cube, right, optimize=True)
            for left, right in self.pairs
        ]
        return np.concatenate([row.reshape(-1, cube.shape[-1]) for row in rows])

    def normal(self, x: np.ndarray) -> np.ndarray:
        """Apply the violations and then their adjoint to rows `[r, D_out D_in]`."""
        matrix = x.reshape(-1, *self.shape)
        total = np.zeros_like(matrix)
        for left, right in self.pairs:
            row = left @ matrix - matrix @ right
            total += left.conj().T @ row - row @ right.conj().T
        return total.reshape(x.shape)


def _solve(constraints: _Constraints, *, tolerance: float) -> tuple[np.ndarray, Certificate]:
    """Return an orthonormal basis `[D_out D_in, K]` of the solutions."""
    size = constraints.shape[0] * constraints.shape[1]
    if not constraints.pairs:
        return np.eye(size, dtype=constraints.dtype), Certificate(tolerance, 0.0, np.inf)
    if size <= _MAX_DENSE:
        every = np.eye(size, dtype=constraints.dtype)
        _, triangle = np.linalg.qr(constraints.violations(every))
        _, values, rows = scipy.linalg.svd(triangle)
        return _cut(rows.conj().T[:, ::-1], values[::-1] / max(values[0], 1e-300), tolerance)
    return _solve_iteratively(constraints, size, tolerance=tolerance)


def _solve_iteratively(
    constraints: _Constraints, size: int, *, tolerance: float
) -> tuple[np.ndarray, Certificate]:
    """Project fixed vectors on the solutions, more and more of them until nothing new is found."""
    if not constraints.normal(_start(constraints, size, 0, 1)).any():
        return np.eye(size, dtype=constraints.dtype), Certificate(tolerance, 0.0, np.inf)
    largest = _extreme(constraints, np.zeros((size, 0)), 0.0, number=0, which="LA")[0]
    found, drawn = np.zeros((size, 0), constraints.dtype), 0
    while True:
        width = min(max(_FIRST_SEARCH, found.shape[1]), size - found.shape[1])
        rows = _start(constraints, size, drawn, width)
        rows = rows - (rows @ found.conj()) @ found.T
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        drawn += width
        rows = _project(constraints, rows, largest=largest, tolerance=tolerance)
        new, lengths, _ = np.linalg.svd(rows.T, full_matrices=False)
        new = new[:, lengths > _VANISHING]
        found = np.concatenate([found, new], axis=1)
        if new.shape[1] == width < size - found.shape[1]:
            continue
        # What is left must be far from zero, as another method sees it.
        _, vector = _extreme(constraints, found, largest, number=drawn, which="SA")
        vectors, values = _sharpen(constraints, np.concatenate([found, vector], axis=1))
        values = values / np.sqrt(largest)
        if values[-1] > tolerance or found.shape[1] == size:
            return _cut(vectors, values, tolerance)


def _start(constraints: _Constraints, size: int, number: int, count: int) -> np.ndarray:
    # Fixed vectors in general position: the solution must not depend on a random state.
    phases = np.sqrt(np.arange(2.0 + number, 2.0 + number + count))
    return np.cos(phases[:, None] * np.arange(1.0, size + 1.0) ** 2).astype(constraints.dtype)


def _extreme(
    constraints: _Constraints, found: np.ndarray, shift: float, *, number: int, which: str
) -> tuple[float, np.ndarray]:
    """Return an extreme eigenvalue and eigenvector `[D_out D_in, 1]` of the normal equations.

    What has been found is shifted out of the way.
    """
    size = len(found)
    operator = scipy.sparse.linalg.LinearOperator(
        (size, size),
        matvec=lambda x: constraints.normal(x) + shift * (found @ (found.conj().T @ x)),
        dtype=constraints.dtype,
    )
    start = _start(constraints, size, number, 1)[0]
    values, vectors = scipy.sparse.linalg.eigsh(operator, k=1, which=which, v0=start, tol=1e-3)
    return float(values[0]), vectors


def _project(
    constraints: _Constraints, rows: np.ndarray, *, largest: float, tolerance: float
) -> np.ndarray:
    """Remove from rows `[r, D_out D_in]` of length 1 what violates the constraints.

    By conjugate gradients, for each row: `rest` becomes x - y with N y = N x, N the normal
    equations, of largest eigenvalue 1 after scaling.

    Source: M. R. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving linear systems",
    1952, equations 3:1.
    """
    # Noise of the generators, up to the tolerance, is no violation to be removed.
    stop = max(1e-14, 1e-4 * tolerance**2) ** 2
    rest, residual = rows, constraints.normal(rows) / largest
    direction = residual
    square = np.sum(np.abs(residual) ** 2, axis=1, keepdims=True)
    for _ in range(_MAX_STEPS):
        if square.max() <= stop:
            break
        image = constraints.normal(direction) / largest
        curvature = np.sum((direction.conj() * image).real, axis=1, keepdims=True)
        # Rows that are done have no direction left.
        step = square / np.maximum(curvature, 1e-300)
        rest = rest - step * direction
        residual = residual - step * image
        last, square = square, np.sum(np.abs(residual) ** 2, axis=1, keepdims=True)
        direction = residual + square / np.maximum(last, 1e-300) * direction
    return rest


def _sharpen(constraints: _Constraints, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return singular vectors of the constraints on a subspace, and the values, increasing."""
    # Squaring has cost half the digits of the small values: take them from the constraints.
    vectors, _ = np.linalg.qr(vectors)
    _, triangle = np.linalg.qr(constraints.violations(vectors))
    _, values, rows = scipy.linalg.svd(triangle)
    return vectors @ rows.conj().T[:, ::-1], values[::-1]


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
            f"{least:.0e}; give generators with more digits, or a tolerance inside a gap: larger "
            "for noisy generators, smaller for exact ones"
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
