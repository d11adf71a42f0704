"""Learned distributions of group elements that move with the input: probabilistic symmetrization.

An input that is symmetric itself has no equivariant choice of one element. A distribution can be
equivariant all the same, p(h g | h x) = p(g | x): it is that of q(x, noise) with an equivariant
network q and noise whose law is invariant.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models.ops.frames import affine
from symjax_models.ops.frames.sampling import check_key, check_num_samples
from symjax_models.ops.symmetrization import Frame
from symjax_models.typing import Array, PRNGKey


class VectorDistribution(nn.Module):
    """Draw elements of SO, O, SE or E(d): orthogonalized vectors of a network that sees noise.

    Attributes:
        network: Maps points `[*batch, N, d]`, noise `[*batch, N, d, channels]` of vectors at the
            points, and what else there is, to vectors `[*batch, d, k]` that turn with both; k as
            for `VectorCanonicalizer`. For SE(d) and E(d) it sees the points less their mean.
        group: SO(d), O(d), SE(d) or E(d).
        num_samples: K.
        channels: Number of noise vectors of every point.

    Equivariance:
        In law: the elements of g x are distributed as g times those of x, for symmetric and
        degenerate inputs too. The mean of K evaluations is equivariant in expectation, with a
        variance that falls as 1 / K.

    Source:
        J. Kim et al., "Learning Probabilistic Symmetrization for Architecture Agnostic
        Equivariance", 2023, section 2.2, arXiv:2306.02866.
    """

    network: nn.Module
    group: affine.Euclidean
    num_samples: int = 1
    channels: int = 1

    def __post_init__(self) -> None:
        affine.check_euclidean(self.group, what="orthogonalized vectors")
        check_num_samples(self.num_samples)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Draw elements for points `[*batch, N, d]`, or for a tuple with them first.

        Raises:
            ValueError: If the key is missing, or the number of vectors does not fit the group.
        """
        key = check_key(key, what="a distribution of group elements needs")
        points, *rest = x if isinstance(x, tuple) else (x,)
        points = affine.as_vectors(points, dimension=self.group.dimension, group=self.group)
        shift = affine.centre_of(points, group=self.group)
        shape = (self.num_samples, *points.shape, self.channels)
        noise = jax.random.normal(key, shape, points.dtype)
        arguments = _repeat((points - shift[..., None, :], *rest), self.num_samples)
        vectors = self.network(arguments[0], noise, *arguments[1:])
        linear = affine.orthogonalize(vectors, group=self.group)
        elements, inverses = affine.make_elements(linear, shift, group=self.group)
        return _uniform(elements, inverses)


class PermutationDistribution(nn.Module):
    """Draw permutations: the order of scores that a network gives nodes, seeing noise.

    The element is the permutation matrix that sorts the scores. Its derivative is that of a
    relaxation: row p of its inverse is `softmax_i(-|s_(p) - s_i| / temperature)`, with s_(p) the
    p-th of the sorted scores, made doubly stochastic by Sinkhorn's iteration.

    Attributes:
        network: Maps features or a matrix of nodes `[*batch, N, *]`, noise `[*batch, N, channels]`,
            and what else there is, to scores `[*batch, N]` that permute with all of them.
        num_samples: K.
        channels: Noise values of every node, uniform in [0, 1).
        temperature: Of the relaxation.
        num_iterations: Of Sinkhorn's normalization of rows and columns.

    Equivariance:
        In law under S(N), for graphs with symmetries too: the embeddings of two nodes that a
        symmetry exchanges have one distribution. Scores that are equal are in random order.

    Source:
        J. Kim et al. 2023, section 2.2 and appendix, arXiv:2306.02866; the relaxation is SoftSort:
        S. Prillo and J. Eisenschlos 2020, equation 4, arXiv:2006.16038.
    """

    network: nn.Module
    num_samples: int = 1
    channels: int = 1
    temperature: float = 0.1
    num_iterations: int = 20

    def __post_init__(self) -> None:
        check_num_samples(self.num_samples)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Draw permutations for an array `[*batch, N, *]`, or for a tuple with it first.

        Raises:
            ValueError: If the key is missing, or the scores have another shape.
        """
        noise_key, tie_key = jax.random.split(
            check_key(key, what="a distribution of group elements needs")
        )
        first, *rest = x if isinstance(x, tuple) else (x,)
        shape = (self.num_samples, *first.shape[:-1], self.channels)
        noise = jax.random.uniform(noise_key, shape, jnp.result_type(float, first.dtype))
        arguments = _repeat((first, *rest), self.num_samples)
        scores = self.network(arguments[0], noise, *arguments[1:])
        if scores.shape != shape[:-1]:
            raise ValueError(f"expected scores of shape {shape[:-1]}, got {scores.shape}")
        # The least significant key of the sort: it decides between equal scores alone.
        ties = jax.random.uniform(tie_key, scores.shape, scores.dtype)
        order = jnp.lexsort((ties, jax.lax.stop_gradient(scores)), axis=-1)
        hard = jax.nn.one_hot(order, order.shape[-1], dtype=scores.dtype)
        ordered = jnp.take_along_axis(scores, order, axis=-1)
        soft = self._relax(ordered, scores)
        inverses = hard + (soft - jax.lax.stop_gradient(soft))
        return _uniform(jnp.swapaxes(inverses, -1, -2), inverses)

    def _relax(self, ordered: Array, scores: Array) -> Array:
        distances = jnp.abs(ordered[..., :, None] - scores[..., None, :])
        logits = -distances / self.temperature

        def normalize(logits: Array, _: None) -> tuple[Array, None]:
            logits = jax.nn.log_softmax(logits, axis=-1)
            return jax.nn.log_softmax(logits, axis=-2), None

        return jnp.exp(jax.lax.scan(normalize, logits, None, length=self.num_iterations)[0])


def _repeat(arguments: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (count, *jnp.shape(x))), arguments)


def _uniform(elements: Array, inverses: Array) -> Frame:
    shape = elements.shape[:-2]
    return Frame(elements, inverses, jnp.full(shape, 1 / shape[0], elements.dtype))
