"""Surfaces of simple bodies: points spread uniformly over their area, with outward normals.

A surface proposes points of its parameter domain; a solid body, or a whole scene, is a list of
placed pieces of surfaces. `sample` spreads points uniformly over the area that the pieces have
after they were placed and scaled, by rejection, so that the law is exact for every affine map.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

Array = np.ndarray
Generator = np.random.Generator

# Proposals of one round, relative to the points that are still missing.
_SURPLUS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """State a surface by a law of proposals.

    Attributes:
        bound: Area that the surface would have if every proposal were kept.
        propose: (generator, n) -> points `[n, 3]`, outward unit normals `[n, 3]` and the
            probabilities `[n]` with which proposals are kept; kept ones are uniform in area.
    """

    bound: float
    propose: Callable[[Generator, int], tuple[Array, Array, Array]]


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """Place a surface: p -> matrix p + offset.

    Attributes:
        surface: The surface.
        matrix: Invertible, `[3, 3]`; a reflection keeps normals outward.
        offset: `[3]`.
        part: Index that its points are labelled with.
        keep: Placed points `[n, 3]` -> which to keep `[n]`, to cut away what lies inside another
            piece; None keeps all.
    """

    surface: Surface
    matrix: Array = dataclasses.field(default_factory=lambda: np.eye(3))
    offset: Array = dataclasses.field(default_factory=lambda: np.zeros(3))
    part: int = 0
    keep: Callable[[Array], Array] | None = None


def sample(
    pieces: Sequence[Piece], *, num_points: int, rng: Generator, matrix: Array | None = None
) -> tuple[Array, Array, Array]:
    """Spread points uniformly over the area of pieces after a common linear map.

    With A = matrix @ piece.matrix, an area element with normal n becomes |det A| |A^-T n| of what
    it was, and its normal A^-T n / |A^-T n|. Proposals of all pieces are kept in this proportion.

    Args:
        pieces: At least one.
        num_points: N.
        rng: Generator.
        matrix: `[3, 3]`, acts after the pieces were placed; None is the identity.

    Returns:
        Points `[N, 3]`, outward unit normals `[N, 3]` and parts `[N]` int32.

    Raises:
        ValueError: If `num_points` is below 1 or a matrix is singular.

    >>> points, normals, _ = sample([Piece(sphere())], num_points=5, rng=np.random.default_rng(0))
    >>> bool(np.allclose(points, normals))
    True
    """
    if num_points < 1:
        raise ValueError(f"expected num_points of at least 1, got {num_points}")
    matrix = np.eye(3) if matrix is None else np.asarray(matrix)
    total = np.stack([matrix @ piece.matrix for piece in pieces])
    singular = np.linalg.svd(total, compute_uv=False)
    if not np.all(singular[:, -1] > 1e-9 * singular[:, 0]):
        raise ValueError("expected invertible matrices, got one that flattens its piece")
    # The most that an area can grow is the product of the two largest singular values.
    growth = singular[:, 0] * singular[:, 1]
    shares = np.array([piece.surface.bound for piece in pieces]) * growth
    found: list[tuple[Array, Array, Array]] = []
    missing = num_points
    while missing > 0:
        counts = rng.multinomial(_SURPLUS * missing + 8, shares / shares.sum())
        drawn = [
            _draw(piece, rng, count, total=total[i], growth=growth[i])
            for i, (piece, count) in enumerate(zip(pieces, counts, strict=True))
            if count
        ]
        batch = [np.concatenate(columns) for columns in zip(*drawn, strict=True)]
        # Pieces come one after the other: only a shuffled beginning has all of them.
        order = rng.permutation(len(batch[0]))[:missing]
        found.append((batch[0][order] @ matrix.T, batch[1][order], batch[2][order]))
        missing -= len(order)
    points, normals, parts = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return points, normals, parts


def _draw(
    piece: Piece, rng: Generator, count: int, *, total: Array, growth: float
) -> tuple[Array, Array, Array]:
    """Return what is kept of proposals: points before the common map, normals after it, parts."""
    points, normals, chances = piece.surface.propose(rng, count)
    points = points @ piece.matrix.T + piece.offset
    # Rows n^T A^-1 are A^-T n.
    covectors = normals @ np.linalg.inv(total)
    lengths = np.linalg.norm(covectors, axis=1)
    chances = chances * lengths * abs(np.linalg.det(total)) / growth
    kept = rng.random(count) < chances
    if piece.keep is not None:
        kept &= piece.keep(points)
    normals = covectors[kept] / lengths[kept, None]
    return points[kept], normals, np.full(len(normals), piece.part, np.int32)


@functools.cache
def sphere() -> Surface:
    """Return the unit sphere."""

    def propose(rng: Generator, count: int) -> tuple[Array, Array, Array]:
        points = rng.standard_normal((count, 3))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        return points, points, np.ones(count)

    return Surface(4.0 * np.pi, propose)


@functools.cache
def tube() -> Surface:
    """Return the side of a cylinder of radius 1 about the z axis, z from -1 to 1."""

    def propose(rng: Generator, count: int) -> tuple[Array, Array, Array]:
        normals = _circle(rng, count)
        points = normals + rng.uniform(-1.0, 1.0, count)[:, None] * np.eye(3)[2]
        return points, normals, np.ones(count)

    return Surface(4.0 * np.pi, propose)


@functools.cache
def disc() -> Surface:
    """Return the unit disc at z = 0, with normal +z."""

    def propose(rng: Generator, count: int) -> tuple[Array, Array, Array]:
        points = _circle(rng, count) * np.sqrt(rng.random(count))[:, None]
        return points, np.tile(np.eye(3)[2], (count, 1)), np.ones(count)

    return Surface(np.pi, propose)


@functools.cache
def cone_side() -> Surface:
    """Return the side of a cone with its tip at z = 1 and a base of radius 1 at z = -1."""
    slope = np.array([2.0, 2.0, 1.0]) / np.sqrt(5.0)

    def propose(rng: Generator, count: int) -> tuple[Array, Array, Array]:
        ring = _circle(rng, count)
        # The circumference grows with the distance from the tip, so that distance is a root.
        distance = np.sqrt(rng.random(count))[:, None]
        points = ring * distance + (1.0 - 2.0 * distance) * np.eye(3)[2]
        return points, (ring + np.eye(3)[2]) * slope, np.ones(count)

    return Surface(np.pi * np.sqrt(5.0), propose)


@functools.lru_cache
def torus(tube_radius: float) -> Surface:
    """Return the torus about the z axis around the unit circle, 0 < `tube_radius` < 1."""
    return _swept(reach=np.pi, pitch=0.0, tube_radius=tube_radius)


@functools.lru_cache
def helix(*, turns: float, pitch: float, tube_radius: float) -> Surface:
    """Return a right-handed open tube around (cos a, sin a, pitch a), |a| at most pi `turns`."""
    return _swept(reach=np.pi * turns, pitch=pitch, tube_radius=tube_radius)


def _swept(*, reach: float, pitch: float, tube_radius: float) -> Surface:
    """Return the tube around (cos a, sin a, pitch a), |a| at most `reach`."""
    speed = np.sqrt(1.0 + pitch**2)
    # Radius times curvature: how much longer the outer side of the bend is.
    bend = tube_radius / speed**2

    def propose(rng: Generator, count: int) -> tuple[Array, Array, Array]:
        angle = rng.uniform(-reach, reach, count)
        around = rng.uniform(0.0, 2.0 * np.pi, count)[:, None]
        cosine, sine, zero = np.cos(angle), np.sin(angle), np.zeros(count)
        out = np.stack([cosine, sine, zero], axis=1)
        side = np.stack([pitch * sine, -pitch * cosine, zero + 1.0], axis=1) / speed
        normals = np.cos(around) * out + np.sin(around) * side
        points = out + pitch * angle[:, None] * np.eye(3)[2] + tube_radius * normals
        return points, normals, (1.0 + bend * np.cos(around[:, 0])) / (1.0 + bend)

    return Surface(4.0 * np.pi * tube_radius * reach * speed * (1.0 + bend), propose)


def triangles(corners: Array) -> Surface:
    """Return the surface of triangles.

    Args:
        corners: `[F, 3, 3]`, the corners of a triangle as rows, counter-clockwise from outside.
    """
    edges = corners[:, 1:] - corners[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    doubled = np.linalg.norm(normals, axis=1)
    normals = normals / doubled[:, None]
    steps = np.cumsum(doubled / doubled.sum())[:-1]

    def propose(rng: Generator, count: int) -> tuple[Array, Array, Array]:
        face = np.searchsorted(steps, rng.random(count), side="right")
        weights = rng.random((count, 2))
        # The far half of the parallelogram is folded onto the triangle.
        weights = np.where(weights.sum(axis=1, keepdims=True) > 1.0, 1.0 - weights, weights)
        points = corners[face, 0] + np.einsum("nk,nki->ni", weights, edges[face])
        return points, normals[face], np.ones(count)

    return Surface(float(doubled.sum()) / 2.0, propose)


@functools.cache
def box() -> Surface:
    """Return the cube with all coordinates from -1 to 1."""
    square = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], np.float64)
    top = np.stack([square[[0, 1, 2]], square[[0, 2, 3]]])
    # The cyclic shifts of the axes keep the order of corners; the point reflection reverses it.
    half = np.concatenate([np.roll(top, shift, axis=2) for shift in range(3)])
    return triangles(np.concatenate([half, -half[:, ::-1]]))


@functools.cache
def tetrahedron() -> Surface:
    """Return the regular tetrahedron with corners at four corners of the cube `box`."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float64)
    return triangles(corners[np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])])


def _circle(rng: Generator, count: int) -> Array:
    """Return points `[count, 3]` of the unit circle at z = 0."""
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=1)
