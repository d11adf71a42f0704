"""Parameter counts of the papers, and the laws parameters start from."""

import jax
import numpy as np
import pytest

from symjax_models import models
from symjax_models.data.nbody_graphs import make_graph

# Satorras et al. 2021, arXiv:2102.09844, at 64 features and 4 layers; by hand for the next three.
# SEGNN has 32 copies of 0e and 1o for the 64 features of its paper, arXiv:2110.02905: four paths of
# 32^2 weights are as many as the 64^2 of scalars, and gates need two paths more. For TFN as it is
# here, without filters for every pair of channels, nothing is published.
COUNTS = {
    "egnn": 134_020,
    "gnn": 104_387,
    "radial_field": 2_052,
    "leapfrog": 25_600,
    "linear": 1,
    "affine": 21,
    "segnn": 147_424,
    "tfn": 29_889,
}


def example(count):
    shapes = (1, count, 3), (1, count, 3), (1, count, count)
    return make_graph(*(np.zeros(shape, np.float32) for shape in shapes))


def shapes(model, count=5):
    return jax.eval_shape(model.init, jax.random.key(0), example(count))


def count_parameters(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_parameter_count_is_that_of_the_paper(name):
    model = models.registry.make_model(name)
    found = shapes(model, count=5)
    assert count_parameters(found) == COUNTS[name]
    assert found == shapes(model, count=7)
    assert set(found) == {"params"}


def test_steerable_kernels_of_32_copies_weigh_what_64_scalars_do():
    found = shapes(models.SEGNN(num_layers=1))["params"]
    kernels = [leaf for name, leaf in found["update_0_second"].items() if "kernel" in name]
    assert sum(leaf.size for leaf in kernels) == 64**2
    kernels = [leaf for name, leaf in found["message_0_second"].items() if "kernel" in name]
    assert sum(leaf.size for leaf in kernels) == 64**2 + 2 * 32**2


@pytest.mark.parametrize("name", ["egnn", "gnn", "radial_field", "segnn", "tfn"])
def test_parameter_count_follows_width_and_depth(name):
    for changed in ({"features": 63}, {"num_layers": 2}):
        model = models.registry.make_model(name, changed)
        assert count_parameters(shapes(model)) != COUNTS[name]


def test_time_steps_share_their_parameters():
    assert shapes(models.LeapfrogNetwork(num_steps=3)) == shapes(models.LeapfrogNetwork())
    narrow = shapes(models.LeapfrogNetwork(features=63))
    assert count_parameters(narrow) != COUNTS["leapfrog"]


@pytest.mark.parametrize(
    ("name", "depth", "phi", "outputs"),
    [
        ("egnn", "num_layers", "layer_0/phi_x/Dense_1", 1),
        ("leapfrog", "num_steps", "step/force", 2),
        ("radial_field", "num_layers", "phi_0/Dense_1", 1),
    ],
)
def test_forces_start_a_thousand_times_smaller(name, depth, phi, outputs):
    model = models.registry.make_model(name, {depth: 1})
    params = jax.jit(model.init)(jax.random.key(0), example(3))["params"]
    for key in phi.split("/"):
        params = params[key]
    assert set(params) == {"kernel"}
    # Xavier's bound for a map of 64 features to so many.
    bound = 0.001 * np.sqrt(6 / (64 + outputs))
    assert 0.9 * bound < np.abs(params["kernel"]).max() <= bound


@pytest.mark.slow
def test_leapfrog_starts_at_uniform_motion():
    rng = np.random.default_rng(0)
    given = make_graph(*rng.normal(size=(2, 1, 3, 3)).astype(np.float32), np.ones((1, 3, 3)))
    model = models.LeapfrogNetwork(features=8, num_steps=2)
    moved, _ = jax.jit(model.init_with_output)(jax.random.key(0), given)
    expected = given.nodes["positions"] + given.nodes["velocities"]
    assert 0 < np.abs(moved - expected).max() < 0.01


@pytest.mark.slow
def test_tfn_starts_near_the_positions():
    model = models.TFN(features=2, num_layers=1)
    rng = np.random.default_rng(0)
    given = make_graph(*rng.normal(size=(2, 1, 3, 3)).astype(np.float32), np.ones((1, 3, 3)))
    moved, params = jax.jit(model.init_with_output)(jax.random.key(0), given)
    assert params["params"]["scale"] == np.float32(0.01)
    assert 0 < np.abs(moved - given.nodes["positions"]).max() < 0.1


def test_linear_starts_at_the_time_of_the_paper():
    params = models.LinearDynamics().init(jax.random.key(0), example(3))
    assert params["params"]["time"] == np.float32(0.7)
