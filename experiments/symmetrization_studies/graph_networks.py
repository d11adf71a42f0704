"""The untrained networks of the graph separation protocol, layer by layer as published."""

import dataclasses

import jax
import jax.numpy as jnp

from symjax_models import models
from symjax_models.layers import dense, initializers
from symjax_models.ops import safe
from symjax_models.ops.masking import mask_padding
from symjax_models.typing import Array, PRNGKey, PyTree

_KINDS = ("gin", "gcn", "mlp")


@dataclasses.dataclass(frozen=True)
class GraphNetwork:
    """Embed graphs by sums over neighbours of tanh units, or an adjacency matrix by a perceptron.

    h_i <- tanh(W sum_j T_ij h_j + b),   y = tanh(W sum_i h_i + b)

    with nodes that start from (1, degree). T is A + 1 + e for "gin", with e drawn from U(0, 1) in
    every layer, and D^-1/2 (A + 1) D^-1/2 for "gcn". "mlp" is the tanh of `models.AdjacencyMLP`.

    Attributes:
        kind: "gin", "gcn" or "mlp".
        features: Length of y.
        width: Of the layers of "gin" and "gcn".
        num_layers: Their number. As the degrees are what one round of the 1-WL test tells, L layers
            tell at most what L + 1 rounds do.
        has_node_ids: Whether nodes also start from their number, as a row with a single one.

    Equivariance:
        Invariant under permutations of the nodes, but for "mlp" and with node ids.

    Source:
        O. Puny et al. 2022, section 4.2, arXiv:2110.03336, and M. Balcilar et al. 2021,
        arXiv:2106.04319, as in their programs. Deviation: "mlp" with frames averages the output,
        where theirs averages the last hidden layer.
    """

    kind: str
    features: int
    width: int = 64
    num_layers: int = 3
    has_node_ids: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"expected a kind of {', '.join(_KINDS)}, got {self.kind!r}")

    def init(self, key: PRNGKey, adjacency: Array) -> PyTree:
        """Draw parameters for graphs `[*batch, n, n]`."""
        if self.kind == "mlp":
            return self._perceptron.init(key, adjacency)
        *keys, last, shift = jax.random.split(key, self.num_layers + 2)
        h = self._first(adjacency)
        widths = [h.shape[-1], *[self.width] * self.num_layers]
        return {
            "layers": [
                self._layer.init(own, jnp.zeros(size))
                for own, size in zip(keys, widths, strict=False)
            ],
            "shifts": jax.random.uniform(shift, (self.num_layers,), jnp.float32),
            "readout": dense.Dense(self.features).init(last, jnp.zeros(self.width)),
        }

    def apply(self, params: PyTree, adjacency: Array, *, mask: Array | None = None) -> Array:
        """Map graphs `[*batch, n, n]` to `[*batch, features]`.

        Args:
            params: Of `init`.
            adjacency: The graphs.
            mask: True for real nodes, `[*batch, n]`; all are if None. What padding holds is not
                read.

        Returns:
            The embeddings.
        """
        if mask is not None:
            adjacency = mask_padding(mask[..., :, None] & mask[..., None, :], adjacency)
        if self.kind == "mlp":
            return jnp.tanh(self._perceptron.apply(params, adjacency))
        h = self._first(adjacency)
        for own, shift in zip(params["layers"], params["shifts"], strict=True):
            summed = jnp.matmul(self._sums(adjacency, shift), h, precision="highest")
            h = jnp.tanh(self._layer.apply(own, summed))
        pooled = jnp.sum(mask_padding(mask, h), axis=-2)
        return jnp.tanh(dense.Dense(self.features).apply(params["readout"], pooled))

    @property
    def _perceptron(self) -> models.AdjacencyMLP:
        return models.AdjacencyMLP(self.features)

    @property
    def _layer(self) -> dense.Dense:
        if self.kind == "gin":
            return dense.Dense(self.width)
        # The bias of the published one is zero before training.
        return dense.Dense(self.width, use_bias=False, kernel_init=initializers.xavier_uniform())

    def _first(self, adjacency: Array) -> Array:
        degrees = jnp.sum(adjacency, axis=-1, keepdims=True)
        parts = [jnp.ones_like(degrees), degrees]
        if self.has_node_ids:
            identity = jnp.eye(adjacency.shape[-1], dtype=adjacency.dtype)
            parts.append(jnp.broadcast_to(identity, adjacency.shape))
        return jnp.concatenate(parts, axis=-1)

    def _sums(self, adjacency: Array, shift: Array) -> Array:
        identity = jnp.eye(adjacency.shape[-1], dtype=adjacency.dtype)
        if self.kind == "gin":
            return adjacency + (1 + shift) * identity
        with_loops = adjacency + identity
        roots = safe.sqrt(jnp.sum(with_loops, axis=-1))
        return with_loops / (roots[..., :, None] * roots[..., None, :])
