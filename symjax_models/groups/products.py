"""Direct products of groups, on direct sums of their spaces."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from symjax_models.groups import base


@dataclasses.dataclass(frozen=True, repr=False, init=False)
class DirectProduct(base.Group):
    """State the direct product ``G_1 x ... x G_m``, as block-diagonal matrices.

    Element ``(g_1, ..., g_m)`` is the matrix with these blocks, so it acts on the direct sum of the
    spaces of the factors. Generators are those of each factor in turn, with identities in the
    other blocks. Each factor is sampled by its own law. A factor that is a product itself is
    replaced by its factors. ``G * H`` is short for ``DirectProduct(G, H)``.

    Args:
      *factors: the groups ``G_1, ..., G_m``; the matrices are complex if those of any factor are.

    Raises:
      ValueError: if there are no factors or one is not a group.

    >>> from symjax_models import groups
    >>> product = groups.SO(3) * groups.S(4)
    >>> product, product.n
    (DirectProduct(SO(3), S(4)), 7)
    """

    factors: tuple[base.Group, ...]

    def __init__(self, *factors: base.Group) -> None:
        flat: list[base.Group] = []
        for index, factor in enumerate(factors):
            if not isinstance(factor, base.Group):
                raise ValueError(
                    f"DirectProduct needs groups as factors, got {factor!r} as factor {index}"
                )
            flat.extend(factor.factors if isinstance(factor, DirectProduct) else [factor])
        if not flat:
            raise ValueError("DirectProduct needs at least one factor, got none")
        object.__setattr__(self, "factors", tuple(flat))

    def __repr__(self) -> str:
        return f"DirectProduct({', '.join(map(repr, self.factors))})"

    @property
    def is_complex(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the matrices of any factor are complex."""
        return any(factor.is_complex for factor in self.factors)

    @property
    def tolerance(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the factor whose generators are least exact."""
        return max(factor.tolerance for factor in self.factors)

    @property
    def n(self) -> int:
        """Size of the defining matrices, the sum of the sizes of the factors."""
        return sum(factor.n for factor in self.factors)

    @property
    def order(self) -> int | float:
        """The number of elements, the product of the orders of the factors."""
        return product_of_orders(*(factor.order for factor in self.factors))

    def split[ArrayT: (np.ndarray, jax.Array)](self, g: ArrayT) -> tuple[ArrayT, ...]:
        """Take elements ``[..., n, n]`` apart into blocks, one ``[..., n_i, n_i]`` per factor."""
        return tuple(g[..., part, part] for part in self._parts())

    def _parts(self) -> list[slice]:
        ends = np.cumsum([factor.n for factor in self.factors]).tolist()
        return [slice(end - f.n, end) for f, end in zip(self.factors, ends, strict=True)]

    def _make_lie_algebra(self) -> np.ndarray:
        return self._embedded([factor.lie_algebra for factor in self.factors], others=0.0)

    def _make_discrete_generators(self) -> np.ndarray:
        return self._embedded([f.discrete_generators for f in self.factors], others=1.0)

    def _embedded(self, blocks: list[np.ndarray], *, others: float) -> np.ndarray:
        rows = []
        for block, part in zip(blocks, self._parts(), strict=True):
            row = np.zeros((len(block), self.n, self.n), np.complex128)
            row[:] = others * np.eye(self.n)
            row[:, part, part] = block
            rows.append(row)
        stacked = np.concatenate(rows)
        return stacked if self.is_complex else np.real(stacked)

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        result_dtype = jnp.promote_types(dtype, jnp.complex64) if self.is_complex else dtype
        g = jnp.zeros((*shape, self.n, self.n), result_dtype)
        keys = jax.random.split(key, len(self.factors))
        for factor, part, factor_key in zip(self.factors, self._parts(), keys, strict=True):
            block = factor._sample(factor_key, shape, dtype)
            g = g.at[..., part, part].set(block.astype(result_dtype))
        return g

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        outside = np.abs(matrix)
        worst = np.zeros(matrix.shape[:-2])
        for factor, part in zip(self.factors, self._parts(), strict=True):
            outside[..., part, part] = 0.0
            block = matrix[..., part, part]
            if np.iscomplexobj(block) and not factor.is_complex:
                worst = np.maximum(worst, np.abs(np.imag(block)).max(axis=(-2, -1)))
                block = np.real(block)
            worst = np.maximum(worst, factor._residual(block))
        return np.maximum(worst, outside.max(axis=(-2, -1)))

    def _logarithm(self, matrix: np.ndarray) -> np.ndarray:
        blocks = zip(self.factors, self.split(matrix), strict=True)
        logarithms = [f._logarithm(b if f.is_complex else np.real(b)) for f, b in blocks]
        return np.asarray(scipy.linalg.block_diag(*logarithms))


def product_of_orders(*orders: int | float) -> int | float:
    """Multiply orders; those of large finite groups are beyond floating point."""
    return math.inf if math.inf in orders else math.prod(orders)
