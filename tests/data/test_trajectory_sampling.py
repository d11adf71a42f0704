"""Statistics of the dynamics against theory, on independent oscillators that cost nothing."""

import dataclasses
import sys

import numpy as np
import pytest

from symjax_models import progress
from symjax_models.data import trajectory_sampling
from symjax_models.data.trajectory_sampling import Dynamics

ase = pytest.importorskip("ase", reason="needs the extra [molecules]")
calculators = pytest.importorskip("ase.calculators.calculator")
# ASE sets shapes in a way that NumPy 2.5 calls outdated.

DYNAMICS = Dynamics(temperature_K=400.0, timestep_fs=1.0, sample_every=5, equilibration_steps=200)
BOLTZMANN = 8.617333e-5  # eV/K
STIFFNESS = 2.0  # eV/angstrom^2


class Springs(calculators.Calculator):
    """Bind every atom to its place."""

    implemented_properties = ("energy", "forces")

    def __init__(self, places):
        super().__init__()
        self.places = places

    def calculate(self, atoms=None, properties=None, system_changes=calculators.all_changes):
        super().calculate(atoms, properties, system_changes)
        away = self.atoms.positions - self.places
        self.results = {"energy": STIFFNESS / 2 * np.sum(away**2), "forces": -STIFFNESS * away}


def make_oscillators(count=60):
    places = 5.0 * np.arange(3 * count).reshape(count, 3)
    return ase.Atoms(f"N{count}", positions=places, calculator=Springs(places))


def sample(*, dynamics=DYNAMICS, num_frames=100, seed=0, atoms=None):
    atoms = make_oscillators() if atoms is None else atoms
    total = dynamics.count_steps(num_frames)
    line = progress.ProgressLine("test", total=total, unit="steps", report=lambda text: None)
    return trajectory_sampling.sample_trajectory(
        atoms,
        dynamics=dynamics,
        num_frames=num_frames,
        rng=np.random.default_rng(seed),
        line=line,
    )


@pytest.fixture(scope="module")
def trajectory():
    return sample()


@pytest.fixture(scope="module")
def conservative():
    return sample(dynamics=dataclasses.replace(DYNAMICS, ensemble="nve"))


def test_shapes_and_content(trajectory):
    assert len(trajectory) == 100
    assert trajectory.positions.shape == trajectory.forces.shape == (6000, 3)
    assert trajectory.cells is None and trajectory.stresses is None
    assert not np.array_equal(trajectory.positions[:60], trajectory.positions[-60:])


def test_langevin_energies_are_those_of_the_heat_bath(trajectory):
    # 180 degrees of freedom; the frames are correlated over some twenty of them.
    expected = 180 / 2 * BOLTZMANN * DYNAMICS.temperature_K
    assert trajectory.properties["kinetic_energies"].mean() == pytest.approx(expected, rel=0.08)
    assert trajectory.energies.mean() == pytest.approx(expected, rel=0.08)


def test_constant_energy_is_constant_and_that_of_a_heat_bath_is_not(trajectory, conservative):
    spread = [
        np.std(frames.energies + frames.properties["kinetic_energies"])
        for frames in (conservative, trajectory)
    ]
    assert spread[0] < 0.02 < 0.2 < spread[1]


def test_molecules_stay_at_their_centre_of_mass(trajectory):
    np.testing.assert_allclose(trajectory.positions[:60].mean(axis=0), 0.0, atol=1e-10)


def test_equal_seeds_give_equal_bits_and_others_do_not():
    first, again, other = (sample(num_frames=3, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.positions, again.positions)
    np.testing.assert_array_equal(first.energies, again.energies)
    assert np.abs(first.positions - other.positions).max() > 1e-3


def test_a_shorter_trajectory_is_the_beginning_of_a_longer_one(trajectory):
    np.testing.assert_array_equal(sample(num_frames=3).positions, trajectory.positions[:180])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature_K": -1.0}, "temperature_K of at least 0, got -1.0"),
        ({"temperature_K": float("nan")}, "temperature_K of at least 0, got nan"),
        ({"timestep_fs": 0.0}, "timestep_fs above 0, got 0.0"),
        ({"sample_every": 0}, "sample_every above 0, got 0"),
        ({"equilibration_steps": -1}, "equilibration_steps of at least 0"),
        ({"ensemble": "nwe"}, "unknown ensemble 'nwe'; did you mean 'nve'"),
    ],
)
def test_wrong_settings_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(DYNAMICS, **change)


def test_a_count_of_frames_is_positive():
    with pytest.raises(ValueError, match="num_frames of at least 1, got 0"):
        DYNAMICS.count_steps(0)


def test_a_failing_calculator_is_named_with_the_frame():
    atoms = make_oscillators(2)
    atoms.calc.places = atoms.calc.places * np.nan
    with pytest.raises(ValueError, match="N2: the dynamics failed before frame 0"):
        sample(atoms=atoms, num_frames=1)


def test_atoms_that_fly_apart_are_no_data():
    atoms = make_oscillators(2)
    atoms.calc.places = atoms.calc.places + 100.0 * np.array([[1.0], [-1.0]])
    with pytest.raises(ValueError, match="collapse or fly apart: forces reach"):
        sample(atoms=atoms, num_frames=1)


def check(structures, **tolerances):
    places = make_oscillators().positions
    places = places - places.mean(axis=0)
    settings = {"num_frames": 3, "energy_tolerance": np.inf, "force_tolerance": np.inf}
    return trajectory_sampling.check_labels(
        structures, make_calculator=lambda: Springs(places), **(settings | tolerances)
    )


@pytest.mark.parametrize("label", ["energies", "forces"])
def test_a_wrong_label_is_found(trajectory, label):
    # The places move with the centre of mass, so true labels here are those of fixed ones.
    frames = trajectory.take([0, 50, 99])
    places = make_oscillators().positions
    away = frames.positions.reshape(3, 60, 3) - (places - places.mean(axis=0))
    labels = {
        "energies": STIFFNESS / 2 * np.sum(away**2, axis=(1, 2)),
        "forces": -STIFFNESS * away.reshape(-1, 3),
    }
    right = dataclasses.replace(frames, **labels)
    tight = {"energy_tolerance": 1e-10, "force_tolerance": 1e-10}
    assert max(check(right, **tight)) < 1e-10
    wrong = labels[label].copy()
    wrong[-1] += 1e-6
    with pytest.raises(ValueError, match="frame 2: .* differs by 1e-06"):
        check(dataclasses.replace(right, **{label: wrong}), **tight)


def test_missing_labels_and_counts_are_named(trajectory):
    with pytest.raises(ValueError, match="energies and forces"):
        check(dataclasses.replace(trajectory, forces=None))
    with pytest.raises(ValueError, match="num_frames of at least 1"):
        check(trajectory, num_frames=0)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite.ase", None)
    with pytest.raises(ImportError, match=r"tblite: pip install symjax_models\[molecules\]"):
        trajectory_sampling.import_extra("tblite.ase")
