"""Symmetries that models have, symmetries that they do not, and a model broken on purpose."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.data.nbody_graphs import make_graph
from symjax_models.layers import Dense
from symjax_models.models.egnn import EGNNLayer
from symjax_models.ops import message_passing, safe

KINDS = {"inputs": ("point", "vector", "pair", "invariant"), "output": "point"}
PARTS = ["rotations", "reflections", "translations", "permutations"]
TOLERANCES = {"float32": 5e-6, "float64": 1e-12}


def broken_parts(error):
    """Return the parts beyond rounding, and check that those are far beyond it."""
    broken = [p for p in PARTS if error.parts[p] > TOLERANCES[error.dtype.name]]
    assert all(error.parts[part] > 1e-2 for part in broken)
    return broken


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("leapfrog", "segnn", "tfn")]


@pytest.mark.parametrize("case", ["egnn", "radial_field", "linear", *SLOW], indirect=True)
def test_value_and_gradients_are_equivariant_in_both_precisions(case):
    # The gradient is the pullback of a random vector to positions, velocities and interactions.
    report = audit.equivariance_report(case.predict, *case.arguments, **KINDS, gradient=True)
    errors = {(quantity, error.dtype.name): error.max for quantity, error in report.rows}
    for (quantity, dtype), found in errors.items():
        # Gradients sum what cancels, and round more.
        factor = 4 if quantity == "gradient" else 1
        assert found < factor * TOLERANCES[dtype], f"{quantity}\n{report}"
    for quantity in ("value", "gradient"):
        # Rounding and nothing else: the ratio of the two machine precisions is 5e8.
        assert 1e7 < errors[quantity, "float32"] / errors[quantity, "float64"] < 1e10


@pytest.mark.parametrize("case", ["leapfrog", "segnn", "tfn"], indirect=True)
def test_value_is_equivariant(case):
    # The part of the test above that takes little time to compile.
    error = audit.equivariance_error(case.predict, *case.arguments, **KINDS, dtype="float32")
    assert set(PARTS) < set(error.parts)
    assert broken_parts(error) == []


@pytest.mark.parametrize(
    "case", ["egnn", "leapfrog", "radial_field", "segnn", "tfn"], indirect=True
)
def test_forces_reach_the_prediction(case):
    # Else the test above would show that x + v phi(|v|) is equivariant.
    graph = case.graph()
    without = case.apply(case.scale_forces(case.params, 0.0), graph)
    assert np.sqrt(np.mean((case.apply(case.params, graph) - without) ** 2)) > 0.1


@pytest.mark.parametrize("case", ["radial_field"], indirect=True)
def test_gradient_of_an_energy_is_a_vector(case):
    def energy(*arguments):
        moved = case.predict(*arguments) - arguments[0]
        return jnp.sum(jnp.sin(jnp.sum(jnp.square(moved), axis=-1)))

    audit.assert_equivariant(
        jax.grad(energy),
        *case.arguments,
        inputs=KINDS["inputs"],
        output="vector",
        dtype="float64",
    )


@pytest.mark.parametrize("case", ["egnn"], indirect=True)
def test_clipping_components_prefers_the_axes(case):
    # As in the authors' code. All other tests stay below the clip.
    strong = case.scale_forces(case.params, 1e3)
    arguments = (*case.arguments[:3], strong)
    error = audit.equivariance_error(
        case.predict, *arguments, **KINDS, dtype="float64", num_samples=2
    )
    assert error.parts["rotations"] > 1e-2 and error.parts["reflections"] > 1e-2
    assert error.parts["translations"] < 1e-10 and error.parts["permutations"] < 1e-10


@pytest.mark.parametrize("case", ["gnn", "affine"], indirect=True)
def test_models_without_geometry_keep_permutations_alone(case):
    error = audit.equivariance_error(case.predict, *case.arguments, **KINDS, dtype="float32")
    assert broken_parts(error) == ["rotations", "reflections", "translations"]


@pytest.mark.parametrize("case", ["egnn", SLOW[0]], indirect=True)
def test_equivariance_holds_in_the_plane(case):
    x, v, interactions, params = case.arguments
    depth = "num_steps" if case.name == "leapfrog" else "num_layers"
    layer = case.model.clone(**{depth: 1})
    audit.assert_equivariant(
        lambda x, v, q, params: layer.apply(params, make_graph(x, v, q)),
        *(x[..., :2], v[..., :2], interactions, params),
        **KINDS,
        dtype="float64",
    )


class LeakyEGNN(nn.Module):
    """EGNN whose messages also see what `leak` says: "nothing", "position" or "radius"."""

    leak: str

    @nn.compact
    def __call__(self, graph):
        x, v = graph.nodes["positions"], graph.nodes["velocities"]
        leaked = {
            "nothing": jnp.zeros_like(x),
            "position": x,
            "radius": safe.norm(x, keepdims=True),
        }
        senders = message_passing.gather_senders(graph, leaked[self.leak])
        attributes = jnp.concatenate([graph.edges["interaction"], senders], axis=-1)
        h = Dense(8)(safe.norm(v, keepdims=True))
        return EGNNLayer(8)(graph, h, x, v, attributes)[1]


@pytest.mark.parametrize(
    ("leak", "broken"),
    [
        ("nothing", []),
        ("position", ["rotations", "reflections", "translations"]),
        ("radius", ["translations"]),
    ],
)
@pytest.mark.parametrize("case", ["egnn"], indirect=True)
def test_egnn_with_absolute_position_in_a_message_is_caught(case, leak, broken):
    model = LeakyEGNN(leak)
    params = case.draw_params(model, case.graph())

    def predict(x, v, interactions, params):
        return model.apply(params, make_graph(x, v, interactions))

    arguments = (*case.arguments[:3], params)
    error = audit.equivariance_error(predict, *arguments, **KINDS, dtype="float64")
    assert broken_parts(error) == broken
    if leak == "position":
        with pytest.raises(AssertionError, match=f"not equivariant under {' and '.join(broken)}"):
            audit.assert_equivariant(predict, *arguments, **KINDS)
