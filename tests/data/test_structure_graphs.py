"""Batches gathered from one store: against assembly by hand, padding, periodic cells, jit."""

import jax
import numpy as np
import pytest

from symjax_models.data.structure_graphs import gather_batch, make_store
from symjax_models.data.structures import Structures
from symjax_models.models.potential import edge_displacements

pytest.importorskip("vesin", reason="the extra [molecules]")
COUNTS = (3, 1, 4, 2)


def draw(*, is_periodic=False):
    rng = np.random.default_rng(0)
    total, frames = sum(COUNTS), len(COUNTS)
    cells = 4 * np.eye(3) + 0.3 * rng.normal(size=(frames, 3, 3))
    return Structures(
        numbers=rng.integers(1, 9, total),
        positions=2 * rng.normal(size=(total, 3)),
        num_atoms=np.array(COUNTS),
        cells=cells if is_periodic else None,
        pbc=np.array([[1, 1, 1], [0, 0, 0], [1, 1, 0], [1, 1, 1]], bool) if is_periodic else None,
        energies=rng.normal(size=frames),
        forces=rng.normal(size=(total, 3)),
        stresses=rng.normal(size=(frames, 3, 3)) if is_periodic else None,
    )


@pytest.mark.parametrize("is_periodic", [False, True])
@pytest.mark.parametrize("indices", [(2, 0), (3, -1), (1, 2)])
def test_batches_hold_the_configurations_and_nothing_else(is_periodic, indices):
    structures = draw(is_periodic=is_periodic)
    store = make_store(structures, cutoff=3.0, dtype=np.float64)
    with jax.enable_x64(True):
        gather = jax.jit(gather_batch, static_argnames=("num_nodes", "num_edges"))
        graph, labels = gather(store, np.array(indices), num_nodes=9, num_edges=200)
        displacements = np.asarray(edge_displacements(graph))
    real = [index for index in indices if index >= 0]
    frames = [structures.frame(index) for index in real]
    atoms = sum(COUNTS[index] for index in real)
    assert graph.n_node.tolist() == [COUNTS[i] if i >= 0 else 0 for i in indices]
    np.testing.assert_array_equal(graph.node_mask, np.arange(9) < atoms)
    for name, array in (("numbers", graph.nodes["numbers"]), ("forces", labels["forces"])):
        np.testing.assert_array_equal(array[:atoms], np.concatenate([f[name] for f in frames]))
        np.testing.assert_array_equal(array[atoms:], 0)
    np.testing.assert_array_equal(labels["energies"][: len(real)], structures.energies[real])
    # Every edge joins atoms of one configuration that are close, and none is missing.
    mask = np.asarray(graph.edge_mask)
    lengths = np.linalg.norm(displacements[mask], axis=1)
    assert (lengths < 3.0).all() and (lengths > 0).all()
    assert mask.sum() == store.num_edges[real].sum() == np.asarray(graph.n_edge).sum()
    owner = np.repeat(np.arange(len(real)), [COUNTS[i] for i in real])
    senders, receivers = (np.asarray(ends)[mask] for ends in (graph.senders, graph.receivers))
    np.testing.assert_array_equal(owner[senders], owner[receivers])
    np.testing.assert_array_equal(displacements[~mask], 0)
    if is_periodic:
        np.testing.assert_array_equal(labels["stresses"][: len(real)], structures.stresses[real])
    else:
        expected = sum(
            int((np.linalg.norm(f["positions"][:, None] - f["positions"], axis=-1) < 3).sum())
            - len(f["positions"])
            for f in frames
        )
        assert mask.sum() == expected


def test_isolated_atoms_have_no_edges():
    atoms = Structures(numbers=[1, 8], positions=np.zeros((2, 3)), num_atoms=[1, 1])
    store = make_store(atoms, cutoff=3.0)
    graph, labels = gather_batch(store, np.array([1, 0]), num_nodes=2, num_edges=1)
    assert graph.nodes["numbers"].tolist() == [8, 1] and not graph.edge_mask.any()
    assert labels == {}


def test_lattice_vectors_move_displacements():
    structures = draw(is_periodic=True)
    store = make_store(structures, cutoff=3.0, dtype=np.float64)
    with jax.enable_x64(True):
        graph, _ = gather_batch(store, np.array([3, 2]), num_nodes=6, num_edges=300)
        found = np.asarray(edge_displacements(graph))[np.asarray(graph.edge_mask)]
    expected = []
    for index in (3, 2):
        start, count = store.edge_starts[index], store.num_edges[index]
        edges = slice(start, start + count)
        x = structures.frame(index)["positions"]
        images = x[store.senders[edges]] + store.shifts[edges] @ structures.cells[index]
        expected.append(x[store.receivers[edges]] - images)
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-12)
    assert np.abs(store.shifts).max() >= 1
