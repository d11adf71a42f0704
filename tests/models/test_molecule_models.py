"""What holds for every network of atoms: symmetry, forces, smoothness, padding, isolated atoms."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.ops import cutoffs
from symjax_models.ops.graph import Graph
from tests.models.atom_networks import (
    CUTOFF,
    EDGE_MASK,
    EDGES,
    MODELS,
    NAMES,
    NODE_MASK,
    REAL,
    SEES,
    SLOW,
    SPECIES,
    as_graph,
    draw_params,
    energies_and_forces,
    evaluate,
    make_structure,
    orthogonal_matrices,
    symmetry_errors,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_energy_is_invariant_and_forces_turn(name):
    assert symmetry_errors(MODELS[name], np.float64, orthogonal_matrices()) < 1e-12
    shear = np.eye(3) + 0.2 * np.eye(3, k=1)
    assert symmetry_errors(MODELS[name], np.float64, [shear]) > 1e-2


@pytest.mark.parametrize("name", ["schnet", *SLOW])
def test_symmetry_is_as_exact_as_the_precision(name):
    single, double = (
        symmetry_errors(MODELS[name], dtype, orthogonal_matrices())
        for dtype in (np.float32, np.float64)
    )
    assert single < 1e-4 and 1e6 < single / double < 1e11


class Stretched(nn.Module):
    """A network that sees one axis longer than the others."""

    @nn.compact
    def __call__(self, graph):
        factors = jnp.array([1.1, 1, 1], graph.edges["displacements"].dtype)
        return MODELS["schnet"].copy(name="inner")(
            graph.replace(edges={"displacements": graph.edges["displacements"] * factors})
        )


def test_a_network_that_prefers_an_axis_is_caught():
    assert symmetry_errors(Stretched(), np.float64, orthogonal_matrices()) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_permuting_atoms_permutes_energies_and_forces(name):
    positions, numbers, senders, receivers = make_structure()
    order = np.array([3, 5, 0, 4, 1, 2, 6, 7])
    places = np.argsort(order).astype(np.int32)
    permuted = positions[order], numbers[order], places[senders], places[receivers]
    edges = np.random.default_rng(0).permutation(EDGES)
    edges = np.concatenate([edges, np.arange(EDGES, EDGES + 4)])
    shuffled = *permuted[:2], permuted[2][edges], permuted[3][edges]
    expected = evaluate(MODELS[name], make_structure())
    for found, array in zip(evaluate(MODELS[name], shuffled), expected, strict=True):
        np.testing.assert_allclose(found, array[order], rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_padding_may_hold_anything(name):
    positions, numbers, senders, receivers = make_structure()
    positions, numbers = positions.copy(), numbers.copy()
    positions[REAL:], numbers[REAL:] = np.nan, 99
    expected = evaluate(MODELS[name], make_structure())
    structure = positions, numbers, senders, receivers
    energies, forces = evaluate(MODELS[name], structure)
    assert np.array_equal(energies, expected[0])
    assert np.array_equal(forces[:REAL], expected[1][:REAL])


@pytest.mark.parametrize("name", NAMES)
def test_forces_are_the_slope_of_the_energy(name):
    positions, *rest = make_structure()
    energies, forces = evaluate(MODELS[name], (positions, *rest))
    direction = np.random.default_rng(2).normal(size=positions.shape) * NODE_MASK[:, None]

    def total(step):
        return evaluate(MODELS[name], (positions + step * direction, *rest))[0].sum()

    h = 1e-3
    slope = (8 * (total(h) - total(-h)) - (total(2 * h) - total(-2 * h))) / (12 * h)
    expected = -np.sum(forces * direction)
    assert abs(expected) > 1e-3
    np.testing.assert_allclose(slope, expected, rtol=1e-6)
    # An atom without neighbours feels nothing, and has an energy.
    assert not forces[SEES].any() and energies[SEES] != 0
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-12)


def approach(model, gap):
    """Return total energy, and the force on an atom, so far inside the cutoff of one other."""
    positions, *rest = make_structure()
    positions = positions.copy()
    # From atom 0 away from all others.
    direction = -np.ones(3) / np.sqrt(3)
    positions[4] = positions[0] + (CUTOFF - gap) * direction
    energies, forces = evaluate(model, (positions, *rest))
    return energies.sum(), forces[4] @ direction


def orders_of_contact(model):
    """Return with which powers of the gap energy and force vanish at the cutoff."""
    beyond, _ = approach(model, -0.5)
    (one, pull), (two, stronger) = approach(model, 0.0005), approach(model, 0.001)
    return np.log2((two - beyond) / (one - beyond)), np.log2(stronger / pull)


@pytest.mark.parametrize("name", NAMES)
def test_energy_is_twice_differentiable_at_the_cutoff(name):
    # A third power of the gap on one side, and nothing on the other, has two derivatives.
    energy, force = orders_of_contact(MODELS[name])
    assert energy > 2.9 and force > 1.9
    (at, pull), (beyond, _) = approach(MODELS[name], 0.0), approach(MODELS[name], -0.5)
    np.testing.assert_allclose(at, beyond, rtol=1e-13)
    assert abs(pull) < 1e-12


def test_a_second_derivative_that_jumps_at_the_cutoff_is_caught(monkeypatch):
    monkeypatch.setattr(cutoffs, "polynomial_cutoff", cutoffs.cosine_cutoff)
    energy, force = orders_of_contact(MODELS["schnet"].clone(num_radial=4))
    assert 1.9 < energy < 2.1 and 0.9 < force < 1.1


@pytest.mark.parametrize("name", NAMES)
def test_atoms_without_edges_have_the_energy_of_their_species(name):
    energies, forces = evaluate(MODELS[name], make_structure(), edge_mask=np.zeros_like(EDGE_MASK))
    assert np.isfinite(energies).all() and not forces.any()
    # Carbon at 0 and 4, hydrogen at 1 and 3, oxygen at 2 and 5.
    np.testing.assert_allclose(energies[[4, 3, 5]], energies[[0, 1, 2]], rtol=1e-12)
    assert np.abs(energies[:3] - energies[[1, 2, 0]]).min() > 1e-3


@pytest.mark.parametrize("name", ["schnet", *SLOW])
def test_one_atom_without_edge_slots(name):
    graph = Graph(
        nodes={"numbers": jnp.array([8])},
        edges={"displacements": jnp.zeros((0, 3))},
        senders=jnp.zeros(0, jnp.int32),
        receivers=jnp.zeros(0, jnp.int32),
        n_node=jnp.array([1]),
        n_edge=jnp.array([0]),
    )
    params = jax.tree.map(jnp.float32, draw_params(MODELS[name]))
    found = jax.jit(MODELS[name].apply)(params, graph)
    expected, _ = evaluate(MODELS[name], make_structure())
    assert found.shape == (1, 1)
    np.testing.assert_allclose(found[0, 0], expected[SEES], rtol=1e-5)


@pytest.mark.parametrize("name", ["schnet", *SLOW])
def test_gradient_of_a_loss_of_forces_is_finite_and_does_not_see_padding(name):
    @jax.jit
    def slopes(params, structure):
        def loss(params):
            _, forces = energies_and_forces(MODELS[name], params, structure, NODE_MASK, EDGE_MASK)
            return jnp.sum(jnp.square(forces[:REAL]))

        return jax.grad(loss)(params)

    params = jax.tree.map(jnp.float32, draw_params(MODELS[name]))
    positions, *rest = make_structure()
    clean = slopes(params, (np.float32(positions), *rest))
    positions[REAL:] = np.nan
    dirty = slopes(params, (np.float32(positions), *rest))
    for one, other in zip(jax.tree.leaves(clean), jax.tree.leaves(dirty), strict=True):
        assert np.isfinite(one).all() and np.array_equal(one, other)
    assert any(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(clean))


COUNTS = {
    "egnn_potential": 710_536,
    "schnet": 443_393,
    "painn": 576_641,
    "so3krates": 517_081,
    "nequip": 146_369,
    "mace": 479_138,
}


@pytest.mark.parametrize("name", NAMES)
def test_number_of_parameters_is_that_of_the_docstring(name):
    model = type(MODELS[name])(species=SPECIES, num_neighbours=8.0)
    graph = as_graph(make_structure())
    found = jax.eval_shape(model.init, jax.random.key(0), graph)
    assert set(found) == {"params"}
    assert sum(leaf.size for leaf in jax.tree.leaves(found)) == COUNTS[name]
    assert f"{COUNTS[name]:,} parameters" in type(model).__doc__


@pytest.mark.parametrize("name", NAMES)
def test_species_in_disorder_are_refused(name):
    with pytest.raises(ValueError, match="increasing order, got \\(8, 1\\)"):
        jax.eval_shape(
            MODELS[name].clone(species=(8, 1)).init, jax.random.key(0), as_graph(make_structure())
        )


@pytest.mark.parametrize("name", ["mace", "nequip"])
def test_networks_without_layers_are_refused(name):
    with pytest.raises(ValueError, match="at least one layer, got num_layers=0"):
        jax.eval_shape(
            MODELS[name].clone(num_layers=0).init, jax.random.key(0), as_graph(make_structure())
        )
