r"""Pairs of connected graphs of eight nodes that untrained networks cannot tell apart: GRAPH8c.

Paper: Puny et al. 2022, arXiv:2110.03336, table 1: 61,788,286 pairs, of which GCN leaves 4755, GIN
    386 and frame-averaged MLP and GIN with node ids 0 (100 networks, 10 features, L1 distance
    1e-3; preset `full`).
Command: python -m experiments.symmetrization \
    --config=configs/symmetrization/graph_separation.py:quick --workdir=runs/x \
    --config.method=mlp_frames
Time: `quick` (20 networks), 5 to 25 s per method on 2 busy CPU cores, 105 s for the two of GIN
    with 16 elements; `full` (100 networks) five times that.
Expected: `quick`, pairs not separated: gin 2447, gcn 11657 (20 networks leave more than 100 do),
    gin_frames 3, all others 0; 312 pairs are equal for the 1-WL test, the least that both can
    leave. `permutation_error` is rounding for gin and gcn; with frames, 94 % of the graphs are
    invariant up to rounding and the others, whose frames have more than 16 choices, in expectation;
    one canonical choice is for 77 %, and for the mlp, node ids and averages over samples none is.
"""

import ml_collections

from configs.symmetrization import base

METHODS = (
    "gin_frames",
    "gin_average",
    "gin_ids",
    "gin",
    "gcn",
    "mlp",
    "mlp_frames",
    "mlp_canonical",
    "mlp_average",
)


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="graph_separation", methods=METHODS)
    smoke = config.preset == "smoke"
    config.seeds = (0,)  # a seed stands for all its networks
    config.data.num_nodes = 5 if smoke else 8  # of all connected graphs of this size
    config.data.num_networks = {"quick": 20, "full": 100, "smoke": 2}[config.preset]
    config.model.features = 10
    config.model.width = 64
    # Of a frame, or samples. Frames with more choices are sampled.
    config.model.num_elements = 4 if smoke else 16
    return config
