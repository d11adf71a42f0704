"""The calculator of ASE: values, derivatives, compilations, and what is refused."""

import jax
import numpy as np
import pytest

ase = pytest.importorskip("ase", reason="the extra [molecules]")
pytest.importorskip("vesin", reason="the extra [molecules]")

from symjax_models.dynamics import calculator as calculators  # noqa: E402

CELL = np.array([[4.1, 0.1, 0.0], [1.0, 3.8, -0.2], [0.5, 0.7, 4.3]])


def water(**options):
    positions = [[0, 0, 0.1], [0, 0.9, 0.6], [0.3, -0.8, 0.7]]
    return ase.Atoms("OHH", positions=positions, **options)


def by_hand(atoms):
    """Return the energy of the springs between all pairs of atoms of a molecule."""
    r = atoms.get_all_distances()[np.triu_indices(len(atoms), 1)]
    springs = 2.0 * (r - 1.2) ** 2 * np.clip(1 - (r / 4) ** 2, 0, None) ** 3
    return springs.sum() - 2041.25 - 2 * 13.5


def test_energy_is_that_of_the_network_and_the_free_atoms(single):
    atoms = water()
    atoms.calc = calculators.PotentialCalculator(single)
    np.testing.assert_allclose(atoms.get_potential_energy(), by_hand(atoms), atol=1e-6)
    assert atoms.get_potential_energies().sum() == atoms.get_potential_energy()


def test_forces_and_stress_are_derivatives(saved):
    with jax.enable_x64(True):
        atoms = water(cell=CELL, pbc=True)
        atoms.calc = calculators.PotentialCalculator(saved, dtype=np.float64)
        from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

        numerical = calculate_numerical_forces(atoms, eps=1e-5)
        np.testing.assert_allclose(atoms.get_forces(), numerical, atol=2e-7)
        numerical = calculate_numerical_stress(atoms, eps=1e-5)
        np.testing.assert_allclose(atoms.get_stress(), numerical, atol=2e-8)


def test_supercells_and_images_agree(saved):
    with jax.enable_x64(True):
        make = calculators.PotentialCalculator
        one = water(cell=CELL, pbc=True)
        one.calc = make(saved, dtype=np.float64)
        many = one.repeat((2, 1, 3))
        many.calc = make(saved, dtype=np.float64)
        np.testing.assert_allclose(
            many.get_potential_energy(), 6 * one.get_potential_energy(), rtol=1e-13
        )
        np.testing.assert_allclose(many.get_forces()[:3], one.get_forces(), atol=1e-11)
        np.testing.assert_allclose(many.get_stress(), one.get_stress(), atol=1e-12)
        image = one.copy()
        image.positions[1] += CELL[0] - 2 * CELL[2]
        image.calc = make(saved, dtype=np.float64)
        np.testing.assert_allclose(
            image.get_potential_energy(), one.get_potential_energy(), rtol=1e-13
        )
        np.testing.assert_allclose(image.get_forces(), one.get_forces(), atol=1e-11)


def test_steady_state_compiles_nothing(single):
    atoms = water(cell=CELL, pbc=True)
    atoms.calc = calculators.PotentialCalculator(single)
    atoms.get_potential_energy()
    before = calculators.predict._cache_size()
    rng = np.random.default_rng(0)
    for _ in range(40):
        atoms.positions += 0.03 * rng.normal(size=(3, 3))
        atoms.get_forces()
    lists = atoms.calc.skin_list
    assert lists.num_lists > 1
    assert calculators.predict._cache_size() - before == lists.num_growths - 1 <= 1


def test_one_atom(single):
    atoms = ase.Atoms("O", positions=[[1.0, 2.0, 3.0]])
    atoms.calc = calculators.PotentialCalculator(single)
    assert atoms.get_potential_energy() == -2041.25
    np.testing.assert_array_equal(atoms.get_forces(), 0)


def test_what_is_refused(single):
    atoms = ase.Atoms("OC", positions=[[0, 0, 0], [0, 0, 1.2]])
    atoms.calc = calculators.PotentialCalculator(single)
    with pytest.raises(ValueError, match="knows the atomic numbers 1, 8, 29, and the data hold 6"):
        atoms.get_potential_energy()
    atoms = water()
    atoms.positions[0, 0] = np.nan
    atoms.calc = calculators.PotentialCalculator(single)
    with pytest.raises(ValueError, match="expected finite positions"):
        atoms.get_potential_energy()
