r"""Regression of a Lorentz invariant: scattering of electrons and muons.

Paper: Nguyen et al. 2023, arXiv:2311.07143 (10,000 examples, 1,000 epochs of batch 64, Adam at
    1e-3, a perceptron of 3 layers of 384 units, a generator of 2 layers of 256; preset `full`);
    its numbers are not at hand.
Command: python -m experiments.symmetrization --config=configs/symmetrization/lorentz.py:quick \
    --workdir=runs/x --config.method=generator
Time: `quick`, 3 seeds together, 20 s (gram) to 50 s (frames) on 2 busy CPU cores.
Expected: `quick`, test MSE of 3 seeds, in brackets as a share of the best constant's: gram .0024
    (.33 %), generator .019 (2.6 %), frames .13 (18 %), augmented .30 (40 %), mlp .38 (52 %).
    Equivariance errors in float32, float64: frames 3e-5, 3e-14, for rounding grows with the boosts;
    generator 2e-6, 1e-14; gram 1e-6, 7e-15; mlp 10.
"""

import ml_collections

from configs.symmetrization import base

METHODS = ("generator", "frames", "mlp", "augmented", "gram")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Return the config of a preset."""
    config = base.base_config(argument, row="lorentz", methods=METHODS)
    smoke = config.preset == "smoke"
    config.data.task = "lorentz"
    config.data.num_train = {"quick": 1000, "full": 10_000, "smoke": 20}[config.preset]
    config.data.num_valid = 10 if smoke else 1000
    config.data.num_test = 20 if smoke else 5000
    config.data.seed = 0  # one draw for all methods and seeds
    config.data.set_size = 0  # a set has no place in this task
    config.model.features = 8 if smoke else 384
    config.model.num_layers = 3
    config.model.generator_features = 8 if smoke else 256
    config.model.generator_layers = 2
    config.model.distance_weight = 1.0  # of the distance from the group, in "generator"
    if not smoke:
        config.batch_size = {"quick": 100, "full": 64}[config.preset]
        config.num_steps = {"quick": 1000, "full": 156_000}[config.preset]
        config.eval_every = {"quick": 50, "full": 1000}[config.preset]
        config.checkpoint_every = {"quick": 500, "full": 5000}[config.preset]
    return config
