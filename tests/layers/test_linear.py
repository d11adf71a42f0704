"""The linear layer against its basis, exact counts, and the law of its initial maps."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, layers, reps

SO3, O3, S4, U2 = groups.SO(3), groups.O(3), groups.S(4), groups.U(2)
DRAWS = 4000


def test_parameters_are_minimal(case):
    rep = case.module.rep
    layer = layers.Linear(rep)
    shapes = jax.tree.leaves(jax.eval_shape(layer.init, jax.random.key(0), case.x))
    count = sum(int(np.prod(leaf.shape)) for leaf in shapes)
    scalar = reps.scalar(case.group)
    maps = reps.equivariant_basis(rep, rep).size
    assert count == maps + reps.equivariant_basis(scalar, rep).size
    assert maps > 1
    if case.group not in (groups.SE(2), case_helix(case)):
        assert count == reps.dimension_of_maps(rep, rep) + reps.dimension_of_maps(scalar, rep)


def case_helix(case):
    # No exact count is known of a group of which only generators are.
    return case.group if isinstance(case.group, groups.MatrixGroup) else None


@pytest.mark.parametrize(
    ("stretch", "noise", "tolerance", "precision"),
    [(6.0, 0.0, 1e-12, 1e-12), (1.0, 1e-4, 1e-3, 1e-2)],
    ids=["stretched", "noisy"],
)
def test_layers_of_generators_of_any_exactness(features, stretch, noise, tolerance, precision):
    change = np.array([[stretch, 0.0], [0.5 * stretch, 1.0]])
    rng = np.random.default_rng(0)
    flip, turn = (
        change @ np.asarray(matrix) @ np.linalg.inv(change) + noise * rng.normal(size=(2, 2))
        for matrix in ([[1.0, 0.0], [0.0, -1.0]], [[0.0, -1.0], [1.0, 0.0]])
    )

    def make(**options):
        V = reps.vector(groups.MatrixGroup([flip], [turn], **options))
        layer, x = layers.Linear(V**2 + V), features(V**2 + V, (8,))
        return layer, layer.init(jax.random.key(0), x), x

    with pytest.raises(ValueError, match=r"MatrixGroup\(..., tolerance=...\) inside a gap"):
        make()
    layer, params, x = make(tolerance=tolerance)
    # Maps of O(2): three on the tensors, one on the vectors; and its one invariant tensor.
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 5
    error = audit.equivariance_error(layer.apply, params, x, dtype=np.float64)
    assert error.max < precision


def test_irreps_may_be_named(features, parameters):
    x = features(reps.parse_irreps("4x0e+2x1o+2x2e"), (3,))
    named, stated = layers.Linear("3x0e+2x1e+5x2e"), reps.parse_irreps("3x0e+2x1e+5x2e")
    params = parameters(named, x)
    y = named.apply(params, x)
    # Scalars and degree 2 are reached; no map leads to axial vectors.
    assert y.rep == stated and sum(leaf.size for leaf in jax.tree.leaves(params)) == 12 + 10 + 3
    assert not np.any(y["1e"])
    expected = layers.Linear(stated).apply(params, x)
    for block, other in zip(y.blocks, expected.blocks, strict=True):
        np.testing.assert_array_equal(block, other)
    product = layers.Bilinear("2x1e+1x3o")
    y = features(x.rep, x.shape, seed=1)
    params = parameters(product, x, y)
    error = audit.equivariance_error(product.apply, params, x, y, dtype=np.float64)
    assert error.max < 1e-12
    with pytest.raises(ValueError, match="cannot read '4x1'"):
        layers.Linear("4x1").init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"Linear takes a reps.RepArray, got ndarray"):
        layers.Linear("4x1o").init(jax.random.key(0), np.ones((3, 4)))


def test_an_empty_batch_stays_empty(features, parameters):
    rep = 2 * reps.vector(SO3) + reps.scalar(SO3)
    params = parameters(layers.Linear(rep), features(rep, (3,)))
    assert layers.Linear(rep).apply(params, features(rep, (0,))).shape == (0,)


def test_output_is_the_sum_over_the_basis(features, parameters):
    V = reps.vector(S4)
    x = features(3 * V + 2 * reps.scalar(S4), (4,))
    layer = layers.Linear(5 * V + V**2)
    params = parameters(layer, x)
    y = jax.jit(layer.apply)(params, x)
    for o, (_, target) in enumerate(layer.rep_out.terms):
        expected = 0.0
        for i, (_, source) in enumerate(x.rep.terms):
            maps = reps.equivariant_basis(source, target).dense()
            kernel = np.asarray(params["params"][f"kernel_{o}_{i}"], np.float64)
            expected = expected + np.einsum("koi,kcd,bic->bod", maps, kernel, x.blocks[i])
        fixed = reps.equivariant_basis(reps.scalar(S4), target).dense()[..., 0]
        bias = np.asarray(params["params"][f"bias_{o}"], np.float64)[:, 0]
        expected = expected + np.einsum("ko,kd->od", fixed, bias)
        np.testing.assert_allclose(y[target], expected, rtol=1e-5, atol=1e-5)


def test_bias_is_left_out_if_asked():
    x = reps.RepArray(reps.scalar(S4), [np.ones((1, 1), np.float32)])
    names = {}
    for use_bias in (True, False):
        layer = layers.Linear(2 * reps.vector(S4), use_bias=use_bias)
        names[use_bias] = set(jax.eval_shape(layer.init, jax.random.key(0), x)["params"])
    assert names == {True: {"kernel_0_0", "bias_0"}, False: {"kernel_0_0"}}


def test_summands_without_maps_are_zero():
    V, det = reps.vector(O3), reps.determinant(O3)
    x = reps.RepArray(2 * V, [np.ones((3, 2), np.float32)])
    y, params = layers.Linear(V + 4 * det).init_with_output(jax.random.key(0), x)
    assert set(params["params"]) == {"kernel_0_0"}
    np.testing.assert_array_equal(y[det], np.zeros((1, 4)))


def test_real_scalars_of_a_complex_group_make_complex_features():
    x = reps.RepArray(3 * reps.scalar(U2), [np.ones((2, 1, 3), np.float32)])
    y, params = layers.Linear(2 * reps.scalar(U2) + reps.vector(U2)).init_with_output(
        jax.random.key(0), x
    )
    assert {leaf.dtype for leaf in jax.tree.leaves((y, params))} == {np.dtype(np.complex64)}


def parts_of_matrices(n):
    """Projectors on the parts of `V * V` that rotations do not mix."""
    flip = np.eye(n * n).reshape(n, n, n, n).swapaxes(0, 1).reshape(n * n, n * n)
    trace = np.outer(np.eye(n).ravel(), np.eye(n).ravel()) / n
    return {
        "trace": trace,
        "antisymmetric": (np.eye(n * n) - flip) / 2,
        "traceless symmetric": (np.eye(n * n) + flip) / 2 - trace,
    }


def parts_under_the_cube():
    """Projectors on the parts of `V * V` that the rotations of a cube do not mix."""
    parts = parts_of_matrices(3)
    rest = parts.pop("traceless symmetric")
    diagonal = np.diag(np.eye(3).ravel())
    return parts | {"diagonal": rest @ diagonal, "off-diagonal": rest - rest @ diagonal}


def parts_of_points(n):
    """Projectors on the mean and on the deviations of n numbers."""
    mean = np.full((n, n), 1 / n)
    return {"mean": mean, "deviations": np.eye(n) - mean}


VECTORS = reps.vector(SO3)
CUBE = reps.vector(groups.Octahedral())
PERMUTED = reps.vector(S4)
LAWS = {
    "SO(3)": (VECTORS**2, VECTORS**2, parts_of_matrices(3)),
    "SO(3), mixed": (3 * VECTORS**2 + 5 * VECTORS, VECTORS**2, None),
    "Octahedral": (2 * CUBE**2, CUBE**2, parts_under_the_cube()),
    "S(4)": (2 * PERMUTED, PERMUTED, parts_of_points(4)),
    "S(4), mixed": (PERMUTED**2 + 3 * reps.scalar(S4), PERMUTED, parts_of_points(4)),
    "U(2)": (reps.vector(U2) ** 2, reps.vector(U2) ** 2, None),
}


@pytest.mark.parametrize("name", LAWS)
def test_initial_outputs_have_unit_variance_in_every_part(name):
    rep_in, rep_out, parts = LAWS[name]
    if parts is None:
        parts = parts_of_matrices(2 if name == "U(2)" else 3)
        if name == "U(2)":
            # Unitary matrices leave no trace of two vectors, only the symmetric part as a whole.
            parts = {
                "antisymmetric": parts["antisymmetric"],
                "symmetric": parts["trace"] + parts["traceless symmetric"],
            }
    layer = layers.Linear(rep_out)

    @jax.jit
    @jax.vmap
    def draw(key):
        of_x, of_params = jax.random.split(key)
        return layer.init_with_output(of_params, reps.normal(of_x, rep_in))[0].blocks[0][:, 0]

    y = np.asarray(draw(jax.random.split(jax.random.key(3), DRAWS)))
    assert np.abs(sum(parts.values()) - np.eye(rep_out.dim)).max() < 1e-12
    for part in parts.values():
        within = y @ part.T
        dim = round(np.trace(part))
        squares = np.square(np.abs(within)).sum(axis=-1) / dim
        error = squares.std() / np.sqrt(DRAWS)
        assert error < 0.06
        assert np.abs(squares.mean() - 1) < 3 * error
        # The average of every component, each of variance at most 1.
        assert np.abs(within.mean(axis=0)).max() < 4 / np.sqrt(DRAWS)


def test_what_is_not_a_feature_of_the_group_is_refused(features):
    layer = layers.Linear(reps.vector(SO3))
    with pytest.raises(
        ValueError, match=r"Linear takes a reps.RepArray, got ArrayImpl; .*from_flat"
    ):
        layer.init(jax.random.key(0), jnp.ones(3))
    with pytest.raises(
        ValueError, match=r"representations of SO\(3\), got features of V of O\(3\)"
    ):
        layer.init(jax.random.key(0), features(reps.vector(O3), ()))


def test_layers_stack_in_a_module(features):
    V = reps.vector(SO3)
    model = nn.Sequential([layers.Linear(3 * V), layers.Linear(2 * V)])
    y, params = model.init_with_output(jax.random.key(0), features(V, (2,)))
    assert y.rep == 2 * V and y.shape == (2,)
    assert set(params["params"]) == {"layers_0", "layers_1"}
