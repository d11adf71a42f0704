"""Tables of molecules: configs, data, one whole run and the commands that use its potential."""

import dataclasses
import gzip
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("ase", reason="the extra [molecules]")
pytest.importorskip("vesin", reason="the extra [molecules]")

from experiments import (
    molecules,
    molecules_data,
    molecules_errors,
    molecules_task,
    potentials,
    tables,
)
from symjax_models.models import saved_potential

ROOT = pathlib.Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data"


def write_rmd17(folder, *, num_train=6, num_test=4):
    """Write files as those of revised MD17, of water that is shaken."""
    rng = np.random.default_rng(0)
    (folder / "water").mkdir()
    for part, count in (("train", num_train), ("test", num_test)):
        lines = []
        for _ in range(count):
            x = np.array([[0, 0, 0.1], [0, 0.8, 0.6], [0, -0.8, 0.6]]) + 0.05 * rng.normal(
                size=(3, 3)
            )
            f = rng.normal(size=(3, 3))
            f -= f.mean(axis=0)
            lines += [
                "3",
                'Lattice="50 0 0 0 50 0 0 0 50" Properties=species:S:1:pos:R:3:forces:R:3 '
                f"Energy={-2079.0 + 0.1 * rng.normal():.6f}",
            ]
            for symbol, *numbers in zip("OHH", *x.T, *f.T, strict=True):
                lines.append(" ".join([symbol, *(f"{number:.8f}" for number in numbers)]))
        with gzip.open(folder / "water" / f"{part}_01.xyz.gz", "wt") as file:
            file.write("\n".join(lines) + "\n")


def rmd17_data(folder, **changes):
    data = tables.load_config("rmd17", "painn", "smoke").data
    data.update({"path": str(folder), "molecule": "water", "num_train": 3, "num_valid": 2})
    data.update({"num_test": 0} | changes)
    return data


def test_rmd17_is_split_by_file(tmp_path):
    write_rmd17(tmp_path)
    splits = molecules_data.load_rmd17(rmd17_data(tmp_path))
    assert [len(part) for part in (splits.train, splits.valid, splits.tests[""])] == [3, 2, 4]
    assert splits.train.pbc is None or not splits.train.pbc.any()
    energies = np.concatenate([splits.train.energies, splits.valid.energies])
    assert len(np.unique(energies)) == 5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_train": 5}, r"data.num_train \(5\) and data.num_valid \(2\) are more than the 6"),
        ({"num_test": 9}, "data.num_test is 9, and the test file has 4 frames"),
        ({"molecule": "watr"}, "no molecule 'watr' in .*, which has .'water'."),
    ],
)
def test_wrong_numbers_of_frames_are_refused(tmp_path, changes, sentence):
    write_rmd17(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        molecules_data.load_rmd17(rmd17_data(tmp_path, **changes))


def test_absent_data_say_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("SYMJAX_MODELS_DATA", raising=False)
    for path in ("", str(tmp_path / "nowhere")):
        with pytest.raises(FileNotFoundError, match=r"set --config.data.path, or SYMJAX_MODELS_DA"):
            molecules_data.load_rmd17(rmd17_data(path))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not here")
def test_real_data_are_read():
    data = tables.load_config("rmd17", "nequip", "quick").data
    data.path = str(REAL / "rmd17")
    splits = molecules_data.load_rmd17(data)
    assert [len(part) for part in (splits.train, splits.valid, splits.tests[""])] == [50, 50, 1000]
    np.testing.assert_allclose(splits.tests[""].energies.std(), 0.178, atol=0.01)
    data = tables.load_config("acac", "nequip", "quick").data
    data.path = str(REAL / "acac")
    splits = molecules_data.load_acac(data)
    assert {name: len(test) for name, test in splits.tests.items()} == {
        "300K": 650, "600K": 650, "dihedral": 45, "h_transfer": 15
    }  # fmt: skip
    assert set(splits.free_atoms) == {1, 6, 8}


def read_own(folder, **changes):
    data = tables.load_config("files", "painn", "smoke").data
    data.update({"path": str(folder / "water" / "train_01.xyz.gz"), "num_train": 0})
    data.update({"num_valid": 2, "num_test": 1} | changes)
    return molecules_data.load_file(data)


def test_files_of_ones_own(tmp_path):
    write_rmd17(tmp_path)
    splits = read_own(tmp_path)
    assert [len(part) for part in (splits.train, splits.valid, splits.tests[""])] == [3, 2, 1]
    other = read_own(tmp_path, energy_unit="kcal/mol")
    np.testing.assert_allclose(other.train.energies, splits.train.energies * 0.0433641, rtol=1e-6)
    with pytest.raises(ValueError, match="unit of energy 'kcal'; did you mean 'kcal/mol'"):
        read_own(tmp_path, energy_unit="kcal")
    with pytest.raises(ValueError, match="set --config.data.path to a file"):
        molecules_data.load_file(tables.load_config("files", "mace", "smoke").data)


def test_configurations_without_forces_are_measured(tmp_path):
    write_rmd17(tmp_path)
    config = tables.load_config("rmd17", "painn", "smoke")
    config.data = rmd17_data(tmp_path)
    config.batch_size = 3
    splits = molecules_data.load_rmd17(config.data)
    problem = molecules_task.make_problem(splits, config, report=lambda line: None)
    params = jax.jit(lambda key: molecules_task.init_params(problem, key))(jax.random.key(0))
    metrics = {}
    for name in ("with", "without"):
        test = splits.tests[""]
        if name == "without":
            test = dataclasses.replace(test, forces=None)
        prepared = molecules_task.prepare(test, problem.references, cutoff=4.0, batch_size=3)
        predicted = molecules_errors.predict(problem.potential, params, prepared)
        metrics[name] = molecules_errors.measure(predicted, prepared)
    assert metrics["without"].items() < metrics["with"].items()
    graph, _ = prepared.batches[0].gather(prepared.store, jnp.array([2]))
    alone = problem.potential.predict(params, graph)
    np.testing.assert_allclose(predicted["energies"][2], alone.energies[0], rtol=1e-5)
    atoms = slice(*np.cumsum([0, *prepared.store.num_atoms])[2:4])
    np.testing.assert_allclose(predicted["forces"][atoms], alone.forces[:3], rtol=1e-4, atol=1e-4)
    error = predicted["energies"] - prepared.store.labels["energies"]
    assert metrics["with"]["energy_mae"] == pytest.approx(1e3 * np.abs(error).mean())


def test_what_cannot_be_run_is_refused_before_the_training(tmp_path):
    config = tables.load_config("gfn2", "painn", "smoke")
    config.dynamics.sample_every = 30
    with pytest.raises(ValueError, match=r"num_steps must be a multiple of sample_every \(30\)"):
        molecules.run(config, workdir=tmp_path / "run", results=tmp_path)
    config = tables.load_config("gfn2", "painn", "smoke")
    config.num_devices = 2
    with pytest.raises(ValueError, match="not split over devices yet: num_devices is 1, got 2"):
        molecules.run(config, workdir=tmp_path / "run", results=tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_one_run_and_all_that_is_done_with_its_potential(tmp_path, capsys):
    pytest.importorskip("tblite", reason="the extra [molecules]")
    config = tables.load_config("gfn2", "painn", "smoke")
    workdir, results = tmp_path / "run", tmp_path / "results"
    assert molecules.run(config, workdir=workdir, results=results)
    (line,) = (results / "gfn2.jsonl").read_text().splitlines()
    metrics = json.loads(line)["metrics"]
    assert {"energy_mae", "force_mae", "nve_drift", "padding_edges", "compilations"} <= set(metrics)
    assert metrics["compilations"] == 1
    assert (workdir / "dynamics.png").stat().st_size > 10_000

    splits = molecules_data.load_gfn2(config.data)  # of the cache now
    saved = saved_potential.load(workdir)
    test = splits.tests[""]
    found = potentials.evaluate(saved, test)
    for name in ("energy_mae", "force_mae"):
        np.testing.assert_allclose(found[name], metrics[name], rtol=1e-4)
    potentials.predict(saved, test, tmp_path / "predicted.xyz")
    from symjax_models.data import structure_files

    predicted = structure_files.read_structures(tmp_path / "predicted.xyz")
    errors = 1e3 * np.abs(predicted.energies - test.energies)
    np.testing.assert_allclose(errors.mean(), metrics["energy_mae"], rtol=1e-3)
    settings = potentials.Settings(num_steps=40, sample_every=20)
    potentials.run_dynamics(saved, test, settings, tmp_path / "md.xyz")
    assert len(structure_files.read_structures(tmp_path / "md.xyz", units=None)) == 3
    potentials.check(saved, test, settings)
    printed = capsys.readouterr().out
    assert printed.count("ok  ") >= 4 and "drift of the energy in 0.02 ps" in printed
