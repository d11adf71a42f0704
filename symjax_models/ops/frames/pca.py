"""Frames from principal axes, for SO(d), O(d), SE(d) and E(d)."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.ops import safe
from symjax_models.ops.frames import affine
from symjax_models.ops.frames.sampling import check_key
from symjax_models.ops.masking import mask_padding
from symjax_models.ops.symmetrization import Frame
from symjax_models.suggestion import nearest_of
from symjax_models.typing import Array, PRNGKey

_HIGHEST = jax.lax.Precision.HIGHEST
SIGNS = ("all", "random", "moment")


@dataclasses.dataclass(frozen=True)
class PCAFrames:
    """Make the frames of points from the eigenvectors of their covariance.

    With the mean t of the points (zero for SO(d) and O(d), which do not move the origin) and the
    eigenvectors v_1, ..., v_d of `sum_n (x_n - t)(x_n - t)^T` in the order of growing eigenvalues,
    the frame is the set of the elements `([+-v_1, ..., +-v_d], t)`: 2^d of them for O(d) and E(d);
    for SO(d) and SE(d) the half with determinant 1.

    Attributes:
        group: SO(d), O(d), SE(d) or E(d).
        signs: `"all"` takes them all. `"random"` draws one of them per input, with a key: cheap,
            and equivariant in expectation only. `"moment"` takes the one element whose third
            moments `sum_n (v_k . (x_n - t))^3` are positive (with determinant 1, v_1 follows from
            the others): K = 1 and exact.
        keep_last_axis: Turn about the last axis alone, as a slab on a surface needs: the frame is
            that of the first d - 1 coordinates.
        is_differentiable: Let gradients flow through the eigenvectors. By default they are
            constants, as in the paper.

    Raises:
        ValueError: If the group is none of these, or the signs are unknown.

    Equivariance:
        `"all"` and `"moment"` are exact where the eigenvalues differ; `"moment"` needs the third
        moments to differ from zero too. Exceptions:

        - Zero eigenvalues (collinear or planar points, fewer points than dimensions) may repeat:
          the points have no components along these axes, so that `"all"` stays exact.
        - Repeated eigenvalues that are not zero (symmetric shapes): any basis of the eigenspace
          fits. Without a key the result depends on the pose; that of `MinimalFrames` does not.
          With a key the basis is drawn from the uniform law, and the result is equivariant in
          expectation.
        - A third moment of zero (shapes symmetric under a reflection): the sign of `"moment"` is
          random with a key, and arbitrary without.

    Numerics:
        Rounding moves the axes by some units in the last place times `lambda_d / gap` of the
        eigenvalues, so that in float32 nearly symmetric clouds are less exact.
        Derivatives of eigenvectors have `1 / (lambda_i - lambda_j)`; with `is_differentiable`, a
        difference of rounding size gives the derivative zero instead. Without it, the gradient of
        an invariant function is equivariant, but leaves the motion of the frame out.

    Source:
        O. Puny et al. 2022, section 3.1, arXiv:2110.03336. The random choice: A. Duval et al.,
        "FAENet", 2023, section 3.3, arXiv:2305.05577; its deterministic variant fixes signs by the
        sum of a vector's components, which depends on the pose; third moments do not.
    """

    group: affine.Euclidean
    signs: str = "all"
    keep_last_axis: bool = False
    is_differentiable: bool = False

    def __post_init__(self) -> None:
        affine.check_euclidean(self.group, what="frames of principal axes")
        if self.signs not in SIGNS:
            raise ValueError(f"unknown signs {self.signs!r}; {nearest_of(self.signs, SIGNS)}")

    def __call__(self, x: Array, *, key: PRNGKey | None = None, mask: Array | None = None) -> Frame:
        """Make the frames of points.

        Args:
            x: Points `[*batch, N, d]`.
            key: Needed for random signs; see the class for what else it decides.
            mask: True for real points, `[*batch, N]`; None if there is no padding.

        Returns:
            The frames, K of the class's number of elements.

        Raises:
            ValueError: If the points have another dimension than the group, or the key is missing.
        """
        d = self.group.dimension
        x = affine.as_vectors(x, dimension=d, group=self.group)
        if self.signs == "random":
            check_key(key, what="random signs need")
        shift = affine.centre_of(x, group=self.group, mask=mask)
        centred = mask_padding(mask, x - shift[..., None, :])
        axes_key, sign_key = (None, None) if key is None else jax.random.split(key)
        free = d - self.keep_last_axis
        axes = self._principal_axes(centred[..., :free], axes_key)
        signs = self._signs(centred[..., :free], axes, sign_key)
        linear = axes * signs[..., None, :]
        if self.keep_last_axis:
            kept = jnp.broadcast_to(jnp.eye(d, dtype=x.dtype), (*linear.shape[:-2], d, d))
            linear = kept.at[..., :free, :free].set(linear)
        elements, inverses = affine.make_elements(linear, shift, group=self.group)
        return Frame(elements, inverses, jnp.full(elements.shape[:-2], 1 / len(elements), x.dtype))

    def _principal_axes(self, centred: Array, key: PRNGKey | None) -> Array:
        covariance = jnp.einsum("...ni,...nj->...ij", centred, centred, precision=_HIGHEST)
        vectors = _eigenvectors(covariance)
        if key is not None:
            turn = _turn_of_repeated(key, jax.lax.stop_gradient(_values(covariance, vectors)))
            vectors = jnp.einsum("...ij,...jk->...ik", vectors, turn, precision=_HIGHEST)
        if not self.is_differentiable:
            vectors = jax.lax.stop_gradient(vectors)
        if not affine.is_special(self.group):
            return vectors
        handedness = jnp.where(jnp.linalg.det(vectors) < 0, -1, 1).astype(vectors.dtype)
        first = vectors[..., :1] * jax.lax.stop_gradient(handedness)[..., None, None]
        return jnp.concatenate([first, vectors[..., 1:]], axis=-1)

    def _signs(self, centred: Array, axes: Array, key: PRNGKey | None) -> Array:
        """Return signs `[K, *batch, d]` of the axes."""
        patterns = sign_patterns(axes.shape[-1], is_special=affine.is_special(self.group))
        batch = axes.shape[:-2]
        if self.signs == "all":
            spread = patterns.reshape(len(patterns), *(1,) * len(batch), -1)
            return jnp.broadcast_to(spread, (len(patterns), *batch, patterns.shape[1])).astype(
                axes.dtype
            )
        random = None
        if key is not None:
            chosen = jax.random.randint(key, (1, *batch), 0, len(patterns))
            random = jnp.asarray(patterns)[chosen].astype(axes.dtype)
            if self.signs == "random":
                return random
        projected = jnp.einsum("...ni,...ik->...nk", centred, axes, precision=_HIGHEST)
        moments = jax.lax.stop_gradient(jnp.sum(projected**3, axis=-2))
        sizes = jax.lax.stop_gradient(jnp.sum(jnp.abs(projected) ** 3, axis=-2))
        is_zero = jnp.abs(moments) <= 64 * jnp.finfo(axes.dtype).eps * sizes
        undecided = jnp.ones_like(moments) if random is None else random[0]
        signs = jnp.where(is_zero, undecided, jnp.where(moments < 0, -1, 1)).astype(axes.dtype)
        if affine.is_special(self.group):
            signs = signs.at[..., 0].set(jnp.prod(signs[..., 1:], axis=-1))
        return signs[None]


def sign_patterns(d: int, *, is_special: bool) -> np.ndarray:
    """Return all signs of d axes `[K, d]`, or those with product 1."""
    patterns = np.array(list(itertools.product((1.0, -1.0), repeat=d)))
    return patterns[np.prod(patterns, axis=1) > 0] if is_special else patterns


@jax.custom_jvp
def _eigenvectors(matrix: Array) -> Array:
    """Return the eigenvectors of symmetric matrices as columns, by growing eigenvalues."""
    return jnp.linalg.eigh(matrix)[1]


@_eigenvectors.defjvp
def _eigenvectors_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (matrix,), (change,) = primals, tangents
    # By the rule itself, so that second derivatives follow it too.
    vectors = _eigenvectors(matrix)
    values = _values(matrix, vectors)
    gaps = values[..., None, :] - values[..., :, None]
    is_repeated = jnp.abs(gaps) <= _rounding(values)[..., None]
    factors = safe.divide(jnp.ones_like(gaps), jnp.where(is_repeated, 0, gaps))
    rotated = jnp.einsum("...ji,...jk,...kl->...il", vectors, change, vectors, precision=_HIGHEST)
    turn = factors * rotated
    return vectors, jnp.einsum("...ij,...jk->...ik", vectors, turn, precision=_HIGHEST)


def _values(matrix: Array, vectors: Array) -> Array:
    """Return the eigenvalues `[*batch, d]` of eigenvectors."""
    return jnp.einsum("...ij,...ik,...kj->...j", vectors, matrix, vectors, precision=_HIGHEST)


def _rounding(values: Array) -> Array:
    """Return the largest difference `[*batch, 1]` that eigenvalues have by rounding."""
    return 64 * jnp.finfo(values.dtype).eps * jnp.abs(values).max(-1, keepdims=True)


def _turn_of_repeated(key: PRNGKey, values: Array) -> Array:
    """Return matrices `[*batch, d, d]`, uniform in O(m) on m equal eigenvalues, +-1 on the others.

    Eigenvectors times these follow the uniform law on the bases of each eigenspace up to signs,
    whatever basis the algorithm and the rounding of the covariance have chosen.
    """
    is_new = jnp.diff(values, axis=-1, prepend=values[..., :1]) > _rounding(values)
    space = jnp.cumsum(is_new, axis=-1)
    is_same = space[..., None, :] == space[..., :, None]
    entries = jax.random.normal(key, is_same.shape, values.dtype)
    # Q of a block-diagonal matrix is block-diagonal; its signs are left to `signs`.
    return jnp.linalg.qr(jnp.where(is_same, entries, 0))[0]
