"""Deep Sets: permutation-equivariant layers of first order."""

import flax.linen as nn

from symjax_models import groups, reps
from symjax_models.layers import MLP, Linear, PointwiseActivation
from symjax_models.layers.point_clouds import check_points
from symjax_models.reps import RepArray
from symjax_models.typing import Array


class DeepSets(nn.Module):
    """Predict invariants of a set of vectors.

    The set is features of the natural representation V of S(N), one channel per coordinate, so
    that all layers are `Linear` maps of S(N): `x_n -> A x_n + B mean_m x_m + c`, two weights per
    pair of channels. They alternate with a pointwise activation, which a permutation representation
    allows; a last map to scalars pools, and an MLP reads out.

    Attributes:
        features: Length of the output.
        hidden: Channels of the equivariant layers.
        readout: Widths of the hidden layers behind the pooling.

    Equivariance:
        Invariant under permutations of the set, exact.

    Source:
        M. Zaheer et al. 2017, arXiv:1703.06114, theorem 2 and equation 4. Deviations: the layers of
        the set may exchange information (lemma 3) in the invariant task too; pooling is by the
        mean, as the basis is normalized, so that the scale does not grow with N.
    """

    features: int
    hidden: tuple[int, ...] = (50, 100, 50)
    readout: tuple[int, ...] = (30, 30, 10)

    @nn.compact
    def __call__(self, sets: Array) -> Array:
        """Map sets `[..., N, d]` to `[..., features]`."""
        vector = reps.vector(groups.S(sets.shape[-2]))
        h = RepArray(sets.shape[-1] * vector, [sets])
        for width in self.hidden:
            h = PointwiseActivation(nn.elu)(Linear(width * vector)(h))
        scalar = reps.scalar(vector.group)
        pooled = Linear(self.hidden[-1] * scalar)(h)[scalar][..., 0, :]
        return MLP((*self.readout, self.features))(nn.elu(pooled))


class DeepSetsClassifier(nn.Module):
    """Classify point clouds by `DeepSets` of their coordinates: a baseline without rotations.

    Attributes:
        num_classes: Length of the logits.
        hidden, readout: As of `DeepSets`.

    Equivariance:
        Invariant under permutations of the points, exact; not under rotations.

    Source:
        M. Zaheer et al. 2017, section 4.1.3, arXiv:1703.06114, with the deviations of `DeepSets`.
    """

    num_classes: int = 40
    hidden: tuple[int, ...] = (256, 256, 256)
    readout: tuple[int, ...] = (256,)

    @nn.compact
    def __call__(self, points: Array, *, deterministic: bool = True) -> Array:
        """Map `[*batch, N, 3]` to logits `[*batch, num_classes]`; there is no dropout."""
        del deterministic
        check_points(points)
        return DeepSets(self.num_classes, self.hidden, self.readout, name="sets")(points)
