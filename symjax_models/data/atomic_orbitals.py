"""Atomic orbitals in the order of PySCF, and how a rotation mixes them."""

import dataclasses
import functools
from typing import Any

import numpy as np

from symjax_models.reps import matrices
from symjax_models.reps.rotation import wigner_d

# PySCF's harmonics have the polar axis z, this library's y: Y_pyscf(x, y, z) = Y(y, z, x).
_TURN = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


@dataclasses.dataclass(frozen=True)
class OrbitalLayout:
    """State the orbitals of a molecule in the order of PySCF's matrices.

    Orbitals stand atom by atom, of one atom by degree, of one degree shell by shell, and in a shell
    of degree l as

    - s; p: x, y, z;
    - d: xy, yz, z^2, xz, x^2 - y^2, and from there on m = -l..l with the polar axis z, without the
      sign of Condon and Shortley.

    Args:
        shells: Atom and degree l of every shell, in order.

    >>> layout = OrbitalLayout(((0, 0), (0, 1), (1, 0)))
    >>> layout.size, layout.rotation(np.eye(3)).shape
    (5, (5, 5))
    """

    shells: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Number of orbitals B."""
        return sum(2 * degree + 1 for _, degree in self.shells)

    @property
    def atoms(self) -> np.ndarray:
        """Atom of every orbital, `[B]`."""
        return np.repeat(
            [atom for atom, _ in self.shells], [2 * degree + 1 for _, degree in self.shells]
        )

    def irreps(self, atom: int) -> str:
        """Return the orbitals of one atom as a string of irreps, such as `"3x0e+2x1o+1x2e"`.

        Args:
            atom: Index of the atom.
        """
        degrees = [degree for owner, degree in self.shells if owner == atom]
        return "+".join(
            f"{degrees.count(degree)}x{degree}{'eo'[degree % 2]}" for degree in sorted(set(degrees))
        )

    def from_harmonics(self) -> np.ndarray:
        """Return the orthogonal matrix Q from this library's harmonics to PySCF's.

        A Hamiltonian between orbitals m = -l..l in this library's order (that of
        `ops.matrix_blocks`), H, is `Q H Q^T` in PySCF's, and `Q^T H Q` leads back.

        Returns:
            Q, `[B, B]` float64, block-diagonal; 1 for s and p.
        """
        return matrices.block_diagonal(np.eye(3), [_turn(degree) for _, degree in self.shells])

    def rotation(self, rotation: Any) -> Any:
        """Return the matrix D by which a rotation of the molecule acts on its orbitals.

        Operators and overlaps follow as `M(R x) = D M(x) D^T`, coefficients as `C(R x) = D C(x)`.

        Args:
            rotation: R, rotations or reflections `[..., 3, 3]`, which act on columns (x, y, z).

        Returns:
            D, `[..., B, B]`, block-diagonal: NumPy float64 of a NumPy array, otherwise a JAX array.
        """
        blocks = {degree: self._block(rotation, degree) for _, degree in self.shells}
        return matrices.block_diagonal(rotation, [blocks[degree] for _, degree in self.shells])

    def _block(self, rotation: Any, degree: int) -> Any:
        block = wigner_d(rotation, degree=degree)
        turn = matrices.namespace(block).asarray(_turn(degree), block.dtype)
        return matrices.matmul(matrices.matmul(turn, block), turn.T)


@functools.lru_cache(maxsize=16)
def _turn(degree: int) -> np.ndarray:
    """Return the harmonics of one degree with polar axis z in terms of those with axis y."""
    # Degree 1 is the vector (x, y, z) in both.
    result = wigner_d(_TURN, degree=degree) if degree > 1 else np.eye(2 * degree + 1)
    result = np.array(result)
    result.flags.writeable = False
    return result
