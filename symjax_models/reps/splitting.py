"""The basis in which a representation is seen to be a sum of irreducible ones."""

import math

import numpy as np

from symjax_models.reps import base
from symjax_models.reps.bases import equivariant_basis
from symjax_models.reps.decomposition import averaged_elements, decompose
from symjax_models.reps.rotation_irreps import is_spatial

# The matrices of all elements are formed at once.
_MAX_ENTRIES = 50_000_000


def change_of_basis(rep: base.Rep) -> np.ndarray:
    """Return the orthogonal matrix that shows a representation as a sum of irreducible ones.

    With the sum `S = m_1 r_1 + m_2 r_2 + ...` of `decompose(rep)`, it is a Q with
    `Q rho(g) Q^T = S.rho(g)` for all g (`Q^H` for complex groups). The rows of a copy of r are the
    images of the unit vectors of r under an equivariant isometry.

    Args:
        rep: An orthogonal (unitary) representation of a group that `decompose` takes.

    Returns:
        Q, `[D, D]` float64 or complex128: a function of the representation alone.

    Raises:
        ValueError: If the representation is not orthogonal, `decompose` does not take its group, or
            its matrices are too large.

    Numerics: forms the matrices of all elements, or of as many rotations as integrate exactly; for
        SO(3) and O(3) those of `equivariant_basis`.

    >>> from symjax_models import groups, reps
    >>> change_of_basis(reps.vector(groups.S(2))).round(4) + 0.0
    array([[ 0.7071,  0.7071],
           [ 0.7071, -0.7071]])
    """
    if not rep.is_orthogonal:
        raise ValueError(f"expected an orthogonal representation, got {rep!r}")
    counts = decompose(rep)
    if is_spatial(rep.group):
        # Orthonormal basis maps to an irrep are isometries on their images, scaled down.
        rows = [np.sqrt(irrep.dim) * equivariant_basis(rep, irrep).dense() for irrep in counts]
        return np.concatenate([np.zeros((0, rep.dim)), *(r.reshape(-1, rep.dim) for r in rows)])
    elements = averaged_elements(rep)
    if len(elements) * rep.dim**2 > _MAX_ENTRIES:
        raise ValueError(
            f"the matrices of {rep!r} have {len(elements)} x {rep.dim} x {rep.dim} entries, more "
            f"than {_MAX_ENTRIES}; change the basis of its summands one by one"
        )
    matrices = rep.rho(elements)
    rows = [np.zeros((0, rep.dim), matrices.dtype)]
    rows += [_copies(matrices, irrep.rho(elements), count) for irrep, count in counts.items()]
    return np.concatenate(rows)


def _copies(matrices: np.ndarray, irrep: np.ndarray, count: int) -> np.ndarray:
    """Return the rows `[count d, D]` of Q that belong to one irrep."""
    d, size = irrep.shape[-1], matrices.shape[-1]
    # Column b of the mean T of rho(g) M r(g)^H, for M = x e_0^T, is means[b] x. T is equivariant,
    # and as r is irreducible, a multiple of an isometry.
    flat = matrices.reshape(len(matrices), -1)
    means = (irrep[:, :, 0].conj().T @ flat / len(matrices)).reshape(d, size, size)
    # For an x in what is left, some T has this norm; the factor as in `canonical_basis`.
    least = 0.37 / math.sqrt(d * size)
    found, left = [np.zeros((0, size), matrices.dtype)], np.eye(size, dtype=matrices.dtype)
    for column in range(size):
        if len(found) > count:
            break
        image = means @ left[:, column]
        if np.linalg.norm(image) > least:
            image = image / np.linalg.norm(image[0])
            found.append(image.conj())
            left = left - image.T @ image.conj()
    return np.concatenate(found)
