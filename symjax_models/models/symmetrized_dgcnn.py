"""DGCNN made invariant from outside: averaged over frames, or turned by a learned rotation."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from symjax_models import groups
from symjax_models.layers import Symmetrize, VectorCanonicalizer
from symjax_models.layers.point_clouds import check_points
from symjax_models.layers.vector_neurons import VNLeakyReLU, VNLinear
from symjax_models.models.dgcnn import DGCNN, DGCNNNormals, DGCNNSegmenter
from symjax_models.models.vn_dgcnn import VNEdgeConvolution
from symjax_models.ops.frames import PCAFrames
from symjax_models.ops.orthogonalization import gram_schmidt
from symjax_models.ops.symmetrization import Source
from symjax_models.typing import Array

_ROTATIONS = groups.SO(3)
_ITERATIONS = 6  # moments in the ratio 2 : 1 leave less than 2 % of the angle
_HIGHEST = jax.lax.Precision.HIGHEST


class VNPose(nn.Module):
    """Say how a cloud is turned: three vectors of a small network of vector neurons.

    The vectors are means over the points, and next to zero for a body that half a turn maps to
    itself. They are therefore led to the axes of such a body, by steps of subspace iteration

        V <- gram_schmidt(S V),  S = sum_n u_n u_n^T

    with a vector u_n of every point that is learned too. The axes of S are well defined where its
    moments differ; what V decides is their signs, on which such bodies do not depend.

    Attributes:
        channels: Channels of the edge convolution and of the layer behind it.
        k: How many neighbours; at most the number of points.
        dropout: Rate at which points are left out of the means V in training, with the random
            stream `"dropout"`. Signs that little but noise decides are then other ones in every
            step.
        deterministic: Whether to leave no point out.

    Equivariance:
        O(3), and invariant under permutations of the points; exact without dropout, where the three
        means are independent.

    Source:
        A. K. Mondal et al. 2023, appendix on point clouds, arXiv:2310.01647, for V. Deviation: the
        subspace iteration, H. Rutishauser 1969, Numerische Mathematik 13, 4.
    """

    channels: int = 12
    k: int = 20
    dropout: float = 0.5
    deterministic: bool = True

    @nn.compact
    def __call__(self, points: Array) -> Array:
        """Map `[*batch, N, 3]` to vectors `[*batch, 3, 3]`, as columns."""
        check_points(points)
        v = VNEdgeConvolution((self.channels,), k=self.k)(points[..., None])
        v = VNLeakyReLU(self.channels, num_point_axes=1)(v)
        u = VNLinear(1, name="moments")(v)[..., 0]
        moments = jnp.einsum("...ni,...nj->...ij", u, u, precision=_HIGHEST)
        drop = nn.Dropout(self.dropout, broadcast_dims=(-2, -1))
        v = drop(v, deterministic=self.deterministic)
        vectors = VNLinear(3, name="means")(jnp.mean(v, axis=-3))
        step = lambda _, v: gram_schmidt(jnp.matmul(moments, v, precision=_HIGHEST))  # noqa: E731
        return jax.lax.fori_loop(0, _ITERATIONS, step, vectors)


class FADGCNN(DGCNN):
    """Average the logits of `DGCNN` over the four frames of principal axes.

    In training, one of the four is drawn for every cloud, from the random stream `"frames"`: a
    quarter of the cost, and noise that regularizes.

    Attributes:
        All: Those of `DGCNN`.

    Equivariance:
        Invariant under SO(3) and permutations, exact where the principal moments differ; see
        `PCAFrames`.

    Source:
        O. Puny et al. 2022, section 3.1, arXiv:2110.03336, with the network of arXiv:1801.07829;
        the random choice, A. Duval et al. 2023, section 3.3, arXiv:2305.05577.
    """

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        network = _averaged(_plain(self, DGCNN), source=_principal(deterministic))
        return network(points, deterministic=deterministic)


class FADGCNNSegmenter(DGCNNSegmenter):
    """Average the logits of `DGCNNSegmenter` over frames; see `FADGCNN`.

    Attributes:
        All: Those of `DGCNNSegmenter`.
    """

    @nn.compact
    def __call__(self, points: Array, categories: Array, *, deterministic: bool = True) -> Array:
        """Map points `[*batch, N, 3]` and one-hot categories to logits `[*batch, N, num_parts]`."""
        source, kinds = _principal(deterministic), ("vector", "invariant")
        network = _averaged(_plain(self, DGCNNSegmenter), source=source, rep_in=kinds)
        return network(points, categories, deterministic=deterministic)


class FADGCNNNormals(DGCNNNormals):
    """Average the normals of `DGCNNNormals` over frames; equivariant as `FADGCNN` is invariant.

    Over all of them in training too: the loss does not see signs, so that a network trained on
    single frames would give each a sign of its own, and their mean would be near zero.

    Attributes:
        All: Those of `DGCNNNormals`.
    """

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to normals `[*batch, N, 3]` of any length."""
        source = PCAFrames(_ROTATIONS)
        network = _averaged(_plain(self, DGCNNNormals), source=source, rep_out="vector")
        return network(points, deterministic=deterministic)


class CNDGCNN(DGCNN):
    """Turn clouds by a learned rotation before `DGCNN` sees them.

    Attributes:
        canonicalizer_channels: Channels of `VNPose`.
        All others: Those of `DGCNN`.

    Equivariance:
        Invariant under SO(3) and permutations, exact where the first two vectors of `VNPose` are
        independent.

    Source:
        S.-O. Kaba et al. 2023, section 4, arXiv:2211.06489; A. K. Mondal et al. 2023,
        arXiv:2310.01647.
    """

    canonicalizer_channels: int = 12

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`."""
        source = _learned(self.canonicalizer_channels, self.k, deterministic)
        network = _averaged(_plain(self, DGCNN), source=source)
        return network(points, deterministic=deterministic)


class CNDGCNNSegmenter(DGCNNSegmenter):
    """Turn clouds by a learned rotation before `DGCNNSegmenter` sees them; see `CNDGCNN`.

    Attributes:
        canonicalizer_channels: Channels of `VNPose`.
        All others: Those of `DGCNNSegmenter`.
    """

    canonicalizer_channels: int = 12

    @nn.compact
    def __call__(self, points: Array, categories: Array, *, deterministic: bool = True) -> Array:
        """Map points `[*batch, N, 3]` and one-hot categories to logits `[*batch, N, num_parts]`."""
        source = _learned(self.canonicalizer_channels, self.k, deterministic)
        kinds = ("vector", "invariant")
        network = _averaged(_plain(self, DGCNNSegmenter), source=source, rep_in=kinds)
        return network(points, categories, deterministic=deterministic)


class CNDGCNNNormals(DGCNNNormals):
    """Turn clouds by a learned rotation before `DGCNNNormals` sees them; see `CNDGCNN`.

    Attributes:
        canonicalizer_channels: Channels of `VNPose`.
        All others: Those of `DGCNNNormals`.
    """

    canonicalizer_channels: int = 12

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to normals `[*batch, N, 3]`."""
        source = _learned(self.canonicalizer_channels, self.k, deterministic)
        network = _averaged(_plain(self, DGCNNNormals), source=source, rep_out="vector")
        return network(points, deterministic=deterministic)


def _plain(module: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """Return the network of a kind with the fields that a module shares with it."""
    names = [f.name for f in dataclasses.fields(kind) if f.name not in ("parent", "name")]
    return kind(**{name: getattr(module, name) for name in names}, parent=None)


def _principal(deterministic: bool) -> PCAFrames:
    return PCAFrames(_ROTATIONS, signs="all" if deterministic else "random")


def _learned(channels: int, k: int, deterministic: bool) -> VectorCanonicalizer:
    pose = VNPose(channels, k, deterministic=deterministic, parent=None)
    return VectorCanonicalizer(pose, _ROTATIONS, parent=None)


def _averaged(
    network: nn.Module,
    *,
    source: Source,
    rep_in: str | tuple[str, ...] = "vector",
    rep_out: str = "invariant",
) -> Symmetrize:
    return Symmetrize(network, source, rep_in, rep_out, name="symmetrized")
