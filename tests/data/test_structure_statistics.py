import numpy as np
import pytest

from symjax_models.data import structure_statistics
from symjax_models.data.structures import Structures


def random_structures(counts, *, seed=0):
    generator = np.random.default_rng(seed)
    total = sum(counts)
    return Structures(
        numbers=generator.choice([1, 6, 8], total),
        positions=generator.normal(size=(total, 3)),
        num_atoms=counts,
    )


def test_nearest_distances_are_those_of_all_pairs():
    structures = random_structures([5, 70, 1, 5, 2])
    found = structure_statistics.nearest_distances(structures)
    expected = []
    for index in range(len(structures)):
        positions = structures.frame(index)["positions"]
        for atom, position in enumerate(positions):
            others = np.delete(positions, atom, axis=0)
            expected.append(np.min(np.linalg.norm(others - position, axis=1), initial=np.inf))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.isinf(found[75])


def test_images_count_in_periodic_directions_only():
    cells = np.array([np.diag([3.0, 4.0, 1.0]), [[2.0, 0, 0], [1.0, 2.0, 0], [0, 0, 9.0]]])
    structures = Structures(
        numbers=[29, 29, 29],
        positions=[[0.1, 0, 0], [0, 0, 0], [0, 0, 4.8]],
        num_atoms=[1, 2],
        cells=cells,
        pbc=[[True, True, False], [True, True, True]],
    )
    found = structure_statistics.nearest_distances(structures)
    np.testing.assert_allclose(found, [3.0, 2.0, 2.0])


def test_the_description_states_every_quantity():
    structures = Structures(
        numbers=[8, 1, 1, 2],
        positions=[[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59], [0, 0, 0]],
        num_atoms=[3, 1],
        energies=[-14.0, -2.0],
        forces=[[0, 0, 1], [0, 2, 0], [0, 0, 0], [0, 0, 0]],
        stresses=np.ones((2, 3, 3)),
        cells=np.array([np.eye(3) * 20.0] * 2),
        pbc=np.ones((2, 3), bool),
        properties={"gap": [1.0, 3.0]},
        provenance={"file": "water.xyz"},
    )
    lines = structure_statistics.describe(structures).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        *("configurations", "atoms", "species", "energies", "forces", "stresses"),
        *("nearest atoms", "cells", "gap", "file"),
    ]
    text = "\n".join(" ".join(line.split()) for line in lines)
    for part in (
        "atoms 1 to 3, mean 2",
        "species H 2, He 1, O 1",
        "mean -8.000 eV, standard deviation 6.000 eV; per atom -3.3333",
        "forces root mean square 0.645 eV/A, largest 2.00 eV/A",
        "stresses root mean square 1.000e+00",
        "0.962 to 20.000 A, median 0.962 A",
        "cells 2 periodic along 3 lattice vectors, volume 8,000 A^3",
        "gap 1 to 3, mean 2",
        "file water.xyz",
    ):
        assert part in text
    bare = structure_statistics.describe(random_structures([2, 2]))
    assert "energies        none" in bare and "none is periodic" in bare
    assert structure_statistics.describe(structures.take([])) == "no configurations"


def test_force_rms_needs_forces():
    with pytest.raises(ValueError, match="expected forces"):
        structure_statistics.force_rms(random_structures([2]))
