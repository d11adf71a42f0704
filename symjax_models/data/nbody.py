"""Load n-body data sets: simulated once, checked, and kept in the cache folder.

    from symjax_models.data import nbody

    data = nbody.load("egnn_small")
    data.train.positions.shape      # (3000, 5, 3)

The protocols are listed in `PROTOCOLS`; `reduced` takes fewer simulations of one of them.
"""

import dataclasses
import os

import numpy as np

from symjax_models import progress
from symjax_models.data import cache, nbody_initial_conditions, nbody_simulator
from symjax_models.data.nbody_protocols import PROTOCOLS, Protocol, get_protocol, reduced
from symjax_models.data.nbody_simulator import System

__all__ = [
    "PROTOCOLS",
    "NBodyDataset",
    "NBodySplit",
    "Protocol",
    "System",
    "get_protocol",
    "load",
    "reduced",
]

Array = np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class NBodySplit:
    """Hold M simulations as read-only float64 arrays; all units are dimensionless.

    Attributes:
      positions: `[M, N, 3]`, at the input frame.
      velocities: `[M, N, 3]`, at the input frame.
      charges: `[M, N, 1]`: charge -1 or 1 (coulomb), 1 (spring) or mass 1 (gravity).
      interactions: `[M, N, N]`: q_i q_j (coulomb) or m_i m_j (gravity), where the diagonal is 1 as
        in the published files, or 1 and 0 for a spring and none (spring), where it is 0.
      targets: `[M, N, 3]`, positions at the target frame.
      trajectories: `[M, F, N, 3]`, positions at all stored frames.
      trajectory_velocities: `[M, F, N, 3]`, velocities at all stored frames.
    """

    positions: Array
    velocities: Array
    charges: Array
    interactions: Array
    targets: Array
    trajectories: Array
    trajectory_velocities: Array

    def __post_init__(self):
        for field in dataclasses.fields(self):
            getattr(self, field.name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.positions)


@dataclasses.dataclass(frozen=True, eq=False)
class NBodyDataset:
    """Hold the three splits of a protocol."""

    protocol: Protocol
    train: NBodySplit
    valid: NBodySplit
    test: NBodySplit


def load(
    protocol: str | Protocol,
    *,
    cache_dir: str | os.PathLike | None = None,
    report: progress.Report | None = None,
) -> NBodyDataset:
    """Return a data set, from the cache if it is there and sound, else by simulation.

    Args:
      protocol: The name of a protocol, or one made with `reduced`.
      cache_dir: Folder of the cache; None takes the one `cache.default_folder` names.
      report: Takes each line of progress or warning; None writes to standard error.

    Returns:
      The three splits.

    Raises:
      ValueError: If the name is unknown (the nearest one is named), or if a simulation gives
        numbers that are not finite.

    Numerics: float64. The simulations of `egnn_small` take a few seconds on one core. Equal
    constants give equal bits wherever the C library's `log` does, from which NumPy's normal numbers
    come.
    """
    if isinstance(protocol, str):
        protocol = get_protocol(protocol)
    train, valid, test = _simulations(protocol, cache_dir=cache_dir, report=report)
    if protocol.held_out is not None:
        held_out = load(protocol.held_out, cache_dir=cache_dir, report=report)
        valid, test = held_out.valid, held_out.test
    return NBodyDataset(protocol, train, valid, test)


def _simulations(
    protocol: Protocol, *, cache_dir: str | os.PathLike | None, report: progress.Report | None
) -> list[NBodySplit]:
    system = protocol.system
    constants = {
        **dataclasses.asdict(system),
        "arithmetic": nbody_simulator.ARITHMETIC_VERSION,
        "simulated": protocol.simulated,
    }
    arrays = cache.load_or_make(
        f"nbody-{system.force}-{system.num_bodies}",
        lambda: _simulate(protocol, report=report),
        constants=constants,
        folder=cache_dir,
        report=report,
    )
    # Products of charges are cheaper to make again than to store.
    interactions = arrays.get("interactions")
    if interactions is None:
        interactions = nbody_initial_conditions.interactions_of(arrays["charges"])
    ends = np.cumsum(protocol.simulated)
    parts = [slice(end - n, end) for end, n in zip(ends, protocol.simulated, strict=True)]
    return [_split(protocol, arrays, interactions, part) for part in parts]


def _split(
    protocol: Protocol, arrays: dict[str, Array], interactions: Array, part: slice
) -> NBodySplit:
    positions, velocities = arrays["positions"][part], arrays["velocities"][part]
    return NBodySplit(
        positions=positions[:, protocol.input_frame].copy(),
        velocities=velocities[:, protocol.input_frame].copy(),
        charges=arrays["charges"][part],
        interactions=interactions[part],
        targets=positions[:, protocol.target_frame].copy(),
        trajectories=positions,
        trajectory_velocities=velocities,
    )


def _simulate(protocol: Protocol, *, report: progress.Report | None) -> dict[str, Array]:
    system, counts = protocol.system, protocol.simulated
    label = f"n-body {protocol.name}"
    progress.tell(f"{label}: drawing initial conditions", report=report)
    initial = nbody_initial_conditions.draw(system, counts=counts)
    line = progress.ProgressLine(label, total=sum(counts), unit="simulations", report=report)
    positions, velocities = nbody_simulator.simulate(
        initial.positions,
        initial.velocities,
        initial.charges,
        initial.interactions,
        system=system,
        advance=line.advance,
    )
    line.finish()
    if not np.isfinite(positions).all():
        raise ValueError(f"{label}: the simulation left the finite numbers; take a smaller dt")
    arrays = {"positions": positions, "velocities": velocities, "charges": initial.charges}
    if system.force == "spring":
        arrays["interactions"] = initial.interactions
    return arrays
