"""Grids of orientations: even, symmetric where they claim to be, and constant."""

import numpy as np
import pytest

from symjax_models.ops.orientation_grids import is_symmetric, orientation_grid

# Least angle between neighbours in degrees: of solids exact, of others close to the best known.
ANGLES = {4: 109.47, 6: 90.0, 8: 70.53, 12: 63.43, 20: 41.81, 16: 49.5, 24: 41.5, 10: 45.0}


@pytest.mark.parametrize("count", ANGLES)
def test_sphere_is_covered_evenly_by_unit_vectors(count):
    grid = orientation_grid(count)
    assert grid.shape == (count, 3) and grid.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(grid, axis=-1), 1, atol=1e-14)
    cosines = grid @ grid.T - 3 * np.eye(count)
    assert np.degrees(np.arccos(cosines.max())) > ANGLES[count] - 0.01
    # Vectors that are lifted and read again come back, a third as long.
    np.testing.assert_allclose(grid.T @ grid / count, np.eye(3) / 3, atol=0.03)


def test_minimum_of_the_energy_is_the_known_one():
    grid = orientation_grid(16)
    distances = np.linalg.norm(grid[:, None] - grid, axis=-1)
    # Thomson's problem with 16 charges: 92.911655.
    assert np.sum(1 / distances[np.triu_indices(16, 1)]) == pytest.approx(92.9117, abs=0.02)


@pytest.mark.parametrize("count", [4, 6, 8, 12, 16, 20, 24])
def test_half_turns_permute_the_grid(count):
    grid = orientation_grid(count)
    assert is_symmetric(grid)
    assert is_symmetric(grid, improper=True) == (count in (6, 8, 12, 20))


def test_spiral_is_not_symmetric():
    assert not is_symmetric(orientation_grid(10))
    assert not is_symmetric(orientation_grid(5, dimension=2))


@pytest.mark.parametrize("count", [1, 5, 6])
def test_circle_is_a_regular_polygon(count):
    grid = orientation_grid(count, dimension=2)
    turn = grid @ np.array([1, 1j])
    np.testing.assert_allclose(turn**count, 1, atol=1e-14)
    assert len(np.unique(turn.round(9))) == count


def test_grids_are_cached_and_cannot_be_written_to():
    grid = orientation_grid(12)
    assert grid is orientation_grid(12)
    with pytest.raises(ValueError, match="read-only"):
        grid[0] = 0


@pytest.mark.parametrize(
    ("count", "dimension", "message"),
    [(0, 3, "at least one"), (-1, 3, "whole number"), (4, 4, "2 or 3")],
)
def test_wrong_input_is_refused(count, dimension, message):
    with pytest.raises(ValueError, match=message):
        orientation_grid(count, dimension=dimension)
