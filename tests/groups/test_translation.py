"""T(n): the stated law and the action on homogeneous columns."""

import jax
import numpy as np

from symjax_models import groups


def test_shifts_are_uniform_in_the_unit_ball():
    dimension, draws = 2, 4096
    shifts = np.asarray(groups.T(dimension).sample(jax.random.key(0), (draws,)))[:, :-1, -1]
    # Uniform in the ball: |t|^dimension is uniform in [0, 1] and directions cancel.
    volumes = np.sort(np.linalg.norm(shifts, axis=-1) ** dimension)
    assert np.abs(volumes - np.linspace(0, 1, draws)).max() < 2.0 / np.sqrt(draws)
    assert np.abs(shifts.mean(0)).max() < 4.0 / np.sqrt(draws)


def test_elements_move_homogeneous_columns():
    element = np.asarray(groups.T(3).sample(jax.random.key(0)))
    moved = element @ np.array([1.0, 2.0, 3.0, 1.0])
    np.testing.assert_allclose(moved[:3], np.array([1.0, 2.0, 3.0]) + element[:3, 3], rtol=1e-6)
    assert moved[3] == 1.0
    assert groups.T(3).n == 4
