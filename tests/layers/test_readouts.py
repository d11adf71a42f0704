"""Readouts: what they promise of shapes, symmetries, variance and equivariance."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps
from symjax_models.layers.readouts import (
    MatrixBlockReadout,
    SphericalFunctionReadout,
    TensorReadout,
)

O3, SO3 = groups.O(3), groups.SO(3)
V = reps.vector(O3)
REP = reps.parse_irreps("3x0e+2x1e+2x1o+2x2e")
SMALL = reps.parse_irreps("2x1o+2x2e")
BATCH = 2


def typed_tensor(tensor):
    return reps.RepArray(V**2, [tensor.reshape(*tensor.shape[:-3], 9, 1)])


def typed_rows(block):
    """Say how a block between 2x0e+1o and 1o transforms."""
    return {
        "rows of scalars": reps.RepArray(2 * V, [block[..., :2, :].swapaxes(-1, -2)]),
        "rows of vectors": typed_tensor(block[..., 2:, :, None]),
    }


class Every(nn.Module):
    """Apply every readout, and say how it transforms."""

    @nn.compact
    def __call__(self, x, directions):
        return {
            "symmetric": typed_tensor(TensorReadout("ij=ji")(x)),
            "mixed": typed_tensor(TensorReadout("ij")(x)),
            "values": SphericalFunctionReadout(2, multiplicity=2)(x, directions.flat),
            **typed_rows(MatrixBlockReadout("2x0e+1o", "1o")(x)),
        }


class Broken(nn.Module):
    """Apply one readout, with components in the wrong places."""

    way: str

    @nn.compact
    def __call__(self, x, directions):
        if self.way == "indices":
            return typed_tensor(TensorReadout("ij=ji")(x).at[..., 0, 1, :].multiply(-1))
        if self.way == "orbitals":
            return typed_rows(jnp.roll(MatrixBlockReadout("2x0e+1o", "1o")(x), 1, axis=-2))
        return SphericalFunctionReadout(1)(x, directions.flat[..., ::-1])


@pytest.fixture(scope="module")
def drawn(features, parameters):
    x = features(REP, (BATCH,))
    directions = features(V, (BATCH, 3), seed=1)
    return parameters(Every(), x, directions), x, directions


def test_readouts_are_equivariant(drawn):
    single, double = (
        audit.equivariance_error(Every().apply, *drawn, dtype=dtype, num_samples=4)
        for dtype in ("float32", "float64")
    )
    assert single.max < 5e-6 and double.max < 1e-13
    assert 1e7 < single.max / double.max < 1e10


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", ["indices", "orbitals", "directions"])
def test_broken_readouts_are_found(drawn, parameters, way, dtype):
    _, x, directions = drawn
    small = reps.RepArray(SMALL, [x[term] for _, term in SMALL.terms])
    params = parameters(Broken(way), small, directions)
    arguments = params, small, directions
    error = audit.equivariance_error(Broken(way).apply, *arguments, dtype=dtype, num_samples=2)
    assert error.max > 0.1


def run(layer, x, *arguments, params):
    return jax.jit(layer.apply)(params, x, *arguments)


def linear(params, rep, x):
    """Return what the linear map of a readout gives."""
    inner = {"params": params["params"]["linear"]}
    return jax.jit(layers.Linear(rep).apply)(inner, x)


def test_tensors_are_sums_of_their_basis(features, parameters):
    x = features(reps.parse_irreps("2x0e+2x2e"), (BATCH,))
    layer = TensorReadout("ijkl=jikl=klij", multiplicity=3)
    params = parameters(layer, x)
    found = np.asarray(run(layer, x, params=params))
    assert found.shape == (BATCH, 3, 3, 3, 3, 3)
    rep, basis = reps.reduce_tensor("ijkl=jikl=klij", V)
    z = linear(params, 3 * rep, x)
    expected, start = np.zeros(found.shape), 0
    for (count, term), block in zip(rep.terms, z.blocks, strict=True):
        for copy in range(count):
            for component in range(term.dim):
                part = np.asarray(block)[:, component, 3 * copy : 3 * copy + 3]
                expected += np.multiply.outer(part, basis[start]).transpose(0, 2, 3, 4, 5, 1)
                start += 1
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found, found.transpose(0, 2, 1, 3, 4, 5), atol=1e-6)
    np.testing.assert_allclose(found, found.transpose(0, 3, 4, 1, 2, 5), atol=1e-6)


def test_functions_are_their_series(features, parameters):
    x = features(reps.parse_irreps("2x0e+2x1o"), (BATCH,))
    directions = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    layer = SphericalFunctionReadout(max_degree=1, multiplicity=2)
    params = parameters(layer, x, directions)
    compute = jax.jit(layer.apply)
    found = compute(params, x, directions)
    z = linear(params, 2 * reps.harmonic_irreps(1), x)
    units = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    expected = (z["0e"] + np.einsum("qi,bic->bqc", units, z["1o"])) / np.sqrt(2)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Each entry of the batch may have its own directions.
    each = np.stack([directions, -directions])
    np.testing.assert_allclose(compute(params, x, each)[0], found[0], atol=1e-6)
    # The zero vector has no direction.
    gradient = jax.grad(lambda n: jnp.sum(jnp.sin(compute(params, x, n))))
    np.testing.assert_array_equal(jax.jit(gradient)(np.zeros((4, 3), np.float32)), 0)


def test_derivatives_at_zero_features_are_finite(drawn):
    params, x, directions = drawn
    zero = x.map(np.zeros_like)

    def total(x):
        leaves = jax.tree.leaves(Every().apply(params, x, directions))
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in leaves)

    gradient = jax.jit(jax.grad(total))(zero)
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
    assert np.abs(gradient["2e"]).max() > 0.01


def test_initial_values_have_the_variance_that_is_stated(features):
    x = features(reps.parse_irreps("64x0e+64x1o+64x1e+64x2e"), (1,))
    key = jax.random.key(0)
    directions = np.eye(3, dtype=np.float32)
    readouts = [
        (TensorReadout("ij", multiplicity=400), ()),
        (TensorReadout("ij=ji", multiplicity=400), ()),
        (SphericalFunctionReadout(2, multiplicity=400), (directions,)),
        (MatrixBlockReadout("20x1o", "20x1o"), ()),
    ]

    @jax.jit
    def compute(x):
        return [layer.init_with_output(key, x, *rest)[0] for layer, rest in readouts]

    general, symmetric, values, matrix = map(np.asarray, compute(x))
    assert np.abs(np.square(general).mean(axis=-1) - 1).max() < 0.3
    variances = np.square(symmetric).mean(axis=-1)[0]
    assert np.abs(variances / ((1 + np.eye(3)) / 2) - 1).max() < 0.3
    assert np.abs(np.square(values).mean(axis=-1) - 1).max() < 0.3
    assert abs(np.square(matrix).mean() - 1) < 0.1


def test_symmetric_blocks_and_orbitals_of_rotations_alone(features, parameters):
    x = features(reps.parse_irreps("2x0+2x1+2x2", group=SO3), (BATCH,))
    layer = MatrixBlockReadout("1x0+2x1", "1x0+2x1", symmetric=True)
    matrix = np.asarray(run(layer, x, params=parameters(layer, x)))
    assert matrix.shape == (BATCH, 7, 7)
    np.testing.assert_array_equal(matrix, matrix.swapaxes(-1, -2))
    assert np.abs(matrix).min() > 1e-4


def test_what_cannot_be_read_out_is_refused(features):
    x, key = features(REP, (BATCH,)), jax.random.key(0)
    plane = features(reps.vector(groups.O(2)), (BATCH,))
    cases = [
        ("the letters ij in another order", lambda: TensorReadout("ij=ik").init(key, x)),
        (r"of SO\(3\) or O\(3\)", lambda: TensorReadout("ij=ji").init(key, plane)),
        ("takes a reps.RepArray", lambda: TensorReadout("ij").init(key, x.blocks[0])),
        (
            r"expected directions \[Q, 3\] or \[\*\(2,\), Q, 3\], got \(4, 2\)",
            lambda: SphericalFunctionReadout(1).init(key, x, np.ones((4, 2))),
        ),
        (
            r"got \(3, 4, 3\)",
            lambda: SphericalFunctionReadout(1).init(key, x, np.ones((3, 4, 3))),
        ),
        (
            "of the same orbitals",
            lambda: MatrixBlockReadout("1o", "0e", symmetric=True).init(key, x),
        ),
        ("irreps of O\\(3\\) are written as", lambda: MatrixBlockReadout("1", "0e").init(key, x)),
        (
            r"representations of O\(3\), got features of V of SO\(3\)",
            lambda: MatrixBlockReadout(V, V).init(key, features(reps.vector(SO3), (BATCH,))),
        ),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()
