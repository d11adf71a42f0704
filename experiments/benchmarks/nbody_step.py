"""Measure the EGNN training step: its time, its share of bare matrix products, its peers.

    python -m experiments.benchmarks.nbody_step

A step is one step of Adam at batch 100 on 5 particles, as the training engine runs it. Its matrix
products cost, with M nodes, E edges, width C and L layers (`nbody_products.list_products`),

    forward = 2 E (3 C L + 2 C^2 L + C L) + 2 M (C + (3 C^2 + C) L + 3 C^2 (L - 1))

floating-point operations, and as many again for each of the two products of the backward pass,
the gradients of inputs and of weights; only data need no gradient. Other operations count nothing.
The bare speed is that of the same products with nothing between them. Every peer starts from our
parameters and must first give our loss and our gradient norm. All are timed in turns; a ratio is
the median over rounds of the ratio within a round. One row per comparison is appended to
`benchmarks.jsonl` in the folder `--results`.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import flags

import symjax_models
from experiments import cli, provenance
from experiments import store as result_store
from experiments.benchmarks import (
    nbody_candidates,
    nbody_products,
    nbody_setting,
    rounds,
    store,
    table,
)

BENCHMARK = "nbody_step"
NUM_SEEDS = 3
ROUNDS = 9
SECONDS = 0.12  # of every candidate in every round
_TOLERANCE = 1e-4  # relative, of loss and gradient norm in float32


def run(
    case: nbody_setting.Case,
    *,
    num_rounds: int = ROUNDS,
    seconds: float = SECONDS,
    results: pathlib.Path = result_store.RESULTS,
    report: Callable[[str], None] = cli.report,
) -> None:
    """Measure all candidates, print and store the comparisons.

    Args:
        case: The sizes.
        num_rounds: Rounds of timing.
        seconds: Time of every candidate in every round.
        results: Folder of the stored rows.
        report: Takes each line of the report.

    Raises:
        ValueError: If a peer computes something else than we do.
    """
    setting = nbody_setting.make_setting(case)
    products = nbody_products.list_products(case)
    loss, norm, compiled = nbody_setting.loss_and_norm(
        setting.loss, setting.params, setting.first_batch()
    )
    peers = _make_peers(setting, report)
    for peer in peers:
        check_agreement(peer, loss=loss, gradient_norm=norm)
    one, compile_seconds = nbody_candidates.engine_steps(setting, setting.loss, seeds=[0])
    several, _ = nbody_candidates.engine_steps(setting, setting.loss, seeds=range(NUM_SEEDS))
    candidates = {"one": one, "several": several}
    for kind in nbody_products.KINDS:
        candidates[kind] = rounds.Candidate(nbody_products.bare_products(products, kind=kind), 1)
    candidates |= {peer.name: peer.timed for peer in peers}
    times = rounds.time_in_turns(candidates, rounds=num_rounds, seconds=seconds)

    report(f"EGNN training step on {provenance.hardware()}, {dataclasses.asdict(case)}")
    _report_speed(products, times, compile_seconds, compiled, report)
    for comparison in _compare(case, products, times, peers, compile_seconds):
        report(
            f"{comparison['quantity']}: {comparison['ours_ms']:.4g} ms, {comparison['peer']} "
            f"{comparison['peer_ms']:.4g} ms, ratio {comparison['ratio']:.2f}"
        )
        store.append_benchmark(comparison, results=results)


def check_agreement(peer: nbody_candidates.Peer, *, loss: float, gradient_norm: float) -> None:
    """Check that a peer computes the same loss and gradient norm of the first batch.

    Args:
        peer: The peer.
        loss: Our loss.
        gradient_norm: Our norm.

    Raises:
        ValueError: If one of them differs by more than rounding.
    """
    theirs, ours = (peer.loss, peer.gradient_norm), (loss, gradient_norm)
    if not np.allclose(theirs, ours, rtol=_TOLERANCE, atol=0):
        raise ValueError(
            f"{peer.name} gives loss and gradient norm {theirs} where we have {ours}: it does not "
            "do the same work, so its time means nothing"
        )


def _make_peers(
    setting: nbody_setting.Setting, report: Callable[[str], None]
) -> list[nbody_candidates.Peer]:
    peers = [
        nbody_candidates.sparse_peer(setting, version=symjax_models.__version__),
        nbody_candidates.plain_peer(setting),
    ]
    try:
        from experiments.benchmarks import nbody_torch
    except ImportError as error:
        report(f"without PyTorch: {error}")
        return peers
    return [*peers, nbody_torch.torch_peer(setting)]


def _report_speed(
    products: list[nbody_products.Product],
    times: Mapping[str, np.ndarray],
    compile_seconds: float,
    compiled: jax.stages.Compiled,
    report: Callable[[str], None],
) -> None:
    flops = nbody_products.count_flops(products)
    counted = (compiled.cost_analysis() or {}).get("flops")
    of_xla = "" if counted is None else f"; XLA counts {counted / 1e9:.3f} with all else"
    report(f"matrix products of a step: {flops / 1e9:.3f} GFLOP{of_xla}")
    for name, label in (("one", "1 seed"), ("several", f"{NUM_SEEDS} seeds by vmap, per seed")):
        report(
            f"{label}: {np.median(times[name]):.3f} ms per step, "
            f"{_gflops(flops, times[name]):.0f} GFLOP/s"
        )
    report(f"tracing and compilation: {compile_seconds:.1f} s")
    rates = [
        f"{kind.replace('_', ' ')} "
        f"{_gflops(nbody_products.count_flops(products, [kind]), times[kind]):.0f}"
        for kind in nbody_products.KINDS
    ]
    bare = _bare_times(times)
    report(
        f"bare matrix products: {_gflops(flops, bare):.0f} GFLOP/s ({', '.join(rates)}); "
        f"the step reaches {np.median(bare / times['one']):.0%} of it, "
        f"{np.median(bare / times['several']):.0%} with {NUM_SEEDS} seeds"
    )


def _compare(
    case: nbody_setting.Case,
    products: list[nbody_products.Product],
    times: Mapping[str, np.ndarray],
    peers: list[nbody_candidates.Peer],
    compile_seconds: float,
) -> list[dict[str, Any]]:
    """Return one comparison per peer and quantity, in the form in which they are stored."""
    sizes = dataclasses.asdict(case) | {"flops": nbody_products.count_flops(products)}
    single, vmapped = sizes | {"num_seeds": 1}, sizes | {"num_seeds": NUM_SEEDS}
    bare = f"bare matrix products, JAX {jax.__version__}"
    one_by_one = f"symjax_models one seed at a time {symjax_models.__version__}"
    one, several, products_alone = times["one"], times["several"], _bare_times(times)
    found = [
        rounds.compare(BENCHMARK, single, "matrix_products", bare, one, products_alone),
        rounds.compare(BENCHMARK, vmapped, "matrix_products", bare, several, products_alone),
        rounds.compare(BENCHMARK, vmapped, "train_step", one_by_one, several, one),
    ]
    for peer in peers:
        found.append(
            rounds.compare(BENCHMARK, single, "train_step", peer.name, one, times[peer.name])
        )
        if peer.compile_seconds is not None:
            seconds = np.asarray([compile_seconds]), np.asarray([peer.compile_seconds])
            ours, theirs = (1e3 * value for value in seconds)
            found.append(rounds.compare(BENCHMARK, single, "compile", peer.name, ours, theirs))
    return found


def _bare_times(times: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.sum([times[kind] for kind in nbody_products.KINDS], axis=0)


def _gflops(flops: int, milliseconds: np.ndarray) -> float:
    return flops / float(np.median(milliseconds)) / 1e6


def main() -> None:
    """Read the flags and run."""
    # A compiled program from the cache of an earlier run would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    results = pathlib.Path(flags.FLAGS.results)
    run(nbody_setting.Case(), results=results)
    table.publish(results)


if __name__ == "__main__":
    flags.DEFINE_string("results", str(result_store.RESULTS), "Folder of the stored rows.")
    cli.run(main)
