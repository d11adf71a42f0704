"""NequIP against the composition of its layers, and which irreps it takes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import layers, reps
from symjax_models.models.nequip import NequIP
from symjax_models.ops import cutoffs, radial
from symjax_models.ops.graph import Graph
from symjax_models.reps import RepArray

SETTINGS = {
    "species": (1, 8),
    "num_neighbours": 2.0,
    "max_degree": 1,
    "cutoff": 3.0,
    "num_radial": 2,
    "radial_hidden": (3,),
}


def make_graph():
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(3, 3)).astype(np.float32)
    receivers, senders = np.nonzero(~np.eye(3, dtype=bool))
    return Graph(
        nodes={"numbers": jnp.array([8, 1, 1])},
        edges={"displacements": jnp.asarray(positions[receivers] - positions[senders])},
        senders=jnp.asarray(senders),
        receivers=jnp.asarray(receivers),
        n_node=jnp.array([3]),
        n_edge=jnp.array([6]),
    )


def shapes_of(model):
    return jax.eval_shape(model.init, jax.random.key(0), make_graph())["params"]


def bessel(r):
    return np.sqrt(2 / 3) * radial.bessel(r, num_functions=2, cutoff=3.0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_is_the_formula():
    model = NequIP(hidden="2x0e+1x1o", num_layers=2, **SETTINGS)
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda s: np.float32(rng.normal(size=s.shape)), shapes_of(model))
    graph, species = make_graph(), np.array([1, 0, 0])

    def convolve(rep_out, x, name):
        layer = layers.Convolution(
            rep_out,
            max_degree=1,
            num_neighbours=2.0,
            radial=bessel,
            cutoff=functools.partial(cutoffs.polynomial_cutoff, cutoff=3.0),
            hidden=(3,),
        )
        return jax.jit(layer.apply)({"params": params[name]}, x, graph)

    def chosen(name, block):
        return np.einsum("ndc,nck->ndk", block, params[name]["kernel_0"][species])

    embedded = params["embedding"]["embedding"][species][:, None, :]
    received = convolve(
        "3x0e+1x1o", RepArray(reps.parse_irreps("2x0e"), [embedded]), "convolution_0"
    )
    scalars = (received["0e"] + chosen("self_0", embedded)) / np.sqrt(2)
    vectors = received["1o"] / np.sqrt(2)
    silu, gate = scalars[..., :2] * sigmoid(scalars[..., :2]), sigmoid(scalars[..., 2:])
    # Second moments of SiLU and sigmoid of standard normal numbers, by quadrature.
    u = np.linspace(-10, 10, 4001)
    density = np.exp(-(u**2) / 2) / np.sum(np.exp(-(u**2) / 2))
    gains = [np.sum(density * f**2) ** -0.5 for f in (u * sigmoid(u), sigmoid(u))]
    x = RepArray(reps.parse_irreps("2x0e+1x1o"), [gains[0] * silu, gains[1] * gate * vectors])
    received = convolve("2x0e", x, "convolution_1")
    scalars = (received["0e"] + chosen("self_1", x["0e"])) / np.sqrt(2)
    scalars = gains[0] * (scalars * sigmoid(scalars))[:, 0]
    expected = scalars @ params["readout"]["kernel"] + params["readout"]["bias"]
    found = jax.jit(model.apply)({"params": params}, graph)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_irreps_that_a_layer_cannot_reach_are_left_out():
    shapes = shapes_of(NequIP(hidden="4x0e+3x0o+2x1o+2x1e", num_layers=3, **SETTINGS))
    # Axial vectors are products of vectors: from the second layer on; 0o takes those, later.
    gated = [shapes[f"self_{index}"] for index in range(3)]
    assert [leaf.shape for leaf in gated[0].values()] == [(2, 4, 4 + 2)]
    assert [leaf.shape for leaf in gated[1].values()] == [(2, 4, 4 + 2 + 2), (2, 2, 2)]
    assert [leaf.shape for leaf in gated[2].values()] == [(2, 4, 4)]


def test_hidden_features_without_scalars_are_refused():
    with pytest.raises(ValueError, match="have even scalars, got '2x1o'"):
        shapes_of(NequIP(hidden="2x1o", **SETTINGS))
