"""The benchmarks of potentials, on tiny networks; the peer itself in slow tests, if installed."""

import dataclasses
import importlib.util

import jax
import numpy as np
import pytest

from experiments.benchmarks import (
    mace_step,
    molecular_dynamics,
    potential_peers,
    potential_setting,
    table,
)

pytest.importorskip("ase")

TINY = potential_setting.Case(
    num_channels=2, max_degree=1, correlation=2, batch_size=2, num_layers=1, hidden_degree=0
)
NUM_STEPS = 2
needs_mlip = pytest.mark.skipif(
    importlib.util.find_spec("mlip") is None, reason="mlip is in the extra [bench]"
)


@pytest.fixture(scope="module")
def frames():
    return potential_setting.make_frames(TINY)


@pytest.fixture(scope="module")
def ours(frames):
    return potential_setting.make_ours(TINY, frames)


def absent(*_):
    raise ImportError("no module of that name")


def test_batch_holds_all_frames_in_the_slots_of_the_peer(frames, ours):
    graph, labels = ours.batch
    assert frames.slots == (2 * 9 + 1, 2 * frames.num_edges)
    assert (graph.n_node.tolist(), int(graph.node_mask.sum())) == ([9, 9], 18)
    assert graph.senders.shape == (2 * frames.num_edges,)
    np.testing.assert_allclose(labels["energies"], frames.energies, rtol=1e-6)


def test_our_side_passes_and_faults_are_named(frames, ours):
    positions = frames.positions[0]
    potential_setting.check_potential("ours", ours.evaluate, positions)

    def leaning(x):
        energy, forces = ours.evaluate(x)
        return energy + x[0, 0], forces

    def doubled(x):
        energy, forces = ours.evaluate(x)
        return energy, 2 * forces

    def fixed(x):
        energy, _ = ours.evaluate(x)
        return energy, ours.evaluate(positions)[1]

    def nothing(x):
        return 0.0, np.zeros_like(x)

    for evaluate, fault in (
        (leaning, "not invariant"),
        (doubled, "not the derivative"),
        (fixed, "do not turn"),
        (nothing, "means nothing"),
    ):
        with pytest.raises(ValueError, match=fault):
            potential_setting.check_potential("other", evaluate, positions)


@pytest.fixture
def sides_made_once(monkeypatch, ours):
    monkeypatch.setattr(potential_setting, "make_ours", lambda *_: ours)


def test_training_step_is_measured_beside_a_peer(tmp_path, sides_made_once, ours):
    lines = []
    other = dataclasses.replace(ours, name="other 1.0")
    mace_step.run(
        [TINY], num_rounds=2, seconds=1e-3, results=tmp_path, report=lines.append,
        make_peer=lambda *_: other,
    )  # fmt: skip
    rows = table.read(tmp_path)
    assert [row["quantity"] for row in rows] == ["train_step", "compile"]
    for row in rows:
        assert row["peer"] == "other 1.0"
        assert min(row["ours_ms"], row["peer_ms"], row["ratio"]) > 0
        assert row["ours_parameters"] == row["peer_parameters"] == ours.num_params > 0
    assert "mace_step" in table.render(rows)


def test_side_that_does_not_learn_is_refused(tmp_path, sides_made_once, ours):
    stuck = dataclasses.replace(
        ours, name="stuck", loss=lambda params, batch: 0 * jax.tree.leaves(params)[0].sum() + 1
    )
    with pytest.raises(ValueError, match="stuck does not learn"):
        mace_step.run(
            [TINY], num_rounds=1, seconds=1e-3, results=tmp_path, report=lambda _: None,
            make_peer=lambda *_: stuck,
        )  # fmt: skip
    assert table.read(tmp_path) == []


def test_dynamics_are_measured_without_a_peer(tmp_path, sides_made_once):
    lines = []
    molecular_dynamics.run(
        TINY, num_steps=NUM_STEPS, num_rounds=2, seconds=1e-3, results=tmp_path,
        report=lines.append, make_peer=absent,
    )  # fmt: skip
    [row] = table.read(tmp_path)
    assert row["quantity"] == "simulation_step"
    assert row["peer"].startswith("calculator of symjax_models")
    assert any("without a peer: no module" in line for line in lines)
    assert sum("steps/s" in line for line in lines) == 2


def test_velocities_are_thermal_and_the_molecule_stays(frames, ours):
    velocities = molecular_dynamics.thermal_velocities(frames)
    masses = frames.molecule.get_masses()[:, None]
    np.testing.assert_allclose(masses.T @ velocities, 0, atol=1e-12)
    expected = 1.5 * 8.617e-5 * molecular_dynamics.TEMPERATURE
    assert expected / 3 < 0.5 * np.sum(masses * velocities**2) / len(masses) < 3 * expected
    # The longest way, at constant forces, in 100 runs; 0.0982 is ASE's unit of time in 1/fs.
    forces = molecular_dynamics.SCALE * ours.evaluate(frames.positions[0])[1]
    time = 0.0982 * 100 * molecular_dynamics.NUM_STEPS * molecular_dynamics.TIMESTEP
    moved = np.linalg.norm(velocities * time + forces / masses * time**2 / 2, axis=1)
    assert 0 < moved.max() < 0.2
    molecular_dynamics.check_stayed("run", frames.molecule.positions + 0.1, frames)
    with pytest.raises(ValueError, match="run: an atom moved by 0.52 angstrom"):
        molecular_dynamics.check_stayed("run", frames.molecule.positions + 0.3, frames)


def test_scaled_potential_passes_and_its_forces_are_scaled(frames, ours):
    from symjax_models.dynamics.calculator import PotentialCalculator

    scale, positions = molecular_dynamics.SCALE, frames.positions[0]
    saved = potential_setting.make_saved(TINY, frames, params=ours.params, scale=scale)
    evaluate = potential_setting.evaluate_by(PotentialCalculator(saved), frames)
    potential_setting.check_potential("scaled", evaluate, positions)
    for found, expected in zip(evaluate(positions), ours.evaluate(positions), strict=True):
        size = np.abs(expected).max()
        np.testing.assert_allclose(found / scale, expected, atol=1e-5 * size)
        assert np.abs(found).min() > 1e-30


def test_readouts_that_are_named_otherwise_are_not_scaled():
    matrix = {"weight0": np.ones(2), "weight1": np.ones(3)}
    params = {
        "layers_0": {"readout_block": {"Linear_0": matrix}, "Linear_0": matrix},
        "layers_1": {"readout_block": {"Linear_0": matrix, "Linear_1": matrix}},
    }
    found = jax.tree.map(np.sum, potential_peers._scale_readouts(params, 0.5, num_layers=2))
    full, half = {"weight0": 2, "weight1": 3}, {"weight0": 1, "weight1": 1.5}
    assert found == {
        "layers_0": {"readout_block": {"Linear_0": half}, "Linear_0": full},
        "layers_1": {"readout_block": {"Linear_0": full, "Linear_1": half}},
    }
    with pytest.raises(ValueError, match="expected to scale 3 matrices"):
        potential_peers._scale_readouts(params, 0.5, num_layers=3)


@pytest.mark.slow
@needs_mlip
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_mlip_is_measured(tmp_path):
    lines = []
    case = dataclasses.replace(TINY, num_layers=2, hidden_degree=1)
    mace_step.run([case], num_rounds=2, seconds=1e-3, results=tmp_path, report=lines.append)
    molecular_dynamics.run(
        case, num_steps=10, num_rounds=2, seconds=1e-3, results=tmp_path, report=lines.append
    )
    peers = {row["peer"].split()[0] for row in table.read(tmp_path)}
    assert peers == {"mlip", "calculator"}
