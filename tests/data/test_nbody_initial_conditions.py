import dataclasses

import numpy as np
import pytest

from symjax_models.data import nbody
from symjax_models.data import nbody_initial_conditions as initial_conditions

CHARGED = nbody.get_protocol("egnn_small").system


def few(name):
    return dataclasses.replace(nbody.get_protocol(name).system, num_drawn=(20, 5, 5))


def test_charges_and_first_state_equal_the_published_data():
    initial = initial_conditions.draw(CHARGED, counts=(3000, 2000, 2000))
    charges = initial.charges[..., 0]
    sums = [charges[:3000].sum(), charges[3000:5000].sum(), charges[5000:].sum()]
    assert sums == [132, 146, 102]
    np.testing.assert_array_equal(charges[0], (-1, 1, -1, -1, -1))
    np.testing.assert_array_equal(charges[3000], (-1, 1, -1, -1, -1))
    np.testing.assert_array_equal(charges[5000], (1, 1, -1, -1, 1))
    expected = (0.406094, 1.491401, -0.518851)
    np.testing.assert_allclose(initial.positions[0, 0], expected, atol=1e-6, rtol=0)
    expected = (0.367574, -0.336048, 0.044286)
    np.testing.assert_allclose(initial.velocities[0, 0], expected, atol=1e-6, rtol=0)
    np.testing.assert_allclose(np.linalg.norm(initial.velocities, axis=-1), 0.5, rtol=1e-14)
    np.testing.assert_array_equal(initial.interactions, charges[:, :, None] * charges[:, None])
    # The published box is idle: nobody starts outside it.
    boxless = dataclasses.replace(CHARGED, box=None)
    other = initial_conditions.draw(boxless, counts=(3000, 2000, 2000))
    np.testing.assert_array_equal(initial.positions, other.positions)


def test_draw_repeats_the_published_order_of_calls():
    system = few("egnn_small")
    initial = initial_conditions.draw(system, counts=(3, 0, 0))
    stream = np.random.RandomState(43)
    for row in range(3):
        charges = np.where(stream.random_sample(5) < 0.5, -1.0, 1.0)
        positions, velocities = stream.randn(3, 5), stream.randn(3, 5)
        for _ in range(2):
            stream.randn(49, 3, 5)
        np.testing.assert_array_equal(initial.charges[row, :, 0], charges)
        np.testing.assert_array_equal(initial.positions[row], positions.T)
        cosines = (initial.velocities[row] * velocities.T).sum(-1)
        np.testing.assert_allclose(cosines, 0.5 * np.linalg.norm(velocities, axis=0), rtol=1e-14)


def test_noise_that_is_thrown_away_moves_the_stream():
    system = few("egnn_small")
    noisy = initial_conditions.draw(system, counts=(2, 0, 0))
    quiet = initial_conditions.draw(dataclasses.replace(system, noise_draws=0), counts=(2, 0, 0))
    np.testing.assert_array_equal(noisy.positions[0], quiet.positions[0])
    assert not np.array_equal(noisy.positions[1], quiet.positions[1])


@pytest.mark.parametrize("name", ["egnn_small", "springs", "lorentz_gravity_es20"])
def test_kept_simulations_do_not_depend_on_how_many_are_kept(name):
    system = few(name)
    all_kept = initial_conditions.draw(system, counts=(20, 5, 5))
    some_kept = initial_conditions.draw(system, counts=(2, 0, 1))
    for field in dataclasses.fields(all_kept):
        expected = getattr(all_kept, field.name)[[0, 1, 25]]
        np.testing.assert_array_equal(getattr(some_kept, field.name), expected)


def test_draw_leaves_the_global_stream_alone():
    np.random.seed(7)
    expected = np.random.random()
    np.random.seed(7)
    initial_conditions.draw(few("egnn_small"), counts=(2, 0, 0))
    assert np.random.random() == expected


def test_springs_are_symmetric_without_self_interaction():
    weights = initial_conditions.draw(few("springs"), counts=(20, 5, 5)).interactions
    np.testing.assert_array_equal(weights, weights.transpose(0, 2, 1))
    assert set(np.unique(weights)) == {0.0, 1.0}
    assert not np.diagonal(weights, axis1=1, axis2=2).any()
    pairs = weights[:, *np.triu_indices(5, k=1)]
    assert 0.35 < pairs.mean() < 0.65


def test_gravity_starts_with_the_centre_of_mass_at_rest():
    system = dataclasses.replace(few("segnn_gravity"), num_bodies=10)
    initial = initial_conditions.draw(system, counts=(20, 5, 5))
    np.testing.assert_allclose(initial.velocities.mean(axis=1), 0.0, atol=1e-15)
    np.testing.assert_array_equal(initial.interactions, np.ones((30, 10, 10)))
    assert initial.velocities.std() == pytest.approx(0.95, abs=0.05)
    stream = np.random.RandomState(43)
    np.testing.assert_array_equal(initial.positions[0], stream.randn(10, 3))


def test_box_reflects_the_initial_state_inwards():
    system = dataclasses.replace(few("lorentz_gravity_es20"), box=2.0)
    initial = initial_conditions.draw(system, counts=(20, 5, 5))
    free = initial_conditions.draw(dataclasses.replace(system, box=None), counts=(20, 5, 5))
    outside = np.abs(free.positions) > 2.0
    assert outside.any()
    side = np.sign(free.positions[outside])
    expected = side * 4.0 - free.positions[outside]
    np.testing.assert_array_equal(initial.positions[outside], expected)
    assert np.all(initial.velocities[outside] * side <= 0)
    np.testing.assert_array_equal(initial.positions[~outside], free.positions[~outside])
    np.testing.assert_array_equal(initial.velocities[~outside], free.velocities[~outside])


def test_draw_refuses_more_than_the_system_has():
    with pytest.raises(ValueError, match=r"at most \(20, 5, 5\).*got \(20, 6, 5\)"):
        initial_conditions.draw(few("egnn_small"), counts=(20, 6, 5))
