"""Measure steps of molecular dynamics with MACE, from ASE and compiled as a whole, beside mlip's.

    python -m experiments.benchmarks.molecular_dynamics

One ethanol, velocity Verlet with 0.5 fs. From ASE: ASE's integrator with our calculator and with
mlip's. As a whole: `dynamics.simulate`, beside both calculators and mlip's engine on JAX-MD. Hyper-
parameters are equal, see `potential_peers.make_mlip`; parameters are drawn, and energies scaled
down, so that atoms fly about freely at 300 K in every code alike. Every call of a calculator's
run, and of ours, starts from the same molecule; mlip's engine goes on where it was, since a new one
compiles anew. All potentials must first give invariant energies and forces that are their
derivatives. Rounds are in turns; a ratio is the median over rounds of the ratio within a round; the
first run, which compiles, is timed by itself. One row per comparison is appended to
`benchmarks.jsonl` in the folder `--results`.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import flags

import symjax_models
from experiments import cli, provenance
from experiments import store as result_store
from experiments.benchmarks import potential_setting, rounds, store, table
from experiments.benchmarks.potential_setting import Case, Frames

BENCHMARK = "molecular_dynamics"
CASE = Case(batch_size=1)
NUM_STEPS = 1000  # of one run, 0.5 ps
ROUNDS = 9
SECONDS = 1.0  # of every candidate in every round
TIMESTEP = 0.5  # fs
TEMPERATURE = 300.0  # kelvin
_SCALE = 1e-3  # of energies
_CALCULATOR, _SIMULATION = "calculator", "simulation"

Report = Callable[[str], None]
# What a library offers, by kind, with the function that does `NUM_STEPS` steps.
Runs = dict[str, Callable[[], None]]
MakePeer = Callable[[Case, Frames, np.ndarray, int], tuple[str, Runs]]


def run(
    case: Case = CASE,
    *,
    num_steps: int = NUM_STEPS,
    num_rounds: int = ROUNDS,
    seconds: float = SECONDS,
    results: pathlib.Path = result_store.RESULTS,
    report: Report = cli.report,
    make_peer: MakePeer | None = None,
) -> None:
    """Measure, print and store all comparisons.

    Args:
        case: The sizes.
        num_steps: Steps of one run.
        num_rounds: Rounds of timing.
        seconds: Time of every candidate in every round.
        results: Folder of the stored rows.
        report: Takes each line of the report.
        make_peer: Builds the peer; mlip if None.

    Raises:
        ValueError: If a side computes no potential.
    """
    frames = potential_setting.make_frames(case)
    velocities = thermal_velocities(frames)
    ours = f"symjax_models {symjax_models.__version__}"
    runs = {ours: _our_runs(case, frames, velocities, num_steps)}
    try:
        name, peer = (make_peer or _mlip_runs)(case, frames, velocities, num_steps)
        runs[name] = peer
    except ImportError as error:
        report(f"without a peer: {error}")
    candidates, first = {}, {}
    for name, kinds in runs.items():
        for kind, function in kinds.items():
            began = time.perf_counter()
            function()
            first[name, kind] = 1e3 * (time.perf_counter() - began)
            candidates[name, kind] = rounds.Candidate(function, num_steps)
    labels = {" ".join(key): candidate for key, candidate in candidates.items()}
    times = rounds.time_in_turns(labels, rounds=num_rounds, seconds=seconds)
    report(f"molecular dynamics on {provenance.hardware()}, {dataclasses.asdict(case)}")
    for key in candidates:
        milliseconds = np.median(times[" ".join(key)])
        report(
            f"{' '.join(key)}: {1e3 / milliseconds:.4g} steps/s, {milliseconds:.4g} ms per step, "
            f"first run {first[key] / 1e3:.1f} s"
        )
    for row in _compare(case, num_steps, ours, first, times):
        report(f"{row['quantity']}, {row['peer']}: ratio {row['ratio']:.2f}")
        store.append_benchmark(row, results=results)


def thermal_velocities(frames: Frames) -> np.ndarray:
    """Draw velocities of `TEMPERATURE` without motion of the whole, `[N, 3]`, in units of ASE."""
    import ase.units

    masses = frames.molecule.get_masses()[:, None]
    widths = np.sqrt(ase.units.kB * TEMPERATURE / masses)
    velocities = widths * np.random.default_rng(2).normal(size=(len(masses), 3))
    return velocities - np.sum(masses * velocities, axis=0) / masses.sum()


def ase_run(
    calculator: Any, frames: Frames, velocities: np.ndarray, num_steps: int
) -> Callable[[], None]:
    """Let ASE do steps with a calculator, always from the same start."""
    import ase.units
    from ase.md.verlet import VelocityVerlet

    atoms = frames.molecule.copy()
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, timestep=TIMESTEP * ase.units.fs)

    def run() -> None:
        atoms.set_positions(frames.molecule.positions)
        atoms.set_velocities(velocities)
        dynamics.run(num_steps)

    return run


def _our_runs(case: Case, frames: Frames, velocities: np.ndarray, num_steps: int) -> Runs:
    import ase.units

    from symjax_models.dynamics.calculator import PotentialCalculator
    from symjax_models.dynamics.simulation import Settings, System, simulate

    side = potential_setting.make_ours(case, frames)
    potential_setting.check_potential(side.name, side.evaluate, frames.positions[0])
    saved = potential_setting.make_saved(case, frames, params=side.params, scale=_SCALE)
    system = System(
        numbers=frames.molecule.numbers,
        masses=frames.molecule.get_masses(),
        positions=frames.molecule.positions,
        velocities=velocities * ase.units.fs,
    )
    settings = Settings(timestep=TIMESTEP, num_steps=num_steps, sample_every=num_steps)

    def simulation() -> None:
        simulate(saved, system, settings)

    calculator = PotentialCalculator(saved)
    return {
        _CALCULATOR: ase_run(calculator, frames, velocities, num_steps),
        _SIMULATION: simulation,
    }


def _mlip_runs(
    case: Case, frames: Frames, velocities: np.ndarray, num_steps: int
) -> tuple[str, Runs]:
    from experiments.benchmarks import potential_peers

    side = potential_peers.make_mlip(case, frames)
    potential_setting.check_potential(side.name, side.evaluate, frames.positions[0])
    force_field = potential_peers.make_force_field(case, frames, scale=_SCALE)
    engine = potential_peers.make_engine(
        force_field, frames, timestep=TIMESTEP, num_steps=num_steps, velocities=velocities
    )
    calculator = potential_peers.make_calculator(force_field, frames)
    return side.name, {
        _CALCULATOR: ase_run(calculator, frames, velocities, num_steps),
        _SIMULATION: engine.run,
    }


def _compare(
    case: Case,
    num_steps: int,
    ours: str,
    first: Mapping[tuple[str, str], float],
    times: Mapping[str, np.ndarray],
) -> list[dict[str, Any]]:
    """Compare like with like, and our simulation with every calculator too."""
    sizes = dataclasses.asdict(case) | {"molecule": "ethanol", "steps_per_run": num_steps}
    names = list(dict.fromkeys(name for name, _ in first))
    pairs = [(kind, name, kind) for kind in (_CALCULATOR, _SIMULATION) for name in names[1:]]
    pairs += [(_SIMULATION, name, _CALCULATOR) for name in names]
    found = []
    for kind, name, other in pairs:
        both = times[f"{ours} {kind}"], times[f"{name} {other}"]
        peer = name if kind == other else f"calculator of {name}"
        found.append(rounds.compare(BENCHMARK, sizes, f"{kind}_step", peer, *both))
        if kind == other:
            both = np.asarray([first[ours, kind]]), np.asarray([first[name, other]])
            found.append(rounds.compare(BENCHMARK, sizes, f"{kind}_first_run", peer, *both))
    return found


def main() -> None:
    """Read the flags and run."""
    # A compiled program from the cache of an earlier run would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    results = pathlib.Path(flags.FLAGS.results)
    run(results=results)
    table.publish(results)


if __name__ == "__main__":
    flags.DEFINE_string("results", str(result_store.RESULTS), "Folder of the stored rows.")
    cli.run(main)
