"""Infinitesimal rotations in the irreps of SO(3) on real spherical harmonics."""

import functools
import math

import numpy as np

from symjax_models.reps import checks
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan


def generators(l: int) -> np.ndarray:
    """Return the matrices X of the infinitesimal rotations about x, y and z in one irrep.

    They are real and antisymmetric, `[X_0, X_1] = X_2` and cyclically, the sum of their squares is
    -l (l + 1), and the rotation by the vector v has the matrix expm(sum_a v_a X_a). For l = 1
    they are the rotations of the vector (x, y, z) themselves.

    Args:
        l: Degree of the irrep, at least 0.

    Returns:
        X, `[3, 2 l + 1, 2 l + 1]`, float64, read-only; computed once.

    Raises:
        ValueError: If the degree is no whole number of at least 0.

    Source: Wigner and Eckart: X is the only vector of matrices on the irrep, so
        `X_a[i, j] = sqrt(l (l + 1) (2 l + 1)) C(l, 1, l)[i, a, j]`.

    >>> generators(1)[2].round(12) + 0.0
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  0.]])
    """
    return _generators(checks.check_count(l, what="a degree"))


@functools.lru_cache(maxsize=128)
def _generators(l: int) -> np.ndarray:
    if l == 0:
        result = np.zeros((3, 1, 1))
    else:
        factor = math.sqrt(l * (l + 1) * (2 * l + 1))
        result = factor * clebsch_gordan(l, 1, l).transpose(1, 0, 2)
    result.flags.writeable = False
    return result
