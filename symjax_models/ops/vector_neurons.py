"""Vector neurons: nonlinearity, normalization, pooling and read-out of channels of 3-vectors.

Features are `[..., 3, C]`: components, then channels. A rotation r acts as `r @ v`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from symjax_models.ops import safe
from symjax_models.ops.nearest_neighbours import (
    gather_neighbours,
    map_edges,
    nearest_neighbours,
)
from symjax_models.typing import Array

_HIGHEST = jax.lax.Precision.HIGHEST


def leaky_relu(q: Array, k: Array, *, negative_slope: float = 0.0) -> Array:
    """Cut off the part of vectors that points against a direction.

    q - (1 - a) min(<q, u>, 0) u,  u = k / |k|

    so that a vector with `<q, k> >= 0` stays, and of another the component along k is multiplied
    by the slope a.

    Args:
        q: Vectors, `[..., 3, C]`.
        k: Directions of any length, `[..., 3, C]`, or `[..., 3, 1]` for one that all channels
            share.
        negative_slope: a; 0 gives the ReLU.

    Returns:
        Vectors `[..., 3, C]`.

    Equivariance:
        O(3) acting on q and k together, and positive scaling of q; exact.

    Numerics:
        No epsilon in the quotient; a direction that is zero leaves q as it is, with finite
        derivatives.

    Source:
        C. Deng et al., "Vector Neurons: A General Framework for SO(3)-Equivariant Networks", 2021,
        its non-linear layer, arXiv:2104.12229. The public code adds 1e-6 to |k|^2.

    >>> q, k = jnp.array([[1.0], [-2.0], [0.0]]), jnp.array([[0.0], [3.0], [0.0]])
    >>> leaky_relu(q, k, negative_slope=0.5)[:, 0].tolist()
    [1.0, -1.0, 0.0]
    """
    # Only the direction counts: scaled, a tiny one keeps its square, and no derivative is lost.
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(k), axis=-2, keepdims=True))
    k = safe.divide(k, _computed_once(largest))
    against = jnp.minimum(_computed_once(jnp.sum(q * k, axis=-2)), 0)
    squares = _computed_once(jnp.sum(jnp.square(k), axis=-2))
    share = _computed_once((1 - negative_slope) * safe.divide(against, squares))
    return q - share[..., None, :] * k


def channel_norms(v: Array) -> Array:
    """Compute the length of every vector.

    Args:
        v: Vectors, `[..., 3, C]`.

    Returns:
        Lengths `[..., C]`, invariant under O(3).

    >>> channel_norms(jnp.array([[3.0, 0.0], [4.0, 0.0], [0.0, 2.0]])).tolist()
    [5.0, 2.0]
    """
    return _computed_once(safe.sqrt(_computed_once(jnp.sum(jnp.square(v), axis=-2))))


def map_lengths(v: Array, function: Callable[[Array], Array]) -> Array:
    """Give vectors new lengths: `v / |v| * function(|v|)`.

    Args:
        v: Vectors, `[..., 3, C]`.
        function: Maps lengths `[..., C]` to new ones; a negative one turns the vector around.

    Returns:
        Vectors `[..., 3, C]`.

    Equivariance:
        O(3), exact.

    Numerics:
        Zero vectors, and those whose square is zero, become zero, with derivative zero.

    >>> v = jnp.array([[3.0, 0.0], [4.0, 0.0], [0.0, 0.0]])
    >>> map_lengths(v, lambda lengths: 2 * lengths).tolist()
    [[6.0, 0.0], [8.0, 0.0], [0.0, 0.0]]
    """
    lengths = channel_norms(v)
    return v * _computed_once(safe.divide(function(lengths), lengths))[..., None, :]


def _computed_once(x: Array) -> Array:
    # What is smaller than the vectors is kept: the compiler would compute it anew for every
    # component, forwards and backwards, which takes more than twice as long on a CPU.
    return jax.lax.optimization_barrier(x)


def feature_neighbours(v: Array, *, k: int) -> Array:
    """Find the k nearest points in the space of all components and channels.

    Args:
        v: Features of the points, `[*batch, N, 3, C]`; positions have C = 1.
        k: How many neighbours; every point is its own first one.

    Returns:
        Indices `[*batch, N, k]`, nearest first. O(3) leaves them as they are, but for ties.

    >>> feature_neighbours(jnp.array([0.0, 1.0, 5.0])[:, None, None] * jnp.ones((3, 1)), k=2).shape
    (3, 2)
    """
    return nearest_neighbours(v.reshape(*v.shape[:-2], -1), k=k)


class Edges(NamedTuple):
    """Describe the edges from every point x_i to its neighbours x_j by vectors, not yet computed.

    [x_j - x_i, x_i]  or  [x_j - x_i, x_i, x_i cross x_j], concatenated along the channels

    Attributes:
        v: Features x of the points, `[*batch, N, 3, C]`.
        indices: Neighbours `[*batch, N, K]`.
        has_cross: Whether there are the cross products.

    Equivariance:
        O(3) without cross products, SO(3) with them: a cross product of vectors keeps its sign
        under the inversion. Permutations of the points.

    Source:
        C. Deng et al. 2021, arXiv:2104.12229, its DGCNN; cross products as in the public code of
        VN-PointNet, where they make the features of one point span the space.
    """

    v: Array
    indices: Array
    has_cross: bool = False

    @property
    def num_channels(self) -> int:
        """2 C, or 3 C with cross products."""
        return (3 if self.has_cross else 2) * self.v.shape[-1]


def mix_channels(v: Array | Edges, kernel: Array) -> Array:
    """Mix the channels of vectors: V W.

    Args:
        v: Vectors `[..., 3, C]`, or edges of C channels.
        kernel: W, `[C, F]`.

    Returns:
        Vectors `[..., 3, F]`; of edges, `[*batch, N, K, 3, F]`.

    Equivariance:
        O(3) acting on v, exact; see `Edges` for edges.

    Numerics:
        At the highest precision, for a rounding of the components does not turn with them.

    Source:
        C. Deng et al. 2021, its linear layer, arXiv:2104.12229.

    >>> x = jnp.array([[[1.0], [0.0], [0.0]], [[0.0], [1.0], [0.0]]])
    >>> edges = Edges(x, jnp.array([[1], [0]]), has_cross=True)
    >>> mix_channels(edges, jnp.eye(3))[0, 0, :, 2].tolist()
    [0.0, 0.0, 1.0]
    """
    if not isinstance(v, Edges):
        return jnp.matmul(v, kernel, precision=_HIGHEST)
    channels = v.v.shape[-1]
    mixed = map_edges(v.v, v.indices, kernel[: 2 * channels], precision=_HIGHEST)
    if not v.has_cross:
        return mixed
    centres = v.v[..., None, :, :]
    # That of the difference is the same, keeps its digits, and is exactly zero for x_j = x_i.
    cross = jnp.cross(centres, gather_neighbours(v.v, v.indices) - centres, axis=-2)
    return mixed + jnp.matmul(cross, kernel[2 * channels :], precision=_HIGHEST)


def append_mean(v: Array) -> Array:
    """Append to the channels of every point their means over the cloud.

    Args:
        v: Features of the points, `[*batch, N, 3, C]`.

    Returns:
        Features `[*batch, N, 3, 2 C]`. Commutes with O(3) and permutations of the points.

    >>> append_mean(jnp.array([0.0, 2.0])[:, None, None] * jnp.ones((3, 1)))[0, 0].tolist()
    [0.0, 1.0]
    """
    mean = jnp.broadcast_to(jnp.mean(v, axis=-3, keepdims=True), v.shape)
    return jnp.concatenate([v, mean], axis=-1)


def argmax_pool(v: Array, directions: Array, *, axis: int) -> Array:
    """Take, per channel, the vector that reaches farthest along its direction.

    v_{n*},  n* = argmax_n <v_n, d_n>

    Args:
        v: Vectors, `[..., 3, C]`.
        directions: d, of the same shape.
        axis: The axis of n, counted from the end: -3 if it is the last before the components.

    Returns:
        Vectors, the shape of `v` without `axis`.

    Equivariance:
        O(3) acting on both arguments; invariant under permutations along `axis`. Exact but for
        ties, of which the first wins.

    Numerics:
        The gradient is that of the vector taken; none passes to the directions.

    Source:
        C. Deng et al. 2021, its max pooling, arXiv:2104.12229.

    >>> v = jnp.array([[[1.0], [0.0], [0.0]], [[2.0], [0.0], [0.0]]])
    >>> argmax_pool(v, v, axis=-3)[:, 0].tolist()
    [2.0, 0.0, 0.0]
    """
    reach = jnp.sum(jax.lax.stop_gradient(v * directions), axis=-2, keepdims=True)
    best = jnp.argmax(reach, axis=axis, keepdims=True)
    return jnp.squeeze(jnp.take_along_axis(v, best, axis=axis), axis=axis)


def read_in_frame(v: Array, frame: Array) -> Array:
    """Compute the coordinates of vectors with respect to vectors that turn with them: V T^T.

    Args:
        v: Vectors V, `[..., 3, C]`.
        frame: Vectors T, `[..., 3, K]`; they need not be orthonormal.

    Returns:
        All inner products, `[..., C K]`, channel by channel.

    Equivariance:
        Invariant under O(3) acting on both, exact.

    Source:
        C. Deng et al. 2021, its invariant layer, arXiv:2104.12229.

    >>> read_in_frame(jnp.eye(3)[:, :2], jnp.array([[5.0], [6.0], [7.0]])).tolist()
    [5.0, 6.0]
    """
    products = jnp.einsum("...ic,...ik->...ck", v, frame, precision=_HIGHEST)
    return products.reshape(*products.shape[:-2], -1)
