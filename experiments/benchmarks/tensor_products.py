"""Measure equivariant convolutions: time, compilation and memory, against peers, by degree.

    python -m experiments.benchmarks.tensor_products

Features of a graph's nodes are multiplied by the harmonics of its edges, with a weight for every
edge, path and channel, and summed at the receivers (`symjax_models.ops.tensor_products`). Degrees
up to max_degree have their natural parity. `forward` is that; `forward_backward` half the squared
norm of its result with the gradients by features, weights and displacements; `compile` the tracing
and compilation of the latter, with constants known and no caches of JAX. All run in turns; a ratio
is the median over rounds of the ratio within a round. Memory, in MB, is what the compiler counts:
arguments, results and temporaries.

Peers first have to give our result and gradients in float32 (`agreement` in the case). e3x cannot
have our weights: of its `Tensor` what it can have is checked, its `FusedTensor` is another
function. A `copy` moves the bytes that any program has to read or write once, at the speed of a
measured copy: its ratio is the share of the memory's bandwidth that we reach. `forward_growth` and
`forward_backward_growth` hold the exponents a of time ~ max_degree^a, fitted from degree 2 on, with
the times at the highest degree. A peer that is absent, fails, needs more than `--memory_gb`, or
whose times so far predict a call longer than `--longest` seconds, is left out with a sentence.

Demanded before the first measurement, of forward and forward_backward beside the fastest peer: no
slower at max_degree 1, 2 times faster at 2, 4 times at 3, 8 at 4, 15 at 6; a fitted exponent below
3.5; half the compilation of e3nn-jax. Rows go to `benchmarks.jsonl` in the folder `--results` as
each case ends.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from absl import flags

from experiments import cli, provenance
from experiments import store as result_store
from experiments.benchmarks import (
    rounds,
    store,
    table,
    tensor_product_peers,
    tensor_product_programs,
    tensor_product_rows,
    tensor_product_setting,
)
from experiments.benchmarks.tensor_product_programs import QUANTITIES, Program
from experiments.benchmarks.tensor_product_rows import BENCHMARK, Row
from experiments.benchmarks.tensor_product_setting import Case, Convolution, Problem

DEGREES = (1, 2, 3, 4, 6)
CHANNELS = (32, 128)
NODES, EDGES = 500, 10_000
ROUNDS = 7
SECONDS = 0.3  # of every candidate in every round
MEMORY_GB = 12.0
LONGEST = 40.0
_SECONDS_OF_CASE = 60.0  # of all rounds; at least three are done
_COPY = f"copy, JAX {jax.__version__}"

Maker = Callable[[Problem], Convolution]
Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a run may take.

    Attributes:
        num_rounds: Rounds of timing, fewer where calls are long.
        seconds: Time of every candidate in every round.
        memory_gb: Memory of a program.
        longest: Predicted seconds of one call.
    """

    num_rounds: int = ROUNDS
    seconds: float = SECONDS
    memory_gb: float = MEMORY_GB
    longest: float = LONGEST


def our_backend(name: str) -> Maker:
    """Return a maker of our convolution with a backend."""
    return lambda problem: tensor_product_setting.our_convolution(problem, backend=name)


MAKERS: dict[str, Maker] = {
    "symjax_models dense": our_backend("dense"),
    "symjax_models sparse": our_backend("sparse"),
    **tensor_product_peers.MAKERS,
}


def run(
    degrees: Sequence[int],
    sizes: Mapping[str, int],
    *,
    makers: Mapping[str, Maker] = MAKERS,
    limits: Limits = Limits(),
    results: pathlib.Path,
    report: Report = cli.report,
) -> None:
    """Measure one graph and number of channels at all degrees, print and store the comparisons.

    Args:
        degrees: Each max_degree, increasing.
        sizes: The other sizes of a `Case`.
        makers: Peers by name.
        limits: What the run may take.
        results: Folder of the stored rows.
        report: Takes each line of the report.
    """
    kept = dict(makers)
    rows: dict[str, list[Row]] = {}
    for degree in degrees:
        case = Case(degree, **sizes)
        report(f"{dataclasses.asdict(case)} on {provenance.hardware()}")
        for name in makers:
            seconds = tensor_product_rows.predict_seconds(rows.get(name, []), degree)
            if name in kept and seconds > limits.longest:
                report(f"without {name} from here on: a call would take about {seconds:.0f} s")
                del kept[name]
        measured = _measure(case, kept, limits, report)
        for name, found in measured.items():
            rows.setdefault(name, []).extend(found)
        _keep([row for found in measured.values() for row in found], results, report)
    _keep(tensor_product_rows.growth(sizes, rows), results, report)


def _keep(rows: Sequence[Row], results: pathlib.Path, report: Report) -> None:
    for row in rows:
        report(tensor_product_rows.describe(row))
        store.append_benchmark(row, results=results)
    for line in tensor_product_rows.describe_fastest(rows):
        report(line)


def _measure(
    case: Case, makers: Mapping[str, Maker], limits: Limits, report: Report
) -> dict[str, list[Row]]:
    """Return the rows of every peer, by its name here."""
    problem = tensor_product_setting.make_problem(case)
    mine = tensor_product_programs.compile_programs(our_backend("so2")(problem), problem)
    _report_programs("ours", mine, report)
    peers: dict[str, tuple[Convolution, dict[str, Program]]] = {}
    for name, make in makers.items():
        try:
            peer = make(problem)
            programs = tensor_product_programs.compile_programs(peer, problem)
            _report_programs(name, programs, report)
            needed = max(program.megabytes for program in programs.values()) / 1e3
            if needed > limits.memory_gb:
                report(f"without {name}: it needs {needed:.1f} GB of memory")
                continue
            tensor_product_programs.check_agreement(peer, programs, mine)
        except Exception as error:  # whatever ails a peer, the others are measured
            report(f"without {name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            continue
        peers[name] = peer, programs

    rows: dict[str, list[Row]] = {name: [] for name in peers}
    rows["copy"] = []
    for quantity in QUANTITIES:
        programs = {name: compiled[quantity] for name, (_, compiled) in peers.items()}
        programs = {"ours": mine[quantity], **programs}
        times = _time(programs | {"copy": tensor_product_programs.copy_program()}, limits)
        moved = tensor_product_programs.bytes_to_move(problem, quantity)
        scale = moved / (2 * tensor_product_programs.COPIED_BYTES)
        sizes = dataclasses.asdict(case)
        rows["copy"].append(
            rounds.compare(BENCHMARK, sizes, quantity, _COPY, times["ours"], scale * times["copy"])
            | {"ours_mb": mine[quantity].megabytes}
        )
        for name, (peer, compiled) in peers.items():
            labelled = sizes | {"agreement": peer.agreement}
            rows[name].append(
                rounds.compare(BENCHMARK, labelled, quantity, peer.name, times["ours"], times[name])
                | {"ours_mb": mine[quantity].megabytes, "peer_mb": compiled[quantity].megabytes}
            )
    for name, (peer, compiled) in peers.items():
        both = (np.array([p["forward_backward"].compile_ms]) for p in (mine, compiled))
        labelled = sizes | {"agreement": peer.agreement}
        rows[name].append(rounds.compare(BENCHMARK, labelled, "compile", peer.name, *both))
    return rows


def _time(programs: Mapping[str, Program], limits: Limits) -> dict[str, np.ndarray]:
    candidates = {name: program.candidate() for name, program in programs.items()}
    spent = 0.0
    for candidate in candidates.values():
        began = time.perf_counter()
        candidate.run()
        spent += max(limits.seconds, time.perf_counter() - began)
    affordable = max(3, int(_SECONDS_OF_CASE / spent))
    return rounds.time_in_turns(
        candidates, rounds=min(limits.num_rounds, affordable), seconds=limits.seconds
    )


def _report_programs(name: str, programs: Mapping[str, Program], report: Report) -> None:
    seconds = ", ".join(f"{q} {p.compile_ms / 1e3:.1f} s" for q, p in programs.items())
    report(f"compiled {name}: {seconds}")


def main() -> None:
    """Read the flags and run."""
    # A compiled program from the cache of an earlier run would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    chosen = flags.FLAGS
    results = pathlib.Path(chosen.results)
    limits = Limits(num_rounds=chosen.rounds, memory_gb=chosen.memory_gb, longest=chosen.longest)
    graph = {"num_nodes": chosen.nodes, "num_edges": chosen.edges}
    for channels in map(int, chosen.channels):
        degrees = sorted(map(int, chosen.degrees))
        run(degrees, {"channels": channels, **graph}, limits=limits, results=results)
        table.publish(results)


if __name__ == "__main__":
    flags.DEFINE_string("results", str(result_store.RESULTS), "Folder of the stored rows.")
    flags.DEFINE_list("degrees", [str(degree) for degree in DEGREES], "Every max_degree.")
    flags.DEFINE_list("channels", [str(channels) for channels in CHANNELS], "Every multiplicity.")
    flags.DEFINE_integer("nodes", NODES, "Nodes of the graph.", lower_bound=1)
    flags.DEFINE_integer("edges", EDGES, "Edges of the graph.", lower_bound=1)
    flags.DEFINE_integer("rounds", ROUNDS, "Rounds of timing, at most.", lower_bound=1)
    flags.DEFINE_float("memory_gb", MEMORY_GB, "Memory of a program, at most.")
    flags.DEFINE_float("longest", LONGEST, "Predicted seconds of one call, at most.")
    cli.run(main)
