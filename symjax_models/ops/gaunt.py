"""Integrals of three real spherical harmonics over the sphere."""

import functools

import numpy as np

from symjax_models.ops.harmonics import solid_harmonics
from symjax_models.ops.quadrature import gauss_legendre_quadrature
from symjax_models.reps.checks import check_count

# Far above the rounding of a sum of some thousand terms of size one, far below any coefficient.
_ZERO = 1e-14


@functools.lru_cache(maxsize=512)
def gaunt(l1: int, l2: int, l3: int) -> np.ndarray:
    r"""Return the Gaunt coefficients, the integrals of products of three real harmonics.

    `G[a, b, c]` is the integral over the unit sphere of `Y_(l1,a) Y_(l2,b) Y_(l3,c)`, where the Y
    are orthonormal (normalization `"integral"` of `spherical_harmonics`, whose order of the
    components and polar axis these are). By orthonormality the product of two harmonics is
    `Y_(l1,a) Y_(l2,b) = sum over l3, c of G[a, b, c] Y_(l3,c)`.

    Args:
        l1: First degree, at least 0.
        l2: Second degree.
        l3: Third degree, with |l1 - l2| <= l3 <= l1 + l2.

    Returns:
        `[2 l1 + 1, 2 l2 + 1, 2 l3 + 1]`, float64, read-only; all zeros where l1 + l2 + l3 is odd.

    Raises:
        ValueError: If a degree is no whole number of at least 0, or no triangle has these sides.

    Equivariance:
        Invariant under O(3) acting on all three axes by the irreps of degrees l1, l2, l3.

    Numerics:
        A quadrature exact to degree l1 + l2 + l3; the error is a few 1e-15 and entries below
        1e-14 are zero exactly.

    Source:
        Gaunt (Phil. Trans. R. Soc. A 228, 1929), for real harmonics. The Frobenius norm is
        sqrt((2 l1 + 1)(2 l2 + 1)(2 l3 + 1) / (4 pi)) times the absolute 3j symbol of
        (l1 l2 l3; 0 0 0).

    >>> bool(np.isclose(gaunt(0, 3, 3)[0, 2, 2], 1 / np.sqrt(4 * np.pi)))
    True
    """
    l1, l2, l3 = degrees = [check_count(l, what="a degree") for l in (l1, l2, l3)]
    if not abs(l1 - l2) <= l3 <= l1 + l2:
        raise ValueError(
            f"the degrees {l1} and {l2} couple to degrees {abs(l1 - l2)} to {l1 + l2}, got {l3}"
        )
    # An odd integrand has integral zero, which rounding would blur.
    coefficients = np.zeros([2 * l + 1 for l in degrees])
    if sum(degrees) % 2 == 0:
        rule = gauss_legendre_quadrature(sum(degrees))
        values = solid_harmonics(rule.points, max_degree=max(degrees), normalization="integral")
        first, second, third = (values[:, l * l : (l + 1) ** 2] for l in degrees)
        pairs = np.einsum("p,pa,pb->pab", rule.weights, first, second)
        coefficients = np.tensordot(pairs, third, axes=(0, 0))
        coefficients[np.abs(coefficients) < _ZERO] = 0.0
    coefficients.flags.writeable = False
    return coefficients
