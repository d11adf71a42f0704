import dataclasses
import itertools

import numpy as np
import pytest

from symjax_models.data import nbody
from symjax_models.data import nbody_simulator as simulator

CHARGED = nbody.get_protocol("egnn_small").system
GRAVITY = nbody.get_protocol("segnn_gravity").system
SYSTEMS = {
    "coulomb": CHARGED,
    "spring": nbody.get_protocol("springs").system,
    "gravity": GRAVITY,
    "constant_field": nbody.get_protocol("lorentz_gravity_g_es20").system,
    "magnetic_field": nbody.get_protocol("lorentz_gravity_l_es20").system,
}


def random_state(*, count=3, num_bodies=6, seed=0):
    rng = np.random.default_rng(seed)
    positions = rng.normal(size=(count, num_bodies, 3))
    velocities = rng.normal(size=(count, num_bodies, 3))
    charges = rng.choice((-1.0, 1.0), size=(count, num_bodies, 1))
    return positions, velocities, charges, charges * charges.transpose(0, 2, 1)


def slow_forces(positions, velocities, charges, interactions, *, system):
    """Return the forces by the textbook formulas, one pair after the other."""
    result = np.zeros_like(positions)
    for m, i, j in itertools.product(*map(range, interactions.shape)):
        if i == j:
            continue
        r = positions[m, j] - positions[m, i]
        if system.force == "spring":
            result[m, i] += system.strength * interactions[m, i, j] * r
        else:
            attraction = 1.0 if system.force == "gravity" else -1.0
            distance = np.linalg.norm([*r, system.softening])
            pull = attraction * system.strength * interactions[m, i, j]
            result[m, i] += pull * r / distance**3
    result += charges * np.cross(velocities, system.magnetic_field) + system.acceleration
    bound = np.inf if system.force_clip is None else system.force_clip
    return np.clip(result, -bound, bound)


def slow_trajectory(positions, velocities, charges, interactions, *, system):
    """Return the stored positions, from a loop over whole steps."""
    x, v, frames, dt = positions.copy(), velocities.copy(), [], system.dt

    def force():
        return slow_forces(x, v, charges, interactions, system=system)

    if system.integrator == "kick_drift":
        for step in range(1, system.num_steps):
            v = v + dt * force()
            x = x + dt * v
            if step % system.sample_every == 0:
                frames.append(x)
    else:
        for step in range(system.num_steps):
            if step % system.sample_every == 0:
                frames.append(x)
            half = v + dt / 2 * force()
            x = x + dt * half
            v = half + dt / 2 * force()
    return np.stack(frames, axis=1)


def potential_and_kinetic(positions, velocities, *, system):
    """Return the energy of unit masses under softened gravity, `[...]`."""
    i, j = np.triu_indices(positions.shape[-2], k=1)
    square = ((positions[..., i, :] - positions[..., j, :]) ** 2).sum(-1)
    potential = -(system.strength / np.sqrt(square + system.softening**2)).sum(-1)
    return potential + 0.5 * (velocities**2).sum((-1, -2))


@pytest.mark.parametrize("name", SYSTEMS)
def test_forces_equal_slow_loop(name):
    state = random_state()
    result = simulator.forces(*state, system=SYSTEMS[name])
    np.testing.assert_allclose(result, slow_forces(*state, system=SYSTEMS[name]), rtol=1e-12)
    # Control: the comparison sees a constant that is wrong by one part in a million.
    wrong = dataclasses.replace(SYSTEMS[name], strength=SYSTEMS[name].strength * (1 + 1e-6))
    assert not np.allclose(result, slow_forces(*state, system=wrong), rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_trajectory_equals_slow_loop(name):
    system = dataclasses.replace(SYSTEMS[name], num_steps=31, sample_every=10, dt=0.01)
    state = random_state(count=2, num_bodies=4)
    positions, _ = simulator.simulate(*state, system=system)
    expected = slow_trajectory(*state, system=system)
    assert positions.shape == expected.shape
    np.testing.assert_allclose(positions, expected, rtol=1e-10, atol=1e-12)
    # Control: one step more or less is seen.
    shifted = dataclasses.replace(system, sample_every=11)
    assert not np.allclose(positions[:, -1], slow_trajectory(*state, system=shifted)[:, -1])


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 4])
def test_trajectory_bits_do_not_depend_on_chunks(chunk_size):
    # Twelve bodies: with eight terms or more NumPy has two orders in which it may add.
    state = random_state(count=5, num_bodies=12)
    system = dataclasses.replace(CHARGED, num_steps=41, sample_every=20)
    expected = simulator.simulate(*state, system=system)
    result = simulator.simulate(*state, system=system, chunk_size=chunk_size)
    np.testing.assert_array_equal(result, expected)
    alone = simulator.simulate(*(array[:1] for array in state), system=system)
    np.testing.assert_array_equal(alone[0], expected[0][:1])
    # Control: the comparison sees the last bit of one coordinate.
    nudged = state[0].copy()
    nudged[0, 0, 0] = np.nextafter(nudged[0, 0, 0], np.inf)
    other = simulator.simulate(nudged, *state[1:], system=system, chunk_size=chunk_size)
    assert not np.array_equal(other, expected)


def test_replay_from_frame_30_gives_frame_40_bit_for_bit(first_simulations):
    replay = dataclasses.replace(CHARGED, num_steps=1001, sample_every=1000)
    for split in (first_simulations.train, first_simulations.valid, first_simulations.test):
        start = (split.positions, split.velocities, split.charges, split.interactions)
        positions, velocities = simulator.simulate(*start, system=replay)
        np.testing.assert_array_equal(positions[:, 0], split.targets)
        np.testing.assert_array_equal(velocities[:, 0], split.trajectory_velocities[:, 40])
        # Control: one step less is not it.
        short = dataclasses.replace(CHARGED, num_steps=1000, sample_every=999)
        assert not np.array_equal(simulator.simulate(*start, system=short)[0][:, 0], split.targets)


def test_momentum_is_conserved_without_clip():
    state = random_state()
    free = dataclasses.replace(CHARGED, force_clip=None, num_steps=501, sample_every=500)
    _, velocities = simulator.simulate(*state, system=free)
    np.testing.assert_allclose(velocities[:, 0].sum(1), state[1].sum(1), atol=1e-12)
    # Control: clipping each component of each force breaks Newton's third law.
    clipped = dataclasses.replace(free, force_clip=0.5)
    _, velocities = simulator.simulate(*state, system=clipped)
    assert np.abs(velocities[:, 0].sum(1) - state[1].sum(1)).max() > 1e-3


@pytest.mark.parametrize("name", ["coulomb", "spring", "gravity"])
def test_forces_are_equivariant(name):
    system = dataclasses.replace(SYSTEMS[name], force_clip=None)
    positions, velocities, charges, interactions = random_state()
    rng = np.random.default_rng(1)
    reflection = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    reflection *= -np.sign(np.linalg.det(reflection))
    order = rng.permutation(positions.shape[1])

    def error(system):
        plain = simulator.forces(positions, velocities, charges, interactions, system=system)
        moved = simulator.forces(
            (positions @ reflection.T + 7.0)[:, order],
            (velocities @ reflection.T)[:, order],
            charges[:, order],
            interactions[:, order][:, :, order],
            system=system,
        )
        return np.abs(moved - (plain @ reflection.T)[:, order]).max() / np.abs(plain).max()

    assert error(system) < 1e-12
    # Control: what the published systems add breaks the symmetry.
    assert error(dataclasses.replace(system, force_clip=0.1)) > 1e-2
    assert error(dataclasses.replace(system, acceleration=(0.0, 0.0, 0.098))) > 1e-4


def test_magnetic_force_does_no_work():
    state = random_state()

    def power(**field):
        with_field = dataclasses.replace(CHARGED, **field)
        extra = simulator.forces(*state, system=with_field)
        extra = extra - simulator.forces(*state, system=CHARGED)
        assert np.abs(extra).max() > 1e-2
        return np.abs((extra * state[1]).sum(-1)).max()

    assert power(magnetic_field=(0.5, 0.5, 0.5)) < 1e-12
    # Control: a constant force does.
    assert power(acceleration=(0.0, 0.0, 0.098)) > 1e-2


def test_energy_drift_is_small_for_leapfrog():
    positions, velocities, _, _ = random_state(count=2, num_bodies=8)
    masses = np.ones((2, 8, 1))
    state = (positions, velocities, masses, np.ones((2, 8, 8)))

    def drift(integrator):
        system = dataclasses.replace(
            GRAVITY, integrator=integrator, num_bodies=8, num_steps=1001, sample_every=500, dt=2e-3
        )
        x, v = simulator.simulate(*state, system=system)
        start = potential_and_kinetic(positions, velocities, system=system)
        return np.abs(potential_and_kinetic(x[:, -1], v[:, -1], system=system) / start - 1).max()

    assert drift("kick_drift_kick") < 1e-4
    # Control: the first-order integrator drifts visibly more.
    assert drift("kick_drift") > 10 * drift("kick_drift_kick")


def test_frames_lie_where_the_sources_put_them():
    assert list(CHARGED.frame_steps[:2]) == [100, 200]
    assert CHARGED.num_frames == 49
    assert (CHARGED.frame_steps[30], CHARGED.frame_steps[40]) == (3100, 4100)
    large = nbody.get_protocol("egnn_large").system
    assert large.num_frames == 9
    assert (large.frame_steps[6], large.frame_steps[8]) == (3500, 4500)
    assert GRAVITY.num_frames == 50
    assert (GRAVITY.frame_steps[0], GRAVITY.frame_steps[30]) == (0, 3000)


def test_first_frame_of_leapfrog_is_the_initial_state():
    state = random_state()
    system = dataclasses.replace(GRAVITY, num_steps=2, sample_every=1)
    positions, velocities = simulator.simulate(*state, system=system)
    np.testing.assert_array_equal(positions[:, 0], state[0])
    np.testing.assert_array_equal(velocities[:, 0], state[1])
    assert not np.array_equal(positions[:, 1], state[0])


def test_inputs_are_not_changed():
    state = random_state()
    copies = [array.copy() for array in state]
    simulator.simulate(*state, system=dataclasses.replace(CHARGED, num_steps=3, sample_every=1))
    for array, copy in zip(state, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_advance_counts_every_simulation():
    counts = []
    system = dataclasses.replace(CHARGED, num_steps=5, sample_every=2)
    state = random_state(count=5)
    simulator.simulate(*state, system=system, chunk_size=2, advance=counts.append)
    assert sum(counts) == pytest.approx(5)


def test_no_simulations_give_empty_trajectories():
    state = [array[:0] for array in random_state()]
    positions, velocities = simulator.simulate(*state, system=CHARGED)
    assert positions.shape == velocities.shape == (0, 49, 6, 3)


@pytest.mark.parametrize(("field", "wrong"), [("force", "coulom"), ("integrator", "kickdrift")])
def test_unknown_words_name_the_nearest(field, wrong):
    nearest = {"force": "coulomb", "integrator": "kick_drift"}[field]
    with pytest.raises(ValueError, match=f"unknown {field} '{wrong}'; did you mean '{nearest}'"):
        dataclasses.replace(CHARGED, **{field: wrong})
