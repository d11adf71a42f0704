"""Which twin is it: training on pairs of graphs that the 1-WL test cannot tell apart."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments.symmetrization_studies import classification
from experiments.symmetrization_studies.study import Study, Training
from symjax_models import groups, layers, models
from symjax_models.data import separation_graphs
from symjax_models.ops import frames, symmetrization
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PRNGKey, PyTree

# Network and source of every method; those that draw take `config.model.num_elements` elements.
METHODS = {
    "gin": ("gin", None),
    "gin_frames": ("gin_ids", "frames"),
    "mlp": ("mlp", None),
    "mlp_canonical": ("mlp", "canonical"),
    "mlp_frames": ("mlp", "frames"),
    "mlp_average": ("mlp", "average"),
    "mlp_distribution": ("mlp", "distribution"),
}
# Accuracy in % on EXP-classify, of O. Puny et al. 2022, table 1, arXiv:2110.03336; the canonical
# and learned ones of J. Kim et al. 2023, arXiv:2306.02866.
PUBLISHED = {"gin": 50, "gin_frames": 100, "mlp_frames": 100, "mlp_average": 50,
             "mlp_canonical": 50, "mlp_distribution": 100}  # fmt: skip
_NUM_SCORE_LAYERS = 3
_NODES = separation_graphs.MAX_NODES

Examples = dict[str, np.ndarray]


class Classifier:
    """Tell twins apart: a network under a source of permutations, with their parameters."""

    def __init__(self, config: ml_collections.ConfigDict) -> None:
        network, self.source_name = look_up(config.method, METHODS, what="config.method")
        self.model = config.model
        self.is_gin = network != "mlp"
        self.network = (
            models.GIN(2, width=self.model.width, has_node_ids=network == "gin_ids")
            if self.is_gin
            else models.AdjacencyMLP(2)
        )
        width = self.model.score_width
        self.score_layers = [
            *[layers.MLP((width, width), activate_final=True)] * (_NUM_SCORE_LAYERS - 1),
            layers.MLP((width, 1)),
        ]

    @property
    def forward_passes(self) -> int:
        """K, how often the network sees every graph."""
        is_single = self.source_name in (None, "canonical")
        return 1 if is_single else self.model.num_elements

    def init(self, key: PRNGKey) -> PyTree:
        """Draw parameters."""
        keys = jax.random.split(key, 1 + len(self.score_layers))
        params = {"network": self.network.init(keys[0], jnp.zeros((_NODES, _NODES)))}
        if self.source_name == "distribution":
            sizes = (2, *[2 * self.model.score_width] * (_NUM_SCORE_LAYERS - 1))
            params["scores"] = [
                layer.init(own, jnp.zeros(size))
                for layer, own, size in zip(self.score_layers, keys[1:], sizes, strict=True)
            ]
        return params

    def logits(self, params: PyTree, batch: PyTree, key: PRNGKey | None = None) -> Array:
        """Map a batch of B graphs to logits `[B, 2]`; without a key, always with the same draws."""
        adjacency = batch["adjacency"].astype(jnp.float32)
        mask = batch["mask"].astype(jnp.float32)[..., None]
        apply = functools.partial(self._apply, params)
        if self.source_name is None:
            return apply(adjacency, mask)
        symmetric = symmetrization.symmetrize(
            apply,
            source=functools.partial(self._make_frame, params),
            rep_in=("pair", "scalar"),
            rep_out="invariant",
            read=lambda *arguments: arguments,
        )
        return symmetric(adjacency, mask, key=jax.random.key(0) if key is None else key)

    def _apply(self, params: PyTree, adjacency: Array, mask: Array) -> Array:
        options = {"mask": mask[..., 0] > 0.5} if self.is_gin else {}
        return self.network.apply(params["network"], adjacency, **options)

    def _make_frame(
        self, params: PyTree, x: tuple[Array, Array], *, key: PRNGKey
    ) -> symmetrization.Frame:
        adjacency, mask = x
        count = self.model.num_elements
        if self.source_name == "average":
            return frames.Haar(groups.S(_NODES), count, batch_axes=1)(adjacency, key=key)
        if self.source_name == "distribution":
            scores = functools.partial(self._scores, params["scores"])
            source = layers.PermutationDistribution(scores, num_samples=count)
            return source.apply({}, x, key=key)
        is_real = mask[..., 0] > 0.5
        if self.source_name == "canonical":
            return frames.LaplacianSort(size=1)(adjacency, mask=is_real)
        return frames.LaplacianSort(size=count)(adjacency, mask=is_real, key=key)

    def _scores(self, params: PyTree, adjacency: Array, noise: Array, mask: Array) -> Array:
        """Return scores `[K, B, N]` of the nodes: sums over neighbours of noisy features."""
        h = noise
        for layer, own in zip(self.score_layers, params, strict=True):
            summed = jnp.matmul(adjacency, h, precision="highest")
            h = layer.apply(own, jnp.concatenate([h, summed], axis=-1))
        # Padding comes last.
        return jnp.where(mask[..., 0] > 0.5, jnp.tanh(h[..., 0]), 2.0)


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` has `num_pairs`, split 4 : 1 : 1, and `seed`."""
    classifier = Classifier(config)
    splits = load(num_pairs=config.data.num_pairs, seed=config.data.seed)

    def loss(params: PyTree, batch: PyTree, key: PRNGKey | None) -> Array:
        return classification.cross_entropy(classifier.logits(params, batch, key), batch["labels"])

    def measure(params: PyTree, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del report
        is_correct = classification.correct(classifier.logits, params, splits["test"])
        return [
            {
                "test_accuracy": float(of_seed.mean()),
                "test_accuracy_se": classification.standard_error(of_seed),
                "pairs_told_apart": float(np.mean(of_seed[::2] == of_seed[1::2])),
                "forward_passes": classifier.forward_passes,
            }
            for of_seed in is_correct
        ]

    training = Training(classifier.init, loss, splits["train"], splits["valid"])
    return Study(measure, shown=("test_accuracy", "pairs_told_apart"), training=training)


def load(*, num_pairs: int, seed: int) -> dict[str, Examples]:
    """Draw pairs of twins and split them; twins stay together.

    Args:
        num_pairs: At least 6: the first sixth is for validation, the second for testing.
        seed: Seed of the pairs.

    Returns:
        Splits `train`, `valid` and `test`, each with `adjacency` `[M, 64, 64]`, `mask` `[M, 64]`
        and `labels` `[M]`.

    Raises:
        ValueError: If there are fewer pairs.
    """
    if num_pairs < 6:
        raise ValueError(f"expected num_pairs of at least 6, got {num_pairs}")
    arrays = separation_graphs.make_pairs(num_pairs=num_pairs, seed=seed).flat()
    sixth = 2 * (num_pairs // 6)
    cuts = {"valid": slice(sixth), "test": slice(sixth, 2 * sixth), "train": slice(2 * sixth, None)}
    names = ("adjacency", "mask", "labels")
    return {
        split: {name: x[cut] for name, x in zip(names, arrays, strict=True)}
        for split, cut in cuts.items()
    }
