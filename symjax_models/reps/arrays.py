"""Typed features: arrays that know how a group acts on them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from symjax_models.reps import base
from symjax_models.reps.irreps_strings import parse_irreps
from symjax_models.suggestion import nearest_of
from symjax_models.typing import Array, ArrayLike, PRNGKey


@jax.tree_util.register_pytree_with_keys_class
class RepArray:
    """Hold features of a representation: one block of components per distinct summand.

    A pytree whose leaves are the blocks and whose static part is the representation, so that under
    `jax.jit` the type costs nothing. Sums, differences and scalar multiples are checked against the
    type. A block of the summand `rep` of multiplicity C has shape `[..., rep.dim, C]`: component
    axis, then channels last; `...` are batch axes, the same for all blocks.

    Args:
        rep: The representation.
        blocks: One array per term of `rep.terms`, in that order.

    Raises:
        ValueError: If the number or a shape of the blocks does not fit.

    >>> from symjax_models import groups, reps
    >>> V = reps.vector(groups.SO(3))
    >>> x = reps.normal(jax.random.key(0), 4 * V + 2 * reps.scalar(groups.SO(3)), (7,))
    >>> x
    RepArray(4*V + 2*1 of SO(3), batch (7,), float32)
    >>> x[V].shape, (x + x).flat.shape
    ((7, 3, 4), (7, 14))
    """

    # NumPy must leave `array * features` to `__rmul__`, or it would make an array of objects.
    __array_ufunc__ = None

    def __init__(self, rep: base.Rep, blocks: Sequence[ArrayLike]) -> None:
        blocks = tuple(block if hasattr(block, "shape") else jnp.asarray(block) for block in blocks)
        _check_blocks(rep, blocks)
        self.rep = rep
        self.blocks: tuple[Any, ...] = blocks

    @classmethod
    def from_flat(cls, rep: base.Rep, array: ArrayLike) -> Self:
        """Cut one array into blocks; the inverse of `flat`.

        Args:
            rep: The representation.
            array: Components `[..., rep.dim]`, summand after summand, copy after copy.

        Returns:
            The features.

        Raises:
            ValueError: If the last axis is not `rep.dim` long.
        """
        array = jnp.asarray(array)
        if array.ndim == 0 or array.shape[-1] != rep.dim:
            raise ValueError(f"features of {rep!r} have shape [..., {rep.dim}], got {array.shape}")
        blocks, start = [], 0
        for multiplicity, term in rep.terms:
            stop = start + multiplicity * term.dim
            copies = array[..., start:stop].reshape(*array.shape[:-1], multiplicity, term.dim)
            blocks.append(copies.swapaxes(-1, -2))
            start = stop
        return cls(rep, blocks)

    @property
    def flat(self) -> Array:
        """All components in one array `[..., rep.dim]`, summand after summand, copy after copy."""
        rows = [
            jnp.swapaxes(block, -1, -2).reshape(*self.shape, multiplicity * term.dim)
            for (multiplicity, term), block in zip(self.rep.terms, self.blocks, strict=True)
        ]
        return jnp.concatenate(rows, axis=-1) if rows else jnp.zeros((*self.shape, 0))

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch axes."""
        return self.blocks[0].shape[:-2] if self.blocks else ()

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the components."""
        return jnp.result_type(*self.blocks) if self.blocks else jnp.result_type(float)

    def transform(self, g: ArrayLike) -> Self:
        """Let group elements act.

        Args:
            g: One element `[n, n]`, or one per batch entry `[..., n, n]`.

        Returns:
            The features `rho(g) x`.
        """
        blocks = []
        for (_, term), block in zip(self.rep.terms, self.blocks, strict=True):
            moved = jnp.einsum("...ij,...jc->...ic", term.rho(g), block, precision="highest")
            # The precision stays; complex matrices make real components complex.
            dtype = block.dtype
            if jnp.iscomplexobj(moved):
                dtype = jnp.promote_types(dtype, jnp.complex64)
            blocks.append(moved.astype(dtype))
        return type(self)(self.rep, blocks)

    def map(self, function: Callable[[Array], Array]) -> Self:
        """Apply a function that keeps shapes to every block; it must commute with the group."""
        return type(self)(self.rep, [function(block) for block in self.blocks])

    def __getitem__(self, summand: base.Rep | str) -> Array:
        """Return the block `[..., D, C]` of a summand, or of an irrep's name such as `"1o"`."""
        if isinstance(summand, str):
            summand = parse_irreps(summand, group=self.rep.group)
        for (_, term), block in zip(self.rep.terms, self.blocks, strict=True):
            if term == summand:
                return block
        known = [str(term) for _, term in self.rep.terms]
        raise ValueError(f"{self.rep!r} has no summand {summand!r}; {nearest_of(summand, known)}")

    def __add__(self, other: "RepArray") -> Self:
        return self._combine(other, jnp.add, "+")

    def __sub__(self, other: "RepArray") -> Self:
        return self._combine(other, jnp.subtract, "-")

    def __neg__(self) -> Self:
        return self.map(jnp.negative)

    def __mul__(self, factor: ArrayLike) -> Self:
        """Multiply by invariant numbers: one, or one per batch entry."""
        factor = _invariant(factor)
        if factor.ndim > len(self.shape):
            raise ValueError(
                f"a factor has no more axes than the batch {self.shape}, got shape {factor.shape}"
            )
        return self.map(lambda block: block * factor[..., None, None])

    __rmul__ = __mul__

    def __truediv__(self, divisor: ArrayLike) -> Self:
        return self * (1 / _invariant(divisor))

    def __repr__(self) -> str:
        return f"RepArray({self.rep!r}, batch {self.shape}, {self.dtype})"

    def _combine(self, other: Any, operation: Callable[[Any, Any], Array], sign: str) -> Self:
        if not isinstance(other, RepArray):
            return NotImplemented
        if other.rep != self.rep:
            raise ValueError(
                f"x {sign} y needs features of one representation, got {self.rep!r} and "
                f"{other.rep!r}"
            )
        pairs = zip(self.blocks, other.blocks, strict=True)
        return type(self)(self.rep, [operation(a, b) for a, b in pairs])

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        """Give JAX the blocks, keyed by summand, and the representation."""
        keys = [jax.tree_util.DictKey(str(term)) for _, term in self.rep.terms]
        return tuple(zip(keys, self.blocks, strict=True)), self.rep

    def tree_flatten(self) -> tuple[Any, Any]:
        """Give JAX the blocks and the representation."""
        return self.blocks, self.rep

    @classmethod
    def tree_unflatten(cls, rep: base.Rep, blocks: Any) -> Self:
        """Rebuild from what JAX made of the blocks, which may be no arrays at all."""
        result = object.__new__(cls)
        result.rep, result.blocks = rep, tuple(blocks)
        return result


def normal(
    key: PRNGKey, rep: base.Rep, shape: Sequence[int] = (), *, dtype: DTypeLike | None = None
) -> RepArray:
    """Draw features whose components are independent and standard normal.

    Args:
        key: A typed key.
        rep: The representation.
        shape: The batch axes.
        dtype: Dtype of the components; JAX's default float, or complex for complex groups.

    Returns:
        The features. Their law is invariant where the representation is orthogonal.
    """
    kind = complex if rep.is_complex else float
    keys = jax.random.split(key, max(1, len(rep.terms)))
    draw = functools.partial(jax.random.normal, dtype=dtype or jnp.result_type(kind))
    blocks = [
        draw(k, (*shape, term.dim, multiplicity))
        for k, (multiplicity, term) in zip(keys, rep.terms, strict=False)
    ]
    return RepArray(rep, blocks)


def concatenate(arrays: Sequence[RepArray]) -> RepArray:
    """Join the channels of features of one group: the direct sum.

    Args:
        arrays: Features with the same batch axes, at least one.

    Returns:
        Features of the sum of their representations.

    Raises:
        ValueError: If there are none, or their groups differ.
    """
    if not arrays:
        raise ValueError("concatenate needs at least one array of features, got none")
    rep = functools.reduce(lambda a, b: a + b, (array.rep for array in arrays))
    blocks = []
    for _, term in rep.terms:
        pieces = [array[term] for array in arrays if any(term == own for _, own in array.rep.terms)]
        blocks.append(jnp.concatenate(pieces, axis=-1))
    return RepArray(rep, blocks)


def _invariant(factor: Any) -> Array:
    if isinstance(factor, RepArray):
        raise ValueError(
            "features do not multiply entry by entry, which no group respects; "
            "layers.Bilinear makes equivariant products"
        )
    return jnp.asarray(factor)


def _check_blocks(rep: base.Rep, blocks: tuple[Any, ...]) -> None:
    if len(blocks) != len(rep.terms):
        raise ValueError(f"{rep!r} has {len(rep.terms)} blocks, got {len(blocks)}")
    for (multiplicity, term), block in zip(rep.terms, blocks, strict=True):
        if block.shape[-2:] != (term.dim, multiplicity):
            raise ValueError(
                f"the block of {multiplicity}*{term} has shape [..., {term.dim}, {multiplicity}], "
                f"got {block.shape}"
            )
        if block.shape[:-2] != blocks[0].shape[:-2]:
            raise ValueError(
                f"blocks have the same batch axes, got {blocks[0].shape[:-2]} and "
                f"{block.shape[:-2]}"
            )
