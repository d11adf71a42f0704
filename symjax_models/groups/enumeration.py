"""Finite groups as lists of their elements."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

# Groups of more elements than this are not listed.
LIMIT = 20_000
# Entries above this cannot come from a finite group whose generators are of a sane size.
_LARGEST = 1e8
# Elements of a group within LIMIT are much further apart; words of 20,000 letters err much less.
_SAME = 1e-7


def closure(generators: np.ndarray, limit: int = LIMIT) -> np.ndarray | None:
    """List all products of matrices, or find that there are too many.

    Args:
      generators: invertible matrices ``[M, n, n]``.
      limit: the most elements to list.

    Returns:
      Elements ``[order, n, n]``, identity first, then by the length of the shortest word; None if
      there are more than ``limit``, or if they grow without bound.

    Numerics:
      Elements are recognised by a weighted sum of their entries, up to rounding, and then compared
      entry by entry.

    >>> closure(np.array([[[0.0, -1.0], [1.0, 0.0]]])).shape
    (4, 2, 2)
    """
    known = _Recogniser(generators.shape[-1])
    frontier = np.eye(generators.shape[-1], dtype=generators.dtype)[None]
    known.add(frontier)
    while len(frontier) and len(known.elements) <= limit:
        products = frontier[:, None] @ generators
        if np.abs(products).max(initial=0.0) > _LARGEST:
            return None
        frontier = known.add(products.reshape(-1, *generators.shape[1:]))
    return np.array(known.elements) if len(known.elements) <= limit else None


def draw(
    elements: np.ndarray, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype
) -> jax.Array:
    """Draw uniformly from a list of elements, ``[*shape, n, n]``."""
    if np.iscomplexobj(elements):
        dtype = jnp.promote_types(dtype, jnp.complex64)
    index = jax.random.randint(key, shape, 0, len(elements), dtype=jnp.int32)
    return jnp.asarray(elements, dtype)[index]


def distance_to_nearest(elements: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the largest deviation ``[...]`` of ``[..., n, n]`` from the nearest element."""
    flat = matrix.reshape(-1, elements[0].size)
    if np.iscomplexobj(elements):
        known, flat = _as_real(elements.reshape(len(elements), -1)), _as_real(flat)
    else:
        known = elements.reshape(len(elements), -1)
    distance, _ = scipy.spatial.KDTree(known).query(flat, p=np.inf)
    return np.reshape(distance, matrix.shape[:-2])


def _as_real(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([np.real(rows), np.imag(rows)], axis=-1)


class _Recogniser:
    """Collect matrices that differ from all before."""

    def __init__(self, n: int) -> None:
        self.elements: list[np.ndarray] = []
        # Incommensurate weights, so that different matrices hardly ever have the same sum.
        self._weights = np.sqrt(np.arange(2.0, 2.0 + n * n)).reshape(n, n) / n
        self._places: dict[int, list[int]] = {}

    def add(self, matrices: np.ndarray) -> np.ndarray:
        """Add matrices ``[F, n, n]``; return those that are new."""
        sums = np.einsum("fij,ij->f", matrices, self._weights)
        cells = np.floor((sums.real + np.sqrt(3.0) * sums.imag) / 1e-4).astype(np.int64)
        first = len(self.elements)
        for matrix, cell in zip(matrices, cells.tolist(), strict=True):
            # A sum may fall on either side of a cell's edge by rounding.
            if not any(self._found(matrix, near) for near in (cell, cell - 1, cell + 1)):
                self._places.setdefault(cell, []).append(len(self.elements))
                self.elements.append(matrix)
        return np.reshape(self.elements[first:], (-1, *matrices.shape[1:]))

    def _found(self, matrix: np.ndarray, cell: int) -> bool:
        places = self._places.get(cell, ())
        return any(np.abs(self.elements[i] - matrix).max() < _SAME for i in places)
