"""Use a trained potential: predict, evaluate, run dynamics, check its physics.

    python -m experiments.potentials predict --potential=runs/nequip --input=in.xyz --output=out.xyz
    python -m experiments.potentials evaluate --potential=runs/nequip --input=in.xyz --output=e.png
    python -m experiments.potentials md --potential=runs/nequip --input=start.xyz --output=md.xyz
    python -m experiments.potentials check --potential=runs/nequip --input=some.xyz

Input is what `symjax_models.data.structure_files` reads, output is extended XYZ in eV and angstrom,
of `evaluate` a picture of predicted against reference values.
`md` starts from the first configuration; `--friction` (1/ps) couples it to a heat bath, without one
the energy is constant. It draws a figure beside its output.
"""

import pathlib

import numpy as np
from absl import flags

from experiments import cli, figures, molecules_errors, molecules_task, potential_checks
from symjax_models.data import structure_files, structures_ase
from symjax_models.data.structures import Structures
from symjax_models.dynamics import Settings, Trajectory, observables
from symjax_models.models import saved_potential
from symjax_models.models.saved_potential import SavedPotential
from symjax_models.models.species import check_species
from symjax_models.progress import ProgressLine


def predict(saved: SavedPotential, structures: Structures, output: pathlib.Path) -> None:
    """Label every configuration with the energy, forces and stress that a potential predicts."""
    import ase.io

    from symjax_models.dynamics.calculator import PotentialCalculator

    calculator = PotentialCalculator(saved)
    labelled = []
    line = ProgressLine("predict", total=len(structures), unit="configurations")
    for atoms in structures_ase.to_ase(structures):
        atoms.calc = calculator
        results = calculator.results if atoms.get_forces() is not None else {}
        labelled.append(atoms.copy())
        labelled[-1].info["energy"] = results["energy"]
        labelled[-1].arrays["forces"] = results["forces"]
        if "stress" in results:
            labelled[-1].info["stress"] = results["stress"]
        line.advance(1)
    line.finish()
    ase.io.write(output, labelled, format="extxyz")
    cli.report(f"predictions: {output}")


def evaluate(
    saved: SavedPotential, structures: Structures, output: pathlib.Path | None = None
) -> dict[str, float]:
    """Measure and print the errors of a potential on labelled configurations.

    Args:
        saved: The potential.
        structures: The configurations.
        output: Where a picture of predicted against reference values goes, if anywhere.

    Returns:
        The errors, see `molecules_errors.measure`.
    """
    check_species(structures.numbers, saved.species)
    prepared = molecules_task.prepare(structures, saved.free_atoms, cutoff=saved.cutoff)
    predicted = molecules_errors.predict(saved.potential, saved.params, prepared)
    metrics = molecules_errors.measure(predicted, prepared)
    for name, unit in (
        ("energy_mae", "meV"), ("energy_rmse", "meV"), ("force_mae", "meV/A"),
        ("force_rmse", "meV/A"), ("stress_mae", "meV/A^3"), ("stress_rmse", "meV/A^3"),
    ):  # fmt: skip
        if name in metrics:
            cli.report(f"{name:11} {metrics[name]:10.2f} {unit}")
    if output is not None:
        try:
            molecules_errors.plot(predicted, prepared, output)
        except ImportError as error:
            cli.report(str(error))
        else:
            cli.report(f"figure: {output}")
    return metrics


def run_dynamics(
    saved: SavedPotential, structures: Structures, settings: Settings, output: pathlib.Path
) -> Trajectory:
    """Run dynamics from the first configuration, write the trajectory and its figure."""
    import ase
    import ase.io
    import ase.units

    frame = structures.frame(0)
    trajectory = potential_checks.move(saved, frame, settings)
    images = []
    for time, positions, velocities, potential in zip(
        trajectory.times, trajectory.positions, trajectory.velocities, trajectory.potential,
        strict=True,
    ):  # fmt: skip
        image = ase.Atoms(
            frame["numbers"], positions, cell=frame.get("cell"), pbc=frame.get("pbc", False)
        )
        image.set_velocities(velocities / ase.units.fs)
        image.info |= {"time": float(time), "energy": float(potential)}
        images.append(image)
    ase.io.write(output, images, format="extxyz")
    cli.report(f"trajectory: {output}")
    drift = 1000 * observables.energy_drift(trajectory)
    mean = trajectory.temperature[len(trajectory.times) // 2 :].mean()
    cli.report(
        f"mean temperature of the second half {mean:.0f} K; drift of the total energy "
        f"{drift:.2e} meV/atom/ps; {trajectory.num_lists} neighbour lists"
    )
    path = output.with_suffix(".png")
    try:
        plot_dynamics(trajectory, path)
    except ImportError as error:
        cli.report(str(error))
    else:
        cli.report(f"figure: {path}")
    return trajectory


def plot_dynamics(
    trajectory: Trajectory, path: pathlib.Path, *, reference: np.ndarray | None = None
) -> None:
    """Draw energies, temperature and distances of a trajectory.

    Args:
        trajectory: The trajectory.
        path: Where the picture goes.
        reference: Positions `[T, N, 3]` whose distances are drawn beside it, angstrom.
    """
    figure, ((energy, heat, distances),) = figures.new_figure(columns=3, width=12.0, height=3.6)
    picoseconds = trajectory.times / 1000
    count = trajectory.positions.shape[1]
    total = trajectory.potential + trajectory.kinetic
    for values, label, colour in (
        (trajectory.potential - trajectory.potential.mean(), "potential", figures.PALETTE[5]),
        (total - total.mean(), "total", figures.PALETTE[1]),
    ):
        energy.plot(picoseconds, 1000 * values / count, color=colour, label=label, linewidth=1)
    energy.set(xlabel="time (ps)", ylabel="energy less its mean (meV/atom)")
    energy.legend(frameon=False)
    heat.plot(picoseconds, trajectory.temperature, color=figures.PALETTE[0], linewidth=1)
    heat.set(xlabel="time (ps)", ylabel="temperature (K)", ylim=(0, None))
    largest = np.ptp(trajectory.positions, axis=(0, 1)).max()
    edges = np.linspace(0, min(6.0, largest + 1), 121)
    middles = (edges[1:] + edges[:-1]) / 2
    if reference is not None:
        density = observables.distance_distribution(reference, edges=edges)
        distances.fill_between(middles, density, color=figures.PALETTE[5], alpha=0.5,
                               label="reference")  # fmt: skip
    density = observables.distance_distribution(trajectory.positions, edges=edges)
    distances.plot(middles, density, color=figures.PALETTE[0], linewidth=1, label="dynamics")
    distances.set(xlabel="distance (Å)", ylabel="density of pairs (1/Å)", ylim=(0, None))
    distances.legend(frameon=False)
    figure.savefig(path)


def check(saved: SavedPotential, structures: Structures, settings: Settings) -> bool:
    """Print the checks of a potential; return whether all are passed."""
    checks = potential_checks.run_checks(
        saved,
        structures,
        picoseconds=settings.num_steps * settings.timestep / 1000,
        timestep=settings.timestep,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    for each in checks:
        cli.report(each.describe())
    return all(each.is_passed for each in checks)


def main(command: str) -> None:
    """Read the flags and do what the command says."""
    arguments = flags.FLAGS
    saved = saved_potential.load(arguments.potential)
    structures = structure_files.read_structures(arguments.input)
    if command in ("predict", "md") and not arguments.output:
        raise ValueError(f"{command} needs --output, the file that it writes")
    if command == "check" and arguments.friction is not None:
        raise ValueError("check runs at constant energy: --friction is for md")
    is_picture = pathlib.Path(arguments.output or "").suffix in _PICTURES
    if command == "evaluate" and arguments.output and not is_picture:
        raise ValueError(
            f"evaluate draws a picture, whose name ends with one of {', '.join(_PICTURES)}, got "
            f"--output={arguments.output}; predict writes configurations"
        )
    if command == "predict":
        predict(saved, structures, pathlib.Path(arguments.output))
    elif command == "evaluate":
        evaluate(saved, structures, pathlib.Path(arguments.output) if arguments.output else None)
    else:
        steps = round(1000 * arguments.picoseconds / arguments.timestep)
        every = max(1, min(arguments.sample_every, steps))
        settings = Settings(
            timestep=arguments.timestep,
            num_steps=max(every, steps // every * every),
            sample_every=every,
            temperature=arguments.temperature,
            friction=arguments.friction,
            seed=arguments.seed,
        )
        if command == "md":
            run_dynamics(saved, structures, settings, pathlib.Path(arguments.output))
        elif not check(saved, structures, settings):
            raise ValueError("the potential failed a check")


_PICTURES = (".png", ".pdf", ".svg")
_COMMANDS = ("predict", "evaluate", "md", "check")

if __name__ == "__main__":
    flags.DEFINE_string("potential", None, "Folder of a finished run, or its potential.npz.")
    flags.DEFINE_string("input", None, "File of configurations.")
    flags.DEFINE_string("output", None, "File to write: extended XYZ, of evaluate a picture.")
    flags.DEFINE_float("picoseconds", 2.0, "Length of the dynamics.")
    flags.DEFINE_float("timestep", 0.5, "Time step, fs.")
    flags.DEFINE_float("temperature", 300.0, "Of the start and of the heat bath, K.")
    flags.DEFINE_float("friction", None, "Of a heat bath, 1/ps; none if not given.")
    flags.DEFINE_integer("sample_every", 20, "Steps between stored configurations.")
    flags.DEFINE_integer("seed", 0, "Of velocities and noise.")
    flags.mark_flags_as_required(["potential", "input"])
    cli.run_command(main, _COMMANDS)
