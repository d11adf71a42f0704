"""Which pairs of small graphs untrained networks cannot tell apart: GRAPH8c."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import scipy.spatial

from experiments.symmetrization_studies.graph_networks import GraphNetwork
from experiments.symmetrization_studies.study import Study
from symjax_models import groups
from symjax_models.data import connected_graphs, separation_graphs
from symjax_models.ops import frames, symmetrization
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PRNGKey

# Network and source of every method; frames hold `config.model.num_elements` elements. The deep one
# has a layer for every node, so that it can make all rounds of the 1-WL test.
METHODS = {
    "gcn": ("gcn", None),
    "gin": ("gin", None),
    "gin_deep": ("gin_deep", None),
    "gin_ids": ("gin_ids", None),
    "gin_frames": ("gin_ids", "frames"),
    "gin_average": ("gin_ids", "average"),
    "mlp": ("mlp", None),
    "mlp_frames": ("mlp", "frames"),
    "mlp_canonical": ("mlp", "canonical"),
    "mlp_average": ("mlp", "average"),
}
# Pairs not separated, of O. Puny et al. 2022, table 1, arXiv:2110.03336.
PUBLISHED = {"gcn": 4755, "gin": 386, "gin_frames": 0, "gin_average": 0, "mlp_frames": 0,
             "mlp_average": 0}  # fmt: skip
TOLERANCE = 1e-3  # L1 distance up to which two graphs are not separated
# The same in float64, but for rounding alone, which is below 1e-13; the distance of all other pairs
# is above 1e-9 in at least one of these networks.
EQUAL = 1e-12
_EQUAL_NETWORKS = 3
EXACT = 1e-4  # relative change under permutations that is rounding, of deep networks too
_CHUNK = 512  # graphs that are embedded at once

Embed = Callable[[PRNGKey, Array], Array]


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` has `num_nodes` and `num_networks`."""
    network_name, source_name = look_up(config.method, METHODS, what="config.method")
    network = make_network(network_name, config)
    source = make_source(source_name, config)
    if config.data.num_networks < 1:
        raise ValueError(f"expected num_networks of at least 1, got {config.data.num_networks}")

    def measure(params: None, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del params
        graphs = connected_graphs.load(num_nodes=config.data.num_nodes, report=report)
        return [
            measure_seed(network, source, graphs, config, seed, report) for seed in config.seeds
        ]

    example = jax.ShapeDtypeStruct((config.data.num_nodes,) * 2, jnp.float32)
    shapes = jax.eval_shape(network.init, jax.random.key(0), example)
    return Study(
        measure,
        shown=("pairs_not_separated", "pairs_equal", "permutation_error", "exact_share"),
        params=sum(leaf.size for leaf in jax.tree.leaves(shapes)),
    )


def make_source(
    name: str | None, config: ml_collections.ConfigDict
) -> symmetrization.Source | None:
    """Return the source of permutations of a method; None for the network as it is."""
    if name is None:
        return None
    if name == "average":
        return frames.Haar(groups.S(config.data.num_nodes), config.model.num_elements)
    return frames.LaplacianSort(size=1 if name == "canonical" else config.model.num_elements)


def make_embed(network: GraphNetwork, source: symmetrization.Source | None) -> Embed:
    """Compile the embedding of graphs `[G, n, n]` by a network drawn with a key, `[G, features]`.

    Each graph has a key of its own, for sources that draw.
    """

    @jax.jit
    def embed(key: PRNGKey, graphs: Array) -> Array:
        init_key, frame_key = jax.random.split(key)
        params = network.init(init_key, graphs[0])

        def of_one(arguments: tuple[PRNGKey, Array]) -> Array:
            own_key, graph = arguments
            apply = lambda adjacency: network.apply(params, adjacency)  # noqa: E731
            if source is None:
                return apply(graph)
            symmetric = symmetrization.symmetrize(
                apply, source=source, rep_in="pair", rep_out="invariant"
            )
            return symmetric(graph, key=own_key)

        keys = jax.random.split(frame_key, len(graphs))
        return jax.lax.map(of_one, (keys, graphs), batch_size=_CHUNK)

    return embed


def measure_seed(
    network: GraphNetwork,
    source: symmetrization.Source | None,
    graphs: np.ndarray,
    config: ml_collections.ConfigDict,
    seed: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Return the metrics of `num_networks` networks.

    `pairs_not_separated` counts the pairs that all networks embed within `TOLERANCE`, as published;
    `pairs_equal` those that the first three embed within `EQUAL` in float64, with the largest
    distance of these and the smallest one of all others; `pairs_one_wl` those that the 1-WL test
    leaves together; `permutation_error` is the largest change of an embedding of the first network
    when the nodes of every graph are permuted, over the root mean square of all embeddings, and
    `exact_share` the share of graphs where it is at most `EXACT`.
    """
    count = config.data.num_networks
    embed = make_embed(network, source)
    plain = jnp.asarray(graphs, jnp.float32)
    keys = [jax.random.key(index) for index in range(seed * count, (seed + 1) * count)]

    def embeddings() -> Iterator[np.ndarray]:
        for index, key in enumerate(keys):
            yield np.asarray(embed(key, plain))
            if (index + 1) % 10 == 0:
                report(f"{config.method}: {index + 1} of {count} networks")

    pairs, _ = close_pairs(embeddings(), tolerance=TOLERANCE)
    distances = exact_distances(network, source, graphs, keys[:_EQUAL_NETWORKS])
    is_equal = distances <= EQUAL
    changes = permutation_changes(lambda x: embed(keys[0], x), plain, seed=seed)
    colours = separation_graphs.colour_signature(graphs)
    return {
        "pairs_not_separated": len(pairs),
        "pairs_equal": int(np.sum(is_equal)),
        "equal_distance": float(distances[is_equal].max(initial=0.0)),
        "next_distance": float(distances[~is_equal].min(initial=TOLERANCE)),
        "pairs_one_wl": count_equal(colours),
        "num_networks": count,
        "num_graphs": len(graphs),
        "permutation_error": float(changes.max()),
        "permutation_error_median": float(np.median(changes)),
        "exact_share": float(np.mean(changes <= EXACT)),
        "forward_passes": forward_passes(config),
    }


def exact_distances(
    network: GraphNetwork,
    source: symmetrization.Source | None,
    graphs: np.ndarray,
    keys: Sequence[PRNGKey],
) -> np.ndarray:
    """Return the distances in float64 of pairs within `TOLERANCE`, the largest of some networks."""
    with jax.enable_x64(True):
        embed = make_embed(network, source)
        doubles = jnp.asarray(graphs, jnp.float64)
        embeddings = (np.asarray(embed(key, doubles)) for key in keys)
        return close_pairs(embeddings, tolerance=TOLERANCE)[1]


def forward_passes(config: ml_collections.ConfigDict) -> int:
    """Return K, how often the network of a method sees every graph."""
    source = METHODS[config.method][1]
    return 1 if source in (None, "canonical") else config.model.num_elements


def close_pairs(
    embeddings: Iterable[np.ndarray], *, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of rows that are within an L1 distance in every one of several arrays.

    Args:
        embeddings: Arrays `[G, C]`, at least one.
        tolerance: The distance.

    Returns:
        Pairs of row numbers `[P, 2]`, the smaller one first, and their largest distances `[P]`.

    >>> first, second = np.array([[0.0], [0.0], [0.0]]), np.array([[1.0], [1.0], [2.0]])
    >>> close_pairs([first, second], tolerance=0.1)[0].tolist()
    [[0, 1]]
    """
    iterator = iter(embeddings)
    embedding = np.asarray(next(iterator), np.float64)
    tree = scipy.spatial.cKDTree(embedding)
    pairs = tree.query_pairs(tolerance, p=1, output_type="ndarray")
    distances = _distances(embedding, pairs)
    for embedding in iterator:
        distances = np.maximum(distances, _distances(np.asarray(embedding, np.float64), pairs))
        is_close = distances <= tolerance
        pairs, distances = pairs[is_close], distances[is_close]
    return pairs, distances


def count_equal(labels: np.ndarray) -> int:
    """Count the pairs of equal entries.

    >>> count_equal(np.array([3, 3, 3, 1]))
    3
    """
    sizes = np.unique(labels, return_counts=True)[1]
    return int(np.sum(sizes * (sizes - 1) // 2))


def permutation_changes(embed: Callable[[Array], Array], graphs: Array, *, seed: int) -> np.ndarray:
    """Measure how embeddings change when the nodes of every graph are permuted at random.

    Args:
        embed: Maps graphs `[G, n, n]` to `[G, C]`.
        graphs: The graphs.
        seed: Seed of the permutations.

    Returns:
        Largest changes of an entry `[G]`, over the root mean square of all entries.
    """
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(graphs.shape[-1]), (len(graphs), 1)), axis=1)
    which = np.arange(len(graphs))[:, None, None]
    moved = graphs[which, orders[:, :, None], orders[:, None, :]]
    before, after = np.asarray(embed(graphs)), np.asarray(embed(moved))
    return np.abs(after - before).max(-1) / np.sqrt(np.mean(np.square(before)))


def _distances(embedding: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.abs(embedding[pairs[:, 0]] - embedding[pairs[:, 1]]).sum(-1)


def make_network(name: str, config: ml_collections.ConfigDict) -> GraphNetwork:
    """Return the network of a method; "gin_ids" starts from the numbers of the nodes."""
    model = config.model
    return GraphNetwork(
        name.partition("_")[0],
        model.features,
        width=model.width,
        num_layers=config.data.num_nodes if name == "gin_deep" else model.num_layers,
        has_node_ids=name == "gin_ids",
    )
