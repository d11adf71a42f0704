"""Which pairs of graphs untrained networks cannot tell apart: GRAPH8c, and twins of graphs."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import scipy.spatial

from experiments.symmetrization_studies import graph_sets
from experiments.symmetrization_studies.graph_networks import GraphNetwork
from experiments.symmetrization_studies.graph_sets import GraphSet
from experiments.symmetrization_studies.study import Study
from symjax_models import groups
from symjax_models.data import colour_refinement
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
# Pairs not separated, of O. Puny et al. 2022, table 1, arXiv:2110.03336: of GRAPH8c and of EXP.
PUBLISHED = {"gcn": 4755, "gin": 386, "gin_frames": 0, "gin_average": 0, "mlp_frames": 0,
             "mlp_average": 0}  # fmt: skip
PUBLISHED_PAIRS = PUBLISHED | {"gcn": 600, "gin": 600}
TOLERANCE = 1e-3  # L1 distance up to which two graphs are not separated
# The same in float64, but for rounding alone, which is below 1e-13; the distance of all other pairs
# is above 1e-9 in at least one of these networks.
EQUAL = 1e-12
_EQUAL_NETWORKS = 3
# Relative change under permutations that is rounding, of deep networks too.
EXACT = {"float32": 1e-4, "float64": 1e-10}
_CHUNK = 512  # graphs that are embedded at once, fewer if they are large
_CHUNK_ENTRIES = 2**17

Embed = Callable[..., Array]


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` has `num_networks` and the fields of `graph_sets.load`."""
    network_name, source_name = look_up(config.method, METHODS, what="config.method")
    network = make_network(network_name, config)
    source = make_source(source_name, config)
    if config.data.num_networks < 1:
        raise ValueError(f"expected num_networks of at least 1, got {config.data.num_networks}")

    def measure(params: None, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del params
        graphs = graph_sets.load(config.data, report=report)
        return [
            measure_seed(network, source, graphs, config, seed, report) for seed in config.seeds
        ]

    example = jax.ShapeDtypeStruct((graph_sets.num_nodes(config.data),) * 2, jnp.float32)
    shapes = jax.eval_shape(network.init, jax.random.key(0), example)
    return Study(
        measure,
        shown=("pairs_not_separated", "pairs_equal", "permutation_error", "exact_share"),
        params=sum(leaf.size for leaf in jax.tree.leaves(shapes)),
    )


def make_source(
    name: str | None, config: ml_collections.ConfigDict
) -> symmetrization.Source | None:
    """Return the source of permutations of a method; None for the network as it is.

    It takes a tuple of the adjacency matrix and, where there is padding, the mask as a column.
    """
    if name is None:
        return None
    if name == "average":
        return frames.Haar(groups.S(graph_sets.num_nodes(config.data)), config.model.num_elements)
    sort = frames.LaplacianSort(size=1 if name == "canonical" else config.model.num_elements)

    def make_frame(x: tuple[Array, ...], *, key: PRNGKey | None = None) -> symmetrization.Frame:
        return sort(x[0], key=key, mask=x[1][:, 0] > 0.5 if len(x) > 1 else None)

    return make_frame


def make_embed(network: GraphNetwork, source: symmetrization.Source | None) -> Embed:
    """Compile the embedding of graphs by a network drawn with a key: `embed(key, graphs, mask)`.

    It maps graphs `[G, n, n]` and the mask of their nodes `[G, n]`, or None, to `[G, features]`.
    Each graph has a key of its own, for sources that draw.
    """

    @jax.jit
    def embed(key: PRNGKey, graphs: Array, mask: Array | None = None) -> Array:
        init_key, frame_key = jax.random.split(key)
        params = network.init(init_key, graphs[0])

        def apply(graph: Array, column: Array | None = None) -> Array:
            return network.apply(params, graph, mask=None if column is None else column[:, 0] > 0.5)

        def of_one(arguments: tuple[PRNGKey, *tuple[Array, ...]]) -> Array:
            own_key, *x = arguments
            if source is None:
                return apply(*x)
            symmetric = symmetrization.symmetrize(
                apply,
                source=source,
                rep_in=("pair", "scalar")[: len(x)],
                rep_out="invariant",
                read=lambda *x: x,
            )
            return symmetric(*x, key=own_key)

        keys = jax.random.split(frame_key, len(graphs))
        columns = () if mask is None else (mask[..., None].astype(graphs.dtype),)
        chunk = min(_CHUNK, _CHUNK_ENTRIES // graphs[0].size)
        return jax.lax.map(of_one, (keys, graphs, *columns), batch_size=chunk)

    return embed


def measure_seed(
    network: GraphNetwork,
    source: symmetrization.Source | None,
    graphs: GraphSet,
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
    keys = [jax.random.key(index) for index in range(seed * count, (seed + 1) * count)]
    colours = colour_refinement.colour_signature(graphs.adjacency)
    with jax.enable_x64(graphs.dtype == "float64"):
        embed = make_embed(network, source)
        plain = jnp.asarray(graphs.adjacency, graphs.dtype)

        def embeddings() -> Iterator[np.ndarray]:
            for index, key in enumerate(keys):
                yield np.asarray(embed(key, plain, graphs.mask))
                if (index + 1) % 10 == 0:
                    report(f"{config.method}: {index + 1} of {count} networks")

        pairs, _ = close_pairs(embeddings(), tolerance=TOLERANCE, candidates=graphs.pairs)
        first = functools.partial(embed, keys[0])
        changes = permutation_changes(first, plain, graphs.mask, seed=seed)
    distances = exact_distances(network, source, graphs, keys[:_EQUAL_NETWORKS])
    is_equal = distances <= EQUAL
    return {
        "pairs_not_separated": len(pairs),
        "pairs_equal": int(np.sum(is_equal)),
        "equal_distance": float(distances[is_equal].max(initial=0.0)),
        "next_distance": float(distances[~is_equal].min(initial=TOLERANCE)),
        "pairs_one_wl": count_equal(colours, candidates=graphs.pairs),
        "num_networks": count,
        "num_graphs": len(graphs.adjacency),
        "permutation_error": float(changes.max()),
        "permutation_error_median": float(np.median(changes)),
        "exact_share": float(np.mean(changes <= EXACT[graphs.dtype])),
        "forward_passes": forward_passes(config),
    }


def exact_distances(
    network: GraphNetwork,
    source: symmetrization.Source | None,
    graphs: GraphSet,
    keys: Sequence[PRNGKey],
) -> np.ndarray:
    """Return the distances in float64 of pairs within `TOLERANCE`, the largest of some networks."""
    with jax.enable_x64(True):
        embed = make_embed(network, source)
        doubles = jnp.asarray(graphs.adjacency, jnp.float64)
        embeddings = (np.asarray(embed(key, doubles, graphs.mask)) for key in keys)
        return close_pairs(embeddings, tolerance=TOLERANCE, candidates=graphs.pairs)[1]


def forward_passes(config: ml_collections.ConfigDict) -> int:
    """Return K, how often the network of a method sees every graph."""
    source = METHODS[config.method][1]
    return 1 if source in (None, "canonical") else config.model.num_elements


def close_pairs(
    embeddings: Iterable[np.ndarray], *, tolerance: float, candidates: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of rows that are within an L1 distance in every one of several arrays.

    Args:
        embeddings: Arrays `[G, C]`, at least one.
        tolerance: The distance.
        candidates: Pairs of row numbers `[P, 2]` that are looked at; all pairs if None.

    Returns:
        Pairs of row numbers `[P, 2]`, the smaller one first, and their largest distances `[P]`.

    >>> first, second = np.array([[0.0], [0.0], [0.0]]), np.array([[1.0], [1.0], [2.0]])
    >>> close_pairs([first, second], tolerance=0.1)[0].tolist()
    [[0, 1]]
    """
    pairs, distances = candidates, np.zeros(0 if candidates is None else len(candidates))
    for embedding in embeddings:
        embedding = np.asarray(embedding, np.float64)
        if pairs is None:
            tree = scipy.spatial.cKDTree(embedding)
            pairs = tree.query_pairs(tolerance, p=1, output_type="ndarray")
            distances = np.zeros(len(pairs))
        distances = np.maximum(distances, _distances(embedding, pairs))
        is_close = distances <= tolerance
        pairs, distances = pairs[is_close], distances[is_close]
        if not len(pairs):
            break  # no other array can bring a pair back
    return pairs, distances


def count_equal(labels: np.ndarray, *, candidates: np.ndarray | None = None) -> int:
    """Count the pairs of equal entries, of all pairs or of candidates `[P, 2]`.

    >>> count_equal(np.array([3, 3, 3, 1]))
    3
    """
    if candidates is not None:
        return int(np.sum(labels[candidates[:, 0]] == labels[candidates[:, 1]]))
    sizes = np.unique(labels, return_counts=True)[1]
    return int(np.sum(sizes * (sizes - 1) // 2))


def permutation_changes(
    embed: Embed, graphs: Array, mask: np.ndarray | None = None, *, seed: int
) -> np.ndarray:
    """Measure how embeddings change when the nodes of every graph are permuted at random.

    Args:
        embed: Maps graphs `[G, n, n]` and their mask, or None, to `[G, C]`.
        graphs: The graphs.
        mask: Which of their nodes are real, `[G, n]`; None if all are.
        seed: Seed of the permutations.

    Returns:
        Largest changes of an entry `[G]`, over the root mean square of all entries.
    """
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(graphs.shape[-1]), (len(graphs), 1)), axis=1)
    which = np.arange(len(graphs))[:, None, None]
    moved = graphs[which, orders[:, :, None], orders[:, None, :]]
    moved_mask = None if mask is None else np.take_along_axis(mask, orders, axis=1)
    before, after = np.asarray(embed(graphs, mask)), np.asarray(embed(moved, moved_mask))
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
        num_layers=graph_sets.num_nodes(config.data) if name == "gin_deep" else model.num_layers,
        has_node_ids=name == "gin_ids",
    )
