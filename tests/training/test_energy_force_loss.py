"""The loss of energies and forces: its formula, padding, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.models.potential import Prediction
from symjax_models.ops.graph import Graph
from symjax_models.training.energy_force_loss import (
    LossWeights,
    energy_force_loss,
)

COUNTS = (2, 3, 0)  # the last graph is padding


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    graph = Graph(
        nodes={"numbers": jnp.ones(6, int)},
        edges={},
        senders=jnp.zeros(1, int),
        receivers=jnp.zeros(1, int),
        n_node=jnp.array(COUNTS),
        n_edge=jnp.zeros(3, int),
        node_mask=jnp.arange(6) < 5,
    )
    labels = {
        "energies": jnp.array([1.0, -2.0, 0.0]),
        "forces": jnp.asarray(rng.normal(size=(6, 3))),
        "stresses": jnp.asarray(rng.normal(size=(3, 3, 3))),
    }
    prediction = Prediction(
        jnp.zeros(6),
        jnp.array([1.5, -1.0, 0.0]),
        # Padding may predict anything.
        labels["forces"] + jnp.asarray([[1.0]] * 5 + [[jnp.nan]]) * rng.normal(size=(6, 3)),
        labels["stresses"] + 0.1,
    )
    return prediction, graph, labels


@pytest.mark.parametrize("per_atom", [True, False])
def test_mean_over_the_batch_is_the_formula(batch, per_atom):
    prediction, graph, labels = batch
    weights = LossWeights(energy=2.0, forces=3.0, stress=5.0, per_atom=per_atom)
    found = energy_force_loss(prediction, graph, labels, weights=weights)
    differences = np.asarray(prediction.forces - labels["forces"])[:5]
    energy = np.array([0.5, 1.0]) / ([2, 3] if per_atom else 1)
    expected = 2 * np.mean(energy**2) + 3 * np.mean(differences**2) + 5 * 0.1**2
    np.testing.assert_allclose(np.mean(found[:2]), expected, rtol=1e-5)
    assert found[2] == 0


def test_weights_without_labels_are_refused(batch):
    prediction, graph, labels = batch
    del labels["forces"]
    with pytest.raises(ValueError, match=r"a loss with weight 1.0 of forces needs labels"):
        energy_force_loss(prediction, graph, labels, weights=LossWeights())
    found = energy_force_loss(prediction, graph, labels, weights=LossWeights(forces=0.0))
    assert np.all(np.isfinite(found))
