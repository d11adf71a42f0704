"""Soft matching of two sets: Sinkhorn iterations in the log domain, with a dustbin."""

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.masking import mask_padding
from symjax_models.typing import Array


def sinkhorn(
    scores: Array,
    dustbin: Array,
    *,
    source_mask: Array | None = None,
    target_mask: Array | None = None,
    num_iterations: int = 20,
) -> Array:
    """Match two sets softly, each member to one of the other set or to the dustbin.

    The matrix P = diag(u) exp(S) diag(v), with S the scores bordered by a row and a column of
    dustbin scores, whose first rows and columns sum to 1, the last row to the number n of real
    targets and the last column to the number m of real sources.

    Args:
        scores: `[*batch, M, N]`.
        dustbin: The score of having no partner, `[*batch]` or a number; learned as a rule.
        source_mask: True for real members, `[*batch, M]`; all are if None.
        target_mask: `[*batch, N]`.
        num_iterations: Scalings of all rows, then of all columns. Columns sum right after the last
            one; the rows of a plan far from converged do not.

    Returns:
        log P, `[*batch, M+1, N+1]`; entries of padding hold the lowest finite number.

    Equivariance:
        Permutations of either set.

    Numerics:
        In logarithms, so scores of any size neither over- nor underflow. Padding is not read and
        changes nothing. The gradient is that of the iterations.

    Source:
        P.-E. Sarlin et al. 2020 (SuperGlue), arXiv:1911.11763, section 3.2; masks are ours, and
        the plan is scaled so that a member has mass 1.

    >>> plan = jnp.exp(sinkhorn(jnp.array([[9.0, 0.0], [0.0, 9.0]]), jnp.array(0.0)))
    >>> plan.round(1).tolist()[0]
    [1.0, 0.0, 0.0]
    """
    m, n = scores.shape[-2:]
    rows = _with_dustbin(source_mask, scores.shape[:-1])
    columns = _with_dustbin(target_mask, (*scores.shape[:-2], n))
    is_real = rows[..., :, None] & columns[..., None, :]
    dustbin = jnp.broadcast_to(jnp.asarray(dustbin, scores.dtype), scores.shape[:-2])
    lowest = float(jnp.finfo(scores.dtype).min)
    bordered = jnp.zeros((*scores.shape[:-2], m + 1, n + 1), scores.dtype)
    bordered = bordered + dustbin[..., None, None]
    bordered = mask_padding(is_real, bordered.at[..., :m, :n].set(scores))
    log_rows = _log_mass(rows, columns, scores.dtype)
    log_columns = _log_mass(columns, rows, scores.dtype)

    def iterate(scaling: tuple[Array, Array], _: Array | None) -> tuple[tuple[Array, Array], None]:
        v = scaling[1]
        u = log_rows - _log_sum(bordered + v[..., None, :], is_real, axis=-1)
        u = mask_padding(rows, u)
        v = log_columns - _log_sum(bordered + u[..., :, None], is_real, axis=-2)
        return (u, mask_padding(columns, v)), None

    start = (jnp.zeros_like(log_rows), jnp.zeros_like(log_columns))
    (u, v), _ = jax.lax.scan(iterate, start, None, length=num_iterations)
    return mask_padding(is_real, bordered + u[..., :, None] + v[..., None, :], fill=lowest)


def matching_loss(log_plan: Array, matches: Array) -> Array:
    """Compute the mean negative log likelihood of true matches under a plan.

    The mean of -log P over all true pairs, and over all members that have none with the dustbin
    as their partner.

    Args:
        log_plan: As `sinkhorn` returns it, `[*batch, M+1, N+1]`.
        matches: True for pairs of partners, `[*batch, M, N]`; a member may have several.

    Returns:
        The loss `[*batch]`. Entries of padding do not count.

    Source:
        P.-E. Sarlin et al. 2020, equation 10; as the mean, not the sum.

    >>> log_plan = jnp.array([[-2.0, -3.0], [-4.0, -5.0]])
    >>> matching_loss(log_plan, jnp.array([[True]])).item()
    2.0
    """
    lonely_source = ~jnp.any(matches, axis=-1, keepdims=True)
    lonely_target = ~jnp.any(matches, axis=-2, keepdims=True)
    corner = jnp.zeros((*matches.shape[:-2], 1, 1), bool)
    wanted = jnp.concatenate(
        [
            jnp.concatenate([matches, lonely_source], axis=-1),
            jnp.concatenate([lonely_target, corner], axis=-1),
        ],
        axis=-2,
    )
    wanted = wanted & (log_plan > jnp.finfo(log_plan.dtype).min)
    total = jnp.sum(jnp.where(wanted, -log_plan, 0), axis=(-2, -1))
    return safe.divide(total, jnp.sum(wanted, axis=(-2, -1)).astype(log_plan.dtype))


def _with_dustbin(mask: Array | None, shape: tuple[int, ...]) -> Array:
    members = jnp.ones(shape, bool) if mask is None else jnp.broadcast_to(mask, shape)
    return jnp.concatenate([members, jnp.ones((*shape[:-1], 1), bool)], axis=-1)


def _log_mass(members: Array, others: Array, dtype: jnp.dtype) -> Array:
    """Return log 1 for members, and for the dustbin the log of the number of all others."""
    count = jnp.sum(others[..., :-1], axis=-1, keepdims=True).astype(dtype)
    is_empty = count == 0
    # An empty dustbin would have log 0; a mass far below rounding keeps everything finite.
    bins = jnp.where(is_empty, -80.0, jnp.log(jnp.where(is_empty, 1, count))).astype(dtype)
    return jnp.concatenate([jnp.zeros(members.shape, dtype)[..., :-1], bins], axis=-1)


def _log_sum(values: Array, where: Array, *, axis: int) -> Array:
    return jax.nn.logsumexp(values, axis=axis, where=where)
