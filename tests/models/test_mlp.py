"""The multilayer perceptron without symmetry."""

import jax
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.models import FlatMLP


def make_case():
    group = groups.O(3)
    scalar, vector = reps.scalar(group), reps.vector(group)
    x = reps.normal(jax.random.key(0), 2 * scalar + 3 * vector, (4,))
    model = FlatMLP(vector * vector, features=8, num_layers=2)
    return model, jax.jit(model.init)(jax.random.key(1), x), x


def test_output_has_its_type_and_batch():
    model, params, x = make_case()
    y = model.apply(params, x)
    assert (y.rep, y.shape) == (model.rep_out, (4,))


def test_it_is_not_equivariant():
    model, params, x = make_case()
    assert audit.equivariance_error(model.apply, params, x).max > 1e-2


def test_components_are_read_in_flat_order():
    model, params, x = make_case()
    weights = params["params"]["mlp"]
    hidden = x.flat
    for name in ("Dense_0", "Dense_1"):
        hidden = jax.nn.silu(hidden @ weights[name]["kernel"] + weights[name]["bias"])
    expected = hidden @ weights["Dense_2"]["kernel"] + weights["Dense_2"]["bias"]
    np.testing.assert_allclose(model.apply(params, x).flat, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("num_vectors", "count"), [(2, 300_289), (4, 302_593)])
def test_parameter_count_of_the_published_width(num_vectors, count):
    # By hand: 384 inputs + 384, twice 384^2 + 384, 384 + 1; with 10 or 16 inputs.
    group = {2: groups.O(5), 4: groups.IndefiniteO(1, 3)}[num_vectors]
    x = reps.normal(jax.random.key(0), num_vectors * reps.vector(group), (1,))
    params = jax.eval_shape(FlatMLP(reps.scalar(group)).init, jax.random.key(0), x)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count
