"""Measure how long bases of equivariant maps take to build, against EMLP.

    python -m experiments.benchmarks.equivariant_basis

The maps go from T(p) = V^p, a tensor power of a group's defining representation, to T(q). EMLP
(Finzi, Welling, Wilson 2021, arXiv:2104.09459) solves for the null space of the constraints that
the generators impose. It runs in this process, without the progress bar on which its iterative
solver fails today. Both build in turns, from empty caches; what JAX compiled stays, in favour of
EMLP. `build` compares what is returned: ours is a way to apply diagrams, theirs a matrix;
`build_dense` adds our matrices. A ratio is the median over rounds of the ratio within a round. Both
must span the same space: the spectral norm of the difference of the projectors is stored, rounded
up to a power of ten. Two cases are too large to give to EMLP (for S(100) it would iterate on
vectors of 10^12 entries): their building, compilation with tracing, and application are compared
with one second, the most that we allow them.

Predicted before the first measurement: closed forms enumerate diagrams and meet no group element,
so ours take milliseconds; EMLP's solver takes minutes. One row per comparison is appended to
`benchmarks.jsonl` in the folder `--results`; `--smoke` runs a tiny case without EMLP and stores
nothing.
"""

import dataclasses
import importlib.metadata
import itertools
import math
import pathlib
import sys
import time
import types
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from absl import flags

from experiments import cli
from experiments import store as result_store
from experiments.benchmarks import rounds, store, table
from symjax_models import groups, reps

BENCHMARK = "equivariant_basis"
ROUNDS = 3
SECONDS = 60.0  # the peer begins no further round of a case after these
LIMIT_MS = 1000.0
_REPEATS = 5  # of what takes us milliseconds, in every round
_TOLERANCE = 1e-4  # of projectors; EMLP solves in float32


@dataclasses.dataclass(frozen=True)
class Case:
    """The maps between two sums of tensor powers.

    Attributes:
        group: The group.
        inputs: Powers p of the summands T(p) that the maps take.
        outputs: Powers q of the summands T(q) that they return.
        batch_size: Number of examples, where the maps are applied.
        channels: Multiplicity of input and output, where the maps are applied.
    """

    group: groups.Group
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    batch_size: int = 1
    channels: int = 1

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """All pairs (p, q)."""
        return list(itertools.product(self.inputs, self.outputs))

    def describe(self) -> dict[str, Any]:
        """Return the case as it is stored."""
        source, target = (
            " + ".join(f"T({power})" for power in powers) for powers in (self.inputs, self.outputs)
        )
        return {"group": repr(self.group), "maps": f"{source} to {target}"}


@dataclasses.dataclass(frozen=True)
class Peer:
    """Another library.

    Attributes:
        name: Its name and version.
        build: Builds the orthonormal basis `[D_out D_in, K]` of every pair of a case, from nothing.
    """

    name: str
    build: Callable[[Case], list[np.ndarray]]


COMPARED = (
    Case(groups.SO(3), (4,), (3,)),
    Case(groups.S(6), (2,), (2,)),
    Case(groups.O(5), (2,), (2,)),
    Case(groups.Lorentz(), (0, 1, 2, 3), (0, 1, 2, 3)),
)
APPLIED = (
    Case(groups.SO(3), (6,), (4,), batch_size=16, channels=8),
    Case(groups.S(100), (3,), (3,)),
)
SMOKE = (Case(groups.SO(3), (2,), (1,)),)


def run(
    compared: Sequence[Case],
    applied: Sequence[Case],
    *,
    peer: Peer | None,
    num_rounds: int = ROUNDS,
    results: pathlib.Path | None,
    report: Callable[[str], None] = cli.report,
) -> None:
    """Measure all cases, print and store the comparisons.

    Args:
        compared: Cases to build beside the peer.
        applied: Cases to compare with the limit, each between two tensor powers.
        peer: The other library; None leaves `compared` out.
        num_rounds: Rounds of timing.
        results: Folder of the stored rows; None stores nothing.
        report: Takes each line of the report.

    Raises:
        ValueError: If the peer finds other maps than we do.
    """
    rows = (row for case in applied for row in _measure_limit(case, num_rounds))
    if peer is not None:
        beside = (_compare(case, peer, num_rounds) for case in compared)
        rows = itertools.chain(rows, itertools.chain.from_iterable(beside))
    for row in rows:
        words = ", ".join(f"{name} {value}" for name, value in row["case"].items())
        report(
            f"{row['quantity']} of {words}: {row['ours_ms']:.4g} ms, {row['peer']} "
            f"{row['peer_ms']:.4g} ms, ratio {row['ratio']:.2f}"
        )
        if results is not None:
            store.append_benchmark(row, results=results)


def _compare(case: Case, peer: Peer, num_rounds: int) -> list[dict[str, Any]]:
    times = []
    for _ in range(num_rounds):
        build, _ = _median_ms(_build, case)
        dense, ours = _median_ms(lambda: [basis.dense() for basis in _build(case)])
        peer_ms, theirs = _time_ms(peer.build, case)
        times.append((build, dense, peer_ms))
        if sum(spent for *_, spent in times) > 1e3 * SECONDS:
            break
    columns = [maps.reshape(len(maps), math.prod(maps.shape[1:])).T for maps in ours]
    deviation = max(
        check_agreement(a, b, peer=peer.name) for a, b in zip(columns, theirs, strict=True)
    )
    # Rounded up, so that a repeated run is a row of the same case.
    within = 10.0 ** math.ceil(math.log10(max(deviation, 1e-16)))
    sizes = case.describe() | {"dimension": sum(map(len, ours)), "deviation_below": within}
    build, dense, peer_ms = np.transpose(times)
    return [
        rounds.compare(BENCHMARK, sizes, "build", peer.name, build, peer_ms),
        rounds.compare(BENCHMARK, sizes, "build_dense", peer.name, dense, peer_ms),
    ]


def _measure_limit(case: Case, num_rounds: int) -> list[dict[str, Any]]:
    times = []
    for _ in range(num_rounds):
        build, (basis,) = _time_ms(_build, case)
        weights = (basis.size, case.channels, case.channels)
        features = (case.batch_size, basis.rep_in.dim, case.channels)
        arrays = [np.random.default_rng(0).standard_normal(s, "f4") for s in (weights, features)]
        arrays = jax.device_put(arrays)
        jax.clear_caches()
        compiled, run = _time_ms(lambda f, x: jax.jit(f).lower(*x).compile(), basis.apply, arrays)
        forward, _ = _median_ms(lambda f, x: jax.block_until_ready(f(*x)), run, arrays)
        times.append((build, compiled, forward))
    sizes = case.describe() | {"dimension": basis.size}
    applied = sizes | {"batch_size": case.batch_size, "channels": case.channels}
    build, compiled, forward = np.transpose(times)
    limit = np.full(num_rounds, LIMIT_MS)
    return [
        rounds.compare(BENCHMARK, sizes, "build", "limit", build, limit),
        rounds.compare(BENCHMARK, applied, "compile", "limit", compiled, limit),
        rounds.compare(BENCHMARK, applied, "forward", "limit", forward, limit),
    ]


def check_agreement(ours: np.ndarray, theirs: np.ndarray, *, peer: str) -> float:
    """Check that two bases span the same space.

    Args:
        ours: Our orthonormal basis `[N, K]`.
        theirs: The peer's basis, likewise.
        peer: Its name.

    Returns:
        The spectral norm of the difference of the projectors on the two spans.

    Raises:
        ValueError: If the sizes differ or the norm is more than rounding.
    """
    if ours.shape != theirs.shape:
        raise ValueError(
            f"{peer} gives a basis {theirs.shape} where ours is {ours.shape}: it does not do the "
            "same work, so its time means nothing"
        )
    theirs, _ = np.linalg.qr(theirs.astype(np.float64))
    # Of spans of equal dimension this is the norm for the projectors, which are not formed.
    residual = theirs - ours @ (ours.T @ theirs)
    deviation = float(np.linalg.svd(residual, compute_uv=False).max(initial=0.0))
    if deviation > _TOLERANCE:
        raise ValueError(f"{peer} spans another space than we do: projectors differ by {deviation}")
    return deviation


def emlp_peer() -> Peer:
    """Make EMLP a peer; it is imported here only.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import emlp.groups
        from emlp.reps import representation
    except ImportError as error:
        raise ValueError(
            f"the comparison needs EMLP ({error}): pip install symjax_models[bench]"
        ) from error
    # Its iterative solver gives its progress bar numbers that the bar cannot print.
    silent = types.SimpleNamespace(update=lambda _: None, close=lambda: None)
    representation.tqdm = lambda **_: silent

    def build(case: Case) -> list[np.ndarray]:
        representation.Rep.solcache.clear()
        np.random.seed(0)  # noqa: NPY002  its start vectors are from NumPy's global generator
        if isinstance(case.group, groups.Lorentz):
            group = emlp.groups.SO13p()
        else:
            group = getattr(emlp.groups, type(case.group).__name__)(case.group.n)
        vector = representation.V(group)
        return [np.asarray((vector**p >> vector**q).equivariant_basis()) for p, q in case.pairs]

    return Peer(f"EMLP {importlib.metadata.version('emlp')}", build)


def _build(case: Case) -> list[reps.Basis]:
    vector = reps.vector(case.group)
    return [reps.equivariant_basis(vector**p, vector**q) for p, q in case.pairs]


def _time_ms(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the milliseconds of a call from empty caches of ours, and its result."""
    modules = [module for name, module in sys.modules.items() if name.startswith("symjax_models.")]
    for member in itertools.chain.from_iterable(vars(module).values() for module in modules):
        if callable(getattr(member, "cache_clear", None)):
            member.cache_clear()
    began = time.perf_counter()
    result = function(*arguments)
    return 1e3 * (time.perf_counter() - began), result


def _median_ms(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the median time of a few calls, and the last result."""
    calls = [_time_ms(function, *arguments) for _ in range(_REPEATS)]
    return float(np.median([elapsed for elapsed, _ in calls])), calls[-1][1]


def main() -> None:
    """Read the flags and run."""
    # A compiled program from the cache of an earlier run would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    if flags.FLAGS.smoke:
        run((), SMOKE, peer=None, num_rounds=1, results=None)
    else:
        results = pathlib.Path(flags.FLAGS.results)
        run(COMPARED, APPLIED, peer=emlp_peer(), results=results)
        table.publish(results)


if __name__ == "__main__":
    flags.DEFINE_string("results", str(result_store.RESULTS), "Folder of the stored rows.")
    flags.DEFINE_bool("smoke", False, "Run tiny cases without EMLP and store nothing.")
    cli.run(main)
