"""Make pairs of overlapping views of one scene, with the motion between them.

from symjax_models.data import registration_pairs

pairs = registration_pairs.make_pairs(
num_pairs=100, num_points=256, seed=0, overlap=(0.5, 0.8), rotation_degrees=90.0
)
pairs.targets.shape, pairs.rotations.shape      # (100, 256, 3) (100, 3, 3)
"""

import dataclasses

import numpy as np
from scipy.spatial import KDTree

from symjax_models.data import shapes
from symjax_models.data.cloud_poses import rotations_of
from symjax_models.data.clouds import normalize
from symjax_models.data.shape_surfaces import Piece, sample

Array = np.ndarray

_STREAM = 13
_BODIES = ("sphere", "box", "cylinder", "cone", "torus", "tetrahedron")
_NUM_BODIES = (3, 6)
_BODY_SCALES = (0.3, 0.7)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RegistrationPairs:
    """Hold P pairs of clouds of N points, target = rotation source + translation.

    All arrays are float64, so that closed forms can be tested to rounding, or int32; read-only.

    Attributes:
        sources: `[P, N, 3]`.
        source_normals: Outward unit normals `[P, N, 3]`.
        targets: `[P, N, 3]`.
        target_normals: Outward unit normals `[P, N, 3]`.
        rotations: R, `[P, 3, 3]`, to act on columns.
        translations: t, `[P, 3]`.
        correspondences: For every source point the index of its partner among the targets, -1 if
            there is none, `[P, N]` int32.
        overlaps: Share of the source's points in the half-space that the target shows, `[P]`.
    """

    sources: Array
    source_normals: Array
    targets: Array
    target_normals: Array
    rotations: Array
    translations: Array
    correspondences: Array
    overlaps: Array

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def angles(self) -> Array:
        """Angles of the rotations in degrees, `[P]`."""
        skew = self.rotations - self.rotations.swapaxes(1, 2)
        sine = np.linalg.norm(skew, axis=(1, 2)) / np.sqrt(2.0)
        return np.degrees(np.arctan2(sine, np.trace(self.rotations, axis1=1, axis2=2) - 1.0))


def make_pairs(
    *,
    num_pairs: int,
    num_points: int,
    seed: int,
    overlap: tuple[float, float] = (0.5, 0.9),
    rotation_degrees: float = 180.0,
    noise: float = 0.0,
    translation: float = 1.0,
    radius: float = 0.1,
    same_points: bool = False,
) -> RegistrationPairs:
    """Draw pairs of views.

    A scene is three to six bodies (`shapes`) of random kind, scale, rotation and place, which may
    pass through each other, and has largest norm 1. Along a random direction the source shows the
    lowest points and the target the highest, each a share 1 / (2 - o) of the scene's area, so that
    a share o of either view is seen in both. The target is then moved by R and t, and noise is
    added to both. A pair depends on its seed and number only.

    Args:
        num_pairs: P.
        num_points: N, points of either view, at least 4.
        seed: Seed, at least 0.
        overlap: o is uniform between these two; above 0, at most 1.
        rotation_degrees: Largest angle of R, whose law is that of Haar among the rotations with a
            smaller angle; 180 allows every rotation.
        noise: Standard deviation of the noise of every coordinate.
        translation: Largest length of t, whose law is uniform in the ball.
        radius: A target point within this distance of a source point, without noise, can be its
            partner; the nearest one is.
        same_points: Whether both views show the very same points where they overlap, which makes
            correspondences exact, whatever the radius; otherwise each view has points of its own.

    Returns:
        The pairs. Normals are those of the surface, without noise.

    Raises:
        ValueError: If a number is out of its range.

    Equivariance: Normals point out of the bodies, a sign that rotations do not change.

    Source: In the manner of pairs of overlapping scans (3DMatch; Qin et al. 2022, arXiv
        2202.06688), with generated scenes and half-spaces in place of cameras.

    >>> pairs = make_pairs(num_pairs=2, num_points=32, seed=0, same_points=True)
    >>> moved = pairs.sources[0] @ pairs.rotations[0].T + pairs.translations[0]
    >>> known = pairs.correspondences[0] >= 0
    >>> partners = pairs.targets[0, pairs.correspondences[0, known]]
    >>> bool(np.allclose(moved[known], partners, atol=1e-14))
    True
    """
    _check_numbers(num_pairs=num_pairs, num_points=num_points, radius=radius)
    if not 0.0 < overlap[0] <= overlap[1] <= 1.0:
        raise ValueError(f"expected 0 < lowest <= highest <= 1 for overlap, got {overlap}")
    if not 0.0 <= rotation_degrees <= 180.0:
        raise ValueError(f"expected rotation_degrees from 0 to 180, got {rotation_degrees}")
    if not (0.0 <= noise < np.inf and 0.0 <= translation < np.inf):
        raise ValueError(
            f"expected finite noise and translation of at least 0, got {noise} and {translation}"
        )
    rows = []
    for index in range(num_pairs):
        rng = np.random.default_rng([seed, _STREAM, index])
        rotation = _draw_rotation(rng, np.radians(rotation_degrees))
        shift = rng.standard_normal(3)
        shift *= translation * rng.random() ** (1 / 3) / np.linalg.norm(shift)
        view = _draw_views(rng, num_points, rng.uniform(*overlap), same_points=same_points)
        source, target, partners, share = view
        if partners is None:
            partners = _nearest(source[0], target[0], radius=radius)
        jitter = noise * rng.standard_normal((2, num_points, 3))
        rows.append(
            {
                "sources": source[0] + jitter[0],
                "source_normals": source[1],
                "targets": target[0] @ rotation.T + shift + jitter[1],
                "target_normals": target[1] @ rotation.T,
                "rotations": rotation,
                "translations": shift,
                "correspondences": partners.astype(np.int32),
                "overlaps": np.float64(share),
            }
        )
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    for array in arrays.values():
        array.flags.writeable = False
    return RegistrationPairs(**arrays)


def _check_numbers(*, num_pairs: int, num_points: int, radius: float) -> None:
    if num_pairs < 1:
        raise ValueError(f"expected num_pairs of at least 1, got {num_pairs}")
    if num_points < 4:
        raise ValueError(f"expected num_points of at least 4, got {num_points}")
    if not 0.0 < radius < np.inf:
        raise ValueError(f"expected a finite radius above 0, got {radius}")


def _draw_scene(rng: np.random.Generator) -> list[Piece]:
    pieces = []
    for _ in range(rng.integers(_NUM_BODIES[0], _NUM_BODIES[1] + 1)):
        body = shapes.pieces_of(_BODIES[rng.integers(len(_BODIES))])
        scales = np.diag(rng.uniform(*_BODY_SCALES, size=3))
        matrix = rotations_of(rng.standard_normal(4)) @ scales
        place = rng.uniform(-1.0, 1.0, size=3)
        pieces += [
            Piece(piece.surface, matrix @ piece.matrix, matrix @ piece.offset + place)
            for piece in body
        ]
    return pieces


def _draw_views(
    rng: np.random.Generator, num_points: int, overlap: float, *, same_points: bool
) -> tuple[tuple[Array, Array], tuple[Array, Array], Array | None, float]:
    """Return points and normals of source and target, known partners, and the overlap."""
    drawn = max(num_points, round(num_points * (2.0 - overlap)))
    scene = _draw_scene(rng)
    pool = sample(scene, num_points=drawn if same_points else 2 * drawn, rng=rng)
    points, normals = normalize(pool[0]), pool[1]
    heights = points @ rng.standard_normal(3)
    # Both views come from the whole pool, or each from a half of its own.
    first = np.arange(drawn)
    second = first if same_points else first + drawn
    low = first[np.argsort(heights[first])][:num_points]
    high = second[np.argsort(heights[second])][drawn - num_points :]
    share = float(np.mean(heights[low] >= heights[high[0]]))
    low, high = rng.permutation(low), rng.permutation(high)
    partners = None
    if same_points:
        place = np.full(drawn, -1)
        place[high] = np.arange(num_points)
        partners = place[low]
    return (points[low], normals[low]), (points[high], normals[high]), partners, share


def _nearest(source: Array, target: Array, *, radius: float) -> Array:
    distances, indices = KDTree(target).query(source)
    return np.where(distances <= radius, indices, -1)


def _draw_rotation(rng: np.random.Generator, largest: float) -> Array:
    """Return a rotation of the Haar law among those with an angle of at most `largest`."""
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    # Under the Haar law the angle a has the distribution function a - sin(a), up to its scale.
    share = rng.random() * (largest - np.sin(largest))
    low, high = 0.0, largest
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle - np.sin(middle) < share else (low, middle)
    half = 0.5 * low
    return rotations_of(np.array([np.cos(half), *(np.sin(half) * axis)]))
