"""The digits of `experiments.symmetrization_studies.digits`, canonicalized by us and by a peer.

Both sides have the same parameters, images and loss: the cross entropy of the chosen copies and
the prior `-log p(identity)` of the choice. The peer's term that keeps the features of copies apart
is not normalized where ours is, so both leave it out. Gradients of the prior are compared; those
through the choice are not, for equiadapt takes them through the angle and we take them through the
matrix of the turn.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

import symjax_models
from experiments import tables
from experiments.benchmarks import rounds, symmetrization_programs
from experiments.benchmarks.symmetrization_agreement import Answers, check_agreement, whole_turns
from experiments.symmetrization_studies import classification, digits
from symjax_models.ops import symmetrization
from symjax_models.typing import Array, PyTree

BENCHMARK = "canonicalize_digits"
METHODS = ("canonicalization_prior", "optimization_prior")
QUANTITIES = ("forward", "train_step", "plain_forward", "plain_train_step")


@dataclasses.dataclass(frozen=True)
class Case:
    """The sizes; those of the networks are in `configs/symmetrization/digits.py`.

    Attributes:
        method: What chooses: one of `METHODS`.
        batch_size: Images per batch.
        preset: Preset of the configuration.
    """

    method: str = METHODS[0]
    batch_size: int = 100
    preset: str = "quick"


@dataclasses.dataclass(frozen=True, eq=False)
class Setting:
    """What both sides start from.

    Attributes:
        case: The sizes.
        classifier: Our networks.
        params: Their parameters.
        images: `[B, S, S, 1]`.
        labels: `[B]`.
    """

    case: Case
    classifier: digits.Classifier
    params: PyTree
    images: np.ndarray
    labels: np.ndarray

    @property
    def sizes(self) -> dict[str, Any]:
        """Say the sizes as they are stored."""
        network = self.classifier.network
        return dataclasses.asdict(self.case) | {
            "pixels": self.images.shape[1],
            "turns": self.classifier.group.order,
            "channels": " ".join(map(str, network.channels)),
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
    """One side of the comparison.

    Attributes:
        name: Its name, with the version.
        answers: What it computes.
        timed: By the names in `QUANTITIES`, and by settings, such as the number of threads, of
            which the fastest counts.
        num_params: Number of parameters.
    """

    name: str
    answers: Answers
    timed: Mapping[str, Mapping[str, rounds.Candidate]]
    num_params: int


class MakePeer(Protocol):
    """Build the other side from the setting; an ImportError if its package is missing."""

    def __call__(self, setting: Setting) -> Side:
        """Build it."""
        ...


def make_setting(case: Case) -> Setting:
    """Load the digits, in quarter turns, and draw parameters.

    Args:
        case: The sizes.
    """
    config = tables.load_config("symmetrization", "digits", case.preset)
    config.method = case.method
    config.model.orthogonality_weight = 0.0
    config.model.temperature = 1.0  # the peer's prior knows none
    config.data.num_train = case.batch_size
    classifier = digits.Classifier(config)
    batch = digits.load(config.data, split="train", pose="c4")
    params = jax.jit(classifier.init)(jax.random.key(0), jnp.asarray(batch["images"][0]))
    params = jax.tree.map(np.asarray, params)
    return Setting(case, classifier, params, batch["images"], batch["labels"])


def answer(setting: Setting) -> Answers:
    """Compute our answers.

    Args:
        setting: The setting.
    """
    classifier = setting.classifier

    def mean_loss(params: PyTree, images: Array, labels: Array) -> Array:
        return jnp.mean(_loss(classifier, params, images, labels))

    def mean_prior(params: PyTree, images: Array) -> tuple[Array, Any]:
        frame, _ = classifier.frame(params, images)
        logits = classifier.push(params, images, frame)
        return jnp.mean(symmetrization.prior_loss(frame)), (frame.elements[0], logits)

    @jax.jit
    def compute(params: PyTree, images: Array, labels: Array) -> tuple[Any, ...]:
        value, gradient = jax.value_and_grad(mean_loss)(params, images, labels)
        prior, (elements, logits) = jax.grad(mean_prior, has_aux=True)(params, images)
        norms = _norm(gradient["network"]), _norm(prior["source"])
        return elements, logits, value, *norms

    elements, logits, *numbers = compute(setting.params, setting.images, setting.labels)
    angles = np.arctan2(elements[:, 1, 0], elements[:, 0, 0])
    return Answers(whole_turns(angles / (np.pi / 2)), np.asarray(logits), *map(float, numbers))


def _norm(tree: PyTree) -> Array:
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))


def make_ours(setting: Setting) -> Side:
    """Compile our side.

    Args:
        setting: The setting.
    """
    classifier, params = setting.classifier, setting.params
    apply, plain = classifier.network.apply, params["network"]

    def logits(params: PyTree, images: Array) -> Array:
        return classifier.logits(params, {"images": images})

    def plain_loss(params: PyTree, images: Array, labels: Array) -> Array:
        return classification.cross_entropy(apply(params, images), labels)

    batch = (setting.images, setting.labels)
    programs = {
        "forward": symmetrization_programs.forward(logits, params, setting.images),
        "train_step": symmetrization_programs.train_step(
            functools.partial(_loss, classifier), params, *batch
        ),
        "plain_forward": symmetrization_programs.forward(apply, plain, setting.images),
        "plain_train_step": symmetrization_programs.train_step(plain_loss, plain, *batch),
    }
    return Side(
        f"symjax_models {symjax_models.__version__}",
        answer(setting),
        {name: {"": program.timed} for name, program in programs.items()},
        symmetrization_programs.num_parameters(params),
    )


def measure(
    case: Case,
    *,
    num_rounds: int,
    seconds: float,
    report: Callable[[str], None],
    make_peer: MakePeer,
) -> list[dict[str, Any]]:
    """Measure both sides in turns.

    Args:
        case: The sizes.
        num_rounds: Rounds of timing.
        seconds: Time of every candidate in every round.
        report: Takes each line of the report.
        make_peer: Builds the peer.

    Returns:
        The comparisons, as they are stored; none without the peer.

    Raises:
        ValueError: If the peer does other work.
    """
    setting = make_setting(case)
    report(f"digits, {setting.sizes}")
    ours = make_ours(setting)
    sides = {"ours": ours}
    try:
        sides["peer"] = make_peer(setting)
    except ImportError as error:
        report(f"without a peer: {error}")
    for peer in list(sides.values())[1:]:
        check_agreement(ours.answers, peer.answers, peer=peer.name)
    times = _time(sides, num_rounds=num_rounds, seconds=seconds, report=report)
    return _compare(setting, ours, sides["peer"], times) if "peer" in sides else []


def _time(
    sides: Mapping[str, Side], *, num_rounds: int, seconds: float, report: Callable[[str], None]
) -> dict[tuple[str, str], np.ndarray]:
    """Return milliseconds `[R]` by side and quantity, of the fastest setting."""
    candidates = {
        (key, name, label): candidate
        for key, side in sides.items()
        for name, settings in side.timed.items()
        for label, candidate in settings.items()
    }
    every = rounds.time_in_turns(candidates, rounds=num_rounds, seconds=seconds)
    times = {}
    for key, side in sides.items():
        for name, settings in side.timed.items():
            medians = {label: float(np.median(every[key, name, label])) for label in settings}
            fastest = min(medians, key=medians.__getitem__)
            times[key, name] = every[key, name, fastest]
            report(f"{side.name}, {name}: {medians[fastest]:.4g} ms {fastest}".rstrip())
        ratios = [np.median(times[key, n] / times[key, f"plain_{n}"]) for n in QUANTITIES[:2]]
        report(
            f"{side.name}: {ratios[0]:.2f} times the plain network's forward pass, "
            f"{ratios[1]:.2f} times its training step"
        )
    return times


def _compare(
    setting: Setting, ours: Side, peer: Side, times: Mapping[tuple[str, str], np.ndarray]
) -> list[dict[str, Any]]:
    parameters = {"ours_parameters": ours.num_params, "peer_parameters": peer.num_params}
    found = []
    for name in QUANTITIES:
        is_plain = name.startswith("plain")
        case = setting.sizes | ({"method": "plain"} if is_plain else {})
        quantity = name.removeprefix("plain_")
        pair = times["ours", name], times["peer", name]
        row = rounds.compare(BENCHMARK, case, quantity, peer.name, *pair)
        found.append(row if is_plain else row | parameters)
    return found


def _loss(classifier: digits.Classifier, params: PyTree, images: Array, labels: Array) -> Array:
    return classifier.loss(params, {"images": images, "labels": labels}, None)
