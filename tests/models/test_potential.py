"""The potential: derivatives, periodic cells, units, padding, and what is refused."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.models import potential
from symjax_models.models.potential import Potential
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph

CELL = np.array([[3.0, 0.1, 0.0], [1.0, 2.8, -0.2], [0.5, 0.7, 3.3]])


class Pairs(nn.Module):
    """Sum a smooth function of the distances and directions of neighbours."""

    species: tuple[int, ...] = (1, 8)

    @nn.compact
    def __call__(self, graph):
        weight = self.param("weight", nn.initializers.ones_init(), (3,))
        r = graph.edges["displacements"]
        square = jnp.sum(jnp.square(r), axis=-1)
        waves = jnp.exp(-0.3 * square)[:, None] * jnp.cos(r * r[:, :1]) * weight
        summed = message_passing.sum_messages(graph, waves)
        return jnp.sum(jnp.sin(summed), axis=-1, keepdims=True)


POTENTIAL = Potential(Pairs(), scale=(0.7, 1.3), shift=(-0.1, 0.2))


def make_graph(positions, *, shifts=None, cell=None, padding=0, filler=0.0):
    """Return two molecules of two and three atoms, with all their pairs."""
    pairs = [(0, 1), (1, 0)] + [(i, j) for i in (2, 3, 4) for j in (2, 3, 4) if i != j]
    receivers, senders = (np.pad(np.array(e), (0, padding), constant_values=4 + padding)
                          for e in zip(*pairs, strict=True))  # fmt: skip
    extra = np.full((padding, 3), filler)
    return Graph(
        nodes={
            "numbers": jnp.asarray(np.pad([1, 8, 8, 1, 1], (0, padding))),
            "positions": jnp.concatenate([positions, extra.astype(positions.dtype)]),
        },
        edges={},
        senders=jnp.asarray(senders),
        receivers=jnp.asarray(receivers),
        n_node=jnp.array([2, 3]),
        n_edge=jnp.array([2, 6]),
        node_mask=jnp.arange(5 + padding) < 5,
        edge_mask=jnp.arange(8 + padding) < 8,
        cell=cell,
        shifts=shifts,
    )


@pytest.fixture(scope="module")
def positions():
    return np.random.default_rng(0).normal(size=(5, 3))


@pytest.fixture(scope="module")
def params(positions):
    drawn = POTENTIAL.init(jax.random.key(0), make_graph(positions.astype(np.float32)))
    return jax.tree.map(lambda leaf: leaf * jnp.array([0.5, 1.0, -0.8]), drawn)


def periodic_graph(positions, strain, *, shifted=0):
    """Return the molecules in strained cells, with some edges to images."""
    deformation = jnp.eye(3) + strain
    shifts = np.random.default_rng(1).integers(-1, 2, size=(8, 3)).astype(float)
    if shifted:  # the first atom moves by a lattice vector, and its edges with it
        positions = positions.at[0].add(jnp.asarray(CELL[1]))
        shifts[0, 1] += 1
        shifts[1, 1] -= 1
    cells = jnp.stack([jnp.asarray(CELL), jnp.asarray(CELL[::-1] * 1.1)])
    return make_graph(
        positions @ deformation.T, shifts=jnp.asarray(shifts), cell=cells @ deformation.T
    )


def test_forces_and_stresses_are_derivatives(positions, params):
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: leaf.astype(np.float64), params)

        @jax.jit
        def energies(positions, strain):
            return POTENTIAL.predict(wide, periodic_graph(positions, strain)).energies

        x, none = jnp.asarray(positions), jnp.zeros((3, 3))
        predicted = POTENTIAL.predict(wide, periodic_graph(x, none))
        step = 1e-5
        for atom, axis in ((0, 1), (3, 2), (4, 0)):
            moved = jnp.zeros((5, 3)).at[atom, axis].set(step)
            slope = (energies(x + moved, none) - energies(x - moved, none)).sum() / (2 * step)
            np.testing.assert_allclose(predicted.forces[atom, axis], -slope, rtol=1e-6, atol=1e-9)
        volumes = np.abs(np.linalg.det(np.stack([CELL, CELL[::-1] * 1.1])))
        for i, j in ((0, 0), (0, 1), (2, 1)):
            strain = jnp.zeros((3, 3)).at[i, j].add(step / 2).at[j, i].add(step / 2)
            slope = (energies(x, strain) - energies(x, -strain)) / (2 * step) / volumes
            np.testing.assert_allclose(predicted.stresses[:, i, j], slope, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(predicted.forces[:2].sum(0), 0, atol=1e-14)
        np.testing.assert_allclose(predicted.forces[2:].sum(0), 0, atol=1e-14)


def test_translations_by_lattice_vectors_change_nothing(positions, params):
    first, second = (
        POTENTIAL.predict(params, periodic_graph(jnp.asarray(positions), 0.0, shifted=shifted))
        for shifted in (0, 1)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_numbers_get_the_units_of_their_species(positions, params):
    graph = make_graph(positions.astype(np.float32))
    predicted = POTENTIAL.predict(params, graph)
    displacements = potential.edge_displacements(graph)
    raw = Pairs().apply(params, graph.replace(edges={"displacements": displacements}))[:, 0]
    scale, shift = np.array([0.7, 1.3, 1.3, 0.7, 0.7]), np.array([-0.1, 0.2, 0.2, -0.1, -0.1])
    expected = scale * raw + shift
    np.testing.assert_allclose(predicted.site_energies, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        predicted.energies, [expected[:2].sum(), expected[2:].sum()], rtol=1e-5, atol=1e-5
    )
    assert predicted.stresses is None


@pytest.mark.parametrize("filler", [0.0, 3.0, np.nan])
def test_padding_changes_nothing(positions, params, filler):
    x = positions.astype(np.float32)
    expected = POTENTIAL.predict(params, make_graph(x))
    found = POTENTIAL.predict(params, make_graph(x, padding=2, filler=filler))
    np.testing.assert_array_equal(found.energies, expected.energies)
    for name in ("site_energies", "forces"):
        np.testing.assert_array_equal(getattr(found, name)[:5], getattr(expected, name))
        np.testing.assert_array_equal(getattr(found, name)[5:], 0)


def test_configurations_without_a_cell_have_no_stress(positions, params):
    cells = jnp.stack([jnp.zeros((3, 3)), jnp.asarray(CELL)]).astype(np.float32)
    graph = make_graph(positions.astype(np.float32), shifts=jnp.zeros((8, 3)), cell=cells)
    stresses = POTENTIAL.predict(params, graph).stresses
    np.testing.assert_array_equal(stresses[0], 0)
    assert np.abs(stresses[1]).max() > 1e-3


def test_one_number_per_species():
    with pytest.raises(ValueError, match=r"scale holds one number .* 2 species \(1, 8\), got 1"):
        Potential(Pairs(), scale=(1.0,), shift=(0.0, 0.0))
