"""Handwritten digits in any pose, trained on upright ones: averages and canonicalizations."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import statistics
from experiments.symmetrization_studies import classification
from experiments.symmetrization_studies.study import Study, Training
from symjax_models import groups, layers
from symjax_models.data import rotated_digits
from symjax_models.models import digit_network
from symjax_models.ops import actions, frames, symmetrization
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PRNGKey, PyTree

_AUDITED = 100  # test images on which invariance is measured


@dataclasses.dataclass(frozen=True)
class Method:
    """Say how a method trains and tests.

    Attributes:
        source: "average", "canonicalization" or "optimization"; None for the network as it is.
        has_prior: Whether the loss pulls upright images to the identity.
        augmentation: Training images are turned by "quarters" or at "any" angle; None for neither.
        is_for_test: Whether the source comes in only after training.
    """

    source: str | None = None
    has_prior: bool = False
    augmentation: str | None = None
    is_for_test: bool = False


METHODS = {
    "plain": Method(),
    "augmented": Method(augmentation="quarters"),
    "augmented_so2": Method(augmentation="any"),
    "averaged_at_test": Method("average", is_for_test=True),
    "whole_group": Method("average"),
    "canonicalization": Method("canonicalization"),
    "canonicalization_prior": Method("canonicalization", has_prior=True),
    "optimization": Method("optimization"),
    "optimization_prior": Method("optimization", has_prior=True),
}

# Accuracy in %, upright / mean over eight turns, of a ResNet-50 on CIFAR-10 under C8, of
# A. K. Mondal et al. 2023, arXiv:2310.01647: other images than ours.
PUBLISHED = {"plain": "96.97 / 57.77", "augmented_so2": "94.91 / 90.11",
             "canonicalization": "93.29 / 92.96",
             "canonicalization_prior": "96.19 / 95.31"}  # fmt: skip


class Classifier:
    """Classify images: a network, and what makes it symmetric, with their parameters."""

    def __init__(self, config: ml_collections.ConfigDict) -> None:
        self.method = look_up(config.method, METHODS, what="config.method")
        model = config.model
        self.network = digit_network.DigitNetwork(10, tuple(model.channels), model.hidden)
        self.group = groups.C(model.num_turns)
        self.prior_weight = model.prior_weight if self.method.has_prior else 0.0
        self.orthogonality_weight = model.orthogonality_weight
        score_channels = tuple(model.score_channels)
        self.source = {
            None: None,
            "average": frames.WholeGroup(self.group),
            "canonicalization": layers.FiniteCanonicalizer(
                digit_network.ImageScore(score_channels, model.score_hidden),
                group=self.group,
                rep_in="image",
            ),
            "optimization": layers.OptimizationCanonicalizer(
                digit_network.DigitNetwork(model.score_hidden, score_channels, model.score_hidden),
                group=self.group,
                temperature=model.temperature,
            ),
        }[self.method.source]

    @property
    def is_learned(self) -> bool:
        """Tell whether the source has parameters."""
        return self.method.source in ("canonicalization", "optimization")

    @property
    def forward_passes(self) -> int:
        """K, how often the classifier's network sees every image in a test."""
        return self.group.order if self.method.source == "average" else 1

    def init(self, key: PRNGKey, image: Array) -> PyTree:
        """Draw parameters for images such as this one, `[H, W, 1]`."""
        network_key, source_key = jax.random.split(key)
        params = {"network": self.network.init(network_key, image)}
        if self.is_learned:
            variables = self.source.init(source_key, image)
            params["source"] = {"params": variables["params"]}
        return params

    def frame(self, params: PyTree, images: Array) -> tuple[symmetrization.Frame, Array | float]:
        """Return the frames of images, and the loss that keeps the scores of copies apart."""
        if not self.is_learned:
            return self.source(images), 0.0
        frame, state = self.source.apply(params["source"], images, mutable=["intermediates"])
        sown = state.get("intermediates", {}).get("orthogonality_loss", (0.0,))
        return frame, sown[0]

    def push(self, params: PyTree, images: Array, frame: symmetrization.Frame) -> Array:
        """Return the logits `[B, 10]` of images under their frames."""
        (copies,) = symmetrization.pull_back(frame, (images,), "image")
        outputs = self.network.apply(params["network"], copies)
        return symmetrization.push_forward(frame, outputs, "invariant")

    def logits(self, params: PyTree, batch: PyTree) -> Array:
        """Map a batch of images `[B, H, W, 1]` to logits `[B, 10]`, as in a test."""
        if self.source is None:
            return self.network.apply(params["network"], batch["images"])
        return self.push(params, batch["images"], self.frame(params, batch["images"])[0])

    def loss(self, params: PyTree, batch: PyTree, key: PRNGKey | None) -> Array:
        """Return the loss of every example; the validation has no augmentation."""
        images, labels = batch["images"], batch["labels"]
        if self.source is None or self.method.is_for_test:
            if self.method.augmentation is not None and key is not None:
                turns = groups.SO(2) if self.method.augmentation == "any" else self.group
                images = actions.act("image", turns.sample(key, images.shape[:1]), images)
            logits = self.network.apply(params["network"], images)
            return classification.cross_entropy(logits, labels)
        frame, orthogonality = self.frame(params, images)
        loss = classification.cross_entropy(self.push(params, images, frame), labels)
        loss += self.orthogonality_weight * orthogonality
        if self.prior_weight:
            loss += self.prior_weight * symmetrization.prior_loss(frame)
        return loss


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` has `size` and `num_train` (0 for all)."""
    classifier = Classifier(config)
    train = load(config.data, split="train", pose="upright")

    def measure(params: PyTree, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del report
        metrics = [{"forward_passes": classifier.forward_passes} for _ in config.seeds]
        tests = [load(config.data, split="test", pose=pose) for pose in rotated_digits.POSES]
        for pose, is_correct in zip(
            rotated_digits.POSES,
            classification.correct(classifier.logits, params, tests),
            strict=True,
        ):
            for values, of_seed in zip(metrics, is_correct, strict=True):
                values[f"accuracy_{pose}"] = float(of_seed.mean())
                values[f"accuracy_{pose}_se"] = statistics.standard_error(of_seed)
        upright = load(config.data, split="test", pose="upright")["images"]
        columns = _invariance_errors(classifier, params, upright[:_AUDITED])
        if classifier.is_learned:
            frame, _ = jax.jit(jax.vmap(classifier.frame, (0, None)))(params, upright)
            is_left = jax.vmap(symmetrization.identity_metric)(frame)
            columns["identity_metric"] = np.mean(is_left, axis=-1)
        for index, values in enumerate(metrics):
            values |= {name: float(column[index]) for name, column in columns.items()}
        return metrics

    return Study(
        measure,
        shown=("accuracy_upright", "accuracy_c4", "accuracy_so2", "equivariance_error"),
        training=Training(
            lambda key: classifier.init(key, jnp.asarray(train["images"][0])),
            classifier.loss,
            train,
            load(config.data, split="valid", pose="upright"),
        ),
    )


def load(data: ml_collections.ConfigDict, *, split: str, pose: str) -> dict[str, np.ndarray]:
    """Return `images` `[M, S, S, 1]` and `labels` `[M]` of a split, in a pose."""
    digits = rotated_digits.load(split=split, pose=pose, seed=0, size=data.size)
    count = data.num_train if split == "train" else data.num_test
    if not 0 <= count <= len(digits.labels):
        raise ValueError(
            f"the {split} split has {len(digits.labels)} digits, of which 0 takes all; got {count}"
        )
    kept = slice(count or None)
    return {"images": digits.images[kept, ..., None], "labels": digits.labels[kept]}


def _invariance_errors(
    classifier: Classifier, params: PyTree, images: np.ndarray
) -> dict[str, np.ndarray]:
    """Return how far logits change under quarter turns, over their root mean square, `[S]`."""
    errors = {}
    for suffix, dtype in (("", np.float32), ("_float64", np.float64)):
        with jax.enable_x64(dtype == np.float64):
            cast = jax.tree.map(lambda leaf, dtype=dtype: np.asarray(leaf, dtype), params)
            of_seed = lambda params, images: classifier.logits(params, {"images": images})  # noqa: E731
            apply = jax.jit(jax.vmap(of_seed, (0, None)))
            turned = [np.rot90(images.astype(dtype), k, axes=(1, 2)) for k in range(4)]
            before, *after = [np.asarray(apply(cast, x.copy())) for x in turned]
        worst = np.max([np.abs(x - before).max(axis=(1, 2)) for x in after], axis=0)
        errors[f"equivariance_error{suffix}"] = worst / np.sqrt(np.mean(before**2, axis=(1, 2)))
    return errors
