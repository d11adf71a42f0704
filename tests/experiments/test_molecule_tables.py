"""Tables of potentials: rows that are shown, figures, and errors of periodic data."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("ase", reason="the extra [molecules]")
pytest.importorskip("vesin", reason="the extra [molecules]")

from experiments import (
    acac_table,
    cli,
    generated_table,
    molecules,
    molecules_data,
    molecules_errors,
    molecules_task,
    potentials,
    rmd17_table,
    store,
    tables,
)  # fmt: skip
from symjax_models.data import emt_slabs
from symjax_models.models import saved_potential


def append_row(results, config, *, metrics, **changes):
    """Store a row that nobody trained."""
    config = cli.as_json(config)
    row = {name: config[name] for name in ("table", "row", "preset")} | {
        "config": config, "metrics": metrics, "seed": 0, "params": 1234, "steps": 5678,
        "seconds": 120.0, "hardware": "2 x CPU", "versions": {}, "revision": "abc",
        "overrides": {},
    }  # fmt: skip
    store.append(row | changes, results=results)


def test_acetylacetone_shows_errors_and_curves_of_the_same_run(tmp_path):
    table = acac_table.TABLE
    angles, images = np.linspace(0, 180, 5), np.arange(4.0)
    curves = {
        "dihedral_coordinate": angles, "dihedral_reference": np.sin(angles),
        "dihedral_predicted": np.sin(angles) + 0.02, "h_transfer_coordinate": images,
        "h_transfer_reference": images**2, "h_transfer_predicted": images**2 + 0.01,
    }  # fmt: skip
    metrics = {"300K_energy_rmse": 1.04, "300K_force_rmse": 5.5, "600K_energy_rmse": 6.0,
               "600K_force_rmse": 30.0, "dihedral_energy_rmse": 20.0,
               "h_transfer_energy_rmse": 10.0}  # fmt: skip
    config = tables.load_config("acac", "mace", "quick")
    append_row(tmp_path, config, metrics=metrics)
    # With another number of frames it is not the run of the table.
    append_row(tmp_path, config, metrics=metrics | {"300K_energy_rmse": 0.1},
               overrides={"data.num_train": 100})  # fmt: skip
    text = table.readme(presets=tables.PRESETS, results=tmp_path)
    assert (
        "| MACE | 0.9 / 5.1 | **1.0 / 5.5** | 4.6 / 22.4 | **6.0 / 30.0** | 20.0 | 10.0 |" in text
    )
    assert "NequIP |" not in text and "revision abc" in text
    assert table.draw(tmp_path, presets=tables.PRESETS, results=tmp_path) == []

    path = store.samples_path("acac", row="mace", preset="quick", seed=0, results=tmp_path)
    store.write_samples(path, curves | {"dihedral_predicted": np.sin(angles) + 0.03})
    assert table.draw(tmp_path, presets=tables.PRESETS, results=tmp_path) == []
    store.write_samples(path, curves)
    (figure,) = table.draw(tmp_path, presets=tables.PRESETS, results=tmp_path)
    assert figure.stat().st_size > 10_000


def test_rmd17_shows_molecules_and_frames_apart(tmp_path):
    for num_train, error in ((50, 40.0), (950, 10.0)):
        config = rmd17_table.TABLE.configs("mace", "quick")[f"ethanol, {num_train} frames"]
        metrics = {"energy_mae": 1.0, "force_mae": error, "padding_edges": 0.01, "compilations": 1}
        append_row(tmp_path, config, metrics=metrics)
    lines = rmd17_table.TABLE.readme(presets=tables.PRESETS, results=tmp_path).splitlines()
    assert any(line.startswith("| ethanol, 50 | MACE | 6.7 / 32.6 | – | **1.0 / 40.0**")
               for line in lines)  # fmt: skip
    assert any(line.startswith("| ethanol, 950 | MACE | 0.4 / 2.1 | 0.4 / 2.7 | **1.0 / 10.0**")
               for line in lines)  # fmt: skip
    (figure,) = rmd17_table.TABLE.draw(tmp_path, presets=tables.PRESETS, results=tmp_path)
    assert figure.stat().st_size > 10_000


def test_generated_data_show_what_was_measured(tmp_path):
    metrics = {"energy_mae": 1.25, "force_mae": 3.0, "padding_edges": 0.01, "compilations": 2}
    for seed, more in ((0, {"nve_drift": 0.001}), (1, {})):
        config = tables.load_config("gfn2", "painn", "quick")
        config.seeds = (0, 1)
        append_row(tmp_path, config, metrics=metrics | more, seed=seed)
    text = generated_table.GFN2.readme(presets=tables.PRESETS, results=tmp_path)
    assert "| PaiNN | 1.2 | 3.0 | – | 1.0% | 2 | 5,678 (quick) | 1,234 | 2 min |" in text
    assert "drift" in text and "stress" not in text


def slabs(count):
    """Return slabs of two sizes, with stresses."""
    return emt_slabs.generate_slabs(
        num_frames=count, seed=0, metals=("Cu",), adsorbates=("H", "CO"), frames_per_slab=1,
        equilibration_steps=1, sample_every=1, report=lambda text: None,
    )  # fmt: skip


def test_errors_of_periodic_configurations_of_several_sizes(tmp_path):
    structures = slabs(6)
    assert len(set(structures.num_atoms.tolist())) == 2
    references = dict.fromkeys(np.unique(structures.numbers).tolist(), 0.0)
    prepared = molecules_task.prepare(structures, references, cutoff=3.0)
    predicted = {
        "energies": structures.energies + 0.002,
        "forces": structures.forces - 0.003,
        "stresses": structures.stresses + 0.0001,
    }
    metrics = molecules_errors.measure(predicted, prepared)
    for name, expected in (("energy", 2.0), ("force", 3.0), ("stress", 0.1)):
        np.testing.assert_allclose(metrics[f"{name}_mae"], expected, rtol=1e-2)
        np.testing.assert_allclose(metrics[f"{name}_rmse"], expected, rtol=1e-2)
    molecules_errors.plot(predicted, prepared, tmp_path / "errors.png")
    assert (tmp_path / "errors.png").stat().st_size > 10_000
    bare = dataclasses.replace(structures, forces=None, stresses=None)
    bare = molecules_task.prepare(bare, references, cutoff=3.0)
    assert set(molecules_errors.measure(predicted, bare)) == {
        "energy_mae", "energy_mae_se", "energy_rmse",
    }  # fmt: skip


@pytest.mark.slow
def test_one_run_on_periodic_slabs(tmp_path):
    config = tables.load_config("emt", "painn", "smoke")
    assert molecules.run(config, workdir=tmp_path / "run", results=tmp_path)
    (line,) = (tmp_path / "emt.jsonl").read_text().splitlines()
    metrics = json.loads(line)["metrics"]
    assert metrics["stress_mae"] > 0 and metrics["compilations"] <= 4
    assert (tmp_path / "run" / "errors.png").stat().st_size > 10_000
    test = molecules_data.load_emt(config.data).tests[""]
    assert test.provenance["method"] == "EMT"
    saved = saved_potential.load(tmp_path / "run")
    found = potentials.evaluate(saved, test, tmp_path / "evaluated.png")
    for name in ("energy_mae", "force_mae", "stress_mae"):
        np.testing.assert_allclose(found[name], metrics[name], rtol=1e-3)
    assert (tmp_path / "evaluated.png").exists()
