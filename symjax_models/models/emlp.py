"""Equivariant multilayer perceptron for any group."""

import flax.linen as nn

from symjax_models import reps
from symjax_models.layers import Bilinear, Gate, Linear, Soft
from symjax_models.reps import Rep, RepArray


class EMLP(nn.Module):
    """Alternate equivariant linear maps, products and gates on tensors of growing rank.

    The hidden features are scalars, vectors, ... up to tensors `V^r` with `channels[r]` copies of
    rank r. A layer computes `h <- h + gate(a) + product(b, c)` with linear maps a, b, c of h; the
    first layer has no skip connection, and the output is `a + product(b, c)` of the last h. The
    products of the layers after the first have a learned factor that starts at zero, so that the
    degree of the map grows only as far as the data ask for.

    Attributes:
        rep_out: Representation of the output.
        channels: Copies of the tensors of rank 0, 1, ...
        num_layers: Number of layers.
        soft: Relaxes the symmetry of all linear maps (residual pathways); None for strict symmetry.

    Equivariance:
        The group of the representations, exact but for `soft`.

    Source:
        Finzi, Welling, Wilson 2021, arXiv:2104.09459, section 4: linear, bilinear and gated layers.
        Deviations: minimal coordinates instead of projected weights; products of two linear maps of
        the features channel by channel instead of a random subset of all products; skip
        connections. Residual pathways: Finzi, Benton, Wilson 2021, arXiv:2112.01388.
    """

    rep_out: Rep
    channels: tuple[int, ...] = (32, 16)
    num_layers: int = 2
    soft: Soft | None = None

    @nn.compact
    def __call__(self, x: RepArray) -> RepArray:
        """Map features of any representation of the group to `rep_out`."""
        group = self.rep_out.group
        vector = reps.vector(group)
        hidden = 0 * reps.scalar(group)
        for rank, copies in enumerate(self.channels):
            hidden = hidden + copies * vector**rank
        h = x
        for index in range(self.num_layers):
            linear, product = self._parts(h, hidden, hidden, index)
            gated = Gate(name=f"gate_{index}")(linear)
            if index == 0:
                h = gated + product
            else:
                share = self.param(f"share_{index}", nn.initializers.zeros_init(), ())
                h = h + gated + product * share
        linear, product = self._parts(h, hidden, self.rep_out, self.num_layers)
        return linear + product

    def _parts(self, h: RepArray, hidden: Rep, rep_out: Rep, index: int) -> tuple[RepArray, ...]:
        """Return a linear map of the features and a product of two others."""
        left, right = (
            Linear(hidden, soft=self.soft, name=f"{name}_{index}")(h) for name in ("left", "right")
        )
        linear = Linear(rep_out, soft=self.soft, name=f"linear_{index}")(h)
        return linear, Bilinear(rep_out, name=f"product_{index}")(left, right)
