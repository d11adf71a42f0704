"""The audit of functions of typed features, against maps known to commute with their group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.audit import group_elements, typed_features

BOUNDS = {"float32": 5e-6, "float64": 1e-12}
ROTATIONS, LORENTZ = groups.SO(3), groups.Lorentz()
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def features(group, rep=None, batch=(5,), seed=0):
    return reps.normal(jax.random.key(seed), rep or 2 * reps.vector(group), batch)


def square_type(group):
    v = reps.vector(group)
    return 2 * v**2 + 3 * v


def linear_map(rep, *, broken=False):
    """Return a random equivariant linear map of `rep` to itself, or one with an entry altered."""
    basis = reps.equivariant_basis(rep, rep)
    weights = np.random.default_rng(0).normal(size=basis.size)
    matrix = np.einsum("k,kij->ij", weights, basis.dense())
    matrix[1, 2] += 0.1 * broken
    return lambda x: reps.RepArray.from_flat(rep, x.flat @ jnp.asarray(matrix.T, x.dtype))


@pytest.mark.parametrize("group", [ROTATIONS, LORENTZ], ids=repr)
def test_equivariant_linear_map_passes_in_both_precisions(group):
    rep = square_type(group)
    function, x = linear_map(rep), features(group, rep)
    audit.assert_equivariant(function, x)
    report = audit.equivariance_report(function, x, gradient=True)
    errors = {(quantity, error.dtype.name): error for quantity, error in report.rows}
    assert len(errors) == 4
    for quantity in ("value", "gradient"):
        single, double = errors[quantity, "float32"], errors[quantity, "float64"]
        assert list(single.parts) == ["sampled", "generators"]
        assert single.group == group
        assert 0 < single.mean <= single.max < BOUNDS["float32"]
        assert 0 < double.mean <= double.max < BOUNDS["float64"]
        # The ratio of the two machine precisions is 5e8.
        assert 1e7 < single.max / double.max < 1e10


@pytest.mark.parametrize("group", [ROTATIONS, LORENTZ], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_altered_entry_fails(group, dtype):
    rep = square_type(group)
    function, x = linear_map(rep, broken=True), features(group, rep)
    error = audit.equivariance_error(function, x, dtype=dtype)
    assert error.parts["sampled"] > 0.01 and error.parts["generators"] > 0.01
    with pytest.raises(AssertionError) as caught:
        audit.assert_equivariant(function, x, dtype=dtype)
    sentence = str(caught.value)
    assert sentence.startswith(f"not equivariant under {group} (sampled and generators): relative")
    assert f"equivariance error under {group} in {dtype}: max" in sentence


def turn(x):
    """Turn vectors of the plane by a quarter."""
    (block,) = x.blocks
    return reps.RepArray(x.rep, [jnp.stack([-block[..., 1, :], block[..., 0, :]], axis=-2)])


def minkowski_square(x):
    (block,) = x.blocks
    return jnp.einsum("...ic,ij,...jc->...c", block, jnp.asarray(METRIC, block.dtype), block)


def test_gradient_of_features_that_are_not_orthogonal_is_of_the_dual():
    # The gradient of the square of v is 2 m v: no vector, but of the dual type.
    x = features(LORENTZ)
    report = audit.equivariance_report(minkowski_square, x, gradient=True)
    for _, error in report.rows:
        assert error.max < BOUNDS[error.dtype.name]
    gradient = jax.grad(lambda x: minkowski_square(x).sum())
    with pytest.raises(AssertionError, match=r"Lorentz\(\) \(sampled and generators\)"):
        audit.assert_equivariant(gradient, x)

    def raised(x):
        dual = reps.vector(LORENTZ).dual
        return reps.RepArray(2 * dual, gradient(x).blocks)

    audit.assert_equivariant(raised, x)


def test_cotangents_of_an_output_are_of_its_dual():
    # Lowering an index, v -> m v, has an output that is not its own dual.
    dual = 2 * reps.vector(LORENTZ).dual

    def lower(x):
        return reps.RepArray(dual, [jnp.einsum("ij,...jc->...ic", METRIC, x.blocks[0])])

    report = audit.equivariance_report(lower, features(LORENTZ), gradient=True)
    for _, error in report.rows:
        assert error.max < BOUNDS[error.dtype.name]


@pytest.mark.parametrize("group", [ROTATIONS, LORENTZ], ids=repr)
def test_gradient_that_is_not_the_value_s_is_found(group):
    form = METRIC if group == LORENTZ else np.eye(3)

    @jax.custom_vjp
    def altered(x):
        block = x.blocks[0]
        return jnp.einsum("...ic,ij,...jc->...c", block, jnp.asarray(form, block.dtype), block)

    def pull(x, c):
        wrong = form @ np.diag([1.0, 2.0] + [1.0] * (len(form) - 2))
        block = jnp.einsum("ij,...jc->...ic", jnp.asarray(wrong, c.dtype), x.blocks[0])
        return (reps.RepArray(x.rep, [block * c[..., None, :]]),)

    altered.defvjp(lambda x: (altered(x), x), pull)
    report = audit.equivariance_report(altered, features(group), gradient=True)
    for quantity, error in report.rows:
        assert (error.max > 0.01) == (quantity == "gradient")
        assert (error.max > BOUNDS[error.dtype.name]) == (quantity == "gradient")


def interact(x, weight):
    """Multiply vectors of a unitary group by real invariants of them."""
    (v,) = x.blocks
    gram = jnp.einsum("...ic,...id->...cd", v.conj(), v)
    return reps.RepArray(x.rep, [weight * jnp.einsum("...ic,...cd->...id", v, gram)]), gram.real


@pytest.mark.parametrize("group", [groups.U(2), groups.SU(3)], ids=repr)
def test_complex_groups(group):
    x = features(group)
    assert x.dtype == jnp.complex64
    report = audit.equivariance_report(interact, x, np.float32(0.7), gradient=True)
    for _, error in report.rows:
        assert error.max < BOUNDS[error.dtype.name]
    # Conjugate components are those of the dual.
    with pytest.raises(AssertionError, match="not equivariant under"):
        audit.assert_equivariant(lambda x: x.map(jnp.conj), x)

    def conjugate(x):
        return reps.RepArray(2 * reps.vector(group).dual, [x.blocks[0].conj()])

    audit.assert_equivariant(conjugate, x)


def test_scalars_of_a_complex_group_may_be_real():
    group = groups.U(2)
    scalars = reps.RepArray(reps.scalar(group), [np.ones((5, 1, 1), np.float32)])
    audit.assert_equivariant(
        lambda x, s: (s + s, x * s.blocks[0][..., 0, 0]), features(group), scalars
    )


@pytest.mark.parametrize("group", [groups.S(4), groups.O(2) * groups.S(3)], ids=repr)
def test_discrete_generators_are_tested(group):
    rep = reps.vector(group)
    generators = group_elements.draw_elements(group, jax.random.key(0), num_samples=1)["generators"]
    assert len(generators) == len(group.discrete_generators) + len(group.lie_algebra)
    x = features(group, rep)
    audit.assert_equivariant(linear_map(rep), x)
    error = audit.equivariance_error(linear_map(rep, broken=True), x)
    assert error.parts["generators"] > 0.01


def test_a_symmetry_that_the_elements_drawn_miss_is_found_by_generators():
    # One element drawn of O(2) is a rotation half of the time, and this commutes with rotations.
    x = features(groups.O(2))
    options = {"num_samples": 1, "dtype": "float64"}
    errors = [
        audit.equivariance_error(turn, x, key=jax.random.key(seed), **options) for seed in range(4)
    ]
    assert min(error.parts["sampled"] for error in errors) < BOUNDS["float64"]
    assert min(error.parts["generators"] for error in errors) > 0.01


def test_elements_are_those_of_the_group():
    for group in (ROTATIONS, LORENTZ, groups.U(2), groups.IndefiniteO(1, 2), groups.GL(3)):
        drawn = group_elements.draw_elements(group, jax.random.key(0), num_samples=4)
        assert drawn["sampled"].shape == (4, group.n, group.n)
        for matrices in drawn.values():
            assert matrices.dtype == (np.complex128 if group.is_complex else np.float64)
            assert (group.residual(matrices) < 1e-12).all()
        continuous = drawn["generators"][len(group.discrete_generators) :]
        assert np.linalg.norm(continuous, ord=2, axis=(-2, -1)).max() <= np.e + 1e-12


def test_action_is_that_of_features_themselves():
    g = group_elements.draw_elements(LORENTZ, jax.random.key(0), num_samples=1)["sampled"][0]
    x = features(LORENTZ, square_type(LORENTZ))
    moved = typed_features.Features().act(g, x)
    assert moved.rep == x.rep and moved.dtype == np.float32
    for block, expected in zip(moved.blocks, x.transform(g).blocks, strict=True):
        np.testing.assert_allclose(block, expected, rtol=1e-4, atol=1e-5)
    # The dual keeps the pairing of x with itself.
    double = x.map(lambda block: np.asarray(block, np.float64))
    primal = typed_features.Features().act(g, double)
    dual = typed_features.Features(is_dual=True).act(g, double)
    for a, b, block in zip(primal.blocks, dual.blocks, double.blocks, strict=True):
        np.testing.assert_allclose((a * b).sum(), (block**2).sum(), rtol=1e-12)


def test_features_are_found_inside_arguments_and_outputs():
    x = features(ROTATIONS)
    state = {"x": x, "charge": np.arange(5.0, dtype=np.float32), "name": np.int32(3)}

    def function(state, scale, key):
        y = state["x"] * (scale * state["charge"])
        return (y, [state["x"].blocks[0].shape[0], (y.blocks[0] ** 2).sum()])

    arguments = (state, 2.0, jax.random.key(0))
    audit.assert_equivariant(function, *arguments)
    # A plain array in the output is invariant.
    with pytest.raises(AssertionError, match=r"under SO\(3\)"):
        audit.assert_equivariant(lambda *a: function(*a)[0].blocks[0], *arguments)


def test_function_is_traced_once_in_the_dtype_asked_for():
    seen = []

    def function(x, weight):
        seen.append((x.dtype, weight.dtype))
        return x * weight

    for dtype in ("float32", "float64"):
        audit.assert_equivariant(jax.jit(function), features(ROTATIONS), np.float32(2), dtype=dtype)
    assert seen == [(np.float32,) * 2, (np.float64,) * 2]


def test_dtype_defaults_to_that_of_the_features():
    for group in (ROTATIONS, groups.U(2)):
        x = features(group)
        assert audit.equivariance_error(lambda x: -x, x).dtype == np.float32
        with jax.enable_x64(True):
            assert audit.equivariance_error(lambda x: -x, x).dtype == np.float32
            assert audit.equivariance_error(lambda x: -x, features(group)).dtype == np.float64
