"""Symmetric contraction with one set of weights for each of a few kinds of entries."""

import jax
import jax.numpy as jnp

from symjax_models.ops.symmetric_contraction import (
    SymmetricContraction,
    _constants,
    _monomials,
)
from symjax_models.typing import Array


def species_contraction(
    contraction: SymmetricContraction, x: Array, weights: Array, one_hot: Array
) -> Array:
    """Evaluate the polynomials whose weights the species of an entry chooses.

    This is `contraction.apply(x, w)` with the weights `w[i] = sum_s one_hot[i, s] weights[s]`. The
    sum over paths is done first, once for each species: what is left are S polynomials per channel
    and component, given by their coefficients, and their values at N points are one product of
    matrices per channel.

    Args:
        contraction: The polynomials.
        x: Features, `[N, D, C]`.
        weights: `[S, K, C]`.
        one_hot: `[N, S]`.

    Returns:
        `[N, D_out, C]`.

    Equivariance:
        `contraction.rep` to `contraction.rep_out`, exact up to rounding.

    Numerics:
        S D_out products per monomial, instead of one per path and component; the coefficients cost
        as much as S entries do with `apply`. All derivatives exist everywhere.
    """
    dtype = jnp.result_type(float, x.dtype, weights.dtype)
    weights = weights.astype(dtype)
    # Channels first: a batch of products of matrices, with nothing to transpose but x.
    powers = _monomials(jnp.transpose(x.astype(dtype), (2, 1, 0)), contraction.max_order)
    rows: list[list[Array]] = [[] for _ in powers]
    constants = _constants(contraction.rep, contraction.rep_out, contraction.max_order)
    start = 0
    for (copies, _), orders in zip(contraction.rep_out.terms, constants, strict=True):
        for _ in range(copies):
            for row, maps in zip(rows, orders, strict=True):
                stop = start + maps.shape[1]
                row.append(
                    jnp.einsum(
                        "mpk,spc->csmk",
                        jnp.asarray(maps, dtype),
                        weights[:, start:stop],
                        precision=jax.lax.Precision.HIGHEST,
                    )
                )
                start = stop
    num_channels, num_species = weights.shape[2], len(weights)
    values = jnp.zeros((num_channels, num_species * contraction.rep_out.dim, len(x)), dtype)
    for row, power in zip(rows, powers, strict=True):
        coefficients = jnp.concatenate(row, axis=2).reshape(*values.shape[:2], -1)
        values += jnp.matmul(coefficients, power, precision=jax.lax.Precision.HIGHEST)
    values = values.reshape(num_channels, num_species, -1, len(x))
    chosen = jnp.sum(values * jnp.transpose(one_hot)[:, None, :], axis=1)
    return jnp.transpose(chosen, (2, 1, 0))
