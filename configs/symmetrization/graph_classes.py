r"""Twins of graphs that the 1-WL test cannot tell apart, as two classes: in place of EXP-classify.

Paper: Puny et al. 2022, arXiv:2110.03336, table 1: GIN 50 %, frame-averaged MLP and GIN 100 %,
    sampled averages 50 %; Kim et al. 2023, arXiv:2306.02866: learned distribution 100 %. On EXP,
    1200 graphs, of which 800 are trained on for 200 epochs of batch 100, Adam at 1e-3 (preset
    `full`), one element of a frame per step; their perceptron has 25 million parameters, ours half
    a million.
Command: python -m experiments.symmetrization \
    --config=configs/symmetrization/graph_classes.py:quick --workdir=runs/x \
    --config.method=mlp_frames
Time: `quick`, 3 seeds together, 8 to 16 s on one busy CPU core, 73 s for `mlp_distribution`. Frames
    are made once, in 10 s.
Expected: 100 % for `mlp_frames`, `gin_frames` and `mlp_canonical`; 50 % for `gin`, exactly, for the
    1-WL test bounds it; 49 to 54 % for `mlp`, `mlp_average` and `mlp_distribution`. All nodes of a
    core look alike to the network that scores them in the last one, so that noise alone orders them
    and the perceptron sees next to random orders: 47 % after 1,600 steps of one seed too. Of cores
    of 32 nodes with three neighbours each, few nodes tie: 16 of the 20 cores have one order, the
    others two or four; and sorting puts a core before the smaller graph beside it. With cores of 16
    nodes, which have up to 10^4 orders and stand behind larger graphs, `mlp_frames` had 88 % and
    `gin_frames` 70 % at 1e-3. Cores of test graphs are known from training; what is new is the
    graph beside them. With `config.data.cores="twisted"` (Cai, Fuerer, Immerman) all nodes of a
    core tie, every frame has more than 10^13 orders, and all methods guess.
"""

import ml_collections

from configs.symmetrization import base

METHODS = (
    "mlp_frames",
    "mlp",
    "mlp_canonical",
    "mlp_average",
    "mlp_distribution",
    "gin",
    "gin_frames",
)


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="graph_classes", methods=METHODS)
    smoke = config.preset == "smoke"
    config.data.num_pairs = 6 if smoke else 600
    config.data.seed = 0
    config.data.cores = "regular"  # with "twisted" ones all frames are huge
    config.model.width = {"quick": 32, "full": 64, "smoke": 8}[config.preset]  # of GIN
    config.model.score_width = 8 if smoke else 32  # of the network of the distribution
    # Of a frame, or samples; one is as published.
    config.model.num_elements = 2 if smoke else 1
    if not smoke:
        config.num_steps = {"quick": 200, "full": 1600}[config.preset]
        config.eval_every = 50
    if config.preset == "quick":
        config.optimizer.learning_rate = 5e-3  # 1e-3 takes GIN more steps than there are
    return config
