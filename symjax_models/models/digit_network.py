"""A small convolutional network of images, to be made symmetric from outside."""

import flax.linen as nn
import jax.numpy as jnp

from symjax_models.layers import Dense
from symjax_models.typing import Array


class DigitNetwork(nn.Module):
    """Map images to numbers: convolutions of 3 x 3 pixels with ReLU and pooling, then two layers.

    Attributes:
        features: Length of the output.
        channels: Of the convolutions; each is followed by a mean over 2 x 2 pixels.
        hidden: Width of the hidden layer behind them.

    Equivariance:
        None. `layers.Symmetrize` with `rep_in="image"` makes it invariant under turns.

    Numerics:
        Convolutions are products of matrices: several networks side by side, as seeds are trained,
        cost no more than one after the other. On CPUs, `nn.Conv` under `vmap` is far slower.

    Source:
        A plain network in the manner of LeNet: Y. LeCun et al., "Gradient-based learning applied to
        document recognition", 1998; with ReLU, and channels to choose.
    """

    features: int = 10
    channels: tuple[int, ...] = (16, 32)
    hidden: int = 64

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Map images `[*batch, H, W, C]` to `[*batch, features]`.

        Raises:
            ValueError: If there is no axis of channels, or an image is too small for the pooling.
        """
        least = 2 ** len(self.channels)
        if images.ndim < 3 or min(images.shape[-3:-1]) < least:
            raise ValueError(
                f"expected images [*batch, H, W, C] of at least {least} x {least} pixels, got "
                f"{list(images.shape)}"
            )
        x = images
        for channels in self.channels:
            x = _halve(nn.relu(Dense(channels)(_with_neighbours(x))))
        x = nn.relu(Dense(self.hidden)(x.reshape(*images.shape[:-3], -1)))
        return Dense(self.features)(x)


class ImageScore(nn.Module):
    """Give images one number each, as canonicalization by scores of copies needs it.

    Attributes:
        channels: As of `DigitNetwork`.
        hidden: As of `DigitNetwork`.

    Equivariance:
        None; with `layers.FiniteCanonicalizer` and `rep_in="image"` the scores of all copies move
        with the image.
    """

    channels: tuple[int, ...] = (8, 16)
    hidden: int = 32

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Map images `[*batch, H, W, C]` to `[*batch]`."""
        return DigitNetwork(1, channels=self.channels, hidden=self.hidden)(images)[..., 0]


def _with_neighbours(x: Array) -> Array:
    """Return `[*batch, H, W, 9 C]`: every pixel with those around it, zero outside."""
    height, width = x.shape[-3:-1]
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
    shifted = [
        padded[..., row : row + height, column : column + width, :]
        for row in range(3)
        for column in range(3)
    ]
    return jnp.concatenate(shifted, axis=-1)


def _halve(x: Array) -> Array:
    """Return means over 2 x 2 pixels; a last row or column of an odd number is left out."""
    *batch, height, width, channels = x.shape
    even = x[..., : height // 2 * 2, : width // 2 * 2, :]
    blocks = even.reshape(*batch, height // 2, 2, width // 2, 2, channels)
    return jnp.mean(blocks, axis=(-4, -2))
