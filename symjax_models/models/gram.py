"""Invariant theory as a model: a perceptron of dot products."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from symjax_models import reps
from symjax_models.groups import Group
from symjax_models.layers import MLP
from symjax_models.reps import Rep, RepArray
from symjax_models.typing import Array


class GramMLP(nn.Module):
    """Predict from the scalars and the dot products of the vectors alone.

    With the metric m of the group (`g^T m g = m`, the identity for O(n)), scalars s and vectors
    x_1, ..., x_k, the features are s and G_ij = x_i^T m x_j / sqrt(n) for i <= j, and an MLP maps
    them to numbers c. A scalar of the output is one such number. A copy of V*V is

        sum_ij c_ij x_i x_j^T / k + c_0 m^-1

    with k^2 + 1 numbers of its own.

    Attributes:
        rep_out: Representation of the output: scalars and copies of V*V.
        features: Width of the hidden layers.
        num_layers: Number of hidden layers.

    Equivariance:
        `f(rho_in(g) x) = rho_out(g) f(x)` for O(n), O(p, q) and their subgroups, exact. It is the
        general form of an O(n) or O(p, q) map of these types; smaller groups have more maps, such
        as determinants of SO(n).

    Source:
        H. Weyl 1946, The Classical Groups, first main theorem; as a model S. Villar, D. W. Hogg,
        K. Storey-Fisher, W. Yao, B. Blum-Smith 2021, arXiv:2106.06610, propositions 2 and 4.

    >>> import jax
    >>> from symjax_models import groups
    >>> G = groups.IndefiniteO(1, 3)
    >>> x = reps.normal(jax.random.key(1), 4 * reps.vector(G), (5,))
    >>> model = GramMLP(reps.scalar(G), features=8)
    >>> model.init_with_output(jax.random.key(0), x)[0].shape
    (5,)
    """

    rep_out: Rep
    features: int = 384
    num_layers: int = 3

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Map scalars and vectors to `rep_out`.

        Args:
            x: Features of scalars and vectors V.

        Returns:
            Features of `rep_out` with the same batch axes.

        Raises:
            ValueError: If the group has no metric, or the input or output has other summands.
        """
        group = self.rep_out.group
        metric = _metric(group)
        scalar, vector = reps.scalar(group), reps.vector(group)
        _check_terms(x.rep, (scalar, vector), what="takes scalars and vectors")
        _check_terms(self.rep_out, (scalar, vector * vector), what="gives scalars and V*V")
        present = [term for _, term in x.rep.terms]
        if vector not in present:
            raise ValueError(f"GramMLP takes scalars and vectors, got no vector in {x.rep!r}")

        vectors = x[vector]
        invariants = _gram_entries(vectors, metric)
        if scalar in present:
            invariants = jnp.concatenate([x[scalar][..., 0, :], invariants], axis=-1)
        count = vectors.shape[-1]
        sizes = [
            multiplicity * (1 if term == scalar else count**2 + 1)
            for multiplicity, term in self.rep_out.terms
        ]
        widths = (*[self.features] * self.num_layers, sum(sizes))
        numbers = MLP(widths, name="mlp")(invariants)
        blocks, start = [], 0
        for (multiplicity, term), size in zip(self.rep_out.terms, sizes, strict=True):
            part = numbers[..., start : start + size].reshape(*x.shape, -1, multiplicity)
            blocks.append(part if term == scalar else _matrices(part, vectors, metric))
            start += size
        return RepArray(self.rep_out, blocks)


def _gram_entries(vectors: Array, metric: np.ndarray) -> Array:
    """Return the dot products `[..., k (k + 1) / 2]` of vectors `[..., n, k]`."""
    rows, columns = np.triu_indices(vectors.shape[-1])
    form = jnp.asarray(metric / np.sqrt(len(metric)), vectors.dtype)
    gram = jnp.einsum("...di,de,...ej->...ij", vectors, form, vectors, precision="highest")
    return gram[..., rows, columns]


def _matrices(coefficients: Array, vectors: Array, metric: np.ndarray) -> Array:
    """Return copies of V*V `[..., n * n, C]` from coefficients `[..., k * k + 1, C]`."""
    count = vectors.shape[-1]
    weights = coefficients[..., :-1, :] / count
    weights = weights.reshape(*weights.shape[:-2], count, count, -1)
    outer = jnp.einsum("...di,...ijc,...ej->...dec", vectors, weights, vectors, precision="highest")
    inverse = jnp.asarray(np.linalg.inv(metric), vectors.dtype)
    matrices = outer + inverse[..., None] * coefficients[..., -1:, None, :]
    return matrices.reshape(*matrices.shape[:-3], -1, matrices.shape[-1])


def _metric(group: Group) -> np.ndarray:
    """Return the metric that a group preserves."""
    if group.is_orthogonal and not group.is_complex:
        return np.eye(group.n)
    metric = getattr(group, "metric", None)
    if metric is None:
        raise ValueError(
            f"GramMLP needs a group with a metric, such as O(n) or IndefiniteO(p, q), got {group!r}"
        )
    return metric


def _check_terms(rep: Rep, allowed: tuple[Rep, ...], *, what: str) -> None:
    other = [str(term) for _, term in rep.terms if term not in allowed]
    if other:
        raise ValueError(
            f"GramMLP {what}, got {rep!r} with {' and '.join(other)}; EMLP has no such bound"
        )
