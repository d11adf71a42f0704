"""Measure the training step of MACE, energies and forces, beside mlip's.

    python -m experiments.benchmarks.mace_step

A step is the loss of a batch of ethanol frames, its gradient, and Adam, compiled as one function in
the same way for both, one call per step. Hyper-parameters, frames, weights of the loss and slots of
the padded batch are equal; what differs is said in `potential_peers.make_mlip`, and in the numbers
of parameters that every row stores. Both sides must first give invariant energies and forces that
are their derivatives, and must have learned the batch a little in the end. Rounds are in turns; a
ratio is the median over rounds of the ratio within a round. Compilation is timed by itself. One row
per comparison is appended to `benchmarks.jsonl` in the folder `--results`.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import cli, provenance
from experiments import store as result_store
from experiments.benchmarks import potential_setting, rounds, store, table
from experiments.benchmarks.potential_setting import Case, Frames, Side
from symjax_models import training
from symjax_models.typing import Array, PyTree

BENCHMARK = "mace_step"
CASES = (
    Case(),
    Case(correlation=2),
    Case(batch_size=32),
    Case(num_channels=128, max_degree=3),
)
ROUNDS = 9
SECONDS = 1.0  # of every candidate in every round
LEARNING_RATE = 1e-3

Report = Callable[[str], None]
MakePeer = Callable[[Case, Frames], Side]


@dataclasses.dataclass(eq=False)
class Steps:
    """Training steps of a side, one compiled call each, always on the same batch.

    Attributes:
        side: The side.
        compile_ms: Time of tracing and compilation.
        losses: Before every step.
    """

    side: Side
    compile_ms: float = 0.0
    losses: list[float] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        """Compile."""
        settings = training.OptimizerSettings(learning_rate=LEARNING_RATE)
        optimizer, _ = training.make_optimizer(settings, num_steps=1)  # Adam at a constant rate

        def step(params: PyTree, state: PyTree, batch: PyTree) -> tuple[PyTree, PyTree, Array]:
            value, gradient = jax.value_and_grad(self.side.loss)(params, batch)
            updates, state = optimizer.update(gradient, state, params)
            return jax.tree.map(jnp.add, params, updates), state, value

        self._held = self.side.params, optimizer.init(self.side.params)
        began = time.perf_counter()
        self._step = jax.jit(step).lower(*self._held, self.side.batch).compile()
        self.compile_ms = 1e3 * (time.perf_counter() - began)

    def run(self) -> None:
        """Do one step."""
        *held, value = self._step(*self._held, self.side.batch)
        self._held = tuple(held)
        self.losses.append(float(value))


def run(
    cases: Sequence[Case],
    *,
    num_rounds: int = ROUNDS,
    seconds: float = SECONDS,
    results: pathlib.Path = result_store.RESULTS,
    report: Report = cli.report,
    make_peer: MakePeer | None = None,
) -> None:
    """Measure, print and store all comparisons.

    Args:
        cases: The sizes.
        num_rounds: Rounds of timing.
        seconds: Time of every candidate in every round.
        results: Folder of the stored rows.
        report: Takes each line of the report.
        make_peer: Builds the peer; mlip if None.

    Raises:
        ValueError: If a side computes no potential, or does not learn.
    """
    report(f"training step of MACE on {provenance.hardware()}")
    for case in cases:
        for row in _measure(case, num_rounds, seconds, report, make_peer or _make_mlip):
            report(
                f"{row['quantity']}: {row['ours_ms']:.4g} ms, {row['peer']} {row['peer_ms']:.4g} "
                f"ms, ratio {row['ratio']:.2f}"
            )
            store.append_benchmark(row, results=results)


def _make_mlip(case: Case, frames: Frames) -> Side:
    from experiments.benchmarks import potential_peers

    return potential_peers.make_mlip(case, frames)


def _measure(
    case: Case, num_rounds: int, seconds: float, report: Report, make_peer: MakePeer
) -> list[dict[str, Any]]:
    frames = potential_setting.make_frames(case)
    sides = [potential_setting.make_ours(case, frames)]
    try:
        sides.append(make_peer(case, frames))
    except ImportError as error:
        report(f"without a peer: {error}")
    for side in sides:
        potential_setting.check_potential(side.name, side.evaluate, frames.positions[0])
    steps = [Steps(side) for side in sides]
    nodes, edges = frames.slots
    report(f"{dataclasses.asdict(case)}, {nodes} nodes, {edges} edges")
    for one in steps:
        report(
            f"{one.side.name}: {one.side.num_params:,} parameters, compiled in "
            f"{one.compile_ms / 1e3:.1f} s"
        )
    times = rounds.time_in_turns(
        {one.side.name: rounds.Candidate(one.run, 1) for one in steps},
        rounds=num_rounds,
        seconds=seconds,
    )
    for one in steps:
        if not one.losses[-1] < one.losses[0]:
            raise ValueError(
                f"{one.side.name} does not learn: its loss went from {one.losses[0]:.4g} to "
                f"{one.losses[-1]:.4g} in {len(one.losses)} steps, so its time means nothing"
            )
    report(f"{sides[0].name}: {np.median(times[sides[0].name]):.4g} ms per step")
    return [row for peer in steps[1:] for row in _compare(case, frames, steps[0], peer, times)]


def _compare(
    case: Case, frames: Frames, ours: Steps, peer: Steps, times: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    nodes, edges = frames.slots
    sizes = dataclasses.asdict(case) | {
        "molecule": "ethanol", "nodes": nodes, "edges": edges
    }  # fmt: skip
    parameters = {
        "ours_parameters": ours.side.num_params, "peer_parameters": peer.side.num_params
    }  # fmt: skip
    pairs = {
        "train_step": (times[ours.side.name], times[peer.side.name]),
        "compile": (np.asarray([ours.compile_ms]), np.asarray([peer.compile_ms])),
    }
    return [
        rounds.compare(BENCHMARK, sizes, quantity, peer.side.name, *pair) | parameters
        for quantity, pair in pairs.items()
    ]


def main() -> None:
    """Read the flags and run."""
    # A compiled program from the cache of an earlier run would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    results = pathlib.Path(flags.FLAGS.results)
    run(CASES, results=results)
    table.publish(results)


if __name__ == "__main__":
    flags.DEFINE_string("results", str(result_store.RESULTS), "Folder of the stored rows.")
    cli.run(main)
