"""The law of random equivariant maps that gives outputs of unit variance."""

import functools
import math

import numpy as np

from symjax_models.reps import base
from symjax_models.reps.bases import Basis, equivariant_basis

# Matrices of more entries are not formed; see `unit_variance_factors`.
_MAX_ENTRIES = 4_000_000


@functools.lru_cache(maxsize=512)
def unit_variance_factors(
    terms: tuple[tuple[int, base.Rep], ...], rep_out: base.Rep
) -> tuple[np.ndarray, ...]:
    """Return how to draw the coefficients of a random map with outputs of unit variance.

    For the map `y = sum_i sum_c f_ic x_ic` with coefficients `w_ic = T_i u_ic`, u standard normal,
    of the basis maps, every component of y has variance 1 when those of x have, in every
    irreducible part of the output that the inputs reach at all. By Schur's lemma the covariance
    of y under orthonormal coefficients is `Z = sum_i C_i sum_k B_ik B_ik^T`, which commutes with
    the group, so `f -> Z^-1/2 f` maps equivariant maps to equivariant maps; T_i is that map in
    coordinates.

    Args:
        terms: Pairs of the number of channels C_i and the representation of every input.
        rep_out: The representation of the output; no sum.

    Returns:
        For every input the matrix `T_i`, `[K_i, K_i]`. Where the representations are not
        orthogonal, or the matrices of the maps too large to be formed, it is a multiple of the
        identity that makes the variance 1 on average over the components.
    """
    bases = [equivariant_basis(rep, rep_out) for _, rep in terms]
    orthogonal = rep_out.is_orthogonal and all(rep.is_orthogonal for _, rep in terms)
    entries = [basis.size * rep_out.dim * basis.rep_in.dim for basis in bases]
    if not orthogonal or max(entries, default=0) > _MAX_ENTRIES or rep_out.dim > 2000:
        return _average_factors(terms, bases, rep_out)
    dense = [basis.dense() for basis in bases]
    covariance = sum(
        (
            count * np.einsum("koi,kpi->op", maps, maps.conj(), optimize=True)
            for (count, _), maps in zip(terms, dense, strict=True)
        ),
        np.zeros((rep_out.dim, rep_out.dim)),
    )
    values, vectors = np.linalg.eigh(covariance)
    reached = values > 1e-9 * max(values.max(initial=0.0), 1e-300)
    scales = np.where(reached, 1 / np.sqrt(np.where(reached, values, 1.0)), 0.0)
    whitening = (vectors * scales) @ vectors.conj().T
    return tuple(
        np.einsum("joi,op,kpi->jk", maps.conj(), whitening, maps, optimize=True) for maps in dense
    )


def _average_factors(
    terms: tuple[tuple[int, base.Rep], ...], bases: list[Basis], rep_out: base.Rep
) -> tuple[np.ndarray, ...]:
    # The trace of the covariance: orthonormal basis maps contribute 1 each.
    total = sum(count * basis.size for (count, _), basis in zip(terms, bases, strict=True))
    scale = math.sqrt(rep_out.dim / total) if total else 0.0
    return tuple(scale * np.eye(basis.size) for basis in bases)
