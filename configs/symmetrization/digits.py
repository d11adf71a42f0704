r"""Handwritten digits in any pose, trained on upright ones.

Paper: Kaba et al. 2023, arXiv:2211.06489, and Mondal et al. 2023, arXiv:2310.01647, on CIFAR-10
    with a ResNet-50 under C8, upright / turned: plain 97.0 / 57.8, augmented 94.9 / 90.1,
    canonicalized 93.3 / 93.0, with prior 96.2 / 95.3 (their numbers, not of these digits).
Command: python -m experiments.symmetrization --config=configs/symmetrization/digits.py:quick \
    --workdir=runs/x --config.method=canonicalization_prior
Time: `quick`, one seed, 30 s (plain) to 90 s (canonicalizations) on 2 busy CPU cores; 3 seeds
    together three times that.
Expected: `quick`, accuracy in % upright / in quarter turns / at any angle, of seed 0: plain 96.1 /
    37.0 / 25.6; `canonicalization_prior` (700 steps) 95.4 / 95.4 / 48.4, leaving 85 % of upright
    digits as they are, invariant under quarter turns to the bit. A 6 turned is a 9, so that no
    invariant classifier is perfect.
"""

import ml_collections

from configs.symmetrization import base

METHODS = (
    "canonicalization_prior",
    "plain",
    "augmented",
    "augmented_so2",
    "averaged_at_test",
    "whole_group",
    "canonicalization",
    "optimization",
    "optimization_prior",
)


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="digits", methods=METHODS)
    smoke = config.preset == "smoke"
    config.data.size = 12  # pixels; turned digits need a margin
    config.data.num_train = 20 if smoke else 0  # 0 takes all 800
    config.data.num_test = 20 if smoke else 0  # 0 takes all, of the validation too
    config.model.channels = (2,) if smoke else (16, 32)
    config.model.hidden = 8 if smoke else 64
    config.model.score_channels = (2,) if smoke else (8, 16)  # of the canonicalization's network
    config.model.score_hidden = 8 if smoke else 32
    config.model.num_turns = 4  # n of the group C(n) of the sources
    config.model.prior_weight = 1.0  # of methods that have a prior
    config.model.orthogonality_weight = 0.1  # of the cosines between copies, in "optimization"
    config.model.temperature = 0.1  # of the scores, in "optimization"
    config.optimizer.learning_rate = 5e-3
    if not smoke:
        config.num_steps = {"quick": 1000, "full": 3000}[config.preset]
    return config
