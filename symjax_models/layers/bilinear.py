"""Equivariant products of features."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers import initializers
from symjax_models.layers.typed import as_jax, output_dtype, output_rep
from symjax_models.reps import Rep, RepArray
from symjax_models.reps.bases import apply_to_products
from symjax_models.reps.variance import unit_variance_factors
from symjax_models.typing import Array


class Bilinear(nn.Module):
    """Multiply two features, channel by channel, and map the products to a representation.

    `z_o = sum_ij sum_k sum_c w[k, c, c'] f_k(x_i[c] (x) y_j[c])` over an orthonormal basis f_k of
    the equivariant maps from the tensor product of every pair of summands. Where two summands have
    different numbers of channels, those of the smaller are used in turn.

    Attributes:
        rep_out: Representation of the output, or a string of irreps, see `reps.parse_irreps`.

    Equivariance:
        `f(rho x, rho y) = rho_out f(x, y)`, exact.

    Numerics:
        Initial outputs of independent inputs of unit variance have unit variance. Where a closed
        form is known, the tensor products are contracted without being formed.

    Source:
        The general form of the bilinear layer of Finzi, Welling, Wilson 2021, arXiv:2104.09459,
        section 4.3, which takes a random subset of the products instead.
    """

    rep_out: Rep | str

    @nn.compact
    def __call__(self, x: RepArray, y: RepArray) -> RepArray:
        """Multiply.

        Args:
            x: Features of the group.
            y: Features of the group with the same batch axes.

        Returns:
            Features of `rep_out`.

        Raises:
            ValueError: If an argument is no `RepArray`, of another group, or of other batch axes.
        """
        rep_out = output_rep(self.rep_out, x, y, layer="Bilinear")
        if x.shape != y.shape:
            raise ValueError(f"Bilinear needs equal batch axes, got {x.shape} and {y.shape}")
        x, y, dtype = as_jax(x), as_jax(y), output_dtype(rep_out, x, y)
        pairs = [
            (f"{i}_{j}", max(m, n), (a, b), (x.blocks[i], y.blocks[j]))
            for i, (m, a) in enumerate(x.rep.terms)
            for j, (n, b) in enumerate(y.rep.terms)
        ]
        products = tuple((channels, a * b) for _, channels, (a, b), _ in pairs)
        blocks = []
        for o, (channels, term) in enumerate(rep_out.terms):
            factors = unit_variance_factors(products, term)
            total = jnp.zeros((*x.shape, term.dim, channels), dtype)
            for (name, width, (a, b), ends), factor in zip(pairs, factors, strict=True):
                basis = reps.equivariant_basis(a * b, term)
                if basis.size:
                    init = initializers.normal_in_basis(factor)
                    shape = (basis.size, width, channels)
                    kernel = jnp.asarray(self.param(f"kernel_{o}_{name}", init, shape, dtype))
                    left, right = (_in_turn(block, width) for block in ends)
                    total = total + apply_to_products(basis, kernel, left, right, reps=(a, b))
            blocks.append(total)
        return RepArray(rep_out, blocks)


def _in_turn(block: Array, channels: int) -> Array:
    """Return so many channels, from the first again after the last."""
    if block.shape[-1] == channels:
        return block
    return block[..., jnp.arange(channels) % block.shape[-1]]
