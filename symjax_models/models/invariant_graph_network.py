"""Second-order permutation network: invariants of matrices of pairs."""

import flax.linen as nn

from symjax_models import groups, reps
from symjax_models.layers import MLP, Linear, PointwiseActivation
from symjax_models.reps import RepArray
from symjax_models.typing import Array


class InvariantGraphNetwork(nn.Module):
    """Predict invariants of features of nodes and of pairs of nodes.

    Node features are of the natural representation V of S(N), pair features of V*V. Layers are the
    general equivariant `Linear` maps between `C_1 V + C_2 V*V`: 2 + 5 + 5 + 15 weights per pair of
    channels for N >= 4, fewer for smaller N. They alternate with a pointwise activation; a last map
    to scalars pools, and an MLP reads out.

    Attributes:
        features: Length of the output.
        node_channels: Channels of V in hidden layers.
        pair_channels: Channels of V*V in hidden layers.
        num_layers: Number of equivariant layers.
        readout: Widths of the hidden layers behind the pooling.

    Equivariance:
        Invariant under permutations of the nodes, exact.

    Numerics:
        Time and memory grow with N^2; no matrix on the N^2 x N^2 entries is formed.

    Source:
        H. Maron, H. Ben-Hamu, N. Shamir, Y. Lipman, 2019, arXiv:1812.09902, theorem 1 and section
        3.3. Deviations: node and pair features side by side; the basis is orthonormal, and has the
        exact dimension for N < 4.
    """

    features: int
    node_channels: int = 16
    pair_channels: int = 8
    num_layers: int = 2
    readout: tuple[int, ...] = (32,)

    @nn.compact
    def __call__(self, nodes: Array, pairs: Array) -> Array:
        """Map nodes `[..., N, C]` and pairs `[..., N, N, C']` to `[..., features]`.

        Args:
            nodes: Features of nodes; C may be 0.
            pairs: Features of ordered pairs, such as adjacency; C' may be 0.

        Returns:
            The predictions.
        """
        num_nodes = nodes.shape[-2]
        vector = reps.vector(groups.S(num_nodes))
        matrix = vector * vector
        flat = pairs.reshape(*pairs.shape[:-3], num_nodes**2, pairs.shape[-1])
        h = RepArray(
            nodes.shape[-1] * vector + pairs.shape[-1] * matrix,
            [block for block in (nodes, flat) if block.shape[-1]],
        )
        hidden = self.node_channels * vector + self.pair_channels * matrix
        for _ in range(self.num_layers):
            h = PointwiseActivation(nn.elu)(Linear(hidden)(h))
        scalar = reps.scalar(vector.group)
        pooled = Linear((self.node_channels + self.pair_channels) * scalar)(h)[scalar][..., 0, :]
        return MLP((*self.readout, self.features))(nn.elu(pooled))
