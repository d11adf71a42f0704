r"""Twins of graphs that untrained networks cannot tell apart: in place of the counts on EXP.

Paper: Puny et al. 2022, arXiv:2110.03336, table 1: of the 600 pairs of EXP, GCN and GIN leave all
    together, frame-averaged MLP and GIN with node ids none: 100 networks, 10 features, L1 distance
    1e-3. The study is that of `graph_separation.py`.
Command: python -m experiments.symmetrization \
    --config=configs/symmetrization/twin_separation.py:quick --workdir=runs/x \
    --config.method=mlp_frames
Time: 5 s (`mlp`) to 5 minutes (`gin_frames`) on one busy CPU core; `quick` and `full` are the same.
    A method ends with the first network after which no pair is left.
Expected: pairs not separated: 600 for `gin` and `gcn`, equal in float64, for the 1-WL test leaves
    all; 0 for all others. What is not invariant tells any two graphs apart: a count of 0 says
    something where `exact_share` is high, 98 % for `mlp_frames` with 16 elements (94 % with 4) and
    99.8 % for `gin_frames`; the other graphs have frames of more orders. Embeddings are of float64:
    some of the many keys that graphs of 64 nodes are sorted by are near a border of rounding.
"""

import ml_collections

from configs.symmetrization import graph_separation

METHODS = tuple(method for method in graph_separation.METHODS if method != "gin_deep")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = graph_separation.separation_config(argument, row="twin_separation", methods=METHODS)
    smoke = config.preset == "smoke"
    config.data.graphs = "pairs"
    config.data.num_pairs = 2 if smoke else 600
    config.data.seed = 0
    config.data.cores = "regular"
    config.model.num_elements = 2 if smoke else 16
    return config
