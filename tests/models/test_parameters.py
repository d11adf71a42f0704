"""Parameter counts of the papers, and the laws parameters start from."""

import jax
import numpy as np
import pytest

from symjax_models import models
from symjax_models.data.nbody_graphs import make_graph

# Satorras et al. 2021, arXiv:2102.09844, at 64 features and 4 layers; by hand for the last two.
COUNTS = {"egnn": 134_020, "gnn": 104_387, "radial_field": 2_052, "linear": 1, "affine": 21}


def shapes(model, count=5):
    arrays = (np.zeros((1, count, 3), np.float32),) * 2
    given = make_graph(*arrays, np.zeros((1, count, count), np.float32))
    return jax.eval_shape(model.init, jax.random.key(0), given)


def count_parameters(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("name", sorted(models.registry.MODELS))
def test_parameter_count_is_that_of_the_paper(name):
    model = models.registry.make_model(name)
    assert count_parameters(shapes(model)) == COUNTS[name]
    assert shapes(model, count=5) == shapes(model, count=7)
    assert set(shapes(model)) == {"params"}


@pytest.mark.parametrize("name", ["egnn", "gnn", "radial_field"])
def test_parameter_count_follows_width_and_depth(name):
    for changed in ({"features": 63}, {"num_layers": 3}):
        model = models.registry.make_model(name, changed)
        assert count_parameters(shapes(model)) != COUNTS[name]


@pytest.mark.parametrize("case", ["egnn", "radial_field"], indirect=True)
def test_forces_start_a_thousand_times_smaller(case):
    # The parameters of `case` have been multiplied by 1000, so this is Xavier's bound itself.
    name, first = ("phi_x", "layer_0") if case.name == "egnn" else ("phi_0", None)
    params = case.params["params"]
    kernel = (params[first] if first else params)[name]["Dense_1"]["kernel"]
    bound = np.sqrt(6 / (8 + 1))
    assert 0.5 * bound < np.abs(kernel).max() <= bound * (1 + 1e-6)
    assert "bias" not in (params[first] if first else params)[name]["Dense_1"]


@pytest.mark.parametrize("case", ["linear"], indirect=True)
def test_linear_starts_at_the_time_of_the_paper(case):
    assert case.params["params"]["time"] == np.float32(0.7)
