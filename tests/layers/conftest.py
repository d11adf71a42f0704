"""A catalogue of groups, and typed features on which all layers are tested together."""

import dataclasses
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, layers, reps
from tests.layers import edge_layers

SET = 3


def vectors(G):
    return 2 * reps.vector(G)


def covectors(G):
    return reps.vector(G).dual


def squares(G):
    return reps.vector(G) ** 2


def symmetric(G):
    return reps.symmetric_power(reps.vector(G), 2)


def alternating(G):
    return reps.alternating_power(reps.vector(G), 2)


def determinants(G):
    return 2 * reps.determinant(G)


# The axis of a helix, turned around by a reflection; nothing is known of it but the generators.
HELIX = groups.MatrixGroup(
    [np.diag([1.0, 1.0, -1.0])],
    lie_algebra=[[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
    name="Helix",
)
PRODUCT = groups.DirectProduct(groups.O(3), groups.S(3))


def points(G):
    """Three vectors in space, to be permuted."""
    return reps.of_factor(G, 0, reps.vector(groups.O(3))) * reps.of_factor(
        G, 1, reps.vector(groups.S(3))
    )


# Each group, the summands of its features beside scalars, and those of them with a norm or form.
CATALOGUE = {
    groups.SO(3): ((vectors, squares), (vectors, squares)),
    groups.O(3): ((vectors, symmetric, determinants), (vectors, symmetric, determinants)),
    groups.Lorentz(): ((vectors, covectors), (vectors, covectors)),
    groups.IndefiniteO(1, 3): ((vectors, determinants), (vectors, determinants)),
    groups.S(4): ((vectors, squares), (vectors,)),
    groups.A(4): ((vectors, alternating), (vectors, alternating)),
    groups.B(3): ((vectors, symmetric, determinants), (vectors,)),
    groups.U(2): ((vectors, covectors), (vectors,)),
    groups.SU(2): ((vectors, symmetric), (vectors, symmetric)),
    groups.SE(2): ((vectors, covectors), (vectors, covectors)),
    groups.Sp(4): ((vectors, alternating), (alternating,)),
    groups.GL(2): ((vectors, covectors, determinants), ()),
    groups.SL(2): ((vectors, symmetric), (symmetric,)),
    groups.Octahedral(): ((vectors, alternating), (vectors,)),
    groups.Icosahedral(): ((vectors, symmetric), (vectors,)),
    groups.D(4): ((vectors, squares, determinants), (vectors,)),
    groups.Z(5): ((vectors,), (vectors,)),
    PRODUCT: ((vectors, points), (vectors, points)),
    HELIX: ((vectors, symmetric), (vectors,)),
}
# Each has a relative among the others, which are tested in every run.
SLOW = (
    groups.O(3),
    groups.IndefiniteO(1, 3),
    groups.A(4),
    groups.B(3),
    groups.SU(2),
    groups.Sp(4),
    groups.GL(2),
    groups.SL(2),
    groups.Octahedral(),
    groups.Icosahedral(),
    groups.D(4),
    groups.Z(5),
    PRODUCT,
)


class Every(nn.Module):
    """Apply each layer, and return what each gives."""

    rep: reps.Rep
    normed: reps.Rep

    @nn.compact
    def __call__(self, x: reps.RepArray) -> dict[str, reps.RepArray]:
        # Products of products would take most of the time, in the compiler.
        small = reps.scalar(self.rep.group) + reps.vector(self.rep.group)
        linear = layers.Linear(self.rep)(x)
        return {
            "Linear": linear,
            "Bilinear": layers.Bilinear(small)(select(x, small), select(linear, small)),
            "Gate": layers.Gate()(x),
            "NormActivation": layers.NormActivation()(select(x, self.normed)),
            "LayerNorm": layers.LayerNorm()(select(x, self.normed)),
            "SelfAttention": layers.SelfAttention(small)(select(x, small)),
        }


def select(x: reps.RepArray, rep: reps.Rep) -> reps.RepArray:
    """Take the summands of a representation out of features."""
    return reps.RepArray(rep, [x[term][..., :count] for count, term in rep.terms])


def draw_params(module: nn.Module, *inputs: Any, **options: Any) -> Any:
    """Draw all parameters from normal laws, biases too, without compiling anything."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(functools.partial(module.init, **options), jax.random.key(0), *inputs)

    def draw(leaf: Any) -> np.ndarray:
        values = rng.normal(size=(2, *leaf.shape)) * np.prod(leaf.shape[:-1], dtype=int) ** -0.5
        real, imaginary = values / np.sqrt(2)
        is_complex = np.issubdtype(leaf.dtype, np.complexfloating)
        return (real + 1j * imaginary if is_complex else real).astype(leaf.dtype)

    return jax.tree.map(draw, shapes)


def draw_features(rep: reps.Rep, shape: tuple[int, ...], *, seed: int = 0) -> reps.RepArray:
    """Draw standard normal features in float32, without compiling anything."""
    rng = np.random.default_rng(seed)

    def draw(*size: int) -> np.ndarray:
        if rep.is_complex:
            real, imaginary = rng.normal(size=(2, *size)) / np.sqrt(2)
            return (real + 1j * imaginary).astype(np.complex64)
        return rng.normal(size=size).astype(np.float32)

    return reps.RepArray(rep, [draw(*shape, term.dim, count) for count, term in rep.terms])


@dataclasses.dataclass(frozen=True)
class Case:
    """Hold all layers on features of one group, with parameters."""

    group: groups.Group
    module: Every
    params: Any
    x: reps.RepArray


@functools.cache
def _make_case(group: groups.Group) -> Case:
    summands, normed = CATALOGUE[group]
    scalars = 3 * reps.scalar(group)
    module = Every(
        rep=sum((make(group) for make in summands), scalars),
        normed=sum((make(group) for make in normed), scalars),
    )
    x = draw_features(module.rep, (SET,))
    return Case(group, module, draw_params(module, x), x)


def _in_catalogue():
    for group in CATALOGUE:
        marks = pytest.mark.slow if group in SLOW else ()
        yield pytest.param(group, marks=marks, id=repr(group))


@pytest.fixture(params=_in_catalogue())
def case(request):
    """Every group of the catalogue; `indirect` parametrization picks some."""
    return _make_case(request.param)


@pytest.fixture(scope="session")
def features():
    """Draw features: `features(rep, shape, seed=0)`."""
    return draw_features


@pytest.fixture(scope="session")
def parameters():
    """Draw all parameters of a module: `parameters(module, *inputs)`."""
    return draw_params


@pytest.fixture(scope="session")
def edge_inputs(features):
    """Features, and a dense graph of nodes at random positions."""
    rng = np.random.default_rng(0)
    positions = jnp.asarray(rng.normal(size=(edge_layers.BATCH, edge_layers.N, 3)), jnp.float32)
    pairs = rng.normal(size=(edge_layers.BATCH, edge_layers.N, edge_layers.N, 1))
    x = features(edge_layers.REP, (edge_layers.BATCH, edge_layers.N))
    return x, edge_layers.make_graph(positions, jnp.asarray(pairs, jnp.float32))


@pytest.fixture(scope="session")
def edge_params(edge_inputs, parameters):
    """Return a function from the name of a layer of `edge_layers` to its parameters."""
    x, given = edge_inputs

    @functools.cache
    def draw(name):
        layer = edge_layers.LAYERS[name]
        drawn = parameters(layer, x, given, edge_features=given.edges["pairs"])
        # As drawn, attention would be nearly uniform.
        return jax.tree.map(lambda leaf: 2.5 * leaf, drawn)

    return draw
