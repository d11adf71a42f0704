"""Lists of elements by closure."""

import jax
import numpy as np

from symjax_models import groups
from symjax_models.groups import enumeration


def test_closure_stops_at_the_limit():
    cycle = groups.Z(6).discrete_generators
    assert len(enumeration.closure(cycle, limit=6)) == 6
    assert enumeration.closure(cycle, limit=5) is None


def test_closure_finds_growth_and_shears_infinite():
    assert enumeration.closure(np.array([[[2.0]]])) is None
    assert enumeration.closure(np.array([[[1.0, 1.0], [0.0, 1.0]]]), limit=500) is None


def test_elements_of_a_long_cycle_are_exact_and_ordered_by_length_of_word():
    elements = groups.C(2000).elements
    angles = 2 * np.pi * np.arange(2000) / 2000
    np.testing.assert_allclose(elements[:, 0, 0], np.cos(angles), atol=1e-11)
    np.testing.assert_allclose(elements[:, 1, 0], np.sin(angles), atol=1e-11)


def test_distance_to_the_nearest_element():
    elements = groups.Octahedral().elements
    moved = elements[::-1] + 1e-3
    np.testing.assert_allclose(enumeration.distance_to_nearest(elements, moved), 1e-3)
    phases = np.array([[[1.0]], [[1j]]])
    assert enumeration.distance_to_nearest(phases, np.array([[0.75j]])) == 0.25


def test_draw_is_uniform():
    elements = groups.D(3).elements
    drawn = np.asarray(enumeration.draw(elements, jax.random.key(0), (3000,), np.dtype("float32")))
    _, counts = np.unique(np.round(drawn, 5).reshape(3000, 4), axis=0, return_counts=True)
    assert len(counts) == 6
    # Chi-squared with 5 degrees of freedom exceeds 25 with probability 1.4e-4.
    assert np.square(counts - 500).sum() / 500 < 25.0
