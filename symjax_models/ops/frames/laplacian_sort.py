"""Frames of graphs under permutations of their nodes, by sorting spectral keys."""

import dataclasses

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.symmetrization import Frame
from symjax_models.typing import Array, PRNGKey

# Off the decimals at which structured graphs have their entries, such as 1/8 = 0.125.
_OFFSET = 0.3819660112501051


@dataclasses.dataclass(frozen=True)
class LaplacianSort:
    """Make the permutations that sort the nodes of a graph by the spectrum of its Laplacian.

    With the eigenspaces of `L = diag(A 1) - A` in the order of growing eigenvalues and their
    projections P_s, the key of node i is `(sqrt(P_s,ii))_s`: the absolute entry of the eigenvector
    where the eigenvalue is simple. Keys are rounded and sorted lexicographically. Nodes of equal
    keys may be in any order: with groups of m_1, m_2, ... such nodes there are m_1! m_2! ...
    choices, which are the frame.

    Attributes:
        size: K, how many choices are kept. The function is evaluated K times for every graph.
        decimals: Digits that keys are rounded to.

    Raises:
        ValueError: If the size is below 1.

    Equivariance:
        Exact under S(N) where there are at most `size` choices. Where there are more, they are
        drawn uniformly with a key, and the result is equivariant in expectation; without a key it
        depends on the order of the nodes.

    Numerics:
        Elements are permutation matrices `[N, N]`, so the actions `"scalar"` and `"pair"` apply.
        No gradient passes. A key that is within rounding of a border between two rounded values
        breaks the symmetry: with two decimals, about one key in 10,000 in float32, and none to
        speak of in float64; the borders are set off from simple fractions.

    Source:
        O. Puny et al. 2022, section 3.3 and appendix, arXiv:2110.03336. Deviation: the offset of
        the rounding, and all choices are enumerated where they are few, instead of sampled.

    >>> path = jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    >>> jax.jit(LaplacianSort(size=4))(path).weights.tolist()
    [0.5, 0.5, 0.0, 0.0]
    """

    size: int = 1
    decimals: int = 2

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"expected a size of at least 1, got {self.size}")

    def __call__(self, x: Array, *, key: PRNGKey | None = None, mask: Array | None = None) -> Frame:
        """Make the frames of graphs.

        Args:
            x: A, adjacency or weight matrices, symmetric, `[*batch, N, N]`.
            key: Draws where there are more than `size` choices.
            mask: True for real nodes, `[*batch, N]`; the others keep their order behind them. None
                if there is no padding.

        Returns:
            The frames, K = `size`; the dtype is that of the matrices, or the default float.

        Raises:
            ValueError: If the matrices are not square.
        """
        x = jnp.asarray(x)
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise ValueError(f"expected adjacency matrices [..., N, N], got {x.shape}")
        if not jnp.issubdtype(x.dtype, jnp.floating):
            x = x.astype(jnp.result_type(float))
        *batch, count = x.shape[:-1]
        is_real = jnp.ones((*batch, count), bool) if mask is None else jnp.asarray(mask, bool)
        pairs = is_real[..., :, None] & is_real[..., None, :]
        keys = self._keys(jax.lax.stop_gradient(jnp.where(pairs, x, 0)))
        first = (~is_real)[..., None].astype(keys.dtype)
        keys = jnp.concatenate([first, jnp.where(is_real[..., None], keys, 0)], axis=-1)
        order, choices = _sort(keys, is_real)
        shifts, weights = _tie_breaks(choices, size=self.size, key=key)
        inverses = jax.nn.one_hot(_exchange(order, shifts), count, dtype=x.dtype)
        return Frame(jnp.swapaxes(inverses, -1, -2), inverses, weights.astype(x.dtype))

    def _keys(self, x: Array) -> Array:
        """Return rounded keys `[*batch, N, N]`: nodes, then eigenvalues."""
        laplacian = jnp.sum(x, axis=-1)[..., None] * jnp.eye(x.shape[-1], dtype=x.dtype) - x
        values, vectors = jnp.linalg.eigh(laplacian)
        rounding = 1024 * jnp.finfo(x.dtype).eps * jnp.max(jnp.abs(values), -1, keepdims=True)
        is_new = jnp.diff(values, axis=-1, prepend=values[..., :1]) > rounding
        space = jnp.cumsum(is_new, axis=-1)
        is_same = (space[..., :, None] == space[..., None, :]).astype(x.dtype)
        entries = safe.sqrt(jnp.matmul(jnp.square(vectors), is_same, precision="highest"))
        return jnp.floor(entries * 10.0**self.decimals + _OFFSET)


def _sort(keys: Array, is_real: Array) -> tuple[Array, Array]:
    """Return the order of the nodes and, by place, how many nodes of its key are not yet placed."""
    sort = lambda keys: jnp.lexsort(keys[:, ::-1].T)  # noqa: E731
    for _ in range(keys.ndim - 2):
        sort = jax.vmap(sort)
    order = sort(keys)
    ordered = jnp.take_along_axis(keys, order[..., None], axis=-2)
    is_equal = jnp.all(ordered[..., :, None, :] == ordered[..., None, :, :], axis=-1)
    choices = jnp.sum(jnp.triu(is_equal), axis=-1)
    is_padding = ~jnp.take_along_axis(is_real, order, axis=-1)
    return order, jnp.where(is_padding, 1, choices)


def _tie_breaks(choices: Array, *, size: int, key: PRNGKey | None) -> tuple[Array, Array]:
    """Return which of its choices every place takes `[K, *batch, N]`, and weights `[K, *batch]`."""
    # Products of choices are digits' place values; in floating point they saturate.
    place_values = jnp.cumprod(choices.astype(jnp.float32), axis=-1)
    total = place_values[..., -1]
    index = jnp.arange(size, dtype=jnp.float32).reshape(size, *(1,) * choices.ndim)
    digits = jnp.floor(index * choices / place_values).astype(jnp.int32) % choices
    weights = jnp.where(index[..., 0] < total, 1 / jnp.minimum(total, size), 0)
    if key is not None:
        drawn = jax.random.randint(key, digits.shape, 0, choices)
        digits = jnp.where((total > size)[..., None], drawn, digits)
    return digits, weights


def _exchange(order: Array, shifts: Array) -> Array:
    """Exchange every place in turn with the one that many places behind it."""
    count = order.shape[-1]
    places = jnp.arange(count)

    def step(place: Array, order: Array) -> Array:
        other = place + shifts[..., place]
        here = order[..., place]
        there = jnp.take_along_axis(order, other[..., None], axis=-1)
        order = jnp.where(places == other[..., None], here[..., None], order)
        return order.at[..., place].set(there[..., 0])

    return jax.lax.fori_loop(0, count, step, jnp.broadcast_to(order, shifts.shape))
