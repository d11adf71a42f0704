"""Activations on the sphere: exact for polynomials, else as exact as the quadrature."""

import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.layers.sphere_activation import SeparableSphereActivation, SphereActivation

O3, SO3 = groups.O(3), groups.SO(3)
EVEN, ODD = "2x0e+2x1o+2x2e", "2x0o+2x1e+2x2o"


def quadratic(x):
    return x + 0.5 * x**2


def cube(x):
    return x**3


def take(x, text):
    rep = reps.parse_irreps(text, group=x.rep.group)
    return reps.RepArray(rep, [x[term] for _, term in rep.terms])


class Every(nn.Module):
    """Apply polynomials that the quadrature integrates exactly, to signals of both parities."""

    @nn.compact
    def __call__(self, x):
        return {
            "even": SphereActivation(quadratic)(take(x, EVEN)),
            "odd": SphereActivation(cube, quadrature_degree=8)(take(x, ODD)),
            "flipped": SphereActivation(jnp.square)(take(x, ODD)),
            "separable": SeparableSphereActivation(quadratic)(take(x, EVEN)),
        }


class Mislabelled(nn.Module):
    """Break the symmetry of reflections, or that of rotations."""

    way: str

    @nn.compact
    def __call__(self, x):
        x = take(x, ODD)
        if self.way == "components":
            return x.map(nn.silu)
        y = SphereActivation(jnp.square)(x)
        return reps.RepArray(x.rep, y.blocks)


@pytest.fixture(scope="module")
def both(features):
    return features(reps.parse_irreps(f"{EVEN}+{ODD}"), (3,))


def test_polynomials_are_exactly_equivariant(both, parameters):
    module = Every()
    params = parameters(module, both)
    single, double = (
        audit.equivariance_error(module.apply, params, both, dtype=dtype, num_samples=4)
        for dtype in ("float32", "float64")
    )
    assert single.max < 5e-6 and double.max < 1e-13
    assert 1e7 < single.max / double.max < 1e10


@pytest.mark.parametrize("way", ["components", "label"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_broken_activations_are_found(both, way, dtype):
    module = Mislabelled(way)
    error = audit.equivariance_error(module.apply, {}, both, dtype=dtype, num_samples=2)
    assert error.max > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_aliasing_falls_with_the_degree_of_the_quadrature(features, dtype):
    rep = reps.parse_irreps(EVEN)
    x = features(rep, (20,)).map(lambda block: block.astype(dtype))
    # A generic rotation, for the points are closed under the symmetries of the cube.
    about_z = [[np.cos(0.4), -np.sin(0.4), 0], [np.sin(0.4), np.cos(0.4), 0], [0, 0, 1]]
    turned = np.array(groups.Icosahedral().elements[7]) @ about_z

    @jax.jit
    def apply(x):
        return [SphereActivation(nn.silu, degree).apply({}, x).blocks for degree in (6, 12, 24)]

    def move(blocks):
        return [
            (term.rho(turned) @ np.asarray(block, np.float64)).astype(dtype)
            for (_, term), block in zip(rep.terms, blocks, strict=True)
        ]

    with jax.enable_x64(dtype == np.float64):
        moved = reps.RepArray(rep, move(x.blocks))
        found, still = (jax.tree.map(np.asarray, apply(each)) for each in (moved, x))
    errors = [
        max(np.abs(a - b).max() for a, b in zip(one, move(other), strict=True))
        for one, other in zip(found, still, strict=True)
    ]
    assert 1e-3 < errors[0] < 0.3
    assert errors[1] < 2e-3
    # The error is that of the points, until rounding is all that is left.
    assert errors[2] < (2e-7 if dtype == np.float64 else 5e-6)


def harmonics(points):
    """Return the harmonics of norm one of degrees 0, 1, 2, from their formulas."""
    x, y, z = points.T
    root = np.sqrt(3)
    rows = [np.ones_like(x), x, y, z, root * x * z, root * x * y, y**2 - (x**2 + z**2) / 2]
    return np.stack([*rows, root * y * z, root / 2 * (z**2 - x**2)])


def integrals(signal, activation, *, steps=40):
    """Return coefficients of the activated signal by a fine grid with the polar axis z."""
    heights, weights = np.polynomial.legendre.leggauss(steps)
    total = np.zeros(9)
    for (height, weight), step in itertools.product(
        zip(heights, weights, strict=True), range(2 * steps)
    ):
        angle = np.pi * step / steps
        radius = np.sqrt(1 - height**2)
        point = np.array([[radius * np.cos(angle), radius * np.sin(angle), height]])
        Y = harmonics(point)[:, 0]
        total += weight * np.pi / steps * activation(signal @ Y / np.sqrt(3)) * Y
    return total * np.sqrt(3) * np.repeat([1, 3, 5], [1, 3, 5]) / (4 * np.pi)


def test_values_are_the_integrals(features):
    x = features(reps.parse_irreps("0e+1o+2e"), ()).map(np.float64)
    with jax.enable_x64(True):
        y = SphereActivation(nn.silu, 30).apply({}, x)
    signal = np.concatenate(x.blocks)[:, 0]
    expected = 1.67653247 * integrals(signal, lambda v: v / (1 + np.exp(-v)))
    np.testing.assert_allclose(np.concatenate(y.blocks)[:, 0], expected, atol=1e-7)


@jax.jit
def identity(x):
    return SphereActivation(lambda values: values, 4).apply({}, x)


def test_the_identity_leaves_signals_as_they_are_in_any_order_of_summands(features):
    rep = 3 * reps.parse_irreps("2e") + 3 * reps.parse_irreps("0e+1o")
    x = features(rep, (2,))
    y = identity(x)
    assert y.rep == rep
    for a, b in zip(y.blocks, x.blocks, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_unit_variance_stays_about_that(features):
    x = features(reps.parse_irreps("32x0e+32x1o+32x2e"), (100,))
    for activation, spread in ((nn.silu, 0.2), (jnp.tanh, 0.1)):
        y = jax.jit(functools.partial(SphereActivation(activation).apply, {}))(x)
        for block in y.blocks:
            assert abs(np.square(block).mean() - 1) < spread


def test_parities_of_results():
    x = reps.RepArray(reps.parse_irreps("0o+1e"), [np.ones((1, 1)), np.ones((3, 1))])

    def result(activation):
        layer = SphereActivation(activation)
        return reps.format_irreps(jax.eval_shape(layer.apply, {}, x).rep)

    assert result(jnp.tanh) == "1x0o+1x1e"
    assert result(jnp.abs) == "1x0e+1x1o"
    for activation, name in ((nn.silu, "silu"), (nn.relu, "relu")):
        with pytest.raises(ValueError, match=f"{name} would break the symmetry of signals of odd"):
            result(activation)


def test_rotations_alone_allow_everything(features):
    x = features(2 * reps.harmonic_irreps(1, group=SO3), (2,))
    y = jax.eval_shape(SphereActivation(nn.silu).apply, {}, x)
    assert y.rep == x.rep


def test_separable_scalars_go_through_the_activation(features, parameters):
    x = features(reps.parse_irreps("5x0e+2x1o"), (4,))
    layer = SeparableSphereActivation()
    params = parameters(layer, x)
    y = jax.jit(layer.apply)(params, x)
    assert y.rep == x.rep
    s = x["0e"].astype(np.float64)
    np.testing.assert_allclose(y["0e"], 1.67653247 * s / (1 + np.exp(-s)), rtol=1e-5, atol=1e-6)
    # The signals are those of the linear map of the scalars.
    kernel = params["params"]["Dense_0"]["kernel"]
    assert kernel.shape == (5, 2)
    signals = reps.RepArray(reps.parse_irreps("2x0e+2x1o"), [x["0e"] @ kernel, x["1o"]])
    expected = jax.jit(functools.partial(SphereActivation().apply, {}))(signals)
    np.testing.assert_allclose(y["1o"], expected["1o"], rtol=1e-5, atol=1e-6)
    alone, params = layer.init_with_output(jax.random.key(0), take(x, "5x0e"))
    np.testing.assert_allclose(alone["0e"], y["0e"], rtol=1e-6)
    assert not params


def test_derivatives_at_zero_are_finite(features, parameters):
    x = features(reps.parse_irreps("2x0e+2x1o"), (2,))
    layer = SeparableSphereActivation(jnp.tanh)
    params = parameters(layer, x)
    gradient = jax.grad(lambda x: jnp.sum(jnp.sin(layer.apply(params, x).flat)))
    first, second = jax.jit(lambda x, v: jax.jvp(gradient, (x,), (v,)))(x.map(np.zeros_like), x)
    for leaf in jax.tree.leaves((first, second)):
        assert np.isfinite(leaf).all()
    assert all(np.abs(block).max() > 0.1 for block in first.blocks)


@pytest.mark.parametrize(
    ("text", "layer", "message"),
    [
        ("4x0e+2x1o", SphereActivation(), "such as 4x0e[+]4x1o, or all of the other parity; got 4"),
        (
            "4x0e+4x2e",
            SphereActivation(),
            "to the highest, .* 4x0e[+]4x1o[+]4x2e",
        ),
        ("4x1o+4x2e", SphereActivation(), "every degree from 0"),
        ("4x0e+4x1e", SphereActivation(), r"parity \(-1\)\^l"),
        ("4x0e+4x0o", SphereActivation(), "every degree from 0"),
        ("8x0e+4x1o+2x2e", SeparableSphereActivation(), "from 1 .* any number of scalars"),
        ("8x0e+4x1e", SeparableSphereActivation(), "from 1 to the highest"),
        ("8x0o+4x1o", SeparableSphereActivation(), "needs scalars, got features of 8"),
        ("4x0e+4x1o", SphereActivation(nn.silu, 1), "need a quadrature exact to degree 2"),
    ],
)
def test_what_are_no_signals_is_refused(features, text, layer, message):
    x = features(reps.parse_irreps(text), (2,))
    with pytest.raises(ValueError, match=message):
        layer.init(jax.random.key(0), x)


def test_arrays_and_other_representations_are_refused(features):
    with pytest.raises(ValueError, match="SphereActivation takes a reps.RepArray"):
        SphereActivation().apply({}, np.zeros((3, 1)))
    with pytest.raises(ValueError, match="expected a sum of irreps"):
        SphereActivation().apply({}, features(reps.vector(O3) ** 2, (2,)))
