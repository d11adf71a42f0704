"""Plain networks of adjacency matrices, to be compared by which graphs they tell apart."""

import flax.linen as nn
import jax.numpy as jnp
from jax.lax import Precision

from symjax_models.layers import Dense
from symjax_models.ops import safe
from symjax_models.ops.masking import mask_padding
from symjax_models.typing import Array


class AdjacencyMLP(nn.Module):
    """Read an adjacency matrix as a row of numbers.

    y = W_3 tanh(W_2 tanh(W_1 vec(A) + b_1) + b_2) + b_3

    Attributes:
        features: Length of y.
        hidden: Widths of the hidden layers.

    Equivariance:
        None: the order of the nodes matters. `layers.Symmetrize` with `rep_in="pair"` and a frame
        of S(n) takes it out.

    Source:
        O. Puny et al. 2022, section 4.2, arXiv:2110.03336, where hidden layers of 128 and 64 read
        graphs of 8 nodes; 17,226 parameters.
    """

    features: int = 10
    hidden: tuple[int, ...] = (128, 64)

    @nn.compact
    def __call__(self, adjacency: Array) -> Array:
        """Map adjacency matrices `[*batch, n, n]` to `[*batch, features]`."""
        _check_adjacency(adjacency)
        y = adjacency.reshape(*adjacency.shape[:-2], -1)
        for width in self.hidden:
            y = jnp.tanh(Dense(width)(y))
        return Dense(self.features)(y)


class GIN(nn.Module):
    """Sum over neighbours, as often as the Weisfeiler-Leman test refines colours.

    h_i <- tanh(W_2 tanh(W_1 ((1 + e) h_i + sum_j A_ij h_j) + b_1) + b_2),   y = W sum_i h_i + b

    with a learned number e in every layer.

    Attributes:
        features: Length of y.
        width: Of all hidden layers.
        num_layers: Number of sums over neighbours.
        has_node_ids: Whether nodes also start with their number among the n, as a row with a
            single one.

    Equivariance:
        Invariant under permutations of the nodes; with node ids not, unless symmetrized.

    Numerics:
        Tells apart only graphs that the 1-WL test does, up to rounding. What padding holds is not
        read.

    Source:
        K. Xu et al., "How Powerful are Graph Neural Networks?", 2019, equation 4.1,
        arXiv:1810.00826, with layers, width and read-out of O. Puny et al. 2022, section 4.2,
        arXiv:2110.03336. Deviations: tanh for ReLU; the last layer alone is read out.
    """

    features: int = 10
    width: int = 64
    num_layers: int = 3
    has_node_ids: bool = False

    @nn.compact
    def __call__(
        self, adjacency: Array, nodes: Array | None = None, *, mask: Array | None = None
    ) -> Array:
        """Embed graphs.

        Args:
            adjacency: A, `[*batch, n, n]`.
            nodes: What nodes start with, `[*batch, n, C]`; ones if None.
            mask: True for real nodes, `[*batch, n]`; all are if None.

        Returns:
            y, `[*batch, features]`.

        Raises:
            ValueError: If the matrices are not square.
        """
        adjacency, h = _read(adjacency, nodes, mask, has_node_ids=self.has_node_ids)
        for index in range(self.num_layers):
            own = 1 + jnp.asarray(self.param(f"epsilon_{index}", nn.initializers.zeros_init(), ()))
            h = own * h + jnp.matmul(adjacency, h, precision=Precision.HIGHEST)
            h = jnp.tanh(Dense(self.width, name=f"first_{index}")(h))
            h = jnp.tanh(Dense(self.width, name=f"second_{index}")(h))
        return Dense(self.features, name="readout")(jnp.sum(mask_padding(mask, h), axis=-2))


class GCN(nn.Module):
    """Average over neighbours with weights by their degrees.

    h_i <- tanh(W sum_j S_ij h_j + b),   y = W sum_i h_i + b

    with S = D^-1/2 (A + 1) D^-1/2 and the row sums D of A + 1.

    Attributes:
        features: Length of y.
        width: Of all hidden layers.
        num_layers: Number of averages.
        has_node_ids: As of `GIN`.

    Equivariance:
        Invariant under permutations of the nodes; with node ids not, unless symmetrized.

    Numerics:
        As `GIN`. Adjacency must not be negative.

    Source:
        T. Kipf, M. Welling 2017, equation 2, arXiv:1609.02907. Deviations: tanh for ReLU; a
        sum over nodes at the end, for there nodes are classified.
    """

    features: int = 10
    width: int = 64
    num_layers: int = 3
    has_node_ids: bool = False

    @nn.compact
    def __call__(
        self, adjacency: Array, nodes: Array | None = None, *, mask: Array | None = None
    ) -> Array:
        """Embed graphs; arguments, result and errors as of `GIN`."""
        adjacency, h = _read(adjacency, nodes, mask, has_node_ids=self.has_node_ids)
        with_loops = adjacency + jnp.eye(adjacency.shape[-1], dtype=adjacency.dtype)
        roots = safe.sqrt(jnp.sum(with_loops, axis=-1))
        averages = safe.divide(with_loops, roots[..., :, None] * roots[..., None, :])
        for index in range(self.num_layers):
            h = jnp.matmul(averages, h, precision=Precision.HIGHEST)
            h = jnp.tanh(Dense(self.width, name=f"layer_{index}")(h))
        return Dense(self.features, name="readout")(jnp.sum(mask_padding(mask, h), axis=-2))


def _check_adjacency(adjacency: Array) -> None:
    shape = jnp.shape(adjacency)
    if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] < 1:
        raise ValueError(
            f"expected adjacency matrices of shape [*batch, n, n] with n >= 1, got {list(shape)}"
        )


def _read(
    adjacency: Array, nodes: Array | None, mask: Array | None, *, has_node_ids: bool
) -> tuple[Array, Array]:
    """Return adjacency with zeros for padding, and what nodes start with, `[*batch, n, C]`."""
    _check_adjacency(adjacency)
    adjacency = jnp.asarray(adjacency)
    dtype = jnp.result_type(float, adjacency.dtype)
    adjacency = adjacency.astype(dtype)
    if mask is not None:
        adjacency = jnp.where(mask[..., :, None] & mask[..., None, :], adjacency, 0)
    h = jnp.ones((*adjacency.shape[:-1], 1), dtype) if nodes is None else nodes
    if has_node_ids:
        ids = jnp.broadcast_to(jnp.eye(adjacency.shape[-1], dtype=dtype), adjacency.shape)
        h = jnp.concatenate([h, ids], axis=-1)
    return adjacency, mask_padding(mask, h)
