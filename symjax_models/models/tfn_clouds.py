"""Tensor field networks of point clouds: a classifier, a segmenter and an estimator of normals."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models import groups, reps
from symjax_models.layers import Convolution, Dense, Gate, LayerNorm, Linear
from symjax_models.layers.point_clouds import (
    check_categories,
    concatenate_globals,
    max_and_mean,
    read_out,
)
from symjax_models.ops import safe
from symjax_models.ops.graph import Graph
from symjax_models.ops.nearest_neighbours import gather_neighbours, nearest_neighbours
from symjax_models.reps import RepArray
from symjax_models.typing import Array


class CloudTFN(nn.Module):
    """Embed the points of a cloud by equivariant convolutions over their nearest neighbours.

    From f_i = [|x_i - c|, x_i - c] with the mean c, `num_layers` times

    f <- Gate(LayerNorm(Convolution(f) + Linear(f)))

    where filters see the distance in units of the root mean square distance of neighbours.

    Attributes:
        hidden: Irreps of the features, scalars among them; parity (-1)^l alone is reached.
        num_layers: Number of convolutions.
        max_degree: Highest degree of the harmonics of the filters.
        num_channels: Channels of the product of features with harmonics.
        k: How many neighbours, without the point itself; less than the number of points.

    Equivariance:
        O(3) and translations, permutations of the points; exact as long as no two distances of
        neighbours tie, see `ops.nearest_neighbours`.

    Numerics:
        In float32 the error grows with the distance of the cloud from the origin, in units of its
        size. A cloud whose points all coincide has finite values and derivatives.

    Source:
        Thomas et al. 2018, arXiv:1802.08219, sections 3 and 4, there on all pairs of points.
        Deviations: nearest neighbours and distances in their units; gates for norm nonlinearities;
        the layer normalization; positions as the first features.
    """

    hidden: str = "32x0e+16x1o+8x2e"
    num_layers: int = 3
    max_degree: int = 2
    num_channels: int = 16
    k: int = 16

    @nn.compact
    def __call__(self, points: Array) -> RepArray:
        """Map clouds `[*batch, N, 3]` to features of `hidden`, batch `[*batch, N]`.

        Raises:
            ValueError: If the shape is another, or there are no more than k points.
        """
        points = jnp.asarray(points)
        graph = neighbour_graph(points, k=self.k)
        centred = (points - jnp.mean(points, axis=-2, keepdims=True)).reshape(-1, 3)
        lengths = safe.norm(centred, keepdims=True)
        f = RepArray(reps.parse_irreps("0e+1o"), [lengths[..., None], centred[..., None]])
        for index in range(self.num_layers):
            convolved = Convolution(
                self.hidden,
                max_degree=self.max_degree,
                num_channels=self.num_channels,
                num_neighbours=self.k,
                name=f"layer_{index}",
            )(f, graph)
            own = Linear(self.hidden, use_bias=False, name=f"self_{index}")(f)
            f = Gate(name=f"gate_{index}")(LayerNorm(name=f"norm_{index}")(convolved + own))
        return f.map(lambda block: block.reshape(*points.shape[:-1], *block.shape[1:]))


class TFNClassifier(nn.Module):
    """Classify clouds by the invariants of `CloudTFN`.

    With the scalars of the points and the norms of their other features, Dense and SiLU, the mean
    and the maximum over points, and a multilayer perceptron.

    Attributes:
        num_classes: Length of the logits.
        hidden, num_layers, max_degree, num_channels, k: As of `CloudTFN`.
        embedding: Length of what is pooled.
        head: Widths of the hidden layers behind the pooling.
        dropout: Rate behind each of them.

    Equivariance:
        Invariant under O(3), translations and permutations of the points; exact as `CloudTFN`.

    Source:
        As `CloudTFN`; mean and maximum as in Y. Wang et al. 2019, section 4.1, arXiv:1801.07829.
    """

    num_classes: int = 40
    hidden: str = "32x0e+16x1o+8x2e"
    num_layers: int = 3
    max_degree: int = 2
    num_channels: int = 16
    k: int = 16
    embedding: int = 128
    head: tuple[int, ...] = (128,)
    dropout: float = 0.3

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        f = CloudTFN(
            self.hidden, self.num_layers, self.max_degree, self.num_channels, self.k, name="points"
        )(points)
        pooled = max_and_mean(nn.silu(Dense(self.embedding, name="embedding")(_invariants(f))))
        return read_out(pooled, self.head, self.num_classes, self.dropout, deterministic)


class TFNSegmenter(nn.Module):
    """Label the points of clouds by the invariants of `CloudTFN`.

    Every point sees its own invariants, what `TFNClassifier` pools, and the category.

    Attributes:
        num_parts: Length of the logits.
        hidden, num_layers, max_degree, num_channels, k, embedding, head, dropout: As of
            `TFNClassifier`; the head reads every point.

    Equivariance:
        Invariant under O(3) and translations; permutations of the points; exact as `CloudTFN`.

    Source:
        As `TFNClassifier`.
    """

    num_parts: int = 50
    hidden: str = "32x0e+16x1o+8x2e"
    num_layers: int = 3
    max_degree: int = 2
    num_channels: int = 16
    k: int = 16
    embedding: int = 128
    head: tuple[int, ...] = (128, 128)
    dropout: float = 0.3

    @nn.compact
    def __call__(self, points: Array, categories: Array, *, deterministic: bool = True) -> Array:
        """Label points.

        Args:
            points: Clouds, `[*batch, N, 3]`.
            categories: One-hot categories of the clouds, `[*batch, num_categories]`.
            deterministic: Whether to leave out dropout.

        Returns:
            Logits `[*batch, N, num_parts]`.
        """
        check_categories(points, categories)
        f = CloudTFN(
            self.hidden, self.num_layers, self.max_degree, self.num_channels, self.k, name="points"
        )(points)
        local = nn.silu(Dense(self.embedding, name="embedding")(_invariants(f)))
        joined = concatenate_globals([local], [max_and_mean(local), categories])
        return read_out(joined, self.head, self.num_parts, self.dropout, deterministic)


class TFNNormals(nn.Module):
    """Estimate normals as the vector that `CloudTFN` and a linear map give every point.

    Attributes:
        hidden, num_layers, max_degree, num_channels, k: As of `CloudTFN`.

    Equivariance:
        Vectors under O(3), invariant under translations; permutations of the points; exact as
        `CloudTFN`.

    Source:
        As `CloudTFN`; the task is that of O. Puny et al. 2022, section 4.1, arXiv:2110.03336.
    """

    hidden: str = "32x0e+16x1o+8x2e"
    num_layers: int = 3
    max_degree: int = 2
    num_channels: int = 16
    k: int = 16

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to vectors along the normals, `[*batch, N, 3]`.

        Neither their signs nor their lengths mean anything.
        """
        del deterministic  # there is no dropout
        f = CloudTFN(
            self.hidden, self.num_layers, self.max_degree, self.num_channels, self.k, name="points"
        )(points)
        return Linear("1o", name="readout")(f)["1o"][..., 0]


def neighbour_graph(points: Array, *, k: int) -> Graph:
    """Connect the points of clouds to their nearest neighbours.

    Args:
        points: `[*batch, N, 3]`.
        k: How many edges enter every point; none from the point itself.

    Returns:
        One sparse graph of all clouds, their points one after another: nodes `positions`
        `[B N, 3]`, edges `displacements` `[B N k, 3]`, in units of their root mean square in their
        cloud. The edges that enter a point lie side by side.

    Raises:
        ValueError: If the shape is another, or there are no more than k points.

    >>> neighbour_graph(jnp.array([[0.0, 0, 0], [1, 0, 0], [3, 0, 0]]), k=1).senders.tolist()
    [1, 0, 1]
    """
    if points.ndim < 2 or points.shape[-1] != 3 or points.shape[-2] <= k:
        raise ValueError(
            f"expected clouds of shape [*batch, N, 3] of more than k = {k} points, got "
            f"{list(points.shape)}"
        )
    count = points.shape[-2]
    clouds = points.reshape(-1, count, 3)
    indices = nearest_neighbours(clouds, k=k, exclude_self=True)
    displacements = clouds[:, :, None] - gather_neighbours(clouds, indices)
    size = safe.sqrt(jnp.mean(jnp.sum(jnp.square(displacements), axis=-1), axis=(1, 2)))
    starts = count * jnp.arange(len(clouds))
    return Graph(
        nodes={"positions": points.reshape(-1, 3)},
        edges={
            "displacements": safe.divide(displacements, size[:, None, None, None]).reshape(-1, 3)
        },
        senders=(indices + starts[:, None, None]).reshape(-1),
        receivers=jnp.repeat(jnp.arange(len(clouds) * count), k),
        n_node=jnp.full(len(clouds), count),
        n_edge=jnp.full(len(clouds), count * k),
    )


def _invariants(f: RepArray) -> Array:
    """Return scalars and the norms of everything else, `[..., C]`."""
    scalar = reps.scalar(groups.O(3))
    parts = [
        block[..., 0, :] if term == scalar else safe.norm(block, axis=-2)
        for (_, term), block in zip(f.rep.terms, f.blocks, strict=True)
    ]
    return jnp.concatenate(parts, axis=-1)
