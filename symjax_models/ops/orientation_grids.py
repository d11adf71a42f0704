"""Near-uniform sets of orientations on the circle and the sphere, in float64 NumPy."""

import functools
import itertools
import math

import numpy as np

from symjax_models.reps.checks import check_count

_GOLDEN = (1 + math.sqrt(5)) / 2
_STEPS = 500


@functools.cache
def orientation_grid(count: int, *, dimension: int = 3) -> np.ndarray:
    """Return unit vectors that are spread nearly evenly.

    - dimension 2: the `count`-gon, exactly even.
    - dimension 3: the vertices of the platonic solid with 4, 6, 8, 12 or 20 of them; for other
      multiples of 4 a minimum of the Coulomb energy among sets that are their own image under half
      turns about the three axes; for all other counts the spherical Fibonacci spiral.

    Args:
        count: O, the number of orientations.
        dimension: d, 2 or 3.

    Returns:
        Unit vectors, read-only, `[O, d]`.

    Raises:
        ValueError: If `count` is no positive integer or `dimension` is not 2 or 3.

    Equivariance:
        The set is its own image under the symmetry group of the solid (60 rotations at 12 and 20,
        24 at 6 and 8, 12 at 4) or the `count`-gon; at other multiples of 4 under the three half
        turns at least; the spiral has no symmetry.

    Source:
        E. Bekkers et al. 2024, arXiv:2310.02970, takes 16 orientations, spread by 100 steps of
        repulsion without symmetry. Here they are symmetric under half turns, so that a grid that is
        attached to principal axes does not depend on the signs of these.

    >>> orientation_grid(12).shape
    (12, 3)
    """
    if check_count(count, what="count") == 0:
        raise ValueError("expected at least one orientation, got count = 0")
    if dimension == 2:
        angles = 2 * math.pi * np.arange(count) / count
        grid = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    elif dimension == 3:
        grid = _sphere_grid(count)
    else:
        raise ValueError(f"expected orientations of dimension 2 or 3, got {dimension}")
    grid.flags.writeable = False
    return grid


def is_symmetric(grid: np.ndarray, *, improper: bool = False) -> bool:
    """Tell whether a grid is its own image under the sign flips of the coordinates.

    Args:
        grid: Unit vectors `[O, d]`.
        improper: Whether to ask for flips of determinant -1 too.

    Returns:
        Whether every such flip permutes the grid.

    >>> is_symmetric(orientation_grid(4)), is_symmetric(orientation_grid(4), improper=True)
    (True, False)
    """
    flips = [np.array(signs) for signs in itertools.product((1, -1), repeat=grid.shape[-1])]
    cosines = [grid @ (flip * grid).T for flip in flips if improper or np.prod(flip) > 0]
    return all(np.all(cosine.max(axis=0) > 1 - 1e-12) for cosine in cosines)


def _sphere_grid(count: int) -> np.ndarray:
    if count in _SOLIDS:
        points = np.array(_SOLIDS[count]())
    elif count % 4 == 0:
        points = _spread_orbits(count // 4)
    else:
        points = _spiral(count)
    return points / np.linalg.norm(points, axis=-1, keepdims=True)


def _tetrahedron() -> list[tuple[float, ...]]:
    return [point for point in _cube() if np.prod(point) > 0]


def _octahedron() -> list[tuple[float, ...]]:
    return [tuple(sign * axis) for axis in np.eye(3) for sign in (1, -1)]


def _cube() -> list[tuple[float, ...]]:
    return list(itertools.product((1.0, -1.0), repeat=3))


def _icosahedron() -> list[tuple[float, ...]]:
    return _rectangles(1.0, _GOLDEN)


def _dodecahedron() -> list[tuple[float, ...]]:
    return _cube() + _rectangles(1 / _GOLDEN, _GOLDEN)


_SOLIDS = {4: _tetrahedron, 6: _octahedron, 8: _cube, 12: _icosahedron, 20: _dodecahedron}


def _rectangles(short: float, long: float) -> list[tuple[float, ...]]:
    """Return the corners of three rectangles, one in each plane of coordinates."""
    corners = [(0.0, a * short, b * long) for a in (1, -1) for b in (1, -1)]
    return [tuple(np.roll(corner, turn)) for turn in range(3) for corner in corners]


def _spread_orbits(orbits: int) -> np.ndarray:
    """Return all half turns of points that repel one another, where they do so least."""
    turns = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    points = _spiral(2 * orbits + 1)[:orbits]
    for step in range(_STEPS):
        images = (turns[:, None] * points).reshape(-1, 3)
        away = points[:, None] - images
        distances = np.linalg.norm(away, axis=-1, keepdims=True)
        force = np.sum(away / np.where(distances > 1e-9, distances, np.inf) ** 3, axis=1)
        force -= np.sum(force * points, axis=-1, keepdims=True) * points
        # Steps bounded by the spacing, and shrinking: without a bound close points fly apart.
        length = np.linalg.norm(force, axis=-1, keepdims=True)
        bound = (1 - step / _STEPS) * 0.1 / math.sqrt(orbits)
        points = points + force * np.minimum(bound / np.maximum(length, 1e-300), 0.05 / orbits)
        points /= np.linalg.norm(points, axis=-1, keepdims=True)
    return (turns[:, None] * points).reshape(-1, 3)


def _spiral(count: int) -> np.ndarray:
    heights = 1 - (2 * np.arange(count) + 1) / count
    angles = 2 * math.pi * np.arange(count) / _GOLDEN
    radii = np.sqrt(1 - heights**2)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles), heights], axis=-1)
