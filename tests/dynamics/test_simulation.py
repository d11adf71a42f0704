"""Dynamics in JAX: conservation, agreement with ASE, lists, heat baths, what is refused."""

import dataclasses

import numpy as np
import pytest

from symjax_models.dynamics import Settings, System, observables, simulate

pytest.importorskip("vesin", reason="the extra [molecules]")
WATER = System(
    numbers=np.array([8, 1, 1]),
    masses=np.array([15.999, 1.008, 1.008]),
    positions=np.array([[0, 0, 0.1], [0, 0.9, 0.6], [0.3, -0.8, 0.7]]),
)
CELL = np.array([[4.1, 0.1, 0.0], [1.0, 3.8, -0.2], [0.5, 0.7, 4.3]])
CRYSTAL = dataclasses.replace(WATER, cell=CELL, pbc=np.ones(3, bool))


@pytest.mark.parametrize("system", [WATER, CRYSTAL])
def test_energy_and_momentum_are_conserved_to_second_order(single, system):
    found = []
    for timestep in (0.5, 0.25):
        steps = round(100 / timestep)
        settings = Settings(timestep=timestep, num_steps=steps, sample_every=steps // 50)
        trajectory = simulate(single, system, settings)
        momentum = np.einsum("n,tnd->td", system.masses, trajectory.velocities)
        assert np.abs(momentum).max() < 1e-6
        found.append(observables.energy_fluctuation(trajectory))
        assert abs(observables.energy_drift(trajectory)) < 1e-2
    assert 3 < found[0] / found[1] < 5
    assert trajectory.temperature.min() > 0


def test_trajectory_is_that_of_ase(single):
    ase = pytest.importorskip("ase", reason="the extra [molecules]")
    from ase import units
    from ase.md.verlet import VelocityVerlet

    from symjax_models.dynamics.calculator import PotentialCalculator

    velocities = 0.01 * np.random.default_rng(0).normal(size=(3, 3))  # angstrom/fs
    settings = Settings(timestep=0.5, num_steps=60, sample_every=20)
    ours = simulate(single, dataclasses.replace(CRYSTAL, velocities=velocities), settings)
    atoms = ase.Atoms("OHH", positions=WATER.positions, cell=CELL, pbc=True)
    atoms.set_masses(WATER.masses)
    atoms.calc = PotentialCalculator(single)
    atoms.set_velocities(velocities / units.fs)
    dynamics = VelocityVerlet(atoms, timestep=0.5 * units.fs)
    for index in range(4):
        np.testing.assert_allclose(ours.positions[index], atoms.positions, atol=2e-5)
        np.testing.assert_allclose(ours.potential[index], atoms.get_potential_energy(), atol=1e-4)
        np.testing.assert_allclose(ours.kinetic[index], atoms.get_kinetic_energy(), rtol=1e-3)
        if index < 3:
            dynamics.run(20)


def test_lists_do_not_change_the_trajectory(saved):
    # Atoms that leave the skin within the steps between two samples, and a skin they never leave.
    settings = Settings(timestep=0.5, num_steps=400, sample_every=100, temperature=600)
    small = simulate(saved, CRYSTAL, dataclasses.replace(settings, skin=0.2))
    large = simulate(saved, CRYSTAL, dataclasses.replace(settings, skin=4.0))
    assert small.num_lists > 10 * large.num_lists
    np.testing.assert_allclose(small.positions, large.positions, atol=1e-6)


def test_heat_bath_has_its_temperature(single):
    settings = Settings(
        timestep=1.0, num_steps=20_000, sample_every=10, temperature=200, friction=20.0
    )
    trajectory = simulate(single, WATER, settings)
    kelvin = trajectory.temperature[200:]
    blocks = kelvin[: len(kelvin) // 20 * 20].reshape(20, -1).mean(axis=1)
    assert abs(blocks.mean() - 200) < 4 * blocks.std() / np.sqrt(20)
    again = simulate(single, WATER, dataclasses.replace(settings, num_steps=20))
    np.testing.assert_array_equal(again.positions, trajectory.positions[:3])
    other = simulate(single, WATER, dataclasses.replace(settings, num_steps=20, seed=1))
    assert np.abs(other.positions[1] - again.positions[1]).max() > 1e-3


def test_what_is_refused(single):
    with pytest.raises(ValueError, match=r"a multiple of sample_every \(10\), got 25; .* is 20"):
        Settings(num_steps=25)
    with pytest.raises(ValueError, match="timestep must be positive, got 0"):
        Settings(timestep=0)
    with pytest.raises(ValueError, match="a positive friction or None, got 300.0 and 0"):
        Settings(friction=0)
    gold = dataclasses.replace(WATER, numbers=np.array([79, 1, 1]))
    with pytest.raises(ValueError, match="the data hold 79"):
        simulate(single, gold, Settings())
    with pytest.raises(ValueError, match="more than half the skin of 0.01 angstrom; 0.[0-9]+ fits"):
        simulate(single, CRYSTAL, Settings(skin=0.01))
    with pytest.raises(FloatingPointError, match="the dynamics blew up after step"):
        simulate(single, CRYSTAL, Settings(timestep=2000.0))


def test_distances_and_densities():
    rng = np.random.default_rng(0)
    edges = np.linspace(0, 3, 16)
    gas = rng.uniform(size=(40, 30, 3)) @ (6 * np.eye(3))
    g = observables.radial_distribution(gas, 6 * np.eye(3), edges=edges)
    np.testing.assert_allclose(g[5:] * 30 / 29, 1, atol=0.15)
    molecule = rng.normal(size=(50, 4, 3))
    h = observables.distance_distribution(molecule, edges=np.linspace(0, 20, 100))
    np.testing.assert_allclose(h.sum() * 20 / 99, 1)
