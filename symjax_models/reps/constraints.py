"""What makes a matrix equivariant: linear equations, one for each generator of the group."""

import numpy as np

from symjax_models.reps import base


class Constraints:
    """Hold the linear map from X to all its violations, as products of small matrices.

    Args:
        rep_in: What X takes.
        rep_out: What it returns.
    """

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
        # What rounding and noise are proportional to; the constraints themselves may all vanish.
        self.scale = max((np.linalg.norm(m, 2) for pair in self.pairs for m in pair), default=1.0)
        self.shape = (rep_out.dim, rep_in.dim)
        self.dtype = np.complex128 if rep_in.is_complex else np.float64

    def violations(self, x: np.ndarray) -> np.ndarray:
        """Map columns of matrices `[D_out D_in, r]` to their violations `[M D_out D_in, r]`."""
        cube = x.reshape(*self.shape, -1)
        rows = [
            (left @ cube.reshape(len(left), -1)).reshape(cube.shape) - right.T @ cube
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
