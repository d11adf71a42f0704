"""Compute the labels of the synthetic benchmark, in the precision of their inputs."""

import numpy as np

Array = np.ndarray

_AXIS = np.array([0.0, 0.0, 1.0])
_METRIC = np.array([1.0, -1.0, -1.0, -1.0])


def o5_label(inputs: Array) -> Array:
    """Return an invariant of two vectors of five numbers.

    y = sin |x1| - |x2|^3 / 2 + <x1, x2> / (|x1| |x2|)

    Args:
      inputs: (x1, x2), `[M, 10]`; neither is the zero vector.

    Returns:
      y, `[M, 1]`.

    Equivariance: O(5), exact; two vectors to a scalar.

    Source: Finzi, Welling, Wilson 2021, arXiv 2104.09459.

    >>> o5_label(np.eye(1, 10) + np.eye(1, 10, k=5)).round(4)
    array([[1.3415]])
    """
    x1, x2 = inputs[:, :5], inputs[:, 5:]
    length1, length2 = np.linalg.norm(x1, axis=1), np.linalg.norm(x2, axis=1)
    cosine = (x1 * x2).sum(axis=1) / (length1 * length2)
    return (np.sin(length1) - 0.5 * length2**3 + cosine)[:, None]


def inertia_label(inputs: Array) -> Array:
    """Return the moment of inertia of five point masses about the origin.

    I = sum_k m_k (|r_k|^2 1 - r_k r_k^T)

    Args:
      inputs: (m1, ..., m5, r1, ..., r5), `[M, 20]`: first the masses, then the positions (x, y, z).

    Returns:
      I, `[M, 9]`, row after row.

    Equivariance: O(3), exact; five scalars and five vectors to a matrix, g I g^T.

    Source: Finzi, Welling, Wilson 2021, arXiv 2104.09459.

    >>> inertia_label(np.eye(1, 20) + 2 * np.eye(1, 20, k=7)).reshape(3, 3)
    array([[4., 0., 0.],
           [0., 4., 0.],
           [0., 0., 0.]])
    """
    return _inertia(inputs).reshape(-1, 9)


def modified_inertia_label(inputs: Array) -> Array:
    """Return the moment of inertia with an axis that breaks its symmetry.

    I + 0.3 (I g) g^T, with g the z-axis: the last column counts 1.3 times.

    Args:
      inputs: As for `inertia_label`, `[M, 20]`.

    Returns:
      The matrix, `[M, 9]`, row after row.

    Equivariance: O(2) about the z-axis and z -> -z, exact; O(3) only approximately.
    The mean of g g^T over all directions is 1/3, so that 1.1 I is the best O(3)-equivariant answer.

    Source: Finzi, Benton, Wilson 2021, Residual Pathway Priors, arXiv 2112.01388.

    >>> modified_inertia_label(np.eye(1, 20) + np.eye(1, 20, k=5)).reshape(3, 3)
    array([[0. , 0. , 0. ],
           [0. , 1. , 0. ],
           [0. , 0. , 1.3]])
    """
    inertia = _inertia(inputs)
    return (inertia + 0.3 * (inertia @ _AXIS)[:, :, None] * _AXIS).reshape(-1, 9)


def lorentz_label(inputs: Array) -> Array:
    """Return the matrix element of electron-muon scattering, as the benchmark defines it.

    y = 4 [d12 d34 - d13 (d24 - d22) - (d13 - d11) d24 + 4 (d13 - d11) (d24 - d22)]

    with the Minkowski products d_ij = E_i E_j - x_i x_j - y_i y_j - z_i z_j. This is 4 L_mn M^mn
    with L_mn = p1_m p3_n - g_mn (d13 - d11) of the electron and M_mn, the same of p2 and p4, of the
    muon.

    Args:
      inputs: (p1, p2, p3, p4), each (E, x, y, z), `[M, 16]`.

    Returns:
      y, `[M, 1]`.

    Equivariance: O(1,3), exact; four vectors to a scalar.

    Source: Finzi, Welling, Wilson 2021, arXiv 2104.09459. The tensors of the textbooks
    are symmetric: they have p3_m p1_n and p4_m p2_n as well. The published code leaves these out,
    and so does this label, to be comparable; the two differ in value, not in symmetry.

    >>> lorentz_label(np.tile([1.0, 0.0, 0.0, 0.0], (1, 4)))
    array([[4.]])
    """
    p1, p2, p3, p4 = np.moveaxis(inputs.reshape(-1, 4, 4), 1, 0)
    d13, d24 = _product(p1, p3), _product(p2, p4)
    electron, muon = d13 - _product(p1, p1), d24 - _product(p2, p2)
    exchange = _product(p1, p2) * _product(p3, p4)
    label = exchange - d13 * muon - electron * d24 + 4.0 * electron * muon
    return 4.0 * label[:, None]


def _inertia(inputs: Array) -> Array:
    """Return the moment of inertia as matrices, `[M, 3, 3]`."""
    masses, positions = inputs[:, :5], inputs[:, 5:].reshape(-1, 5, 3)
    second = np.swapaxes(masses[:, :, None] * positions, 1, 2) @ positions
    return np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second


def _product(p: Array, q: Array) -> Array:
    return (p * q) @ _METRIC
