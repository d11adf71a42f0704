"""Which twin is it: training on pairs of graphs that the 1-WL test cannot tell apart."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import statistics
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
# Orders of the nodes that are kept of the frame of a graph, by source. Eigenvectors are found once.
_POOLS = {"canonical": 1, "frames": 32}
_CHUNK = 50  # graphs whose frames are made at once

Examples = dict[str, np.ndarray]


class Classifier:
    """Tell twins apart: a network under a source of permutations, with their parameters."""

    def __init__(self, config: ml_collections.ConfigDict) -> None:
        network, self.source_name = look_up(config.method, METHODS, what="config.method")
        self.model = config.model
        if self.model.num_elements < 1:
            raise ValueError(
                f"expected config.model.num_elements of at least 1, got {self.model.num_elements}"
            )
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
        arguments = (
            batch["adjacency"].astype(jnp.float32),
            batch["mask"].astype(jnp.float32)[..., None],
        )
        if self.source_name is None:
            return self._apply(params, *arguments)
        key = jax.random.key(0) if key is None else key
        frame = self._make_frame(params, batch, arguments, key=key)
        moved = symmetrization.pull_back(frame, arguments, ("pair", "scalar"))
        outputs = jax.vmap(functools.partial(self._apply, params))(*moved)
        return symmetrization.push_forward(frame, outputs, "invariant")

    def _apply(self, params: PyTree, adjacency: Array, mask: Array) -> Array:
        options = {"mask": mask[..., 0] > 0.5} if self.is_gin else {}
        return self.network.apply(params["network"], adjacency, **options)

    def _make_frame(
        self, params: PyTree, batch: PyTree, x: tuple[Array, Array], *, key: PRNGKey
    ) -> symmetrization.Frame:
        if self.source_name == "average":
            source = frames.Haar(groups.S(_NODES), self.model.num_elements, batch_axes=1)
            return source(x[0], key=key)
        if self.source_name == "distribution":
            scores = functools.partial(self._scores, params["scores"])
            source = layers.PermutationDistribution(scores, num_samples=self.model.num_elements)
            return source.apply({}, x, key=key)
        return draw_frame(batch["orders"], batch["choices"], size=self.forward_passes, key=key)

    def _scores(self, params: PyTree, adjacency: Array, noise: Array, mask: Array) -> Array:
        """Return scores `[K, B, N]` of the nodes: sums over neighbours of noisy features."""
        h = noise
        for layer, own in zip(self.score_layers, params, strict=True):
            summed = jnp.matmul(adjacency, h, precision="highest")
            h = layer.apply(own, jnp.concatenate([h, summed], axis=-1))
        # Padding comes last.
        return jnp.where(mask[..., 0] > 0.5, jnp.tanh(h[..., 0]), 2.0)


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` has `num_pairs`, split 4 : 1 : 1, `seed` and `cores`."""
    classifier = Classifier(config)
    splits = load(**config.data)
    if classifier.source_name in _POOLS:
        size = _POOLS[classifier.source_name]
        splits = {name: with_orders(x, size=size) for name, x in splits.items()}

    def loss(params: PyTree, batch: PyTree, key: PRNGKey | None) -> Array:
        return classification.cross_entropy(classifier.logits(params, batch, key), batch["labels"])

    def measure(params: PyTree, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del report
        (is_correct,) = classification.correct(classifier.logits, params, [splits["test"]])
        return [
            {
                "test_accuracy": float(of_seed.mean()),
                "test_accuracy_se": statistics.standard_error(of_seed),
                "pairs_told_apart": float(np.mean(of_seed[::2] == of_seed[1::2])),
                "forward_passes": classifier.forward_passes,
                **_measure_ties(splits["test"]),
            }
            for of_seed in is_correct
        ]

    training = Training(classifier.init, loss, splits["train"], splits["valid"])
    return Study(measure, shown=("test_accuracy", "pairs_told_apart"), training=training)


def load(*, num_pairs: int, seed: int, cores: str = "regular") -> dict[str, Examples]:
    """Draw pairs of twins and split them; twins stay together.

    Args:
        num_pairs: At least 6: the first sixth is for validation, the second for testing.
        seed: Seed of the pairs.
        cores: Their hard part, one of `separation_graphs.CORES`.

    Returns:
        Splits `train`, `valid` and `test`, each with `adjacency` `[M, 64, 64]`, `mask` `[M, 64]`
        and `labels` `[M]`.

    Raises:
        ValueError: If there are fewer pairs, or the cores are unknown.
    """
    if num_pairs < 6:
        raise ValueError(f"expected num_pairs of at least 6, got {num_pairs}")
    arrays = separation_graphs.make_pairs(num_pairs=num_pairs, seed=seed, cores=cores).flat()
    sixth = 2 * (num_pairs // 6)
    cuts = {"valid": slice(sixth), "test": slice(sixth, 2 * sixth), "train": slice(2 * sixth, None)}
    names = ("adjacency", "mask", "labels")
    return {
        split: {name: x[cut] for name, x in zip(names, arrays, strict=True)}
        for split, cut in cuts.items()
    }


def with_orders(examples: Examples, *, size: int) -> Examples:
    """Add the frames of graphs by `LaplacianSort`, as orders of nodes.

    Args:
        examples: Arrays of M graphs.
        size: P, orders per graph. With P = 1, the first choice; with more, draws where there are
            more choices.

    Returns:
        The examples with `orders` `[M, P, N]`, of which the first `choices` `[M]` are a frame.
    """
    sort = frames.LaplacianSort(size=size)

    @jax.jit
    def make(key: PRNGKey, adjacency: Array, mask: Array) -> tuple[Array, Array]:
        frame = sort(adjacency, mask=mask, key=key if size > 1 else None)
        orders = jnp.argmax(frame.inverses, axis=-1).astype(jnp.int8)
        return jnp.moveaxis(orders, 0, 1), jnp.sum(frame.weights > 0, axis=0)

    parts = []
    # Rounded keys are next to never broken in float64.
    with jax.enable_x64(True):
        for start in range(0, len(examples["labels"]), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            adjacency = examples["adjacency"][chunk].astype(np.float64)
            made = make(jax.random.key(start), adjacency, examples["mask"][chunk])
            parts.append([np.asarray(x) for x in made])
    orders, choices = (np.concatenate(x) for x in zip(*parts, strict=True))
    return examples | {"orders": orders, "choices": choices.astype(np.int32)}


def draw_frame(orders: Array, choices: Array, *, size: int, key: PRNGKey) -> symmetrization.Frame:
    """Draw elements of frames: all of a frame that has few, else a sample of its orders.

    Args:
        orders: `[B, P, N]`.
        choices: How many of the orders are a frame, `[B]`.
        size: K.
        key: Draws.

    Returns:
        Frames of B graphs.
    """
    index = jnp.arange(size)[:, None]
    drawn = jax.random.randint(key, (size, len(choices)), 0, choices)
    is_whole = choices <= size
    index = jnp.where(is_whole, index % choices, drawn)
    weights = jnp.where(is_whole & (jnp.arange(size)[:, None] >= choices), 0.0, 1.0)
    chosen = jnp.take_along_axis(orders, index.T[..., None], axis=1).swapaxes(0, 1)
    inverses = jax.nn.one_hot(chosen, orders.shape[-1])
    return symmetrization.Frame(
        jnp.swapaxes(inverses, -1, -2), inverses, weights / jnp.sum(weights, axis=0)
    )


def _measure_ties(examples: Examples) -> dict[str, float]:
    """Tell of how many graphs all orders of a frame were kept."""
    if examples.get("orders", np.zeros((0, 1))).shape[1] <= 1:
        return {}
    pool = examples["orders"].shape[1]
    return {"small_frame_share": float(np.mean(examples["choices"] < pool))}
