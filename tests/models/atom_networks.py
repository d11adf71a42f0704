"""Tiny networks of atoms of all kinds, a configuration with padding, and how to evaluate them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.models.egnn_potential import EGNNPotential
from symjax_models.models.mace import MACE
from symjax_models.models.nequip import NequIP
from symjax_models.models.painn import PaiNN
from symjax_models.models.schnet import SchNet
from symjax_models.models.so3krates import SO3krates
from symjax_models.ops import message_passing
from symjax_models.ops.graph import Graph

SPECIES, CUTOFF = (1, 6, 8), 3.0
COMMON = {"species": SPECIES, "num_neighbours": 4.0, "cutoff": CUTOFF, "num_radial": 3}
STEERABLE = {"max_degree": 1, "radial_hidden": (4,), "num_layers": 2}
MODELS = {
    "egnn_potential": EGNNPotential(
        species=SPECIES, num_neighbours=4.0, features=4, num_layers=2, cutoff=CUTOFF
    ),
    "schnet": SchNet(features=4, num_layers=2, **COMMON),
    "painn": PaiNN(features=4, num_layers=2, **COMMON),
    "nequip": NequIP(hidden="3x0e+2x1o", **STEERABLE, **COMMON),
    "so3krates": SO3krates(features=4, num_heads=2, max_degree=2, num_layers=2, **COMMON),
    "mace": MACE(num_channels=2, correlation=3, readout_hidden=3, **STEERABLE, **COMMON),
}
NAMES = sorted(MODELS)
# Each takes seconds to compile once more.
SLOW = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("mace", "nequip", "painn", "so3krates")
]
# Five atoms that see each other, one that sees nothing, and two slots of padding.
NUMBERS = np.array([6, 1, 8, 1, 6, 8, 0, 0], np.int32)
SEES, REAL, SLOTS = 5, 6, 8
EDGES = SEES * (SEES - 1)


def make_structure(seed=0):
    """Return positions, numbers, senders and receivers, with four edges of padding."""
    rng = np.random.default_rng(seed)
    positions = np.zeros((SLOTS, 3))
    # The corners of a cube, shaken: closer than the cutoff, and nothing coincides.
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [9, 9, 9]])
    positions[:REAL] = 1.2 * corners + 0.15 * rng.normal(size=(REAL, 3))
    senders, receivers = np.nonzero(~np.eye(SEES, dtype=bool))
    padding = np.full(4, SLOTS - 1)
    ends = (np.concatenate([ends, padding]).astype(np.int32) for ends in (senders, receivers))
    return positions, NUMBERS, *ends


NODE_MASK = np.arange(SLOTS) < REAL
EDGE_MASK = np.arange(EDGES + 4) < EDGES


def site_energies(model, params, structure, node_mask, edge_mask):
    positions, numbers, senders, receivers = structure
    graph = Graph(
        nodes={"numbers": numbers},
        edges={},
        senders=senders,
        receivers=receivers,
        n_node=jnp.sum(node_mask)[None],
        n_edge=jnp.sum(edge_mask)[None],
        node_mask=node_mask,
        edge_mask=edge_mask,
    )
    displacements = message_passing.displacements(graph, positions)
    graph = graph.replace(edges={"displacements": displacements})
    return jnp.where(node_mask, model.apply(params, graph)[:, 0], 0)


def energies_and_forces(model, params, structure, node_mask, edge_mask):
    def total(positions):
        rest = structure[1:]
        sites = site_energies(model, params, (positions, *rest), node_mask, edge_mask)
        return jnp.sum(sites), sites

    slopes, sites = jax.grad(total, has_aux=True)(structure[0])
    return sites, -slopes


_evaluate = jax.jit(energies_and_forces, static_argnums=0)


def evaluate(model, structure, *, params=None, dtype=np.float64, edge_mask=EDGE_MASK):
    """Return energies of the slots and forces, in the precision that is asked for."""
    with jax.enable_x64(dtype == np.float64):
        params = draw_params(model) if params is None else params
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), params)
        structure = (np.asarray(structure[0], dtype), *structure[1:])
        found = _evaluate(model, params, structure, NODE_MASK, edge_mask)
        return tuple(np.asarray(array) for array in found)


@functools.cache
def draw_params(model):
    """Draw all parameters, biases too, without compiling anything."""
    rng = np.random.default_rng(0)
    structure = make_structure()
    structure = (structure[0].astype(np.float32), *structure[1:])

    def init(key):
        return model.init(key, as_graph(structure))

    def draw(leaf):
        width = leaf.shape[-2] ** -0.5 if leaf.ndim > 1 else 0.3
        return width * rng.normal(size=leaf.shape)

    return jax.tree.map(draw, jax.eval_shape(init, jax.random.key(0)))


def as_graph(structure):
    positions, numbers, senders, receivers = structure
    return Graph(
        nodes={"numbers": jnp.asarray(numbers)},
        edges={"displacements": jnp.asarray(positions[receivers] - positions[senders])},
        senders=jnp.asarray(senders),
        receivers=jnp.asarray(receivers),
        n_node=jnp.array([REAL]),
        n_edge=jnp.array([EDGES]),
    )


def orthogonal_matrices():
    """Return a rotation and a reflected one."""
    matrix, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    return matrix, -matrix


def symmetry_errors(model, dtype, matrices):
    """Return the largest errors of energies and forces under matrices and translations."""
    positions, *rest = make_structure()
    energies, forces = evaluate(model, (positions, *rest), dtype=dtype)
    errors = []
    for matrix in matrices:
        moved = positions @ matrix.T + np.array([1.0, -2.0, 0.5])
        found, turned = evaluate(model, (moved, *rest), dtype=dtype)
        errors += [np.abs(found - energies).max(), np.abs(turned - forces @ matrix.T).max()]
    return np.max(errors) / np.abs(forces).max()
