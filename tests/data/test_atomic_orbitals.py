"""The order and the rotation of orbitals against harmonics written out, and against PySCF."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from symjax_models.data.atomic_orbitals import OrbitalLayout
from symjax_models.reps.rotation import wigner_ds

LAYOUT = OrbitalLayout(((0, 0), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1)))
ROTATION = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
ELEMENTS = {"rotation": ROTATION, "reflection": -ROTATION}


def d_orbitals(r):
    x, y, z = r
    return np.array(
        [x * y, y * z, (2 * z * z - x * x - y * y) / np.sqrt(12), x * z, (x * x - y * y) / 2]
    )


@pytest.mark.parametrize("g", ELEMENTS.values(), ids=ELEMENTS)
def test_d_orbitals_turn_as_their_formulas(g):
    r = np.random.default_rng(1).normal(size=3)
    block = OrbitalLayout(((0, 2),)).rotation(g)
    np.testing.assert_allclose(block @ d_orbitals(r), d_orbitals(g @ r), atol=1e-13)
    # In the order of the polar axis y they do not.
    wrong = wigner_ds(g, max_degree=2)[2]
    assert np.abs(wrong @ d_orbitals(r) - d_orbitals(g @ r)).max() > 0.1


def test_layout_counts_and_names():
    assert LAYOUT.size == 14
    assert LAYOUT.irreps(0) == "2x0e+1x1o+1x2e" and LAYOUT.irreps(1) == "1x0e+1x1o"
    assert LAYOUT.atoms.tolist() == [0] * 10 + [1] * 4


def test_change_of_basis_leads_to_this_library_s_harmonics():
    change = LAYOUT.from_harmonics()
    np.testing.assert_allclose(change @ change.T, np.eye(14), atol=1e-14)
    blocks = wigner_ds(ROTATION, max_degree=2)
    ours = np.zeros((14, 14))
    start = 0
    for _, degree in LAYOUT.shells:
        stop = start + 2 * degree + 1
        ours[start:stop, start:stop] = blocks[degree]
        start = stop
    np.testing.assert_allclose(change @ ours @ change.T, LAYOUT.rotation(ROTATION), atol=1e-13)


def test_rotations_are_a_representation_in_jax_as_in_numpy():
    other = Rotation.random(rng=np.random.default_rng(2)).as_matrix()
    product = LAYOUT.rotation(ROTATION) @ LAYOUT.rotation(other)
    np.testing.assert_allclose(product, LAYOUT.rotation(ROTATION @ other), atol=1e-13)
    with jax.enable_x64(True):
        found = LAYOUT.rotation(jnp.asarray(ROTATION))
    np.testing.assert_allclose(found, LAYOUT.rotation(ROTATION), atol=1e-13)
    found = LAYOUT.rotation(jnp.asarray(ROTATION, jnp.float32))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, LAYOUT.rotation(ROTATION), atol=1e-6)
