"""Learned canonicalization: networks that say by which group element an input is turned."""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.ops import actions, orbit_distance, safe
from symjax_models.ops.frames import affine
from symjax_models.ops.symmetrization import Frame
from symjax_models.reps import Rep
from symjax_models.typing import Array, PRNGKey

_HIGHEST = jax.lax.Precision.HIGHEST
# In units in the last place of the largest score: what counts as equal, where a key draws.
_TIE = 256


class VectorCanonicalizer(nn.Module):
    """Orthogonalize equivariant vectors of a network: one element of SO, O, SE or E(d).

    Attributes:
        network: Maps points `[*batch, N, d]`, and what else there is, to vectors `[*batch, d, k]`
            that turn with them: k = d for O(d) and E(d), k = d - 1 or d for SO(d) and SE(d). For
            SE(d) and E(d) it sees the points less their mean.
        group: SO(d), O(d), SE(d) or E(d).

    Equivariance:
        Exact under the group, and what the network is invariant under, where the vectors are
        independent. At symmetric inputs they cannot be; see `VectorDistribution`.

    Source:
        S.-O. Kaba et al., "Equivariance with Learned Canonicalization Functions", 2023, section 4,
        arXiv:2211.06489. Deviation: the translation is the mean and not learned.
    """

    network: nn.Module
    group: affine.Euclidean

    def __post_init__(self) -> None:
        affine.check_euclidean(self.group, what="orthogonalized vectors")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Make the frame, K = 1, of points `[*batch, N, d]`, or of a tuple with them first.

        Raises:
            ValueError: If the number of vectors does not fit the group.
        """
        del key
        points, *rest = x if isinstance(x, tuple) else (x,)
        points = affine.as_vectors(points, dimension=self.group.dimension, group=self.group)
        shift = affine.centre_of(points, group=self.group)
        vectors = self.network(points - shift[..., None, :], *rest)
        linear = affine.orthogonalize(vectors, group=self.group)[None]
        elements, inverses = affine.make_elements(linear, shift, group=self.group)
        return Frame(elements, inverses, jnp.ones(elements.shape[:-2], elements.dtype))


class GeneratorCanonicalizer(nn.Module):
    """Take equivariant vectors of a network as the columns of an element, as they are.

    A loss on `orbit_distance(frame.elements, group=group)` and `bound_penalty(frame.elements)`
    pulls them to the group. It needs no orthogonalization, only the equations of the group. The
    inverses are `F^-1 M^H F` with the form F of the group.

    Attributes:
        network: Maps the input to vectors `[*batch, n, n]`, columns, that move with it.
        group: A group that `ops.orbit_distance` knows.

    Equivariance:
        Exact, off the group too, for actions that are linear in the matrix and extend to all
        matrices, as "vector": M(g x) = g M(x), and `F^-1 (g M)^H F g x = F^-1 M^H F x`. The loss
        matters because only on the group are the two matrices inverse to each other, so that the
        network sees the input itself, turned, and not a distortion of it.

    Source:
        T. D. Nguyen et al. 2023, arXiv:2311.07143.
    """

    network: nn.Module
    group: groups.Group

    def __post_init__(self) -> None:
        orbit_distance.form_of(self.group)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Make the frame of an input, K = 1."""
        del key
        elements = self.network(*(x if isinstance(x, tuple) else (x,)))[None]
        inverses = orbit_distance.approximate_inverse(elements, group=self.group)
        return Frame(elements, inverses, jnp.ones(elements.shape[:-2], elements.real.dtype))


class LieCanonicalizer(nn.Module):
    """Exponentiate coordinates of the Lie algebra that a network says.

    Attributes:
        network: Maps the input to coordinates `[*batch, D]` of `group.lie_algebra`.
        group: Any group with a Lie algebra.

    Raises:
        ValueError: If the group is discrete.

    Equivariance:
        Learned, not built in: for abelian groups it is exact if the coordinates shift with the
        input; for others no simple constraint on the coordinates makes it exact.

    Source:
        A. K. Mondal et al. 2023, arXiv:2310.01647.
    """

    network: nn.Module
    group: groups.Group

    def __post_init__(self) -> None:
        if not len(self.group.lie_algebra):
            raise ValueError(
                f"expected a group with a Lie algebra, got the discrete {self.group!r}"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Any, *, key: PRNGKey | None = None) -> Frame:
        """Make the frame of an input, K = 1."""
        del key
        coordinates = self.network(*(x if isinstance(x, tuple) else (x,)))[None]
        elements = self.group.exp(coordinates)
        weights = jnp.ones(elements.shape[:-2], coordinates.dtype)
        return Frame(elements, self.group.exp(-coordinates), weights)


class FiniteCanonicalizer(nn.Module):
    """Choose the element of a finite group with the highest score.

    The scores s_g are from an equivariant network, or, with `rep_in`, those that any network gives
    the copies `rho_in(g)^-1 x`. The element is `sum_g c_g g` with c the one-hot code of the highest
    score, whose derivative is taken to be that of `softmax(s / temperature)`.

    Attributes:
        network: Maps the input to scores `[*batch, |G|]` in the order of `group.elements`, with
            `s_{hg}(h x) = s_g(x)`; with `rep_in`, to one score `[*batch]`.
        group: A finite group.
        rep_in: How the group acts on the input, an action; None for an equivariant network.
        temperature: Of the softmax.

    Raises:
        ValueError: If the group is infinite.

    Equivariance:
        Exact where one score is the highest. Ties, as of symmetric inputs, are broken at random
        with a key, which is exact in expectation; without a key the first element is taken.

    Numerics:
        K = 1: the network that is made equivariant runs once. Gradients reach the scores through
        the entries of the matrix: through actions that are linear in g exactly as if each copy were
        weighted by c, through images by way of the bilinear sampler. With `rep_in` the network
        of the scores runs |G| times, in one call.

    Source:
        S.-O. Kaba et al. 2023, section 4, arXiv:2211.06489, with the straight-through gradient of
        A. K. Mondal et al. 2023, arXiv:2310.01647.
    """

    network: nn.Module
    group: groups.Group
    rep_in: str | Rep | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_finite(self.group)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, key: PRNGKey | None = None) -> Frame:
        """Make the frame of inputs `[*batch, ...]`, K = 1, with logits `[|G|, *batch]`."""
        if self.rep_in is None:
            scores = jnp.moveaxis(self.network(x), -1, 0)
        else:
            scores = _apply_to_copies(self.network, self.group, self.rep_in, x)
        if len(scores) != self.group.order:
            raise ValueError(
                f"expected scores of the {self.group.order} elements of {self.group!r}, got "
                f"{len(scores)}"
            )
        return choose(scores / self.temperature, group=self.group, key=key)


class OptimizationCanonicalizer(nn.Module):
    """Choose the element of a finite group whose copy of the input looks most as it should.

    Any network maps the copies `rho_in(g)^-1 x` to features; the score of g is the cosine of its
    features and a learned reference. The mean of the absolute cosines between the features of
    different copies, which training should keep small lest all scores agree, is stored in the
    collection `"intermediates"` as `"orthogonality_loss"`, `[*batch]`.

    Attributes:
        network: Maps inputs to features `[*batch, C]`; no symmetry is asked of it.
        group: A finite group.
        rep_in: How the group acts on the input, an action.
        temperature: Of the softmax that gradients are taken of.

    Raises:
        ValueError: If the group is infinite.

    Equivariance:
        As `FiniteCanonicalizer`.

    Source:
        A. K. Mondal et al. 2023, arXiv:2310.01647; S. Panigrahi and A. K. Mondal, "Improved
        Canonicalization for Model Agnostic Equivariance", 2024, arXiv:2405.14089. Deviation: no
        term for the artifacts of interpolation.
    """

    network: nn.Module
    group: groups.Group
    rep_in: str | Rep = "image"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_finite(self.group)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, key: PRNGKey | None = None) -> Frame:
        """Make the frame of inputs `[*batch, ...]`, K = 1, with logits `[|G|, *batch]`."""
        features = _apply_to_copies(self.network, self.group, self.rep_in, x)
        features = safe.divide(features, safe.norm(features, keepdims=True))
        reference = self.param("reference", nn.initializers.normal(1.0), features.shape[-1:])
        reference = safe.divide(reference, safe.norm(reference)).astype(features.dtype)
        cosines = jnp.einsum("g...c,h...c->gh...", features, features, precision=_HIGHEST)
        count = len(features)
        total = jnp.sum(jnp.abs(cosines), (0, 1)) - jnp.einsum("gg...->...", jnp.abs(cosines))
        self.sow("intermediates", "orthogonality_loss", total / max(count * (count - 1), 1))
        scores = jnp.einsum("g...c,c->g...", features, reference, precision=_HIGHEST)
        return choose(scores / self.temperature, group=self.group, key=key)


def choose(logits: Array, *, group: groups.Group, key: PRNGKey | None = None) -> Frame:
    """Return the frame of the elements of highest logit, with the derivatives of a softmax.

    Args:
        logits: One per element, `[|G|, *batch]`.
        group: A finite group.
        key: Draws among logits that agree up to rounding; rounding decides when None.

    Returns:
        The frame, K = 1, with the logits.
    """
    priority = logits
    if key is not None:
        rounding = _TIE * jnp.finfo(logits.dtype).eps * jnp.max(jnp.abs(logits), axis=0)
        is_tied = logits >= jnp.max(logits, axis=0) - rounding
        priority = is_tied * (1 + jax.random.uniform(key, logits.shape, logits.dtype))
    hard = jax.nn.one_hot(jnp.argmax(priority, axis=0), len(logits), axis=0, dtype=logits.dtype)
    soft = jax.nn.softmax(logits, axis=0)
    # The difference is exactly zero.
    code = hard + (soft - jax.lax.stop_gradient(soft))
    mix = lambda matrices: jnp.einsum(  # noqa: E731
        "g...,gij->...ij", code, jnp.asarray(matrices, logits.dtype), precision=_HIGHEST
    )[None]
    elements = mix(group.elements)
    weights = jnp.ones(elements.shape[:-2], logits.dtype)
    return Frame(elements, mix(np.linalg.inv(group.elements)), weights, logits)


def _apply_to_copies(
    network: Callable[[Array], Array], group: groups.Group, rep_in: str | Rep, x: Array
) -> Array:
    """Return what a network says of the copies `rho_in(g)^-1 x`, `[|G|, *batch, ...]`."""
    inverses = jnp.asarray(np.linalg.inv(group.elements), x.dtype)
    copies = jax.vmap(lambda inverse: actions.act(rep_in, inverse, x))(inverses)
    # One call with a longer batch; the network keeps whatever batch axes there are. Without the
    # barrier, a compiler moves the image again for every shift of the network's convolutions.
    return network(jax.lax.optimization_barrier(copies))


def _check_finite(group: groups.Group) -> None:
    if math.isinf(group.order):
        raise ValueError(f"expected a finite group, got {group!r}")
