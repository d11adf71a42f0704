"""Hamiltonians of water: one whole run on shaken molecules, its table, and refusals."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytest.importorskip("pyscf", reason="the extra [molecules]")

from experiments import (
    cli,
    hamiltonians,
    hamiltonians_task,
    store,
    tables,
    water_hamiltonian_table,
)
from symjax_models.data import kohn_sham, orbital_energies, water_hamiltonians
from symjax_models.data.atomic_orbitals import OrbitalLayout
from symjax_models.data.structures import Structures

TABLE = water_hamiltonian_table.TABLE
NUMBERS = np.array([8, 1, 1])


def fake_water(*, num_frames, seed, **_):
    """Return shaken molecules with matrices that PySCF has nothing to do with."""
    rng = np.random.default_rng(seed)
    water = np.array([[0, 0, 0.1], [0, 0.8, 0.6], [0, -0.8, 0.6]])
    half = rng.normal(size=(num_frames, 24, 24))
    return Structures(
        numbers=np.tile(NUMBERS, num_frames),
        positions=(water + 0.1 * rng.normal(size=(num_frames, 3, 3))).reshape(-1, 3),
        num_atoms=np.full(num_frames, 3),
        properties={
            "hamiltonians": half + half.swapaxes(1, 2),
            "overlaps": np.tile(np.eye(24), (num_frames, 1, 1)),
        },
    )


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setattr(water_hamiltonians, "generate_water", fake_water)
    return tables.load_config("water_hamiltonian", "qhnet", "smoke")


def test_labels_are_split_and_turned_to_this_library_s_harmonics(config):
    problem = hamiltonians_task.make_problem(config)
    frames = fake_water(num_frames=12, seed=0)
    order = np.random.default_rng(0).permutation(12)
    change = problem.layout.from_harmonics()
    for part, indices in ((problem.train, order[:4]), (problem.valid, order[4:8])):
        restored = change @ (part["targets"] + problem.shift) @ change.T
        np.testing.assert_allclose(
            restored, frames.properties["hamiltonians"][indices], rtol=1e-5, atol=1e-5
        )
        np.testing.assert_allclose(
            part["positions"].reshape(-1, 9), frames.positions.reshape(12, 9)[indices], rtol=1e-6
        )
    expected = frames.properties["hamiltonians"][order[8:]]
    assert np.array_equal(problem.test["hamiltonians"], expected)


def test_the_shift_is_the_mean_over_rotations():
    layout = kohn_sham.orbital_layout(NUMBERS, basis="def2-svp")
    matrices = fake_water(num_frames=2, seed=1).properties["hamiltonians"]
    shift = hamiltonians_task.invariant_mean(matrices, layout, NUMBERS)
    change = layout.from_harmonics()
    g = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
    for matrix in (g, -g):
        turn = change.T @ layout.rotation(matrix) @ change
        np.testing.assert_allclose(turn @ shift @ turn.T, shift, atol=1e-13)
    # It takes the mean of the two hydrogen atoms, and is the best of its kind.
    swap = np.concatenate([np.flatnonzero(layout.atoms == atom) for atom in (0, 2, 1)])
    np.testing.assert_allclose(shift[swap][:, swap], shift, atol=1e-14)
    rest = matrices - shift
    assert np.abs(hamiltonians_task.invariant_mean(rest, layout, NUMBERS)).max() < 1e-13
    assert np.abs(shift).max() > 0.1


@pytest.mark.slow
def test_one_run_from_data_to_the_table(config, tmp_path):
    workdir, results = tmp_path / "run", tmp_path / "results"
    assert hamiltonians.run(config, workdir=workdir, results=results)
    (line,) = (results / "water_hamiltonian.jsonl").read_text().splitlines()
    row = json.loads(line)
    metrics = row["metrics"]
    assert metrics["hamiltonian_mae"] > 0 and 0 < metrics["similarity"] <= 100
    assert metrics["equivariance_error"] < 5e-6
    text = TABLE.readme(presets=("smoke",), results=results)
    assert "10.79 / 33.76 / 99.99" in text and "4 / 4 / 4 frames" in text
    assert f"**{metrics['hamiltonian_mae']:.2f} / {metrics['energy_mae']:.2f} / " in text
    assert f"| {row['params']:,} |" in text and row["hardware"] in text
    paths = TABLE.draw(tmp_path, presets=("smoke",), results=results)
    assert [path.name for path in paths] == ["water_hamiltonian.png"]
    assert paths[0].stat().st_size > 20_000

    # The metrics are those of the stored matrices, and a finished run is not trained again.
    with np.load(workdir / "samples-0.npz") as file:
        errors = 1e6 * np.abs(file["energies"] - file["reference_energies"]).mean()
        np.testing.assert_allclose(errors, metrics["energy_mae"], rtol=1e-9)
        assert file["energies"].shape == (4, 5)
    lines = []
    assert hamiltonians.run(config, workdir=workdir, results=results, report=lines.append)
    assert any("resuming at step 2 of 2" in line for line in lines)
    again = json.loads((results / "water_hamiltonian.jsonl").read_text().splitlines()[1])
    assert again["metrics"] == metrics
    config.optimizer.learning_rate = 1.0
    with pytest.raises(ValueError, match="another config .optimizer.learning_rate is 0.0005"):
        hamiltonians.run(config, workdir=workdir, results=results)


def test_table_of_a_stored_row(tmp_path):
    config = cli.as_json(tables.load_config("water_hamiltonian", "qhnet", "quick"))
    names = ("hamiltonian_mae", "energy_mae", "similarity", "equivariance_error")
    metrics = dict(zip(names, (21.126, 60.0, 99.987, 1.4e-6), strict=True))
    fixed = {"seed": 0, "params": 1234567, "steps": 12000, "seconds": 1830.0, "overrides": {}}
    row = {"table": "water_hamiltonian", "row": "qhnet", "preset": "quick", "config": config}
    made = {"hardware": "2 x CPU", "versions": {}, "revision": "abc"}
    store.append(row | fixed | made | {"metrics": metrics}, results=tmp_path)
    text = TABLE.readme(presets=tables.PRESETS, results=tmp_path)
    expected = (
        "| QHNet | **21.13 / 60.00 / 99.99** | ours, quick | generated water: 500 / 500 / 500 "
        "frames | 12,000 | 1,234,567 | 30 min | 1e-06 |"
    )
    assert expected in text.splitlines()
    assert TABLE.draw(tmp_path, presets=tables.PRESETS, results=tmp_path) == []


@pytest.mark.parametrize("steps", [{"quick": 5, "full": 9}, {"quick": 9, "full": 5}])
def test_the_figure_is_that_of_the_longest_run(monkeypatch, tmp_path, steps):
    rows = [
        {"row": "qhnet", "preset": preset, "steps": count, "seed": 0, "config": {}}
        for preset, count in steps.items()
    ]
    monkeypatch.setattr(store, "read", lambda *_, **__: rows)
    monkeypatch.setattr(store, "latest", lambda rows, *, row, preset: [
        stored for stored in rows if (stored["row"], stored["preset"]) == (row, preset)
    ])  # fmt: skip
    monkeypatch.setattr(store, "read_samples", lambda stored, **_: {"of": stored["preset"]})
    drawn = []
    monkeypatch.setattr(
        water_hamiltonian_table,
        "_plot",
        lambda samples, path, *, title: drawn.append((samples["of"], path.name, title)),
    )
    (path,) = TABLE.draw(tmp_path, presets=tables.PRESETS, results=tmp_path)
    longest = max(steps, key=steps.__getitem__)
    assert drawn == [(longest, path.name, f"QHNet, {longest}")]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("model.chanels", 3, "model 'qhnet' has no field 'chanels'; did you mean 'channels'"),
        ("model.start_layer", 1, r"start_layer is one of 0..0, got 1"),
        ("model.max_degree", 1, "no path leads to"),
        ("data.num_test", 0, r"num_test are at least 1, got \[4, 4, 0\]"),
        ("dat", 0, "unknown config field 'dat'; did you mean 'data'"),
    ],
)
def test_wrong_configs_are_refused_before_anything_is_generated(
    monkeypatch, tmp_path, field, value, words
):
    monkeypatch.setattr(water_hamiltonians, "generate_water", None)
    config = tables.load_config("water_hamiltonian", "qhnet", "smoke")
    *path, name = field.split(".")
    with config.unlocked():
        (config[path[0]] if path else config)[name] = value
    with pytest.raises(ValueError, match=words):
        hamiltonians.run(config, workdir=tmp_path / "run", results=tmp_path)
    # Nothing is left that would refuse the corrected config.
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_metrics_of_real_labels_are_zero_for_themselves():
    pytest.importorskip("tblite", reason="the extra [molecules]")
    frames = water_hamiltonians.generate_water(num_frames=2, seed=0)
    h, s = frames.properties["hamiltonians"], frames.properties["overlaps"]
    errors = orbital_energies.compare_hamiltonians(h, h, s, num_occupied=5)
    assert not errors.energy.any()
    energies, _ = orbital_energies.solve_orbitals(h, s)
    # Water: the core of O near -18.7, the highest occupied orbital near -0.24 hartree (PBE).
    assert np.all(np.abs(energies[:, 0] + 18.7) < 0.3)
    assert np.all((energies[:, 4] > -0.4) & (energies[:, 4] < -0.1) & (energies[:, 5] > -0.1))
    assert isinstance(kohn_sham.orbital_layout(NUMBERS, basis="def2-svp"), OrbitalLayout)
