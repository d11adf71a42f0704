"""Equivariant maps between representations by signed permutation matrices: one for each orbit.

A matrix commutes with permutations exactly when it is constant on their orbits on pairs of an
output and an input component; with signed ones it changes sign along an orbit, and an orbit on
which a pair meets itself with the opposite sign carries no map.
"""

import functools
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from symjax_models.reps import base, matrices

_MAX_PAIRS = 4_000_000
_MAX_MATRIX = 3000


class OrbitBasis:
    """Hold an orthonormal basis of Hom_G(rep_in, rep_out): normalized indicators of orbits.

    Args:
        rep_in: What the maps take.
        rep_out: What they return.
    """

    def __init__(self, rep_in: base.Rep, rep_out: base.Rep) -> None:
        self.rep_in, self.rep_out = rep_in, rep_out
        orbit, sign = _orbits(rep_in, rep_out)
        self.size = int(orbit.max(initial=-1)) + 1
        self.method = f"{self.size} orbits of signed permutations"
        sizes = np.bincount(orbit[orbit >= 0], minlength=self.size)
        # Pairs that carry no map read the last entry, a zero.
        scale = np.append(1 / np.sqrt(sizes), 0.0)
        self._index = np.where(orbit < 0, self.size, orbit)
        self._values = sign * scale[self._index]

    def apply(self, weights: Any, x: Any) -> Any:
        """Apply a combination of the basis maps; see `DiagramBasis.apply`."""
        xp = matrices.namespace(x)
        zero = xp.zeros((1, *weights.shape[1:]), weights.dtype)
        shared = xp.concatenate([weights, zero])[xp.asarray(self._index)]
        matrix = shared * xp.asarray(self._values, weights.dtype)[:, :, None, None]
        return matrices.mix_channels(matrix, x)

    def dense(self) -> np.ndarray:
        """Return the basis maps as matrices, `[K, D_out, D_in]` float64."""
        maps = np.zeros((self.size + 1, *self._index.shape))
        np.put_along_axis(maps, self._index[None], self._values[None], axis=0)
        return maps[:-1]


def are_signed_permutations(*reps: base.Rep) -> bool:
    """Tell whether all generators of the group act by signed permutation matrices."""
    return (
        len(reps[0].group.lie_algebra) == 0
        and int(np.prod([rep.dim for rep in reps], dtype=object)) <= _MAX_PAIRS
        and all(_signed_permutations(rep) is not None for rep in reps)
    )


def count(rep_in: base.Rep, rep_out: base.Rep) -> int:
    """Count the orbits that carry an equivariant map."""
    return int(_orbits(rep_in, rep_out)[0].max(initial=-1)) + 1


@functools.lru_cache(maxsize=256)
def _signed_permutations(rep: base.Rep) -> tuple[np.ndarray, np.ndarray] | None:
    """Return where each generator takes each component `[M, D]` and with which sign, or None."""
    if isinstance(rep, base.Tensor):
        return _of_product(rep)
    if rep.dim > _MAX_MATRIX or rep.is_complex:
        return None
    generators = rep.rho(rep.group.discrete_generators)
    rounded = np.rint(generators)
    is_signed_permutation = (
        np.abs(generators - rounded).max(initial=0.0) < 1e-9
        and np.all(np.abs(rounded).sum(axis=-1) == 1)
        and np.all(np.abs(rounded).sum(axis=-2) == 1)
    )
    if not is_signed_permutation:
        return None
    return np.abs(rounded).argmax(axis=-2), rounded.sum(axis=-2)


def _of_product(rep: base.Tensor) -> tuple[np.ndarray, np.ndarray] | None:
    found = [_signed_permutations(part) for part in rep.parts]
    index, sign = np.zeros((1, 1), np.int64), np.ones((1, 1))
    for part, own in zip(rep.parts, found, strict=True):
        if own is None:
            return None
        size = index.shape[1] * part.dim
        index = (index[:, :, None] * part.dim + own[0][:, None, :]).reshape(len(own[0]), size)
        sign = (sign[:, :, None] * own[1][:, None, :]).reshape(len(own[1]), size)
    return index, sign


@functools.lru_cache(maxsize=2)  # a basis and the check of its dimension ask in turn
def _orbits(rep_in: base.Rep, rep_out: base.Rep) -> tuple[np.ndarray, np.ndarray]:
    """Return the orbit of each pair `[D_out, D_in]`, -1 for none, and its sign in it."""
    of_in, of_out = _signed_permutations(rep_in), _signed_permutations(rep_out)
    assert of_in is not None
    assert of_out is not None
    shape = (rep_out.dim, rep_in.dim)
    size = shape[0] * shape[1]
    # Every pair is there twice, with either sign; a pair in the orbit of its own negative is void.
    sources, targets = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    pairs = np.arange(size)
    for index_in, sign_in, index_out, sign_out in zip(*of_in, *of_out, strict=True):
        image = (index_out[:, None] * shape[1] + index_in[None, :]).ravel()
        flips = (sign_out[:, None] * sign_in[None, :]).ravel() < 0
        sources += [pairs, pairs + size]
        targets += [np.where(flips, image + size, image), np.where(flips, image, image + size)]
    edges = (np.concatenate(sources), np.concatenate(targets))
    graph = scipy.sparse.coo_array((np.ones(len(edges[0]), bool), edges), shape=(2 * size,) * 2)
    _, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
    positive, negative = component[:size], component[size:]
    is_void = positive == negative
    # An orbit and its negative are two components; it is named by the first pair in either.
    name = np.minimum(positive, negative)
    _, first, orbit = np.unique(name, return_index=True, return_inverse=True)
    sign = np.where(positive == positive[first][orbit], 1.0, -1.0)
    order = np.full(len(first), -1)
    carrying = ~is_void[first]
    ranks = np.argsort(np.argsort(first[carrying]))
    order[carrying] = ranks
    return order[orbit].reshape(shape), sign.reshape(shape)
