"""Networks of atoms in periodic cells: rotations, supercells, images and stresses."""

import functools

import jax
import numpy as np
import pytest

pytest.importorskip("vesin", reason="the extra [molecules]")

from symjax_models.data import structure_graphs
from symjax_models.data.structures import Structures
from symjax_models.models.potential import Potential
from tests.models.atom_networks import CUTOFF, MODELS, SPECIES, orthogonal_matrices

# Cells smaller than the cutoff: atoms see images of themselves. Triclinic, left- and right-handed.
CELL = np.array([[2.6, 0.2, 0.0], [0.7, 2.4, -0.3], [0.4, 0.5, 2.8]])
NUMBERS = np.array([6, 1, 8])
POSITIONS = np.array([[0.1, 0.0, 0.2], [1.3, 0.4, 0.9], [0.6, 1.5, 1.7]])
SLOTS, EDGES = 8, 320
NAMES = [
    "painn",
    *(pytest.param(name, marks=pytest.mark.slow) for name in sorted(MODELS) if name != "painn"),
]


def make_structure(positions=POSITIONS, cell=CELL, *, numbers=NUMBERS):
    return Structures(
        numbers=numbers,
        positions=positions,
        num_atoms=np.array([len(numbers)]),
        cells=cell[None],
        pbc=np.ones((1, 3), bool),
    )


@functools.cache
def compiled(name):
    """Return energies, forces and stresses of a network as a function of a batch of one shape."""
    potential = Potential(MODELS[name], scale=(1.0,) * len(SPECIES), shift=(0.0,) * len(SPECIES))
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        shapes = jax.eval_shape(potential.init, jax.random.key(0), as_batch(make_structure()))
        params = jax.tree.map(lambda leaf: 0.5 * rng.normal(size=leaf.shape), shapes)
        return jax.jit(functools.partial(potential.predict, params))


def as_batch(structures):
    store = structure_graphs.make_store(structures, cutoff=CUTOFF, dtype=np.float64)
    assert store.num_edges.sum() <= EDGES
    batch, _ = structure_graphs.gather_batch(store, np.array([0]), num_nodes=SLOTS, num_edges=EDGES)
    return batch


def predict(name, structures):
    with jax.enable_x64(True):
        found = compiled(name)(as_batch(structures))
        count = len(structures.numbers)
        return tuple(
            np.asarray(x) for x in (found.energies[0], found.forces[:count], found.stresses[0])
        )


def deviation(found, expected):
    """Return the largest difference beside the largest number, of energy, forces or stresses."""
    pairs = zip(found, expected, strict=True)
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_forces_and_stresses_turn_with_the_cell(name):
    energy, forces, stress = predict(name, make_structure())
    # What is compared below is not rounding; errors are relative.
    assert np.abs(stress).max() > 1e-6 and np.abs(forces).max() > 1e-6
    for matrix in orthogonal_matrices():
        found = predict(name, make_structure(POSITIONS @ matrix.T, CELL @ matrix.T))
        turned = (energy, forces @ matrix.T, matrix @ stress @ matrix.T)
        assert deviation(found, turned) < 1e-10
        # Atoms that turn in a cell that does not are another crystal.
        assert deviation(predict(name, make_structure(POSITIONS @ matrix.T)), turned) > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_images_and_supercells_are_the_same_crystal(name):
    energy, forces, stress = predict(name, make_structure())
    moved = POSITIONS + np.array([[0, 0, 0], [1, -2, 0], [0, 3, 1]]) @ CELL + [0.3, -0.4, 0.2]
    assert deviation(predict(name, make_structure(moved)), (energy, forces, stress)) < 1e-10

    twice = make_structure(
        np.concatenate([POSITIONS, POSITIONS + CELL[1]]),
        CELL * np.array([[1.0], [2.0], [1.0]]),
        numbers=np.tile(NUMBERS, 2),
    )
    expected = (2 * energy, np.tile(forces, (2, 1)), stress)
    assert deviation(predict(name, twice), expected) < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_stress_is_the_slope_of_the_energy_with_the_strain(name):
    _, forces, stress = predict(name, make_structure())
    step, volume = 1e-5, np.abs(np.linalg.det(CELL))
    for i, j in ((0, 0), (2, 1)):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            energies.append(predict(name, make_structure(POSITIONS @ strain, CELL @ strain))[0])
        slope = (energies[0] - energies[1]) / (2 * step) / volume
        assert abs(stress[i, j] - slope) < 1e-6 * np.abs(stress).max()
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-12 * np.abs(forces).max())
