"""Measure steps of molecular dynamics with MACE, from ASE and compiled as a whole, beside mlip's.

    python -m experiments.benchmarks.molecular_dynamics

One ethanol, velocity Verlet with 0.5 fs. From ASE: ASE's integrator with our calculator and with
mlip's. As a whole: `dynamics.simulate`, beside both calculators and mlip's engine on JAX-MD. Hyper-
parameters are equal, see `potential_peers.make_mlip`. Parameters are drawn, so the molecule would
not hold together: energies are scaled down and it is so cold that it stays. Forces of 1e-9 eV/A and
speeds of 1e-6 A/fs move an atom by 0.2 A at most in 50 ps, 100 runs. So our list of neighbours,
which has a skin, is never made anew within a run; mlip makes one in every step wherever atoms are.
Hence a step costs the same whatever the numbers are. They are small, but far from the smallest of
float32.

Every call of a calculator's run, and of ours, starts from the same molecule; mlip's engine goes on
where it was, since a new one compiles anew. Rounds are in turns; a ratio is the median over rounds
of the ratio within a round; the first run, which compiles, is timed by itself. In the end the
potentials that ran, as scaled, must give invariant energies and forces that are their derivatives,
and atoms must have stayed. One row per comparison is appended to `benchmarks.jsonl` in the folder
`--results`.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import flags

from experiments import cli, provenance
from experiments import store as result_store
from experiments.benchmarks import potential_setting, rounds, store, table
from experiments.benchmarks.potential_setting import Case, Evaluate, Frames

BENCHMARK = "molecular_dynamics"
CASE = Case(batch_size=1)
NUM_STEPS = 1000  # of one run, 0.5 ps
ROUNDS = 9
SECONDS = 1.0  # of every candidate in every round
TIMESTEP = 0.5  # fs
TEMPERATURE = 1e-6  # kelvin
SCALE = 1e-8  # of energies
_REACH = 0.25  # angstrom, half the skin of our lists
_CALCULATOR, _SIMULATION = "calculator", "simulation"

Report = Callable[[str], None]
# Does the steps of one run, and returns where atoms are then, `[N, 3]`.
Run = Callable[[], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Code:
    """What a library offers.

    Attributes:
        name: Its name and version.
        runs: By kind.
        evaluate: Energy and forces of the potential that runs, by its calculator.
    """

    name: str
    runs: dict[str, Run]
    evaluate: Evaluate


MakePeer = Callable[[Case, Frames, np.ndarray, int], Code]


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
        ValueError: If a side computes no potential, or its atoms have not stayed.
    """
    frames = potential_setting.make_frames(case)
    velocities = thermal_velocities(frames)
    codes = [_our_code(case, frames, velocities, num_steps)]
    try:
        codes.append((make_peer or _mlip_code)(case, frames, velocities, num_steps))
    except ImportError as error:
        report(f"without a peer: {error}")
    candidates, first, ends = {}, {}, {}
    for code in codes:
        for kind in code.runs:
            key = code.name, kind

            def once(key: tuple[str, str] = key, steps: Run = code.runs[kind]) -> None:
                ends[key] = steps()

            began = time.perf_counter()
            once()
            first[key] = 1e3 * (time.perf_counter() - began)
            candidates[key] = rounds.Candidate(once, num_steps)
    labels = {" ".join(key): candidate for key, candidate in candidates.items()}
    times = rounds.time_in_turns(labels, rounds=num_rounds, seconds=seconds)
    for code in codes:
        potential_setting.check_potential(code.name, code.evaluate, frames.positions[0])
    for key, positions in ends.items():
        check_stayed(" ".join(key), positions, frames)
    report(f"molecular dynamics on {provenance.hardware()}, {dataclasses.asdict(case)}")
    for key in candidates:
        milliseconds = np.median(times[" ".join(key)])
        report(
            f"{' '.join(key)}: {1e3 / milliseconds:.4g} steps/s, {milliseconds:.4g} ms per step, "
            f"first run {first[key] / 1e3:.1f} s"
        )
    for row in _compare(case, num_steps, codes[0].name, first, times):
        report(f"{row['quantity']}, {row['peer']}: ratio {row['ratio']:.2f}")
        store.append_benchmark(row, results=results)


def thermal_velocities(frames: Frames) -> np.ndarray:
    """Draw velocities of `TEMPERATURE` without motion of the whole, `[N, 3]`, in units of ASE."""
    import ase.units

    masses = frames.molecule.get_masses()[:, None]
    widths = np.sqrt(ase.units.kB * TEMPERATURE / masses)
    velocities = widths * np.random.default_rng(2).normal(size=(len(masses), 3))
    return velocities - np.sum(masses * velocities, axis=0) / masses.sum()


def check_stayed(name: str, positions: np.ndarray, frames: Frames) -> None:
    """Check that no list of neighbours had to be made anew for an atom that moved.

    Args:
        name: Of the run.
        positions: Where atoms are in the end, `[N, 3]`.
        frames: Whose molecule moved.

    Raises:
        ValueError: If an atom has moved by more than half a skin.
    """
    moved = float(np.linalg.norm(positions - frames.molecule.positions, axis=1).max())
    if not moved <= _REACH:
        raise ValueError(
            f"{name}: an atom moved by {moved:.2g} angstrom, more than the {_REACH} within which a "
            "step costs the same whatever the numbers are; lower TEMPERATURE or SCALE"
        )


def ase_run(calculator: Any, frames: Frames, velocities: np.ndarray, num_steps: int) -> Run:
    """Let ASE do steps with a calculator, always from the same start."""
    import ase.units
    from ase.md.verlet import VelocityVerlet

    atoms = frames.molecule.copy()
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, timestep=TIMESTEP * ase.units.fs)

    def run() -> np.ndarray:
        atoms.set_positions(frames.molecule.positions)
        atoms.set_velocities(velocities)
        dynamics.run(num_steps)
        return atoms.get_positions()

    return run


def _our_code(case: Case, frames: Frames, velocities: np.ndarray, num_steps: int) -> Code:
    import ase.units

    from symjax_models.dynamics.calculator import PotentialCalculator
    from symjax_models.dynamics.simulation import Settings, System, simulate

    side = potential_setting.make_ours(case, frames)
    saved = potential_setting.make_saved(case, frames, params=side.params, scale=SCALE)
    system = System(
        numbers=frames.molecule.numbers,
        masses=frames.molecule.get_masses(),
        positions=frames.molecule.positions,
        velocities=velocities * ase.units.fs,
    )
    settings = Settings(timestep=TIMESTEP, num_steps=num_steps, sample_every=num_steps)
    calculator = PotentialCalculator(saved)
    runs = {
        _CALCULATOR: ase_run(calculator, frames, velocities, num_steps),
        _SIMULATION: lambda: simulate(saved, system, settings).positions[-1],
    }
    return Code(side.name, runs, potential_setting.evaluate_by(calculator, frames))


def _mlip_code(case: Case, frames: Frames, velocities: np.ndarray, num_steps: int) -> Code:
    from experiments.benchmarks import potential_peers

    force_field = potential_peers.make_force_field(case, frames, scale=SCALE)
    engine = potential_peers.make_engine(
        force_field, frames, timestep=TIMESTEP, num_steps=num_steps, velocities=velocities
    )
    calculator = potential_peers.make_calculator(force_field, frames)

    def simulation() -> np.ndarray:
        engine.run()
        return np.asarray(engine.state.positions[-1])

    runs = {
        _CALCULATOR: ase_run(calculator, frames, velocities, num_steps),
        _SIMULATION: simulation,
    }
    evaluate = potential_setting.evaluate_by(calculator, frames)
    return Code(potential_peers.name(), runs, evaluate)


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
