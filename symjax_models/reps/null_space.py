"""The matrices that satisfy constraints: singular vectors of small singular values.

Small problems are decomposed at once. In large ones fixed vectors are projected on the solutions,
by conjugate gradients: unlike a search for single eigenvectors this finds all of them, though they
belong to one eigenvalue, as soon as more vectors are projected than there are solutions.
"""

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from symjax_models.reps.constraints import Constraints

_MAX_DENSE = 1200
# How many solutions are looked for at first.
_FIRST_SEARCH = 8
_MAX_STEPS = 10_000
# Squared constraints, relative to the largest, at which a projection is exact up to rounding, and
# at which what clearly violates the constraints is gone, but not yet what nearly satisfies them.
_EXACT = 1e-14
_COARSE = 1e-7
# Singular values of projected vectors of length 1 that are smaller are rounding.
_VANISHING = 1e-6


def smallest_singular_vectors(
    constraints: Constraints, *, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find all singular vectors whose singular values count as zero, and at least one more.

    Args:
        constraints: The constraints on matrices of D_out x D_in entries.
        tolerance: Singular values relative to `constraints.scale` that count as zero.

    Returns:
        Orthonormal columns `[D_out D_in, r]`, and their singular values relative to
        `constraints.scale`, `[r]`, increasing. There is no more one if all count as zero.

    Source: The iteration is M. R. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving
    linear systems", 1952, equations 3:1, on the normal equations.
    """
    size = constraints.shape[0] * constraints.shape[1]
    if not constraints.pairs:
        return np.eye(size, dtype=constraints.dtype), np.zeros(size)
    if size <= _MAX_DENSE:
        vectors, values = _sharpen(constraints, np.eye(size, dtype=constraints.dtype))
    else:
        vectors, values = _project_many(constraints, size, tolerance=tolerance)
    return vectors, values / constraints.scale


def _project_many(
    constraints: Constraints, size: int, *, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Project more and more fixed vectors on the solutions, until nothing new is found."""
    start = _start(constraints, size, 0, 1)
    violation = np.linalg.norm(constraints.violations(start.T)) / np.linalg.norm(start)
    if violation <= tolerance * constraints.scale:
        return np.eye(size, dtype=constraints.dtype), np.full(size, violation)
    found, drawn = np.zeros((size, 0), constraints.dtype), 0
    largest, _ = _extreme(constraints, found, 0.0, start=start[0], which="LA")
    # Noise of the generators, up to the tolerance, is no violation to be removed.
    stop = max(_EXACT, 1e-4 * tolerance**2)
    while True:
        width = min(max(_FIRST_SEARCH, found.shape[1]), size - found.shape[1])
        rows = _start(constraints, size, drawn, width + 1)
        rows = rows - (rows @ found.conj()) @ found.T
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        drawn += width + 1
        projected = _project(constraints, rows[:-1], largest=largest, stop=stop)
        new, lengths, _ = np.linalg.svd(projected.T, full_matrices=False)
        new = new[:, lengths > _VANISHING]
        found = np.concatenate([found, new], axis=1)
        if new.shape[1] == width < size - found.shape[1]:
            continue
        # What is left must be far from zero, as another method sees it.
        (start,) = _project(constraints, rows[-1:], largest=largest, stop=max(_COARSE, stop))
        _, vector = _extreme(constraints, found, largest, start=start, which="SA")
        together, _ = np.linalg.qr(np.concatenate([found, vector], axis=1))
        vectors, values = _sharpen(constraints, together)
        if values[-1] > tolerance * constraints.scale or found.shape[1] == size:
            return vectors, values


def _start(constraints: Constraints, size: int, number: int, count: int) -> np.ndarray:
    # Fixed vectors in general position: the solution must not depend on a random state.
    phases = np.sqrt(np.arange(2.0 + number, 2.0 + number + count))
    return np.cos(phases[:, None] * np.arange(1.0, size + 1.0) ** 2).astype(constraints.dtype)


def _extreme(
    constraints: Constraints, found: np.ndarray, shift: float, *, start: np.ndarray, which: str
) -> tuple[float, np.ndarray]:
    """Return an extreme eigenvalue and eigenvector `[D_out D_in, 1]` of the normal equations.

    What has been found is shifted out of the way.
    """

    def apply(x: np.ndarray) -> np.ndarray:
        return constraints.normal(x) + shift * (found @ (found.conj().T @ x))

    size = len(found)
    operator = scipy.sparse.linalg.LinearOperator(  # pyright: ignore[reportCallIssue]
        (size, size),
        matvec=apply,  # pyright: ignore[reportCallIssue]
        dtype=constraints.dtype,  # pyright: ignore[reportCallIssue]
    )
    values, vectors = scipy.sparse.linalg.eigsh(
        operator,
        k=1,
        which=which,
        v0=start,
        tol=1e-3,  # pyright: ignore[reportArgumentType]
    )
    return float(values[0]), vectors


def _project(
    constraints: Constraints, rows: np.ndarray, *, largest: float, stop: float
) -> np.ndarray:
    """Remove from rows `[r, D_out D_in]` of length 1 what violates the constraints.

    For each row x: `rest` becomes x - y with N y = N x, N the normal equations, of largest
    eigenvalue 1 after scaling, until N y - N x is as short as `stop`.
    """
    rest, residual = rows, constraints.normal(rows) / largest
    direction = residual
    square = np.sum(np.abs(residual) ** 2, axis=1, keepdims=True)
    for _ in range(_MAX_STEPS):
        if square.max() <= stop**2:
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


def _sharpen(constraints: Constraints, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return singular vectors of the constraints on a subspace, and the values, increasing.

    The vectors are orthonormal. Squaring the constraints costs half the digits of small values, so
    they are taken from the constraints themselves.
    """
    _, triangle = np.linalg.qr(constraints.violations(vectors))
    _, values, rows = scipy.linalg.svd(triangle)
    return vectors @ rows.conj().T[:, ::-1], values[::-1]
