"""Make images of handwritten digits, upright, in quarter turns or at any angle.

from symjax_models.data import rotated_digits

train = rotated_digits.load(split="train", pose="upright", seed=0)
test = rotated_digits.load(split="test", pose="c4", seed=0)
train.images.shape, test.images.shape       # (800, 8, 8) (797, 8, 8)
"""

import dataclasses
import functools

import numpy as np

from symjax_models.suggestion import look_up, nearest_of

Array = np.ndarray

POSES = ("upright", "c4", "so2")
_STREAM = 19
_SIZE = 8
_ORDER_SEED = 0
# Of 1,797 digits in the order of a fixed permutation.
_SPLITS = {"train": slice(0, 800), "valid": slice(800, 1000), "test": slice(1000, 1797)}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Digits:
    """Hold M images; read-only.

    Attributes:
        images: `[M, S, S]` float32 from 0 to 1, rows from the top.
        labels: Digits, `[M]` int32.
        angles: Angles in radians by which images were turned counter-clockwise, `[M]`.
    """

    images: Array
    labels: Array
    angles: Array

    def __len__(self) -> int:
        return len(self.images)


def load(*, split: str, pose: str, seed: int, size: int = _SIZE) -> Digits:
    """Load a split of the 8 x 8 digits of scikit-learn.

    Args:
        split: "train" (800), "valid" (200) or "test" (797); every seed has the same splits.
        pose: "upright", "c4" for quarter turns, uniform among four, or "so2" for angles uniform on
            the circle.
        seed: Seed of the angles, at least 0.
        size: S, at least 8; larger images have a margin of zeros. The corners of a digit turned by
            45 degrees need 12.

    Returns:
        The digits in their fixed order.

    Raises:
        ValueError: If the split or the pose is unknown, or the size is below 8 or odd.
        ImportError: If scikit-learn is not installed.

    Equivariance: Labels count as invariant; a 6 turned by 180 degrees is like a 9, so that an
        invariant classifier cannot be perfect.

    Source: UCI optical recognition of handwritten digits (Alpaydin & Kaynak 1998), test part, as
        in scikit-learn, divided by 16, in the order of `default_rng(0)`.
    """
    chosen = look_up(split, _SPLITS, what="split")
    if pose not in POSES:
        raise ValueError(f"unknown pose {pose!r}; {nearest_of(pose, POSES)}")
    if size < _SIZE or size % 2:
        raise ValueError(f"expected an even size of at least {_SIZE}, got {size}")
    images, labels = (values[chosen] for values in _permuted())
    margin = (size - _SIZE) // 2
    images = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    rng = np.random.default_rng([seed, _STREAM, list(_SPLITS).index(split)])
    if pose == "so2":
        angles = rng.uniform(0.0, 2.0 * np.pi, len(images))
        images = turn(images, angles=angles)
    else:
        quarters = rng.integers(4, size=len(images)) if pose == "c4" else np.zeros(len(images), int)
        angles = 0.5 * np.pi * quarters
        images = np.stack([np.rot90(x, k) for x, k in zip(images, quarters, strict=True)])
    arrays = images.astype(np.float32), labels.astype(np.int32), angles
    for array in arrays:
        array.flags.writeable = False
    return Digits(images=arrays[0], labels=arrays[1], angles=arrays[2])


def turn(images: Array, *, angles: Array) -> Array:
    """Turn images counter-clockwise about their centre, with bilinear interpolation.

    Args:
        images: `[M, S, S]`, rows from the top; zero outside.
        angles: `[M]` in radians.

    Returns:
        `[M, S, S]` in float64.

    Equivariance: A quarter turn is `np.rot90` up to rounding; other angles compose only
        approximately.

    >>> image = np.array([[[0.0, 1.0], [0.0, 0.0]]])
    >>> turn(image, angles=np.array([np.pi / 2])).round(6).tolist()
    [[[1.0, 0.0], [0.0, 0.0]]]
    """
    count, size, _ = images.shape
    centre = 0.5 * (size - 1)
    row, column = np.indices((size, size)) - centre
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    # The source of a pixel is the pixel turned back; the y axis is minus the rows.
    source_row = cosine * row + sine * column + centre
    source_column = cosine * column - sine * row + centre
    # A margin of zeros, wide enough for every corner, stands for what is outside.
    margin = 1 + size // 2
    padded = np.pad(np.asarray(images, np.float64), ((0, 0), (margin, margin), (margin, margin)))
    low_row, low_column = np.floor(source_row).astype(int), np.floor(source_column).astype(int)
    part_row, part_column = source_row - low_row, source_column - low_column
    which = np.arange(count)[:, None, None]
    turned = np.zeros(images.shape)
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - part_row) * np.abs(1 - right - part_column)
            corner = (which, low_row + down + margin, low_column + right + margin)
            turned += weight * padded[corner]
    return turned


@functools.lru_cache
def _permuted() -> tuple[Array, Array]:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            "digits need the package scikit-learn: pip install 'symjax_models[point_clouds]'"
        ) from error
    images, flat_labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(_ORDER_SEED).permutation(len(images))
    arrays = images.reshape(-1, _SIZE, _SIZE)[order] / 16.0, flat_labels[order]
    for array in arrays:
        array.flags.writeable = False
    return arrays
