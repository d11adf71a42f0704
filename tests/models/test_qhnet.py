"""QHNet: symmetries of predicted Hamiltonians in PySCF's order, gradients, refusals."""

import functools
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.data.atomic_orbitals import OrbitalLayout
from symjax_models.models.qhnet import QHNet
from symjax_models.ops import graph, message_passing

# An atom with d orbitals between two with s and p, as water in def2-SVP with fewer shells.
LAYOUT = OrbitalLayout(((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1)))
ORBITALS = tuple(LAYOUT.irreps(atom) for atom in range(3))
MODEL = QHNet(
    atoms=(8, 1, 1),
    orbitals=ORBITALS,
    channels=3,
    max_degree=2,
    bottleneck=2,
    num_layers=2,
    start_layer=1,
    num_radial=4,
    weights_hidden=4,
)
CHANGE = LAYOUT.from_harmonics()


def make_graph(positions):
    positions = jnp.asarray(positions)
    complete = graph.complete({"positions": positions})
    displacements = message_passing.displacements(complete, positions)
    return complete.replace(edges={"displacements": displacements})


def make_positions(count=2):
    water = np.array([[0, 0, 0.1], [0, 0.8, 0.6], [0, -0.8, 0.6]])
    return water + 0.1 * np.random.default_rng(0).normal(size=(count, 3, 3))


@functools.cache
def draw_params(model, *, num_atoms=3):
    """Draw all parameters, biases too, without compiling anything."""
    rng = np.random.default_rng(0)
    molecule = make_graph(make_positions()[:, :num_atoms])
    shapes = jax.eval_shape(model.init, jax.random.key(0), molecule)

    def draw(leaf):
        return (leaf.shape[-2] ** -0.5 if leaf.ndim > 1 else 0.3) * rng.normal(size=leaf.shape)

    return jax.tree.map(draw, shapes)


@functools.partial(jax.jit, static_argnums=0)
def _apply(model, params, positions):
    return model.apply(params, make_graph(positions))


def hamiltonians(positions, *, dtype=np.float64, model=MODEL):
    """Return H in PySCF's order, `[F, B, B]`."""
    with jax.enable_x64(dtype == np.float64):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), draw_params(model))
        found = np.asarray(_apply(model, params, np.asarray(positions, dtype)))
    assert found.dtype == dtype
    return CHANGE @ found @ CHANGE.T


def symmetry_error(dtype, *, model=MODEL):
    """Return the largest relative error under a rotation, a reflection and a translation."""
    positions = make_positions()
    matrix, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    before = hamiltonians(positions, dtype=dtype, model=model)
    errors = []
    for g in (matrix, -matrix):
        moved = positions @ g.T + np.array([1.0, -2.0, 0.5])
        turn = LAYOUT.rotation(g)
        after = hamiltonians(moved, dtype=dtype, model=model)
        errors.append(np.abs(after - turn @ before @ turn.T).max())
    return max(errors) / np.abs(before).max()


def test_rotations_and_reflections_turn_orbitals():
    assert symmetry_error(np.float64) < 1e-13


@pytest.mark.slow
def test_symmetry_is_as_exact_as_the_precision():
    single, double = symmetry_error(np.float32), symmetry_error(np.float64)
    assert single < 5e-6
    assert 1e6 < single / double < 1e11


def test_the_order_of_d_orbitals_matters(monkeypatch):
    # Without the change of basis it is no representation of PySCF's order.
    monkeypatch.setattr(f"{__name__}.CHANGE", np.eye(LAYOUT.size))
    assert symmetry_error(np.float64) > 1e-2


class Stretched(nn.Module):
    """A model that sees one axis longer than the others."""

    @nn.compact
    def __call__(self, seen):
        displacements = seen.edges["displacements"]
        factors = jnp.array([1.1, 1, 1], displacements.dtype)
        stretched = seen.replace(edges={"displacements": displacements * factors})
        return MODEL.copy(name="inner")(stretched)


def test_a_model_that_prefers_an_axis_is_caught():
    assert symmetry_error(np.float64, model=Stretched()) > 1e-3


def test_equal_atoms_may_change_places_and_the_matrix_is_symmetric():
    positions = make_positions()
    order = np.concatenate([np.flatnonzero(LAYOUT.atoms == atom) for atom in (0, 2, 1)])
    before = hamiltonians(positions)
    after = hamiltonians(positions[:, [0, 2, 1]])
    np.testing.assert_allclose(after, before[:, order][:, :, order], atol=1e-13)
    np.testing.assert_allclose(before, before.swapaxes(1, 2), atol=1e-14)
    assert np.abs(after - before).max() > 1e-2
    # Every frame by itself, and every entry depends on the geometry or is a constant of one.
    np.testing.assert_allclose(hamiltonians(positions[::-1])[::-1], before, atol=1e-13)


def test_all_blocks_see_the_positions():
    """Blocks of odd parity for their degree, such as 1e of p with p, are there too."""
    from symjax_models.ops.matrix_blocks import irreps_from_blocks

    found = CHANGE.T @ hamiltonians(make_positions()) @ CHANGE
    block = found[:, :9, 9:13]  # O with H
    with jax.enable_x64(True):
        parts = irreps_from_blocks(block, left=ORBITALS[0], right=ORBITALS[1])
    assert {"1e", "2o"} <= {str(term) for _, term in parts.rep.terms}
    for array in parts.blocks:
        assert np.abs(np.asarray(array)[0] - np.asarray(array)[1]).max() > 1e-4


@pytest.mark.parametrize("dtype", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
def test_one_atom_has_a_finite_matrix_that_nothing_turns(dtype):
    layout = OrbitalLayout(((0, 0), (0, 0), (0, 1), (0, 2)))
    model = MODEL.clone(atoms=(10,), orbitals=(layout.irreps(0),))
    with jax.enable_x64(dtype == np.float64):
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), draw_params(model, num_atoms=1))
        positions = np.ones((2, 1, 3), dtype)
        found = np.asarray(_apply(model, params, positions))
    assert found.dtype == dtype and found.shape == (2, 10, 10)
    assert np.isfinite(found).all()
    assert np.abs(np.diagonal(found, axis1=1, axis2=2)).min() > 1e-3
    change = layout.from_harmonics()
    found = change @ found @ change.T
    matrix, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    uneven = found + np.diag(np.arange(10.0))
    for g in (matrix, -matrix):
        turn = layout.rotation(g)
        np.testing.assert_allclose(turn @ found @ turn.T, found, atol=20 * np.finfo(dtype).eps)
        assert np.abs(turn @ uneven @ turn.T - uneven).max() > 0.1


@functools.partial(jax.jit, static_argnums=0)
def _embeddings_of_pairs(model, params, positions):
    seen = []

    def keep(call, args, kwargs, context):
        if context.module.name == "expand_pairs":
            _, embeddings, kinds = args
            seen.append(embeddings[kinds])
        return call(*args, **kwargs)

    with nn.intercept_methods(keep):
        model.apply(params, make_graph(positions))
    return seen


def test_blocks_of_pairs_depend_on_the_species_of_row_and_column_in_this_order():
    params = draw_params(MODEL)
    (found,) = _embeddings_of_pairs(MODEL, params, make_positions())
    hydrogen, oxygen = np.float32(params["params"]["embedding"])
    of_atoms = (oxygen, hydrogen, hydrogen)
    for i in range(3):
        for k in range(2):
            expected = np.concatenate([of_atoms[i], of_atoms[(i + k + 1) % 3]])
            np.testing.assert_array_equal(found[i, k], expected)


@pytest.mark.slow
def test_gradients_are_finite_where_atoms_coincide():
    params = jax.tree.map(np.float32, draw_params(MODEL))
    positions = make_positions().astype(np.float32)
    positions[1, 1] = positions[1, 0]

    @jax.jit
    def slopes(params, positions):
        return jax.grad(lambda *a: jnp.sum(_apply(MODEL, *a) ** 2), argnums=(0, 1))(
            params, positions
        )

    found = jax.tree_util.tree_leaves_with_path(slopes(params, positions))
    assert all(np.isfinite(leaf).all() for _, leaf in found)
    without = {jax.tree_util.keystr(path) for path, leaf in found if np.abs(leaf).max() < 1e-7}
    # The antisymmetric part of one p or d shell is none of a symmetric matrix, and between
    # different atoms there is no block of d with d: 1e and 3e, or 3e and 4e, go nowhere.
    for name in without:
        assert re.search(
            r"(_atoms|self_1).*kernel_(1_1|5_5)|(_pairs|pair_1).*kernel_(5_5|7_7)", name
        )


def test_number_of_parameters_is_that_of_the_docstring():
    water = ("3x0e+2x1o+1x2e", "2x0e+1x1o", "2x0e+1x1o")
    model = QHNet(atoms=(8, 1, 1), orbitals=water)
    found = jax.eval_shape(model.init, jax.random.key(0), make_graph(make_positions()))
    count = sum(leaf.size for leaf in jax.tree.leaves(found))
    assert f"{count:,}\n        parameters" in QHNet.__doc__


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"orbitals": ORBITALS[:2]}, "orbitals of each of the 3 atoms, got 2"),
        ({"orbitals": (ORBITALS[1], *ORBITALS[:2])}, "atoms of one species have equal orbitals"),
        ({"start_layer": 2}, r"start_layer is one of 0..1, got 2"),
        ({"atoms": (8, 1), "orbitals": ORBITALS[:2]}, "made for 2 atoms, got a graph of 3"),
        ({"max_degree": 1}, "no path leads to"),
    ],
)
def test_wrong_fields_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        jax.eval_shape(MODEL.clone(**changes).init, jax.random.key(0), make_graph(make_positions()))
