"""What `layers.Symmetrize` costs: its K forward passes beside those of the plain network."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import rounds, symmetrization_programs
from experiments.symmetrization_studies import classification
from symjax_models import groups, layers, models
from symjax_models.models import registry
from symjax_models.ops import frames
from symjax_models.ops.symmetrization import Source
from symjax_models.typing import Array, PyTree

BENCHMARK = "symmetrize"
SOURCES: Mapping[str, Source] = {
    "moment frame": frames.PCAFrames(groups.SO(3), signs="moment"),
    "frames of SO(3)": frames.PCAFrames(groups.SO(3)),
    "frames of O(3)": frames.PCAFrames(groups.O(3)),
    "rotations of a cube": frames.WholeGroup(groups.Octahedral()),
}
_PEERS = {"once": "plain network", "alike": "plain network on K batches"}
_COMPILED = ("wrapped", "once")
_CLASSES = 10
_TOLERANCE = 1e-4  # relative to the root mean square, in float32


@dataclasses.dataclass(frozen=True)
class Case:
    """The sizes.

    Attributes:
        batch_size: Clouds per batch.
        num_points: Points per cloud.
        width: Of the hidden layers of the Deep Sets that are wrapped.
    """

    batch_size: int = 16
    num_points: int = 256
    width: int = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Setting:
    """What is timed.

    Attributes:
        network: The plain network.
        layer: The same, symmetrized.
        params: Parameters of the plain network.
        points: Clouds `[B, N, 3]`.
        labels: `[B]`.
        forward_passes: K.
    """

    network: registry.Model
    layer: layers.Symmetrize
    params: PyTree
    points: np.ndarray
    labels: np.ndarray
    forward_passes: int

    def wrapped(self) -> PyTree:
        """Return the parameters as the symmetrized network has them."""
        return {"params": {"network": self.params["params"]}}


def make_setting(case: Case, source: Source) -> Setting:
    """Draw clouds and parameters.

    Args:
        case: The sizes.
        source: Makes the frames.
    """
    rng = np.random.default_rng(0)
    # Unequal axes and third moments, so that no frame is degenerate.
    points = rng.gamma(2.0, size=(case.batch_size, case.num_points, 3)) * (1.0, 0.6, 0.3)
    points = (points - points.mean(axis=1, keepdims=True)).astype(np.float32)
    labels = rng.integers(_CLASSES, size=case.batch_size)
    network = models.DeepSetsClassifier(_CLASSES, (case.width, case.width), (case.width,))
    params = jax.jit(network.init)(jax.random.key(0), points)
    size = jax.eval_shape(source, points).size
    return Setting(network, layers.Symmetrize(network, source), params, points, labels, size)


def check_work(setting: Setting) -> None:
    """Check that the wrapper is the mean over K copies, from one pass through the network.

    Args:
        setting: The setting.

    Raises:
        ValueError: If its output is another, or the program holds the network more than once.
    """
    frame = jax.tree.map(np.asarray, setting.layer.source(jnp.asarray(setting.points)))
    inverses = frame.inverses.reshape(frame.size, -1, 3, 3)
    copies = np.matmul(setting.points, np.swapaxes(inverses, -1, -2))
    logits = np.stack([np.asarray(setting.network.apply(setting.params, copy)) for copy in copies])
    expected = np.sum(frame.weights.reshape(frame.size, -1, 1) * logits, axis=0)
    found = np.asarray(jax.jit(setting.layer.apply)(setting.wrapped(), setting.points))
    error = np.abs(found - expected).max() / np.sqrt(np.mean(expected**2))
    if not error <= _TOLERANCE:
        raise ValueError(
            f"the mean over {frame.size} copies differs from the wrapper's output by {error:.1e} "
            "of its size: they do not do the same work, so their times mean nothing"
        )
    counts = [
        symmetrization_programs.count_operations(apply, params, setting.points, name="logistic")
        for apply, params in (
            (setting.network.apply, setting.params),
            (setting.layer.apply, setting.wrapped()),
        )
    ]
    if counts[0] != counts[1]:
        raise ValueError(
            f"the plain network has operations of kind logistic once per pass, {counts[0]}, and "
            f"the wrapped one {counts[1]}: it should be passed once, with {frame.size} times the "
            "batch"
        )


def measure(
    case: Case,
    *,
    num_rounds: int,
    seconds: float,
    sources: Sequence[str] = tuple(SOURCES),
    report: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Measure the wrapper with every source.

    Args:
        case: The sizes.
        num_rounds: Rounds of timing.
        seconds: Time of every candidate in every round.
        sources: Names of the sources.
        report: Takes each line of the report.

    Returns:
        The comparisons, as they are stored.
    """
    found = []
    for name in sources:
        setting = make_setting(case, SOURCES[name])
        check_work(setting)
        passes = setting.forward_passes
        programs = make_programs(setting)
        compiled = ", ".join(f"{key} {one.compile_ms / 1e3:.2f} s" for key, one in programs.items())
        report(f"{name}, {passes} forward passes in one program; compiled: {compiled}")
        times = rounds.time_in_turns(
            {key: one.timed for key, one in programs.items()}, rounds=num_rounds, seconds=seconds
        )
        sizes = dataclasses.asdict(case) | {"source": name, "forward_passes": passes}
        for quantity in ("forward", "train_step"):
            for key, peer in _PEERS.items():
                if f"{quantity} {key}" in times:
                    ours, theirs = times[f"{quantity} wrapped"], times[f"{quantity} {key}"]
                    found.append(_compare(sizes, quantity, peer, ours, theirs))
        compiled_in = [np.asarray([programs[f"train_step {k}"].compile_ms]) for k in _COMPILED]
        found.append(_compare(sizes, "compile", _PEERS["once"], *compiled_in))
    return found


def make_programs(setting: Setting) -> dict[str, symmetrization_programs.Program]:
    """Compile the wrapped network, the plain one, and the plain one on K times the batch.

    Args:
        setting: The setting.

    Returns:
        By "forward" or "train_step", and "wrapped", "once" or "alike".
    """
    programs = {}
    repeats = setting.forward_passes
    for key, module, params, count in (
        ("wrapped", setting.layer, setting.wrapped(), 1),
        ("once", setting.network, setting.params, 1),
        ("alike", setting.network, setting.params, repeats),
    ):
        if (key, repeats) == ("alike", 1):
            continue  # the same as "once"
        points = np.tile(setting.points, (count, 1, 1))
        labels = np.tile(setting.labels, count)

        def loss(
            params: PyTree, points: Array, labels: Array, module: registry.Model = module
        ) -> Array:
            return classification.cross_entropy(module.apply(params, points), labels)

        programs[f"forward {key}"] = symmetrization_programs.forward(module.apply, params, points)
        programs[f"train_step {key}"] = symmetrization_programs.train_step(
            loss, params, points, labels
        )
    return programs


def _compare(
    sizes: dict[str, Any], quantity: str, peer: str, ours: np.ndarray, theirs: np.ndarray
) -> dict[str, Any]:
    return rounds.compare(
        BENCHMARK, sizes, quantity, f"{peer}, JAX {jax.__version__}", ours, theirs
    )
