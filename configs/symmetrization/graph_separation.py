r"""Pairs of connected graphs of eight nodes that untrained networks cannot tell apart: GRAPH8c.

Paper: Puny et al. 2022, arXiv:2110.03336, table 1: 61,788,286 pairs, of which GCN leaves 4755, GIN
    386 and frame-averaged MLP and GIN with node ids 0: 100 networks, 10 features, L1 distance
    1e-3. Networks are those of the published programs, initial distributions too (`GraphNetwork`).
Command: python -m experiments.symmetrization \
    --config=configs/symmetrization/graph_separation.py:quick --workdir=runs/x \
    --config.method=mlp_frames
Time: 7 s (`mlp`) to 65 s (`mlp_canonical`) on one busy CPU core; `quick` and `full` are the same. A
    method ends with the first network after which no pair is left.
Expected: pairs not separated: gin 562 (487 in another draw of 100 networks), gcn 4262, gin_deep
    336; all others 0. Equal in float64: gin and gcn 320, gin_deep 312. 312 pairs are
    equal for the 1-WL test, which needs five rounds; three layers on top of the degrees make four,
    which leave 320, the least that gin and gcn can. What counts is what nodes know: from ones
    instead of degrees, with two layers per sum as in `models.GIN`, 20 networks leave 2447 and 100
    leave 1990, 478 of them equal (three rounds). `permutation_error` is rounding
    for gin and gcn; with frames, 94 % of the graphs are invariant up to rounding and the
    others, whose frames have more than 16 choices, in expectation; one canonical choice is for
    77 %, and for the mlp, node ids and averages over samples none is.
"""

import ml_collections

from configs.symmetrization import base

METHODS = (
    "gin_frames",
    "gin_average",
    "gin_ids",
    "gin",
    "gin_deep",
    "gcn",
    "mlp",
    "mlp_frames",
    "mlp_canonical",
    "mlp_average",
)


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = separation_config(argument, row="graph_separation", methods=METHODS)
    smoke = config.preset == "smoke"
    config.data.graphs = "connected"
    config.data.num_nodes = 5 if smoke else 8  # of all connected graphs of this size
    config.model.num_elements = 4 if smoke else 16
    return config


def separation_config(
    argument: str | None, *, row: str, methods: tuple[str, ...]
) -> ml_collections.ConfigDict:
    """Fill what rows of this study share; they fill `data` and `model.num_elements`.

    Of a frame, or samples, that many elements are taken; frames with more choices are sampled.
    """
    config = base.base_config(argument, row=row, methods=methods)
    config.study = "graph_separation"
    config.seeds = (0,)  # a seed stands for all its networks
    config.data.num_networks = 2 if config.preset == "smoke" else 100
    config.model.features = 10
    config.model.width = 64
    config.model.num_layers = 3
    return config
