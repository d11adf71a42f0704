"""Trained potentials in files: what is written is read, whole or not at all."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from symjax_models.models import registry, saved_potential

HYPERPARAMETERS = {"species": [1, 8], "num_neighbours": 2.0, "features": 4, "num_layers": 1}


@pytest.fixture(scope="module")
def saved():
    network = registry.make_model("schnet", HYPERPARAMETERS | {"species": (1, 8)})
    shapes = jax.eval_shape(lambda key: network.init(key, _graph()), jax.random.key(0))
    rng = np.random.default_rng(0)
    return saved_potential.SavedPotential(
        model="schnet",
        hyperparameters=HYPERPARAMETERS,
        scale=(0.5, 0.7),
        shift=(0.0, 0.1),
        reference_energies=(-13.6, -2041.8),
        cutoff=5.0,
        params=jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes),
        provenance={"data": "none"},
    )


def _graph():
    from symjax_models.ops.graph import Graph

    ends = np.array([0, 1])
    return Graph(
        nodes={"numbers": np.array([1, 8])},
        edges={"displacements": np.array([[0, 0, 1.0], [0, 0, -1.0]], np.float32)},
        senders=ends,
        receivers=ends[::-1],
        n_node=np.array([2]),
        n_edge=np.array([2]),
    )


def test_what_is_written_is_read(saved, tmp_path):
    saved_potential.save(tmp_path / "potential.npz", saved)
    for path in (tmp_path, tmp_path / "potential.npz"):
        found = saved_potential.load(path)
        jax.tree.map(np.testing.assert_array_equal, found.params, saved.params)
        assert dataclasses.replace(found, params=None) == dataclasses.replace(saved, params=None)
        assert found.potential == saved.potential and found.species == (1, 8)
    assert [path.name for path in tmp_path.iterdir()] == ["potential.npz"]


def test_reference_energies_are_added_in_double_precision(saved):
    energies = saved.add_reference(np.float32([0.25, 0.5]), np.array([8, 1, 1]))
    np.testing.assert_array_equal(energies, np.array([0.25, 0.5]) + (-2041.8 - 13.6 - 13.6))
    assert energies.dtype == np.float64


def test_what_is_refused(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match="no trained potential at .*; a finished run"):
        saved_potential.load(tmp_path)
    path = tmp_path / "potential.npz"
    saved_potential.save(path, saved)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is not a whole file of a trained potential"):
        saved_potential.load(path)
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ValueError, match="is not a whole file of a trained potential"):
        saved_potential.load(path)
    np.savez(path, settings=np.array(json.dumps({"format": 99})))
    with pytest.raises(ValueError, match="has format 99, this version of symjax_models reads 1"):
        saved_potential.load(path)


def test_a_failed_write_leaves_the_former_file(saved, tmp_path, monkeypatch):
    path = tmp_path / "potential.npz"
    saved_potential.save(path, saved)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="No space left"):
        saved_potential.save(path, saved)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["potential.npz"]
