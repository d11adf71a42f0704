"""How far matrices are from a group that polynomials define, as losses."""

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST
NORMS = {"squared": jnp.square, "absolute": jnp.abs}
_ORTHOGONAL = (groups.O, groups.SO, groups.U, groups.SU)
_INDEFINITE = (groups.IndefiniteO, groups.IndefiniteSO, groups.Lorentz)
_SPECIAL = (groups.SO, groups.SU, groups.IndefiniteSO, groups.Lorentz)


def orbit_distance(matrix: Array, *, group: groups.Group, norm: str = "squared") -> Array:
    """Measure how far matrices are from satisfying the equations of a group.

    The group is {M: P(M) = P(1)} for polynomials P that it leaves invariant: the entries of
    `M^H F M` with the form F that it preserves, and `det M` where that is 1. The loss is the mean
    over the entries of |M^H F M - F|^2, plus |det M - 1|^2; or the same of absolute values.

    ============================================  ===========================
    group                                         F
    ============================================  ===========================
    `O(n)`, `SO(n)`, `U(n)`, `SU(n)`              1
    `IndefiniteO`, `IndefiniteSO`, `Lorentz`      the metric
    `Sp(n)`                                       the antisymmetric form
    ============================================  ===========================

    Args:
        matrix: M, `[*batch, n, n]`.
        group: One of these groups.
        norm: `"squared"` or `"absolute"`.

    Returns:
        Losses `[*batch]`, zero on the group. For `Lorentz()`, which is one of two components that
        its equations define, also the square of what `M_tt` lacks to 1.

    Raises:
        ValueError: If the group, the norm or the shape does not fit.

    Equivariance:
        Invariant under `M -> g M`, so that a generator M(x) that moves with x can be pulled to the
        group without leaving its orbit. Exception: the last term for `Lorentz()`, off the group.

    Source:
        T. D. Nguyen et al., "Learning Symmetrization for Equivariance with Orbit Distance
        Minimization", 2023, arXiv:2311.07143: `M^T eta M -> eta` for O(1, 3), and
        `(|c_1|^2, |c_2|^2, c_1 . c_2, det) -> (1, 1, 0, 1)` for SO(2), with columns c. Deviation:
        the off-diagonal entry counts twice, being two entries of `M^T M`.

    >>> orbit_distance(2 * jnp.eye(2), group=groups.O(2)).item()
    4.5
    """
    if norm not in NORMS:
        raise ValueError(f"unknown norm {norm!r}; known are {', '.join(NORMS)}")
    matrix = jnp.asarray(matrix)
    form = _check(matrix, group)
    moved = jnp.einsum("...ji,jk,...kl->...il", matrix.conj(), form, matrix, precision=_HIGHEST)
    size = lambda x: NORMS[norm](jnp.abs(x) if jnp.iscomplexobj(x) else x)  # noqa: E731
    distance = jnp.mean(size(moved - form), axis=(-2, -1))
    if isinstance(group, _SPECIAL):
        distance += size(jnp.linalg.det(matrix) - 1)
    if isinstance(group, groups.Lorentz):
        distance += size(jax.nn.relu(1 - matrix[..., 0, 0]))
    return distance


def approximate_inverse(matrix: Array, *, group: groups.Group) -> Array:
    """Return F^-1 M^H F, the inverse of M on the group and nearly so close to it.

    Args:
        matrix: M, `[*batch, n, n]`.
        group: A group of those of `orbit_distance`, with the form F.

    Returns:
        Matrices `[*batch, n, n]`, polynomial in M: finite where M is singular.

    Raises:
        ValueError: If the group or the shape does not fit.

    >>> approximate_inverse(jnp.array([[0.0, -1.0], [1.0, 0.0]]), group=groups.SO(2)).tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    matrix = jnp.asarray(matrix)
    form = _check(matrix, group)
    # All forms here are orthogonal matrices.
    return jnp.einsum("ji,...kj,kl->...il", form, matrix.conj(), form, precision=_HIGHEST)


def bound_penalty(matrix: Array, *, bound: float = 10.0) -> Array:
    """Return the mean excess of absolute entries, which keeps a non-compact group within bounds.

    Args:
        matrix: M, `[*batch, n, n]`.
        bound: What absolute values may reach for nothing.

    Returns:
        Mean of `relu(|M_ij| - bound)`, `[*batch]`.

    >>> bound_penalty(jnp.array([[12.0, 0.0], [0.0, 1.0]])).item()
    0.5
    """
    return jnp.mean(jax.nn.relu(jnp.abs(matrix) - bound), axis=(-2, -1))


def form_of(group: groups.Group) -> np.ndarray:
    """Return the form F that a group preserves, `[n, n]`.

    Raises:
        ValueError: If no invariant polynomials of the group are known.

    >>> form_of(groups.Sp(2)).tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    if isinstance(group, _ORTHOGONAL):
        return np.eye(group.n)
    if isinstance(group, _INDEFINITE):
        return group.metric
    if isinstance(group, groups.Sp):
        return group.form
    raise ValueError(
        "expected a group that invariant polynomials define: O, SO, U, SU, IndefiniteO, "
        f"IndefiniteSO, Lorentz or Sp; got {group!r}"
    )


def _check(matrix: Array, group: groups.Group) -> Array:
    """Return the form that the group preserves, in the dtype of the matrices."""
    form = form_of(group)
    if matrix.shape[-2:] != form.shape:
        raise ValueError(f"expected matrices [..., {group.n}, {group.n}], got {matrix.shape}")
    return jnp.asarray(form, matrix.dtype)
