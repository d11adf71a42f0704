import dataclasses

import numpy as np
import pytest

from symjax_models.data import nbody, nbody_simulator

SMALL = nbody.get_protocol("egnn_small")


def quiet(line):
    """Take a progress line and drop it."""


def short(name, **fields):
    """Return a protocol of few and short simulations."""
    protocol = nbody.get_protocol(name)
    system = dataclasses.replace(
        protocol.system, num_drawn=(6, 4, 4), num_steps=31, sample_every=10, **fields
    )
    return dataclasses.replace(
        protocol,
        system=system,
        input_frame=0,
        target_frame=1,
        num_train=5,
        num_valid=3,
        num_test=2,
        held_out=None,
    )


def forbid_simulation(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("simulated again")

    monkeypatch.setattr(nbody_simulator, "simulate", fail)


@pytest.mark.parametrize(
    ("split", "charges", "start", "target"),
    [
        (
            "train",
            (-1, 1, -1, -1, -1),
            (2.989116, 1.769370, -1.171294),
            (4.165500, 2.191309, -1.382619),
        ),
        (
            "valid",
            (-1, 1, -1, -1, -1),
            (-0.195075, 2.291607, -0.330086),
            (-0.384976, 3.534516, -0.650093),
        ),
        (
            "test",
            (1, 1, -1, -1, 1),
            (1.729898, 0.763515, 0.327371),
            (2.202855, 0.962163, -0.679564),
        ),
    ],
)
def test_first_simulation_has_its_fingerprint(first_simulations, split, charges, start, target):
    data = getattr(first_simulations, split)
    np.testing.assert_array_equal(data.charges[0, :, 0], charges)
    np.testing.assert_allclose(data.positions[0, 0], start, atol=1e-6, rtol=0)
    np.testing.assert_allclose(data.targets[0, 0], target, atol=1e-6, rtol=0)


def test_first_velocity_has_its_fingerprint(first_simulations):
    expected = (1.133811, 0.395681, -0.226607)
    velocity = first_simulations.train.velocities[0, 0]
    np.testing.assert_allclose(velocity, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", nbody.PROTOCOLS)
def test_load_gives_consistent_splits(name, tmp_path):
    protocol = short(name, num_bodies=4)
    data = nbody.load(protocol, cache_dir=tmp_path, report=quiet)
    assert [len(split) for split in (data.train, data.valid, data.test)] == [5, 3, 2]
    split, frames = data.train, protocol.system.num_frames
    assert split.positions.shape == split.velocities.shape == split.targets.shape == (5, 4, 3)
    assert split.charges.shape == (5, 4, 1)
    assert split.interactions.shape == (5, 4, 4)
    assert split.trajectories.shape == split.trajectory_velocities.shape == (5, frames, 4, 3)
    np.testing.assert_array_equal(split.positions, split.trajectories[:, 0])
    np.testing.assert_array_equal(split.velocities, split.trajectory_velocities[:, 0])
    np.testing.assert_array_equal(split.targets, split.trajectories[:, 1])
    assert not np.array_equal(data.train.positions[:2], data.test.positions)
    for field in dataclasses.fields(split):
        array = getattr(split, field.name)
        assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_load_gives_the_same_bits_from_the_cache(tmp_path, monkeypatch):
    protocol = short("springs")
    made = nbody.load(protocol, cache_dir=tmp_path, report=quiet)
    with monkeypatch.context() as context:
        forbid_simulation(context)
        read = nbody.load(protocol, cache_dir=tmp_path, report=quiet)
        # Control: other constants are another file.
        other = dataclasses.replace(
            protocol, system=dataclasses.replace(protocol.system, strength=0.2)
        )
        with pytest.raises(AssertionError, match="simulated again"):
            nbody.load(other, cache_dir=tmp_path, report=quiet)
    for split in ("train", "valid", "test"):
        for field in dataclasses.fields(nbody.NBodySplit):
            arrays = [getattr(getattr(data, split), field.name) for data in (made, read)]
            np.testing.assert_array_equal(*arrays)


def test_out_dist_reads_the_file_of_small(nbody_cache, first_simulations, monkeypatch):
    forbid_simulation(monkeypatch)
    protocol = nbody.get_protocol("egnn_out_dist")
    protocol = nbody.reduced(protocol, num_train=1, num_valid=1, num_test=1)
    data = nbody.load(protocol, cache_dir=nbody_cache, report=quiet)
    np.testing.assert_array_equal(data.train.targets, first_simulations.train.positions)


def test_large_has_the_held_out_simulations_of_small(tmp_path, first_simulations):
    large = nbody.get_protocol("egnn_large")
    # Two of the 50000 training simulations are the same draws when only two are drawn.
    system = dataclasses.replace(large.system, num_drawn=(2, 0, 0))
    large = dataclasses.replace(
        nbody.reduced(large, num_train=2, num_valid=1, num_test=1), system=system
    )
    data = nbody.load(large, cache_dir=tmp_path, report=quiet)
    np.testing.assert_array_equal(data.test.positions, first_simulations.test.positions)
    np.testing.assert_array_equal(data.valid.targets, first_simulations.valid.targets)
    assert data.train.trajectories.shape == (2, 9, 5, 3)
    np.testing.assert_array_equal(data.train.targets, data.train.trajectories[:, 8])


def test_load_reports_to_the_callable_only(tmp_path, capsys):
    lines = []
    nbody.load(short("springs"), cache_dir=tmp_path, report=lines.append)
    assert any("10 simulations in" in line for line in lines)
    assert capsys.readouterr().err == ""
    nbody.load(short("springs", strength=0.3), cache_dir=tmp_path)
    assert "10 simulations in" in capsys.readouterr().err


def test_load_goes_on_without_a_writable_folder(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    lines = []
    data = nbody.load(short("springs"), cache_dir=blocked / "cache", report=lines.append)
    assert len(data.train) == 5
    assert sum("SYMJAX_MODELS_CACHE" in line for line in lines) == 1


def test_load_refuses_simulations_that_are_not_finite(tmp_path):
    # Everybody starts at the same place.
    protocol = short("egnn_small", position_std=0.0)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="left the finite numbers"):
        nbody.load(protocol, cache_dir=tmp_path, report=quiet)
    assert not list(tmp_path.iterdir())


def moved(split, duration):
    return ((split.positions + duration * split.velocities - split.targets) ** 2).mean()


def design(split):
    inputs = np.concatenate([split.positions, split.velocities], axis=-1).reshape(-1, 6)
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=-1)


@pytest.mark.slow
def test_egnn_small_has_its_published_statistics(nbody_cache):
    data = nbody.load(SMALL, cache_dir=nbody_cache, report=quiet)
    splits = (data.train, data.valid, data.test)
    assert [len(split) for split in splits] == [3000, 2000, 2000]
    assert [split.charges.sum() for split in splits] == [132, 146, 102]
    lengths = [np.linalg.norm(s.targets - s.positions, axis=-1).mean() for s in splits]
    np.testing.assert_allclose(lengths, (0.8125, 0.7965, 0.8149), atol=1e-4, rtol=0)
    speeds = [np.linalg.norm(s.velocities, axis=-1).mean() for s in splits]
    np.testing.assert_allclose(speeds, (0.912, 0.893, 0.911), atol=1e-3, rtol=0)

    displacements = data.train.targets - data.train.positions
    duration = (displacements * data.train.velocities).sum() / (data.train.velocities**2).sum()
    assert duration == pytest.approx(0.7237, abs=2e-4)
    errors = [moved(split, duration) for split in splits]
    np.testing.assert_allclose(errors, (0.0867, 0.0833, 0.0836), atol=2e-4, rtol=0)
    errors = [moved(split, 0.0) for split in splits]
    np.testing.assert_allclose(errors, (0.2702, 0.2580, 0.2715), atol=2e-4, rtol=0)

    solution = np.linalg.lstsq(design(data.train), data.train.targets.reshape(-1, 3), rcond=None)[0]
    predictions = (design(data.test) @ solution).reshape(data.test.targets.shape)
    assert ((predictions - data.test.targets) ** 2).mean() == pytest.approx(0.0686, abs=3e-4)
