"""Self-attention over a set of features of any group."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.layers.linear import Linear
from symjax_models.layers.typed import output_rep
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class SelfAttention(nn.Module):
    """Let every member of a set attend to all, with invariant weights.

    `y_n = W_o sum_m a_nm v_m`, `a_nm = softmax_m <q_n, k_m> / sqrt(d)`, per head: queries
    `q = W_q x` of a representation R, keys `k = W_k x` of its dual, and values `v = W_v x` are
    equivariant linear maps of the features; `<q, k>` is the pairing of R with its dual, which
    every group leaves invariant.

    Attributes:
        rep_out: Representation of the output, or a string of irreps, see `reps.parse_irreps`.
        rep_hidden: Representation of queries and values of one head; that of x by default.
        num_heads: Number of heads.

    Equivariance:
        The group, exact, and permutations of the set.

    Numerics:
        Masked members get weight zero and their features are never read, so they may be anything;
        they attend like others, as if their features were zero. A set without members attends to
        nothing, which leaves the bias of the output. The pairing is divided by the root of its
        number of terms, so that initial logits of unit-variance features have unit variance.

    Source:
        F. B. Fuchs, D. E. Worrall, V. Fischer, M. Welling, 2020, arXiv:2006.10503, section 3.2, for
        rotations and with position-dependent maps; here for any group, without positions.
    """

    rep_out: Rep | str
    rep_hidden: Rep | None = None
    num_heads: int = 1

    @nn.compact
    def __call__(self, x: RepArray, mask: Array | None = None) -> RepArray:
        """Attend.

        Args:
            x: Features of a set, batch axes `[..., N]`.
            mask: Booleans `[..., N]`, False for padding; None for no padding.

        Returns:
            Features of `rep_out`, batch axes `[..., N]`.

        Raises:
            ValueError: If x is no `RepArray`, of another group, or has no axis for the set.
        """
        rep_out = output_rep(self.rep_out, x, layer="SelfAttention")
        if not x.shape:
            raise ValueError("SelfAttention needs a last batch axis, the set; got none")
        if mask is not None:
            x = x.map(lambda block: jnp.where(mask[..., None, None], block, 0))
        hidden = x.rep if self.rep_hidden is None else self.rep_hidden
        queries = Linear(self.num_heads * hidden, use_bias=False, name="query")(x)
        keys = Linear(self.num_heads * hidden.dual, use_bias=False, name="key")(x)
        values = Linear(self.num_heads * hidden, use_bias=False, name="value")(x)
        weights = self._weights(queries, keys, hidden, mask).astype(x.dtype)
        mixed = [
            _merge_heads(
                jnp.einsum(
                    "...nmh,...mdhc->...ndhc", weights, self._split(block), precision="highest"
                )
            )
            for block in values.blocks
        ]
        return Linear(rep_out, name="output")(RepArray(values.rep, mixed))

    def _weights(self, queries: RepArray, keys: RepArray, hidden: Rep, mask: Array | None) -> Array:
        """Return the attention weights `[..., N, N, heads]`, receivers first."""
        logits: Array | float = 0.0
        for (_, term), query in zip(queries.rep.terms, queries.blocks, strict=True):
            pair = self._split(query), self._split(keys[term.dual])
            products = jnp.einsum("...ndhc,...mdhc->...nmh", *pair, precision="highest")
            logits = logits + jnp.real(products)
        logits = jnp.asarray(logits) / math.sqrt(hidden.dim)
        if mask is None:
            return jax.nn.softmax(logits, axis=-2)
        members = jnp.broadcast_to(mask[..., None, :, None], logits.shape)
        weights = jax.nn.softmax(logits, axis=-2, where=members)
        return jnp.where(members, weights, 0)

    def _split(self, block: Array) -> Array:
        """Split the channels of a block by heads: `[..., D, heads, C]`."""
        return block.reshape(*block.shape[:-1], self.num_heads, -1)


def _merge_heads(block: Array) -> Array:
    return block.reshape(*block.shape[:-2], -1)
