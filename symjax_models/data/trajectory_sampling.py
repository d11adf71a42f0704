"""Configurations with energies and forces from molecular dynamics of an ASE calculator."""

import contextlib
import dataclasses
import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from symjax_models import progress
from symjax_models.data.structures import Structures
from symjax_models.suggestion import nearest_of

ENSEMBLES = ("langevin", "nve")

# No matter that holds together has such force components, eV/angstrom, or such kinetic energies of
# its atoms on average, eV.
_LARGEST_FORCE, _LARGEST_KINETIC_ENERGY = 50.0, 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dynamics:
    """State how configurations are sampled.

    Velocities are drawn at the temperature, `equilibration_steps` of Langevin dynamics are dropped,
    and then every `sample_every`-th configuration is kept.

    Attributes:
        temperature_K: Of the heat bath, kelvin, at least 0.
        timestep_fs: Femtoseconds.
        sample_every: Steps between two configurations that are kept.
        equilibration_steps: Steps that are dropped first.
        friction_per_fs: Coupling to the heat bath, one over femtoseconds.
        ensemble: `"langevin"`, or `"nve"`: constant energy after the equilibration.
    """

    temperature_K: float
    timestep_fs: float
    sample_every: int
    equilibration_steps: int
    friction_per_fs: float = 0.01
    ensemble: str = "langevin"

    def __post_init__(self):
        for name in ("timestep_fs", "sample_every", "friction_per_fs"):
            if not getattr(self, name) > 0:
                raise ValueError(f"expected {name} above 0, got {getattr(self, name)}")
        for name in ("temperature_K", "equilibration_steps"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"expected {name} of at least 0, got {getattr(self, name)}")
        if self.ensemble not in ENSEMBLES:
            words = nearest_of(self.ensemble, ENSEMBLES)
            raise ValueError(f"unknown ensemble {self.ensemble!r}; {words}")

    def count_steps(self, num_frames: int) -> int:
        """Return the steps that it takes to sample this many configurations.

        Raises:
            ValueError: If the number of configurations is not positive.
        """
        if num_frames < 1:
            raise ValueError(f"expected num_frames of at least 1, got {num_frames}")
        return self.equilibration_steps + num_frames * self.sample_every

    def provenance(self) -> dict[str, str]:
        """Return the settings as strings."""
        return {name: str(value) for name, value in dataclasses.asdict(self).items()}


class LabelDifferences(NamedTuple):
    """Largest differences between stored labels and those computed again.

    Attributes:
        energy: eV.
        forces: eV/angstrom.
        stress: eV/angstrom^3; 0 where there is none.
    """

    energy: float
    forces: float
    stress: float


def import_extra(module: str) -> Any:
    """Import a module of the extra `molecules`.

    Args:
        module: Its full name.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed; the message says how to install it.

    >>> import_extra("math").pi > 3
    True
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"this generator needs the package {package}: pip install symjax_models[molecules]"
        ) from error


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Run compiled libraries on one thread inside a `with` block.

    Sums over several threads have an order that changes from run to run, and systems of a few atoms
    are no faster on them. Libraries must be loaded before.
    """
    with import_extra("threadpoolctl").threadpool_limits(limits=1):
        yield


def versions(*packages: str) -> str:
    """Return names and installed versions of packages, for the provenance of data.

    >>> versions("numpy").startswith("numpy 2")
    True
    """
    metadata = importlib.import_module("importlib.metadata")
    return ", ".join(f"{package} {metadata.version(package)}" for package in packages)


def sample_trajectory(
    atoms: Any,
    *,
    dynamics: Dynamics,
    num_frames: int,
    rng: np.random.Generator,
    line: progress.ProgressLine,
) -> Structures:
    """Run molecular dynamics and keep configurations with their labels.

    Args:
        atoms: An `ase.Atoms` with a calculator; it is moved. Constraints hold in the motion, not in
            the forces that are kept.
        dynamics: How configurations are sampled.
        num_frames: F, how many are kept.
        rng: Source of velocities and of the heat bath's noise.
        line: Counts the steps.

    Returns:
        The configurations, with kinetic energies in eV as the property `kinetic_energies` `[F]`,
        and with stresses if all directions are periodic. Molecules are moved to their centre of
        mass. The provenance is empty.

    Raises:
        ValueError: If the calculator fails or the atoms fly apart; the frame is named.
    """
    ase_units = import_extra("ase.units")
    _draw_velocities(atoms, thermal_energy=dynamics.temperature_K * ase_units.kB, rng=rng)
    step = dynamics.timestep_fs * ase_units.fs
    heat_bath = import_extra("ase.md.langevin").Langevin(
        atoms,
        step,
        temperature_K=dynamics.temperature_K,
        friction=dynamics.friction_per_fs / ase_units.fs,
        fixcm=False,
        rng=rng,
    )
    frames: list[dict[str, Any]] = []
    try:
        _advance(heat_bath, dynamics.equilibration_steps, dynamics.sample_every, line)
        motion = heat_bath
        if dynamics.ensemble == "nve":
            motion = import_extra("ase.md.verlet").VelocityVerlet(atoms, step)
        for _ in range(num_frames):
            _advance(motion, dynamics.sample_every, dynamics.sample_every, line)
            frames.append(_labels(atoms))
    # Calculators have error classes of their own, which tell nobody where it happened.
    except Exception as error:
        raise ValueError(
            f"{atoms.get_chemical_formula()}: the dynamics failed before frame {len(frames)} "
            f"({type(error).__name__}: {error}); take a smaller timestep_fs or temperature_K"
        ) from error
    return _stack(atoms, frames)


def check_labels(
    structures: Structures,
    *,
    make_calculator: Callable[[], Any],
    num_frames: int,
    energy_tolerance: float,
    force_tolerance: float,
    stress_tolerance: float = np.inf,
) -> LabelDifferences:
    """Compute labels of some configurations again, each with a fresh calculator.

    Args:
        structures: Configurations with energies and forces.
        make_calculator: Returns a new ASE calculator.
        num_frames: How many are checked, spread over all of them.
        energy_tolerance: Largest difference of energies, eV.
        force_tolerance: Largest difference of force components, eV/angstrom.
        stress_tolerance: Largest difference of stress components, eV/angstrom^3.

    Returns:
        The largest differences.

    Raises:
        ValueError: If labels are missing or one differs by more; the frame is named.
    """
    if num_frames < 1:
        raise ValueError(f"expected num_frames of at least 1, got {num_frames}")
    if structures.energies is None or structures.forces is None:
        raise ValueError("expected configurations with energies and forces, found none to check")
    spread = np.linspace(0, len(structures) - 1, min(num_frames, len(structures)))
    largest = LabelDifferences(0.0, 0.0, 0.0)
    tolerances = LabelDifferences(energy_tolerance, force_tolerance, stress_tolerance)
    for index in np.unique(spread.round().astype(int)):
        found = _differences(structures, int(index), make_calculator())
        for name, difference, allowed in zip(found._fields, found, tolerances, strict=True):
            if not difference <= allowed:
                raise ValueError(
                    f"frame {index}: {name} differs by {difference:.3g} from what the generator "
                    f"gives, expected at most {allowed:.3g}"
                )
        largest = LabelDifferences(*map(max, largest, found))
    return largest


def _draw_velocities(atoms: Any, *, thermal_energy: float, rng: np.random.Generator) -> None:
    """Set normal velocities of a temperature, without motion of the whole."""
    masses = atoms.get_masses()[:, None]
    velocities = np.sqrt(thermal_energy / masses) * rng.standard_normal((len(masses), 3))
    atoms.set_velocities(velocities - np.sum(masses * velocities, axis=0) / masses.sum())


def _advance(motion: Any, steps: int, stride: int, line: progress.ProgressLine) -> None:
    """Take steps in strides, so that the progress is seen."""
    while steps > 0:
        taken = min(stride, steps)
        motion.run(taken)
        line.advance(taken)
        steps -= taken


def _labels(atoms: Any) -> dict[str, Any]:
    positions = atoms.get_positions()
    if not atoms.pbc.any():
        positions -= atoms.get_center_of_mass()
    labels = {
        "positions": positions,
        "energies": atoms.get_potential_energy(),
        "forces": atoms.get_forces(apply_constraint=False),
        "kinetic_energies": atoms.get_kinetic_energy(),
    }
    if atoms.pbc.all():
        labels["stresses"] = atoms.get_stress(voigt=False, apply_constraint=False)
    if not all(np.isfinite(value).all() for value in labels.values()):
        raise FloatingPointError("positions or labels are not finite")
    force = np.abs(labels["forces"]).max()
    kinetic = labels["kinetic_energies"] / len(positions)
    if force > _LARGEST_FORCE or kinetic > _LARGEST_KINETIC_ENERGY:
        raise FloatingPointError(
            f"atoms collapse or fly apart: forces reach {force:.3g} eV/angstrom and kinetic "
            f"energies are {kinetic:.3g} eV per atom"
        )
    return labels


def _stack(atoms: Any, frames: list[dict[str, Any]]) -> Structures:
    count = len(frames)
    columns = {name: np.array([frame[name] for frame in frames]) for name in frames[0]}
    is_periodic = bool(atoms.pbc.any())
    return Structures(
        numbers=np.tile(atoms.numbers, count).astype(np.int32),
        positions=columns["positions"].reshape(-1, 3),
        num_atoms=np.full(count, len(atoms), np.int32),
        cells=np.tile(np.asarray(atoms.cell), (count, 1, 1)) if is_periodic else None,
        pbc=np.tile(np.asarray(atoms.pbc), (count, 1)) if is_periodic else None,
        energies=columns["energies"],
        forces=columns["forces"].reshape(-1, 3),
        stresses=columns.get("stresses"),
        properties={"kinetic_energies": columns["kinetic_energies"]},
        provenance={},
    )


def _differences(structures: Structures, index: int, calculator: Any) -> LabelDifferences:
    rows = slice(structures.starts[index], structures.starts[index + 1])
    cell = {}
    if structures.cells is not None and structures.pbc is not None:
        cell = {"cell": structures.cells[index], "pbc": structures.pbc[index]}
    atoms = import_extra("ase").Atoms(
        structures.numbers[rows], structures.positions[rows], calculator=calculator, **cell
    )
    energies, forces = np.asarray(structures.energies), np.asarray(structures.forces)
    stress = 0.0
    if structures.stresses is not None:
        stress = float(np.abs(atoms.get_stress(voigt=False) - structures.stresses[index]).max())
    return LabelDifferences(
        energy=abs(float(atoms.get_potential_energy() - energies[index])),
        forces=float(np.abs(atoms.get_forces() - forces[rows]).max()),
        stress=stress,
    )
