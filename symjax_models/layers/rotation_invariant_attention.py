"""Attention of points to points by invariants of how they lie to each other."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.layers.dense import Dense
from symjax_models.ops import safe
from symjax_models.ops.nearest_neighbours import gather_neighbours, nearest_neighbours
from symjax_models.ops.point_pair_features import angle
from symjax_models.typing import Array


class PointPairAttention(nn.Module):
    """Attend to neighbours by what they hold and by point-pair features.

    y_i = LayerNorm(x_i + W_o sum_j a_ij (v_j + p'_ij)),  a_ij = softmax_j <q_i, k_j + p_ij>/sqrt(d)

    per head, with q, k, v linear in the features x, and p, p' linear in the point-pair features.

    Attributes:
        num_heads: Number of heads; the channels must be a multiple.

    Equivariance:
        Invariant under all that leaves features and pair features invariant: E(3). Permutations.

    Source:
        H. Yu et al. 2023 (RoITr), arXiv:2303.08231, equations 3 to 5.
    """

    num_heads: int = 4

    @nn.compact
    def __call__(self, features: Array, pairs: Array, indices: Array) -> Array:
        """Attend.

        Args:
            features: x, invariants of the points, `[*batch, N, C]`.
            pairs: Their pair features with the neighbours, `[*batch, N, K, P]`, as
                `point_pair_features.neighbour_pair_features` makes them.
            indices: Neighbours `[*batch, N, K]`.

        Returns:
            Invariants `[*batch, N, C]`.

        Raises:
            ValueError: If the channels are no multiple of the heads.
        """
        width = features.shape[-1]
        _check_heads(width, self.num_heads)
        queries = Dense(width, use_bias=False, name="query")(features)[..., None, :]
        of_points = Dense(2 * width, use_bias=False, name="key_value")(features)
        of_pairs = Dense(2 * width, name="pair_key_value")(pairs)
        keys, values = jnp.split(gather_neighbours(of_points, indices) + of_pairs, 2, axis=-1)
        mixed = _attend(queries, keys, values, self.num_heads)[..., 0, :]
        return _add_and_normalize(features, mixed)


class GlobalInvariantAttention(nn.Module):
    """Attend to all points by what they hold and how they lie.

    y_i = LayerNorm(x_i + W_o sum_j a_ij v_j),  a_ij = softmax_j <q_i, k_j + r_ij> / sqrt(d)

    per head, with r linear in the `PairEmbedding`.

    Attributes:
        num_heads: Number of heads; the channels must be a multiple.

    Equivariance:
        Invariant under E(3) if features and embedding are. Permutations.

    Source:
        Z. Qin et al. 2022 (GeoTransformer), arXiv:2202.06688, equations 2 and 3; as in
        RoITr, arXiv:2303.08231, section 3.3.
    """

    num_heads: int = 4

    @nn.compact
    def __call__(self, features: Array, embedding: Array) -> Array:
        """Attend.

        Args:
            features: x, invariants of the points, `[*batch, N, C]`.
            embedding: Of all pairs, `[*batch, N, N, P]`.

        Returns:
            Invariants `[*batch, N, C]`.

        Raises:
            ValueError: If the channels are no multiple of the heads.
        """
        width = features.shape[-1]
        _check_heads(width, self.num_heads)
        queries = Dense(width, use_bias=False, name="query")(features)[..., None, :]
        keys = Dense(width, use_bias=False, name="key")(features)[..., None, :, :]
        keys = keys + Dense(width, name="pair_key")(embedding)
        values = Dense(width, use_bias=False, name="value")(features)[..., None, :, :]
        mixed = _attend(queries, keys, values, self.num_heads)[..., 0, :]
        return _add_and_normalize(features, mixed)


class PairEmbedding(nn.Module):
    """Embed all pairs of points by their distance and by angles with neighbours.

    r_ij = W_d sin_cos(|x_j - x_i| / s_d) + max_k W_a sin_cos(angle(x_k - x_i, x_j - x_i) / s_a)

    over the `num_references` nearest neighbours k of i, the maximum taken per channel.

    Attributes:
        features: Length of the embedding, even.
        distance_unit: s_d.
        angle_unit: s_a, in degrees.
        num_references: Number of neighbours k.

    Equivariance:
        Invariant under E(3), exact. Permutations.

    Numerics:
        Memory is `[*batch, N, N, num_references, features]`. Points have angle 0 with themselves.

    Source:
        Z. Qin et al. 2022 (GeoTransformer), arXiv:2202.06688, section 3.2 and appendix A.
    """

    features: int
    distance_unit: float = 0.2
    angle_unit: float = 15.0
    num_references: int = 3

    @nn.compact
    def __call__(self, points: Array) -> Array:
        """Map points `[*batch, N, 3]` to embeddings of pairs `[*batch, N, N, features]`.

        Raises:
            ValueError: If `features` is odd, or there are not more points than references.
        """
        if self.features % 2:
            raise ValueError(f"sines and cosines need an even length, got {self.features}")
        if points.shape[-2] <= self.num_references:
            raise ValueError(
                f"{self.num_references} references need more points, got {points.shape[-2]}"
            )
        between = points[..., None, :, :] - points[..., :, None, :]
        distances = safe.norm(between) / self.distance_unit
        indices = nearest_neighbours(points, k=self.num_references, exclude_self=True)
        references = gather_neighbours(points, indices) - points[..., None, :]
        angles = angle(references[..., :, None, :, :], between[..., None, :])
        angles = angles * (180 / math.pi / self.angle_unit)
        of_angles = Dense(self.features, name="angles")(sinusoids(angles, size=self.features))
        of_distances = Dense(self.features, name="distances")(
            sinusoids(distances, size=self.features)
        )
        return of_distances + safe.maximum_over(of_angles, axis=-2)


def sinusoids(x: Array, *, size: int) -> Array:
    """Embed numbers by sines and cosines of geometrically falling frequencies.

    Args:
        x: `[...]`.
        size: Length of the embedding, even.

    Returns:
        `[..., size]`: sin(f x), then cos(f x), for f = 10000^(-2 i / size), i = 0, 1, ...

    Source:
        A. Vaswani et al. 2017, arXiv:1706.03762, section 3.5, with sines before cosines.

    >>> sinusoids(jnp.zeros(()), size=4).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    frequencies = 10000.0 ** (-np.arange(0, size, 2) / size)
    phases = x[..., None] * jnp.asarray(frequencies, x.dtype)
    return jnp.concatenate([jnp.sin(phases), jnp.cos(phases)], axis=-1)


def _check_heads(width: int, num_heads: int) -> None:
    if width % num_heads:
        raise ValueError(f"expected channels that {num_heads} heads divide evenly, got {width}")


def _attend(queries: Array, keys: Array, values: Array, num_heads: int) -> Array:
    """Attend from `[..., M, C]` to `[..., K, C]`, head by head."""
    q, k, v = (x.reshape(*x.shape[:-1], num_heads, -1) for x in (queries, keys, values))
    logits = jnp.einsum("...mhc,...khc->...hmk", q, k) / math.sqrt(q.shape[-1])
    mixed = jnp.einsum("...hmk,...khc->...mhc", jax.nn.softmax(logits, axis=-1), v)
    return mixed.reshape(*mixed.shape[:-2], -1)


def _add_and_normalize(features: Array, mixed: Array) -> Array:
    outputs = Dense(features.shape[-1], name="output")(mixed)
    return nn.LayerNorm(name="norm")(features + outputs)
