"""Normalization of several irreps by one number, and by statistics of the batch."""

import math

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import reps
from symjax_models.layers.activations import as_real
from symjax_models.layers.normalization import LayerNorm
from symjax_models.layers.typed import as_jax, check_typed
from symjax_models.ops import safe
from symjax_models.reps import RepArray
from symjax_models.suggestion import look_up
from symjax_models.typing import Array

# Whether scalars are centred, scalars have a size of their own, and summands weigh the same.
_KINDS = {
    "separate_scalars": (True, True, True),
    "all_components": (False, False, False),
    "all_degrees": (True, False, True),
}


class EquivariantLayerNorm(nn.Module):
    """Normalize several summands by one root mean square, which keeps their relative sizes.

    `x_i -> x_i w_i / r` for every summand i, with learned weights w per channel. With v_i the mean
    square over the `C_i` channels and the `d_i` components of summand i, of n:

    ====================  ==============================================  ========================
    kind                  r^2                                             scalars
    ====================  ==============================================  ========================
    `"separate_scalars"`  the mean of v_i over all summands but scalars   as in `LayerNorm`
    `"all_components"`    sum of C_i d_i v_i / sum of C_i d_i             as all
    `"all_degrees"`       (v_1 + ... + v_n) / n: every degree weighs one  centred, learned bias
    ====================  ==============================================  ========================

    Centred scalars are `s - mean(s)` over channels, before v is taken. The fourth kind, by which
    every summand is divided by its own v_i, is `LayerNorm`.

    Attributes:
        kind: What r is, see above.

    Equivariance:
        Any group, exact; its representations must be orthogonal, as all of SO(3) and O(3) are.

    Numerics:
        No number is added to r: zero features stay zero, with finite derivatives, and summands
        that are zero beside others have the right ones.

    Source:
        The normalizations of EquiformerV2's code (Y.-L. Liao et al. 2023, arXiv:2306.12059, of
        which section 4.3 has the first), written for any multiplicities. A small number is added
        to r^2 there.

    >>> import jax
    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("8x0e+4x1o"), (7,))
    >>> y, _ = EquivariantLayerNorm(kind="all_degrees").init_with_output(jax.random.key(0), x)
    >>> bool(jnp.allclose((y["0e"] ** 2).mean((1, 2)) + (y["1o"] ** 2).mean((1, 2)), 2))
    True
    """

    kind: str = "separate_scalars"

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Normalize.

        Args:
            x: Features.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray`, a representation is not orthogonal, or the kind is
                unknown.
        """
        centred, separate, balanced = look_up(self.kind, _KINDS, what="kind of normalization")
        _check_orthogonal(x, layer="EquivariantLayerNorm")
        x = as_jax(x)
        scalar = reps.scalar(x.rep.group)
        blocks = list(x.blocks)
        together = list(range(len(blocks)))
        for i, (_, term) in enumerate(x.rep.terms):
            if term == scalar and separate:
                own = RepArray(x.rep.terms[i][0] * scalar, [blocks[i]])
                blocks[i] = LayerNorm(name="scalars")(own).blocks[0]
                together.remove(i)
            elif term == scalar and centred:
                blocks[i] = blocks[i] - blocks[i].mean(axis=-1, keepdims=True)
        if not together:
            return RepArray(x.rep, blocks)
        r = _joint_root_mean_square([blocks[i] for i in together], balanced=balanced)
        for i in together:
            multiplicity, term = x.rep.terms[i]
            shape, dtype = (multiplicity,), as_real(blocks[i]).dtype
            weight = self.param(f"scale_{i}", nn.initializers.ones_init(), shape, dtype)
            blocks[i] = safe.divide(blocks[i], r[..., None, None]) * weight
            if term == scalar and centred:
                bias = self.param(f"bias_{i}", nn.initializers.zeros_init(), shape, dtype)
                blocks[i] = blocks[i] + bias
        return RepArray(x.rep, blocks)


class BatchNorm(nn.Module):
    """Normalize every channel by its root mean square over the batch.

    Scalars: `s -> (s - m) w / sqrt(v) + b`, with mean m and variance v of the batch, per channel.
    All others: `x -> x w / sqrt(v)`, with the mean v of the squares of the components, per channel.
    Learned are w and b. In training m and v are those of the batch, and running averages of them
    are kept in the collection `"batch_stats"`; otherwise these are used.

    Attributes:
        momentum: Weight of the former average: `v <- momentum v + (1 - momentum) v_batch`.

    Equivariance:
        Any group, exact; its representations must be orthogonal, as all of SO(3) and O(3) are.
        In training, permutations of the batch.

    Numerics:
        Padding is not read and comes out as zero; a batch of padding alone changes no average.
        Nothing is added to v: channels that are zero in all the batch stay zero, with finite
        derivatives.

    Source:
        M. Weiler et al. 2018, arXiv:1807.02547, section 4.2 (norms, averaged over the batch), as in
        e3nn's BatchNorm (Geiger, Smidt 2022, arXiv:2207.09453), with the normalization
        "component"; there 1e-5 is added to v.

    >>> import jax
    >>> x = reps.normal(jax.random.key(0), reps.parse_irreps("4x1o"), (7,))
    >>> y, _ = BatchNorm().init_with_output(jax.random.key(0), x, is_training=True)
    >>> bool(jnp.allclose((y["1o"] ** 2).mean((0, 1)), 1))
    True
    """

    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: RepArray, mask: Array | None = None, *, is_training: bool) -> RepArray:
        """Normalize.

        Args:
            x: Features.
            mask: Booleans of the batch axes, False for padding; None for no padding.
            is_training: Whether to use the statistics of this batch, and to keep them in
                `"batch_stats"` where that collection is mutable.

        Returns:
            Features of the same representation.

        Raises:
            ValueError: If x is no `RepArray`, a representation is not orthogonal, or the mask has
                another shape.
        """
        _check_orthogonal(x, layer="BatchNorm")
        x = as_jax(x)
        mask = jnp.ones(x.shape, bool) if mask is None else jnp.asarray(mask)
        if mask.shape != x.shape:
            raise ValueError(f"a mask of this batch has shape {x.shape}, got {mask.shape}")
        is_real = mask[..., None, None]
        is_kept = is_training and not self.is_initializing()
        blocks = []
        for i, ((multiplicity, term), block) in enumerate(zip(x.rep.terms, x.blocks, strict=True)):
            shape, dtype = (multiplicity,), as_real(block).dtype
            block = jnp.where(is_real, block, 0)
            is_scalar = term == reps.scalar(x.rep.group)
            if is_scalar:
                mean = jnp.sum(block, axis=range(block.ndim - 1)) / jnp.maximum(jnp.sum(mask), 1)
                average = self._average(f"mean_{i}", mean, mask, start=0, is_kept=is_kept)
                block = jnp.where(is_real, block - (mean if is_training else average), 0)
            rms = _root_mean_square(block, mask)
            average = self._average(f"square_{i}", jnp.square(rms), mask, start=1, is_kept=is_kept)
            rms = rms if is_training else safe.sqrt(average)
            weight = self.param(f"scale_{i}", nn.initializers.ones_init(), shape, dtype)
            block = safe.divide(block, rms) * weight
            if is_scalar:
                zeros = nn.initializers.zeros_init()
                block = block + self.param(f"bias_{i}", zeros, shape, dtype)
                block = jnp.where(is_real, block, 0)
            blocks.append(block)
        return RepArray(x.rep, blocks)

    def _average(
        self, name: str, value: Array, mask: Array, *, start: float, is_kept: bool
    ) -> Array:
        """Return the running average, and let a value of this batch into it."""
        average = self.variable("batch_stats", name, jnp.full, value.shape, start, value.dtype)
        if is_kept and self.is_mutable_collection("batch_stats"):
            moved = self.momentum * average.value + (1 - self.momentum) * value
            average.value = jnp.where(jnp.any(mask), moved, average.value)
        return average.value


def _root_mean_square(block: Array, mask: Array) -> Array:
    """Return the root mean square over the batch and components, `[C]`; padding is zero."""
    rows = as_real(block).reshape(-1, block.shape[-1])
    count = jnp.maximum(jnp.sum(mask), 1) * block.shape[-2]
    return safe.norm(rows, axis=0) / jnp.sqrt(count.astype(rows.dtype))


def _joint_root_mean_square(blocks: list[Array], *, balanced: bool) -> Array:
    """Return one root mean square of several blocks, `[...]`."""
    sizes = [block.shape[-2] * block.shape[-1] for block in blocks]
    shares = [len(blocks) * size if balanced else sum(sizes) for size in sizes]
    rows = [
        as_real(block / math.sqrt(share)).reshape(*block.shape[:-2], -1)
        for block, share in zip(blocks, shares, strict=True)
    ]
    # One norm, for that of norms would have wrong second derivatives where one of them is zero.
    return safe.norm(jnp.concatenate(rows, axis=-1))


def _check_orthogonal(x: RepArray, *, layer: str) -> None:
    check_typed(x, layer=layer)
    for _, term in x.rep.terms:
        if not term.is_orthogonal:
            raise ValueError(
                f"{layer} needs orthogonal representations, which leave the norm as it is, got "
                f"{term!r}; LayerNorm takes invariant quadratic forms"
            )
