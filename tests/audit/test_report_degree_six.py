"""The equivariance report of a convolution of degree 6, under rotations and reflections."""

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.ops.tensor_products import TensorProductPlan, convolution

HARMONICS = reps.harmonic_irreps(6)
PLAN = TensorProductPlan(4 * HARMONICS, HARMONICS, 4 * HARMONICS)
NODES, EDGES = 6, 20

RNG = np.random.default_rng(0)
X = reps.RepArray(PLAN.rep1, [RNG.normal(size=(NODES, term.dim, 4)) for _, term in PLAN.rep1.terms])
DISPLACEMENTS = reps.RepArray(reps.vector(groups.O(3)), [RNG.normal(size=(EDGES, 3, 1))])
WEIGHTS = RNG.normal(size=(EDGES, PLAN.num_paths, 4))
# 32 bits in both precisions.
SENDERS, RECEIVERS = RNG.integers(NODES, size=(2, EDGES)).astype(np.int32)


def convolve(x, displacements, weights):
    return convolution(
        PLAN,
        x,
        displacements["1o"][..., 0],
        weights,
        senders=jnp.asarray(SENDERS),
        receivers=jnp.asarray(RECEIVERS),
        num_nodes=NODES,
    )


@pytest.mark.slow
def test_convolution_of_degree_six():
    assert len(groups.O(3).discrete_generators) == 1  # a reflection is among what is tested
    report = audit.equivariance_report(convolve, X, DISPLACEMENTS, WEIGHTS)
    errors = {error.dtype.name: error.max for _, error in report.rows}
    assert 0 < errors["float32"] < 1e-5 and 0 < errors["float64"] < 1e-12
    assert 1e7 < errors["float32"] / errors["float64"] < 1e11


@pytest.mark.slow
def test_control_displacements_that_do_not_turn():
    def broken(x, displacements, weights):
        return convolve(x, displacements.map(lambda d: d.at[:, 1].multiply(1.1)), weights)

    error = audit.equivariance_error(
        broken, X, DISPLACEMENTS, WEIGHTS, num_samples=2, dtype="float32"
    )
    assert min(error.parts.values()) > 0.01
