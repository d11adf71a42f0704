"""Measure what making a network symmetric costs, by itself and beside equiadapt.

    python -m experiments.benchmarks.symmetrization_cost

The first part (`symmetrize`) puts `layers.Symmetrize` around a plain network of point clouds, with
frames of K = 1, 4, 8 and 24 elements. A forward pass and a step of Adam are timed beside those of
the plain network, on the same batch and on K batches at once, which is the least it could cost.
Before, the output is compared with the mean over copies that are made by hand, and the program is
looked through: it holds the network once. The compilation of the training step is timed by itself.

The second part (`canonicalize_digits`) classifies 12 x 12 digits in quarter turns, canonicalized by
the scores of their copies or by optimization, with our layers and with equiadapt in PyTorch: the
same networks with the same parameters, which must first choose the same turns and give the same
logits, loss and gradients; see `symmetrization_digits`. The plain network is timed on both sides
too, for it tells what is PyTorch's and what equiadapt's.

All are timed in turns; PyTorch counts with one thread or with all, whichever is faster. A ratio is
the median over rounds of the ratio within a round. One row per
comparison is appended to `benchmarks.jsonl` in the folder `--results`.
"""

import pathlib
from collections.abc import Callable, Sequence

import jax
from absl import flags

from experiments import cli, provenance
from experiments import store as result_store
from experiments.benchmarks import (
    store,
    symmetrization_digits,
    symmetrization_wrapper,
    table,
)

ROUNDS = 9
SECONDS = 0.3  # of every candidate in every round

Report = Callable[[str], None]


def run(
    clouds: symmetrization_wrapper.Case,
    digits: Sequence[symmetrization_digits.Case],
    *,
    sources: Sequence[str] = tuple(symmetrization_wrapper.SOURCES),
    num_rounds: int = ROUNDS,
    seconds: float = SECONDS,
    results: pathlib.Path = result_store.RESULTS,
    report: Report = cli.report,
    make_peer: symmetrization_digits.MakePeer | None = None,
) -> None:
    """Measure, print and store all comparisons.

    Args:
        clouds: The sizes of the first part.
        digits: Those of the second.
        sources: Sources of the first part.
        num_rounds: Rounds of timing.
        seconds: Time of every candidate in every round.
        results: Folder of the stored rows.
        report: Takes each line of the report.
        make_peer: Builds the peer of the second part; equiadapt if None.

    Raises:
        ValueError: If two sides do not do the same work.
    """
    report(f"cost of symmetrization on {provenance.hardware()}")
    timing = {"num_rounds": num_rounds, "seconds": seconds, "report": report}
    rows = symmetrization_wrapper.measure(clouds, sources=sources, **timing)
    for case in digits:
        peer = make_peer or _make_equiadapt
        rows += symmetrization_digits.measure(case, make_peer=peer, **timing)
    for row in rows:
        what = row["case"].get("source", row["case"].get("method"))
        report(
            f"{what}, {row['quantity']}: {row['ours_ms']:.4g} ms, {row['peer']} "
            f"{row['peer_ms']:.4g} ms, ratio {row['ratio']:.2f}"
        )
        store.append_benchmark(row, results=results)


def _make_equiadapt(setting: symmetrization_digits.Setting) -> symmetrization_digits.Side:
    from experiments.benchmarks import symmetrization_equiadapt

    return symmetrization_equiadapt.make_equiadapt(setting)


def main() -> None:
    """Read the flags and run."""
    # A compiled program from the cache of an earlier run would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    results = pathlib.Path(flags.FLAGS.results)
    cases = [symmetrization_digits.Case(method) for method in symmetrization_digits.METHODS]
    run(symmetrization_wrapper.Case(), cases, results=results)
    table.publish(results)


if __name__ == "__main__":
    flags.DEFINE_string("results", str(result_store.RESULTS), "Folder of the stored rows.")
    cli.run(main)
