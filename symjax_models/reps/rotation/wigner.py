"""Matrices of the irreps of SO(3) on real spherical harmonics, as polynomials in the rotation."""

import functools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax_models.reps import checks, matrices
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan


def wigner_d(rotation: Any, *, degree: int) -> Any:
    """Compute the matrix D of a rotation in the irrep of one degree.

    D is orthogonal, D(R S) = D(R) D(S), and Y(R r) = D(R) Y(r) for the real spherical harmonics
    with polar axis y; of degree 1 it is R itself. Its entries are polynomials in those of R.

    Args:
        rotation: R, proper rotation matrices `[..., 3, 3]`, which act on columns (x, y, z).
        degree: l, at least 0.

    Returns:
        D, `[..., 2 l + 1, 2 l + 1]`: a float64 NumPy array of a NumPy array, otherwise a JAX array
        of the dtype of `rotation`.

    Raises:
        ValueError: If the matrices are not 3 by 3 or the degree is no whole number of at least 0.

    Equivariance: of a rotation with a reflection, -R, this is `(-1) ** l * D(R)`, how harmonics
        transform; multiply by the parity for another irrep of O(3).

    Numerics: see `wigner_ds`, of which this is the last block.

    >>> wigner_d(np.eye(3), degree=2).shape
    (5, 5)
    """
    return wigner_ds(rotation, max_degree=degree)[-1]


def wigner_ds(rotation: Any, *, max_degree: int) -> list[Any]:
    """Compute the matrices of a rotation in the irreps of all degrees up to one.

    `D^l = P (D^(l-1) x R) P^T`: the irrep of degree l is the one of the highest degree in the
    product of its predecessor and the vector, and P the orthonormal projection on it.

    Args:
        rotation: R, proper rotation matrices `[..., 3, 3]`, which act on columns (x, y, z).
        max_degree: L, at least 0.

    Returns:
        D^0, ..., D^L, each `[..., 2 l + 1, 2 l + 1]`, as `wigner_d` returns them.

    Raises:
        ValueError: If the matrices are not 3 by 3 or the degree is no whole number of at least 0.

    Numerics:
        A projection does not enlarge errors, so they grow no faster than l: in float32, D(R) D(S)
        differs from D(R S) by 1e-6 at degrees 16 and 32. Where each column of D^l is taken from one
        equation, as by Ivanic and Ruedenberg (1996), a degree costs less, but errors grow
        exponentially, to 2e-5 at degree 32. There are no angles and no branches: all derivatives
        exist at every rotation. A degree is two products with constant matrices, at the highest
        precision, around nine products of numbers; the cost of all grows like L^4.

    Source: the coupling rule of D matrices (Edmonds 1957, eq. 4.3.2) for l - 1 and 1.

    >>> [block.shape for block in wigner_ds(np.eye(3), max_degree=2)]
    [(1, 1), (3, 3), (5, 5)]
    """
    max_degree = checks.check_count(max_degree, what="a degree")
    rotation = _as_rotation(rotation)
    xp = matrices.namespace(rotation)
    blocks = [xp.ones((*rotation.shape[:-2], 1, 1), rotation.dtype), rotation]
    columns = [rotation[..., None, :, b, None] for b in range(3)]
    for l in range(2, max_degree + 1):
        blocks.append(_couple(blocks[-1], columns, l))
    return blocks[: max_degree + 1]


def _couple(previous: Any, rotation: list[Any], l: int) -> Any:
    """Return D^l of D^(l-1) and the columns of R, each `[..., 1, 3, 1]`."""
    xp = matrices.namespace(previous)
    projection = xp.asarray(_projection(l), previous.dtype)
    inner, size = 3 * (2 * l - 1), 2 * l + 1
    product = matrices.matmul(previous, projection.reshape(-1, 3 * size))
    product = product.reshape(*product.shape[:-1], 3, size)
    # Three products of numbers are faster than matrices of size 3, and are not rounded to TF32.
    x, y, z = (column * product[..., b, None, :] for b, column in enumerate(rotation))
    mixed = (x + y + z).reshape(*product.shape[:-3], inner, size)
    return matrices.matmul(projection.reshape(inner, size).T, mixed)


@functools.lru_cache(maxsize=128)
def _projection(l: int) -> np.ndarray:
    """Return P^T, `[2 l - 1, 3, 2 l + 1]`, whose columns are orthonormal."""
    result = math.sqrt(2 * l + 1) * clebsch_gordan(l - 1, 1, l)
    result.flags.writeable = False
    return result


def _as_rotation(rotation: Any) -> Any:
    if isinstance(rotation, np.ndarray):
        rotation = rotation.astype(np.float64)
    else:
        rotation = jnp.asarray(rotation)
        if not jnp.issubdtype(rotation.dtype, jnp.floating):
            rotation = rotation.astype(float)
    if rotation.shape[-2:] != (3, 3):
        raise ValueError(f"rotations are matrices of shape [..., 3, 3], got {rotation.shape}")
    return rotation
