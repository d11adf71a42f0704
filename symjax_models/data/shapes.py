"""Make labelled point clouds of ten classes of bodies, with normals and parts.

    from symjax_models.data import shapes

    train = shapes.make_shapes(num_per_class=80, num_points=256, seed=0, pose="z")
    test = shapes.make_shapes(num_per_class=40, num_points=256, seed=1, pose="so3")
    train.points.shape, train.labels.shape, train.parts.shape     # (800, 256, 3) (800,) (800, 256)

The classes are `CLASSES`; those that are composed have several parts, `parts_of`.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from symjax_models.data import shape_surfaces as surfaces
from symjax_models.data.cloud_poses import pose_clouds
from symjax_models.data.clouds import Clouds, normalize
from symjax_models.data.shape_surfaces import Piece
from symjax_models.suggestion import look_up

Array = np.ndarray

_PARTS: dict[str, tuple[str, ...]] = {
    "sphere": ("surface",),
    "box": ("surface",),
    "cylinder": ("side", "cap"),
    "cone": ("side", "base"),
    "torus": ("surface",),
    "tetrahedron": ("surface",),
    "helix": ("surface",),
    "cross": ("arm", "tip"),
    "plate": ("base", "wall"),
    "mug": ("body", "handle"),
}
CLASSES = tuple(_PARTS)
PART_NAMES = tuple(f"{name} {part}" for name, parts in _PARTS.items() for part in parts)

SCALES = (0.6, 1.4)
_SHAPE_STREAM = 11
# How far a wall stands back from the edges of its base: their faces must not lie in one plane.
_INSET = 0.02
_AXES = np.eye(3)
_AXES.flags.writeable = False


def make_shapes(
    *,
    num_per_class: int,
    num_points: int,
    seed: int,
    pose: str = "none",
    noise: float = 0.03,
    occlusion: float = 0.0,
    classes: Sequence[str] | None = None,
) -> Clouds:
    """Draw labelled clouds.

    Every shape is a body of its class whose three axes are scaled by factors uniform in `SCALES`
    and which is mirrored in x with probability 1/2. `num_points / (1 - occlusion)` points are
    spread uniformly over its area; those farthest in a random direction are cut away, so that
    exactly `num_points` stay. The cloud is centred and divided by its largest norm, normal noise is
    added to every coordinate, and the cloud is centred and divided again. The pose comes last.

    Shapes are ordered by number, then class, so that fewer shapes of a seed are the first of more,
    and a shape depends on its seed, class and number only: the same shapes are returned in every
    pose, which pairs the protocols z/z, z/SO(3) and SO(3)/SO(3). Give train and test seeds of
    their own.

    Args:
        num_per_class: Shapes of every class.
        num_points: N, at least 2.
        seed: Seed, at least 0.
        pose: "none" (upright, z up), "z" (turned about z) or "so3" (Haar).
        noise: Standard deviation of the noise; the cloud's largest norm is 1.
        occlusion: Share of the points that a random half-space cuts away, from 0 to below 1.
        classes: Some of `CLASSES`; None takes all. Labels are always indices of `CLASSES`.

    Returns:
        M = `num_per_class` x number of classes clouds with points, normals, labels, parts and
        rotations. Normals are those of the surface without noise.

    Raises:
        ValueError: If a class or the pose is unknown, or a number is out of its range.

    Equivariance: Labels and parts are invariant under rotations and permutations of the points.
        The laws of all classes are mirror-symmetric, of the chiral helix too, whose two hands are
        drawn alike: labels are invariant under O(3).

    Source: This library's, for the protocols of Deng et al. 2021, Vector neurons, arXiv
        2104.12229, which use ModelNet40 and ShapeNet-part.

    >>> clouds = make_shapes(num_per_class=1, num_points=16, seed=0, pose="so3")
    >>> clouds.points.shape, clouds.classes[clouds.labels[9]]
    ((10, 16, 3), 'mug')
    """
    chosen = CLASSES if classes is None else tuple(classes)
    for name in chosen:
        look_up(name, _PARTS, what="class of shapes")
    _check_numbers(num_per_class, num_points, noise=noise, occlusion=occlusion)
    labels = np.tile([CLASSES.index(name) for name in chosen], num_per_class)
    points, normals, parts = [], [], []
    for index, label in enumerate(labels):
        rng = np.random.default_rng([seed, _SHAPE_STREAM, label, index // len(chosen)])
        made = _draw_shape(
            pieces_of(CLASSES[label]), rng, num_points=num_points, noise=noise, occlusion=occlusion
        )
        for column, values in zip((points, normals, parts), made, strict=True):
            column.append(values)
    clouds = Clouds(
        points=np.stack(points),
        normals=np.stack(normals),
        labels=labels,
        parts=np.stack(parts),
        classes=CLASSES,
        part_names=PART_NAMES,
        provenance={"generator": "shapes", "seed": str(seed), "noise": str(noise)},
    )
    return pose_clouds(clouds, pose=pose, seed=seed)


def parts_of(name: str) -> tuple[int, ...]:
    """Return the parts of a class, as indices of `PART_NAMES`.

    Args:
        name: One of `CLASSES`.

    Raises:
        ValueError: If the class is unknown; the nearest one is named.

    >>> [PART_NAMES[part] for part in parts_of("mug")]
    ['mug body', 'mug handle']
    """
    parts = look_up(name, _PARTS, what="class of shapes")
    return tuple(PART_NAMES.index(f"{name} {part}") for part in parts)


def _check_numbers(num_per_class: int, num_points: int, *, noise: float, occlusion: float) -> None:
    if num_per_class < 1:
        raise ValueError(f"expected num_per_class of at least 1, got {num_per_class}")
    if num_points < 2:
        raise ValueError(f"expected num_points of at least 2, got {num_points}")
    if not 0.0 <= noise < np.inf:
        raise ValueError(f"expected a finite noise of at least 0, got {noise}")
    if not 0.0 <= occlusion < 1.0:
        raise ValueError(f"expected an occlusion from 0 to below 1, got {occlusion}")


def _draw_shape(
    body: Sequence[Piece],
    rng: np.random.Generator,
    *,
    num_points: int,
    noise: float,
    occlusion: float,
) -> tuple[Array, Array, Array]:
    """Return points, normals and parts of one upright shape."""
    scales = rng.uniform(*SCALES, size=3)
    scales[0] *= rng.choice([-1.0, 1.0])
    direction = rng.standard_normal(3)
    drawn = round(num_points / (1.0 - occlusion))
    points, normals, parts = surfaces.sample(
        body, num_points=drawn, rng=rng, matrix=np.diag(scales)
    )
    if drawn > num_points:
        kept = np.sort(np.argsort(points @ direction, kind="stable")[:num_points])
        points, normals, parts = points[kept], normals[kept], parts[kept]
    points = normalize(points)
    points = normalize(points + noise * rng.standard_normal(points.shape))
    return points, normals, parts


@functools.cache
def pieces_of(name: str) -> tuple[Piece, ...]:
    """Return the pieces of the body of a class before its axes are scaled.

    Args:
        name: One of `CLASSES`.

    Returns:
        The pieces, for `shape_surfaces.sample`; their parts are indices of `PART_NAMES`.

    Raises:
        ValueError: If the class is unknown; the nearest one is named.
    """
    first = parts_of(name)[0]
    make: dict[str, Callable[[int], tuple[Piece, ...]]] = {
        "sphere": lambda part: (Piece(surfaces.sphere(), part=part),),
        "box": lambda part: (Piece(surfaces.box(), part=part),),
        "cylinder": _cylinder,
        "cone": _cone,
        "torus": lambda part: (Piece(surfaces.torus(0.3), part=part),),
        "tetrahedron": lambda part: (Piece(surfaces.tetrahedron(), part=part),),
        "helix": _helix,
        "cross": _cross,
        "plate": _plate,
        "mug": _mug,
    }
    return make[name](first)


def _cylinder(part: int) -> tuple[Piece, ...]:
    return (
        Piece(surfaces.tube(), part=part),
        Piece(surfaces.disc(), offset=_AXES[2], part=part + 1),
        Piece(surfaces.disc(), matrix=-np.eye(3), offset=-_AXES[2], part=part + 1),
    )


def _cone(part: int) -> tuple[Piece, ...]:
    return (
        Piece(surfaces.cone_side(), part=part),
        Piece(surfaces.disc(), matrix=-np.eye(3), offset=-_AXES[2], part=part + 1),
    )


def _helix(part: int) -> tuple[Piece, ...]:
    turns = 2.5
    spring = surfaces.helix(turns=turns, pitch=1.0 / (np.pi * turns), tube_radius=0.15)
    return (Piece(spring, part=part),)


def _cross(part: int) -> tuple[Piece, ...]:
    """Return three bars along the axes; their outer ends are a part of their own."""
    width, tip = 0.25, 0.6
    halves = width + (1.0 - width) * _AXES
    pieces = []
    for axis, half in enumerate(halves):
        others = [_inside(other, np.zeros(3)) for i, other in enumerate(halves) if i != axis]

        def is_free(points: Array, others=others) -> Array:
            return ~np.any([inside(points) for inside in others], axis=0)

        def is_tip(points: Array, axis=axis) -> Array:
            return np.abs(points[:, axis]) > tip

        def is_arm(points: Array, free=is_free, end=is_tip) -> Array:
            return free(points) & ~end(points)

        bar = np.diag(half)
        pieces.append(Piece(surfaces.box(), matrix=bar, part=part, keep=is_arm))
        pieces.append(Piece(surfaces.box(), matrix=bar, part=part + 1, keep=is_tip))
    return tuple(pieces)


def _plate(part: int) -> tuple[Piece, ...]:
    """Return a thick base that lies and a thin wall that stands on one of its ends."""
    base, low = np.array([1.0, 0.6, 0.15]), np.array([0.0, 0.0, -0.6])
    wall = np.array([0.07, 0.6 - _INSET, 0.6])
    high = np.array([-1.0 + wall[0] + _INSET, 0.0, 0.6 - 0.45 - _INSET])
    in_base, in_wall = _inside(base, low), _inside(wall, high)
    return (
        Piece(surfaces.box(), np.diag(base), low, part=part, keep=lambda p: ~in_wall(p)),
        Piece(surfaces.box(), np.diag(wall), high, part=part + 1, keep=lambda p: ~in_base(p)),
    )


def _mug(part: int) -> tuple[Piece, ...]:
    """Return a cup, open above, of a thin wall that is seen from outside, and its handle."""
    radius, ring = 0.7, 0.55
    cup = np.diag([radius, radius, 1.0])
    # The ring stands upright: its axis is y.
    upright = ring * np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])

    def is_outside(points: Array) -> Array:
        return np.hypot(points[:, 0], points[:, 1]) > radius

    return (
        Piece(surfaces.tube(), cup, part=part),
        Piece(surfaces.disc(), -cup, -_AXES[2], part=part),
        Piece(surfaces.torus(0.2), upright, radius * _AXES[0], part=part + 1, keep=is_outside),
    )


def _inside(half: Array, centre: Array) -> Callable[[Array], Array]:
    """Return the test of points `[n, 3]` that lie inside a block, not on it."""
    return lambda points: np.all(np.abs(points - centre) < half, axis=1)
