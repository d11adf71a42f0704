"""Layer normalization and dropout of features of any group."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers.activations import as_real, invariant_forms, quadratic_values
from symjax_models.layers.typed import check_typed
from symjax_models.ops import safe
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class LayerNorm(nn.Module):
    """Normalize every summand by the root mean square over its channels and components.

    Scalars are also centred over channels, and get a learned bias: `s -> (s - mean) / rms w + b`;
    all others only scaled, `x -> x / rms(x) w`, with a learned w per channel. Where the
    representation is not orthogonal, the mean square is replaced by the mean modulus of its
    invariant quadratic forms plus `floor`, since these vanish on vectors that are not zero.

    Attributes:
        floor: Added to the mean modulus of indefinite forms.

    Equivariance:
        Any group, exact; representations that are not orthogonal need an invariant form.

    Numerics:
        Zero features stay zero, with finite derivatives; nothing is added to the mean squares of
        orthogonal representations.

    Source:
        J. L. Ba, J. R. Kiros, G. E. Hinton, 2016, arXiv:1607.06450, equation 3; per type of feature
        as in Y.-L. Liao et al. 2023, arXiv:2306.12059, section 4.3.
    """

    floor: float = 1e-2

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Normalize.

        Args:
            x: Features.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray`, or a summand has neither norm nor quadratic form.
        """
        check_typed(x, layer="LayerNorm")
        blocks = []
        for i, ((multiplicity, term), block) in enumerate(zip(x.rep.terms, x.blocks, strict=True)):
            shape, dtype = (multiplicity,), as_real(block).dtype
            weight = self.param(f"scale_{i}", nn.initializers.ones_init(), shape, dtype)
            is_scalar = term == reps.scalar(x.rep.group)
            if is_scalar:
                block = block - block.mean(axis=-1, keepdims=True)
            rms = self._root_mean_square(term, block)
            block = safe.divide(block, rms[..., None, None]) * weight
            if is_scalar:
                zeros = nn.initializers.zeros_init()
                block = block + self.param(f"bias_{i}", zeros, shape, dtype)
            blocks.append(block)
        return RepArray(x.rep, blocks)

    def _root_mean_square(self, term: Rep, block: Array) -> Array:
        if term.is_orthogonal:
            parts = as_real(block)
            flat = parts.reshape(*parts.shape[:-2], -1)
            return safe.norm(flat) / math.sqrt(block.shape[-2] * block.shape[-1])
        values = quadratic_values(invariant_forms(term), block)
        return jnp.sqrt(jnp.mean(jnp.abs(values), axis=(-2, -1)) + self.floor)


class Dropout(nn.Module):
    """Set whole copies of representations to zero at random, and scale the rest up.

    Attributes:
        rate: Probability of a copy to be dropped, in [0, 1).

    Equivariance:
        Any group, exact for every draw: all components of a copy share one number.

    Source:
        N. Srivastava et al. 2014, section 4; by copies as in M. Weiler, G. Cesa, 2019,
        arXiv:1911.08251, section 2.
    """

    rate: float

    @nn.compact
    def __call__(self, x: RepArray, *, is_training: bool) -> RepArray:
        """Drop copies.

        Args:
            x: Features.
            is_training: Whether to drop; needs the random stream `"dropout"`.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray` or the rate is not in [0, 1).
        """
        check_typed(x, layer="Dropout")
        if not 0 <= self.rate < 1:
            raise ValueError(f"a dropout rate is in [0, 1), got {self.rate}")
        if not is_training or self.rate == 0:
            return x
        keys = jax.random.split(self.make_rng("dropout"), len(x.blocks))
        blocks = []
        for key, block in zip(keys, x.blocks, strict=True):
            shape = (*block.shape[:-2], 1, block.shape[-1])
            keep = jax.random.bernoulli(key, 1 - self.rate, shape)
            blocks.append(jnp.where(keep, block / (1 - self.rate), 0))
        return RepArray(x.rep, blocks)
