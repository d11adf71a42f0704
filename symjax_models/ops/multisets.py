"""Multisets of variables, which number the monomials of a degree."""

import functools
import math

import numpy as np


@functools.lru_cache(maxsize=32)
def list_multisets(dim: int, n: int) -> np.ndarray:
    """Return all `i_1 <= ... <= i_n < dim`, `[S_n, n]`, by the last, then by the one before, ..."""
    if n == 0:
        return read_only(np.zeros((1, 0), int))
    shorter = list_multisets(dim, n - 1)
    rows = [np.insert(shorter[: math.comb(i + n - 1, n - 1)], n - 1, i, axis=1) for i in range(dim)]
    return read_only(np.concatenate(rows))


@functools.lru_cache(maxsize=32)
def appended(dim: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Add every variable to every multiset of n - 1: which one of n it gives, `[S_(n-1), dim]`.

    The second array holds the coefficient of their product in the normalized symmetrized one.
    """
    shorter = list_multisets(dim, n - 1)
    added = np.broadcast_to(np.arange(dim)[None, :, None], (len(shorter), dim, 1))
    longer = np.concatenate([np.repeat(shorter[:, None], dim, axis=1), added], axis=2)
    longer.sort(axis=2)
    below = np.array([[math.comb(i + j, j + 1) for j in range(n)] for i in range(dim)])
    places = below[longer, np.arange(n)].sum(axis=2)
    return read_only(places), read_only(np.sqrt((_counts(shorter, dim) + 1) / n))


@functools.lru_cache(maxsize=32)
def arrangements(dim: int, n: int) -> np.ndarray:
    """Return in how many orders the members of every multiset can be written, `[S_n]`."""
    factorials = np.array([math.factorial(k) for k in range(n + 1)], float)
    counts = _counts(list_multisets(dim, n), dim)
    return read_only(factorials[n] / factorials[counts].prod(axis=1))


def _counts(multisets: np.ndarray, dim: int) -> np.ndarray:
    """Return how often every variable occurs in every multiset, `[S, dim]`."""
    return (multisets[:, :, None] == np.arange(dim)).sum(axis=1)


def read_only(array: np.ndarray) -> np.ndarray:
    """Protect an array that a cache holds."""
    array.flags.writeable = False
    return array
