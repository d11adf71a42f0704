"""MACE: the body order of its messages, and what its layers may be."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.models.mace import MACE
from symjax_models.ops.graph import Graph

CENTRE, NEIGHBOURS = 0, 4
SETTINGS = {
    "species": (1, 8),
    "num_neighbours": 4.0,
    "num_channels": 2,
    "max_degree": 1,
    "hidden_degree": 0,
    "cutoff": 3.0,
    "num_radial": 2,
    "radial_hidden": (3,),
    "readout_hidden": 2,
}


def star(present):
    """Return an atom with some of its neighbours, which do not see each other."""
    directions = np.random.default_rng(0).normal(size=(NEIGHBOURS, 3))
    lengths = np.array([[1.0], [1.3], [1.6], [1.9]])
    directions *= lengths / np.linalg.norm(directions, axis=1, keepdims=True)
    return Graph(
        nodes={"numbers": jnp.array([8] + [1] * NEIGHBOURS)},
        edges={"displacements": jnp.asarray(-directions)},
        senders=jnp.arange(1, NEIGHBOURS + 1),
        receivers=jnp.zeros(NEIGHBOURS, jnp.int32),
        n_node=jnp.array([NEIGHBOURS + 1]),
        n_edge=jnp.array([NEIGHBOURS]),
        edge_mask=jnp.asarray(present),
    )


def many_body_energies(correlation):
    """Return the part of the energy of one atom that takes all of its first n neighbours, by n."""
    model = MACE(correlation=correlation, num_layers=2, **SETTINGS)
    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        shapes = jax.eval_shape(model.init, jax.random.key(0), star([True] * NEIGHBOURS))
        params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), shapes)
        # The perceptron of the last layer is no polynomial.
        params["params"]["readout_1"] = jax.tree.map(np.zeros_like, params["params"]["readout_1"])
        apply = jax.jit(model.apply)
        energies = {
            present: float(apply(params, star(present))[CENTRE, 0])
            for present in itertools.product([False, True], repeat=NEIGHBOURS)
        }
    parts = []
    for count in range(1, NEIGHBOURS + 1):
        terms = [
            (-1) ** (count - sum(present)) * energy
            for present, energy in energies.items()
            if not any(present[count:])
        ]
        parts.append(abs(sum(terms)))
    return np.array(parts) / max(map(abs, energies.values()))


@pytest.mark.parametrize("correlation", [1, 2, 3])
def test_messages_have_the_body_order_of_the_correlation(correlation):
    parts = many_body_energies(correlation)
    assert (parts[:correlation] > 1e-5).all()
    assert (parts[correlation:] < 1e-12).all()
