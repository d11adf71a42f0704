"""Harmonics against published values, SciPy, their identities, and their symmetry."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from symjax_models.ops.harmonics import solid_harmonics, spherical_harmonics

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(1000, 3)).astype(np.float32)
DIRECTIONS = VECTORS.astype(np.float64)
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=-1, keepdims=True)
POINT, OTHER = np.array([0.48, -0.6, 0.64]), np.array([2.0, -1.0, 2.0]) / 3
L = 4
NORMALIZATIONS = ["component", "norm", "integral"]

# The published values at POINT: normalization -> degree -> components.
PUBLISHED = {
    "component": {
        1: "0.83138439 -1.03923048 1.10851252",
        2: "1.18978048 -1.11541920 0.08944272 -1.48722560 0.34701931",
        3: "1.00238564 -1.88871797 0.62215111 0.95247047 0.82953481 -0.55087607 -0.37696554",
        4: "0.48852242 -1.80429416 1.56617779 0.32786495 -1.22400000 0.43715326 0.45680185 "
        "0.67853797 -0.76622415",
    },
    "norm": {
        2: "0.53208601 -0.49883063 0.04 -0.66510751 0.15519175",
        3: "0.37886616 -0.71386829 0.23515102 0.36 0.31353469 -0.20821158 -0.14247958",
    },
    "integral": {0: "0.28209479", 1: "0.23452921 -0.29316151 0.31270561"},
}
# The standard harmonics S_l, of polar axis z, at POINT.
STANDARD = {
    2: "-0.31465395 -0.41953860 0.07216159 0.33563088 -0.07079714",
    3: "-0.11725346 -0.53279750 -0.28739040 -0.22736888 0.22991232 -0.11987944 -0.24062450",
    4: "0.09343677 -0.22512665 -0.50880885 0.03411816 -0.36136072 -0.02729453 -0.11448199 "
    "-0.46199903 -0.19712564",
}

values = jax.jit(spherical_harmonics, static_argnames=("max_degree", "normalize", "normalization"))
degree_4 = functools.partial(values, max_degree=L)
solid_4 = functools.partial(values, max_degree=L, normalize=False)


def block(harmonics, l):
    return harmonics[..., l * l : (l + 1) ** 2]


def squares(harmonics):
    """Sum the squares of every degree, `[..., max_degree + 1]`."""
    count = round(harmonics.shape[-1] ** 0.5)
    return np.stack([np.sum(block(harmonics, l) ** 2, axis=-1) for l in range(count)], axis=-1)


def orthogonal(count, seed):
    """Draw orthogonal matrices, of determinant +1 and -1 in turn."""
    matrices = np.linalg.qr(np.random.default_rng(seed).normal(size=(count, 3, 3)))[0]
    wanted = 1 - 2 * (np.arange(count) % 2)
    return matrices * (wanted / np.linalg.det(matrices))[:, None, None]


def with_scipy(vectors, max_degree):
    """Evaluate the standard real harmonics by angles, with the axes cycled: (z, x, y)."""
    x, y, z = vectors.T
    polar, azimuth = np.arctan2(np.hypot(x, z), y), np.arctan2(x, z)
    columns = []
    for l in range(max_degree + 1):
        for m in range(-l, l + 1):
            column = (-1.0) ** m * scipy.special.sph_harm_y(l, abs(m), polar, azimuth)
            part = column.imag if m < 0 else column.real
            columns.append(part * (np.sqrt(2) if m else 1))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_published_values(normalization):
    found = values(POINT.astype(np.float32), max_degree=L, normalization=normalization)
    exact = solid_harmonics(POINT, max_degree=L, normalization=normalization)
    for l, published in PUBLISHED[normalization].items():
        np.testing.assert_allclose(block(exact, l), np.fromstring(published, sep=" "), atol=6e-9)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_polar_axis_is_y_and_the_standard_harmonics_are_those_of_cycled_axes():
    x, y, z = POINT
    exact = solid_harmonics(np.array([y, z, x]), max_degree=L, normalization="integral")
    for l, published in STANDARD.items():
        np.testing.assert_allclose(block(exact, l), np.fromstring(published, sep=" "), atol=6e-9)


def test_degree_one_is_the_vector():
    found = values(VECTORS, max_degree=1, normalize=False, normalization="norm")
    np.testing.assert_allclose(found[:, 1:], VECTORS, rtol=3e-7)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_normalizations(normalization):
    degrees = np.arange(9)
    expected = {
        "component": 2 * degrees + 1,
        "norm": np.ones(9),
        "integral": (2 * degrees + 1) / (4 * np.pi),
    }
    exact = solid_harmonics(DIRECTIONS, max_degree=8, normalization=normalization)
    wanted = np.broadcast_to(expected[normalization], (len(DIRECTIONS), 9))
    np.testing.assert_allclose(squares(exact), wanted, rtol=2e-14)


def test_double_precision_equals_scipy_to_degree_32():
    expected = with_scipy(DIRECTIONS, 32)
    found = solid_harmonics(DIRECTIONS, max_degree=32, normalization="integral")
    np.testing.assert_allclose(found, expected, atol=2e-13)
    with jax.enable_x64(True):
        found = values(DIRECTIONS, max_degree=L, normalization="integral")
        assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected[:, : (L + 1) ** 2], atol=1e-14)


def test_single_precision_to_degree_16():
    exact = solid_harmonics(DIRECTIONS, max_degree=16)
    errors = np.abs(np.asarray(values(VECTORS, max_degree=16), np.float64) - exact)
    # The root mean square of a component is 1.
    largest = [block(errors, l).max() for l in range(17)]
    assert max(largest) < 4e-6 and max(largest[:5]) < 1.2e-6
    assert max(largest) > 1e-8  # or this compares a thing with itself


def test_degree_64_neither_overflows_nor_vanishes():
    found = solid_harmonics(DIRECTIONS.astype(np.float32), max_degree=64)
    assert isinstance(found, np.ndarray) and found.dtype == np.float32
    np.testing.assert_allclose(squares(found) / (2 * np.arange(65) + 1), 1.0, rtol=4e-5)


def test_addition_theorem():
    first, second = (solid_harmonics(r, max_degree=8) for r in (POINT, OTHER))
    published = {1: 2.84, 2: 4.22133333, 3: 4.90667852, 4: 4.75242524, 8: -3.10484819}
    for l, expected in published.items():
        assert block(first, l) @ block(second, l) == pytest.approx(expected, abs=6e-9)
    found = np.asarray(values(VECTORS, max_degree=8))
    cosines = DIRECTIONS[:30] @ DIRECTIONS[30:60].T
    for l in range(9):
        gram = block(found[:30], l) @ block(found[30:60], l).T
        expected = (2 * l + 1) * scipy.special.eval_legendre(l, cosines)
        np.testing.assert_allclose(gram, expected, atol=1e-6 * (2 * l + 1))


@pytest.mark.parametrize("factor", [-1.0, 0.3, -2.5])
def test_solid_harmonics_are_homogeneous(factor):
    powers = np.repeat(factor ** np.arange(L + 1), 2 * np.arange(L + 1) + 1)
    expected = powers * solid_harmonics(DIRECTIONS, max_degree=L)
    found = solid_4((factor * DIRECTIONS).astype(np.float32))
    np.testing.assert_allclose(found / powers, expected / powers, atol=3e-6)


def test_parity_is_exact():
    signs = np.repeat((-1.0) ** np.arange(L + 1), 2 * np.arange(L + 1) + 1)
    np.testing.assert_array_equal(degree_4(-VECTORS), signs * np.asarray(degree_4(VECTORS)))


# The scales of a row do not reach its neighbours: every batch below holds all of them.
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3, 1e25, 8e37])
def test_length_has_no_influence(scale):
    vectors = VECTORS / np.abs(VECTORS).max()
    vectors[::2] *= np.float32(scale)
    found = np.asarray(degree_4(vectors))
    np.testing.assert_allclose(found, degree_4(VECTORS), atol=3e-6)
    np.testing.assert_allclose(squares(found) / (2 * np.arange(L + 1) + 1), 1.0, rtol=1e-6)


def test_a_bias_from_an_epsilon_would_be_seen():
    def biased(vectors):
        lengths = jnp.sqrt(jnp.sum(vectors**2, axis=-1, keepdims=True) + 1e-12)
        return solid_4(vectors / lengths)

    assert np.abs(biased(1e-6 * VECTORS) - degree_4(VECTORS)).max() > 1e-2


def fit(points, images):
    """Solve `images = points @ D.T` in the sense of least squares; return D and the residual."""
    solution, *_ = np.linalg.lstsq(points, images, rcond=None)
    return solution.T, np.abs(points @ solution - images).max()


def representation(function, matrices):
    """Fit the matrix on the harmonics of each matrix on vectors; return the worst residual."""
    points = function(DIRECTIONS[:100])
    fitted = [fit(points, function(DIRECTIONS[:100] @ g.T)) for g in matrices]
    return np.stack([matrix for matrix, _ in fitted]), max(residual for _, residual in fitted)


def test_rotations_and_reflections_act_by_an_orthogonal_representation():
    exact = functools.partial(solid_harmonics, max_degree=L)
    g, h = orthogonal(4, seed=1), orthogonal(4, seed=2)[::-1]
    (first, a), (second, b), (both, c) = (representation(exact, m) for m in (g, h, g @ h))
    assert max(a, b, c) < 1e-13
    np.testing.assert_allclose(first @ second, both, atol=1e-13)
    identity = np.broadcast_to(np.eye((L + 1) ** 2), first.shape)
    np.testing.assert_allclose(first @ first.swapaxes(1, 2), identity, atol=1e-13)
    for l in range(L + 1):
        rows = slice(l * l, (l + 1) ** 2)
        outside = np.delete(first[:, rows], np.r_[rows], axis=2)
        np.testing.assert_allclose(outside, np.zeros_like(outside), atol=1e-13)
    np.testing.assert_allclose(first[:, 1:4, 1:4], g, atol=1e-13)  # degree 1 is the vector


def equivariance_error(function, dtype):
    """Return the largest error against matrices fitted to the float64 harmonics."""
    matrices = orthogonal(6, seed=3)
    exact = functools.partial(solid_harmonics, max_degree=L)
    fitted, _ = representation(exact, matrices)
    images = np.einsum("gij,pj->gpi", matrices, DIRECTIONS[:100]).astype(dtype)
    values_of_images = np.asarray(function(images), np.float64)
    points = np.asarray(function(DIRECTIONS[:100].astype(dtype)), np.float64)
    return np.abs(np.einsum("gij,pj->gpi", fitted, points) - values_of_images).max()


def test_equivariance_in_single_and_double_precision():
    single = equivariance_error(degree_4, np.float32)
    with jax.enable_x64(True):
        double = equivariance_error(degree_4, np.float64)
    assert single < 2e-6 and double < 2e-14
    assert 1e7 < single / double < 1e10


def test_equivariance_of_one_wrong_sign_is_seen():
    assert equivariance_error(lambda r: degree_4(r).at[..., 13].multiply(-1.0), np.float32) > 0.1


def test_batches_of_any_shape_and_compilation_change_nothing():
    vectors = VECTORS[:24]
    expected = degree_4(vectors)
    np.testing.assert_allclose(spherical_harmonics(vectors, max_degree=L), expected, atol=1e-6)
    shaped = degree_4(vectors.reshape(2, 3, 4, 3))
    np.testing.assert_allclose(shaped.reshape(24, -1), expected, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(degree_4)(vectors), expected, atol=1e-6)
    np.testing.assert_allclose([degree_4(r) for r in vectors[:3]], expected[:3], atol=1e-6)
    assert degree_4(np.zeros((0, 3), np.float32)).shape == (0, 25)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(expected[::-1], expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_dtype_is_preserved(dtype):
    vectors = jnp.asarray(VECTORS[:50], dtype)
    found = degree_4(vectors)
    assert found.dtype == dtype
    exact = np.asarray(degree_4(vectors.astype(jnp.float32)))
    # Only the result is rounded; to denormal numbers also, which half precision has early.
    np.testing.assert_allclose(
        found.astype(jnp.float32), exact, rtol=jnp.finfo(dtype).eps, atol=1e-6
    )


def test_whole_numbers_and_degree_zero():
    found = spherical_harmonics(np.array([[0, 2, 0], [1, 0, 0]]), max_degree=1)
    expected = np.array([[1, 0, 3**0.5, 0], [1, 3**0.5, 0, 0]], np.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(spherical_harmonics(VECTORS, max_degree=0), np.ones((1000, 1)))


def test_programs_stay_small():
    def equations(jaxpr):
        inner = [v for e in jaxpr.eqns for v in e.params.values() if hasattr(v, "jaxpr")]
        return len(jaxpr.eqns) + sum(equations(closed.jaxpr) for closed in inner)

    for degree, ceiling in ((4, 90), (6, 100), (16, 150)):
        evaluate = functools.partial(spherical_harmonics, max_degree=degree)
        assert 20 < equations(jax.make_jaxpr(evaluate)(VECTORS).jaxpr) < ceiling
        gradient = jax.grad(lambda r: jnp.sum(evaluate(r) ** 3))
        assert equations(jax.make_jaxpr(gradient)(VECTORS).jaxpr) < 3 * ceiling


AXES = np.concatenate([np.eye(3), -np.eye(3), np.eye(3) + 1e-8 * VECTORS[:3]])
solid_3 = functools.partial(spherical_harmonics, max_degree=3, normalize=False)


@functools.partial(jax.jit, static_argnames="normalize")
def derivatives(points, *, normalize):
    """Return gradients `[P, L, 3]`, and Hessians `[P, L, 3, 3]` by both nestings of modes."""
    function = functools.partial(spherical_harmonics, max_degree=3, normalize=normalize)
    nested = (
        jax.jacrev(function),
        jax.jacfwd(jax.jacrev(function)),
        jax.jacrev(jax.jacfwd(function)),
    )
    return [jax.vmap(derivative)(points) for derivative in nested]


@pytest.mark.parametrize("normalize", [True, False])
def test_derivatives_equal_finite_differences(normalize):
    points, step = np.concatenate([AXES, VECTORS[:5]]).astype(np.float64), 1e-5

    def exact(r):
        lengths = np.linalg.norm(r, axis=-1, keepdims=True)
        return solid_harmonics(r / lengths if normalize else r, max_degree=3)

    moved = step * np.eye(3)
    slopes = [(exact(points + d) - exact(points - d)) / (2 * step) for d in moved]
    with jax.enable_x64(True):
        gradient, hessian, other = derivatives(points, normalize=normalize)
        slope = lambda r: np.asarray(derivatives(r, normalize=normalize)[0])  # noqa: E731
        bends = [(slope(points + d) - slope(points - d)) / (2 * step) for d in moved]
    np.testing.assert_allclose(gradient, np.stack(slopes, axis=-1), atol=1e-7)
    np.testing.assert_allclose(hessian, np.stack(bends, axis=-1), atol=1e-7)
    np.testing.assert_allclose(hessian, other, atol=1e-13)
    single = derivatives(points.astype(np.float32), normalize=normalize)
    np.testing.assert_allclose(single[0], gradient, atol=1e-5)
    np.testing.assert_allclose(single[1], hessian, atol=2e-4)


def test_solid_harmonics_are_harmonic_and_of_their_degree_in_every_derivative():
    _, hessian, _ = derivatives(VECTORS[:50], normalize=False)
    np.testing.assert_allclose(np.trace(hessian, axis1=-2, axis2=-1), np.zeros((50, 16)), atol=1e-4)
    assert np.abs(hessian).max() > 1
    # Euler's theorem for the third derivative along r, which is l (l - 1) (l - 2) times the value.
    along = lambda f: lambda r, d: jax.jvp(lambda r: f(r, d), (r,), (d,))[1]  # noqa: E731
    third = jax.jit(along(along(along(lambda r, d: solid_3(r)))))
    found = third(POINT.astype(np.float32), POINT.astype(np.float32))
    expected = np.repeat([0, 0, 0, 6], [1, 3, 5, 7]) * solid_harmonics(POINT, max_degree=3)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_everything_is_zero_at_the_zero_vector_and_nothing_else_is_touched():
    points = np.concatenate([np.zeros((1, 3)), VECTORS[:13]]).astype(np.float32)
    expected = np.eye(1, 16)[0]
    np.testing.assert_array_equal(values(points, max_degree=3)[0], expected)
    np.testing.assert_array_equal(values(points, max_degree=3, normalize=False)[0], expected)
    others = derivatives(VECTORS[:14], normalize=True)
    for found, other in zip(derivatives(points, normalize=True), others, strict=True):
        np.testing.assert_array_equal(found[0], np.zeros_like(found[0]))
        np.testing.assert_allclose(found[1:], other[:13], rtol=1e-5, atol=1e-4)
    naive = jax.jacrev(lambda r: solid_3(r / jnp.linalg.norm(r)))(jnp.zeros(3))
    assert np.isnan(naive).any()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"shape \[\.\.\., 3\], got \(5, 2\)"):
        spherical_harmonics(np.zeros((5, 2)), max_degree=1)
    with pytest.raises(ValueError, match=r"got \(\)"):
        spherical_harmonics(1.0, max_degree=1)
    for degree in (-1, 1.5, True):
        with pytest.raises(ValueError, match="max_degree is a whole number of at least 0, got"):
            spherical_harmonics(VECTORS, max_degree=degree)
    with pytest.raises(ValueError, match="'integrl'; did you mean 'integral'"):
        spherical_harmonics(VECTORS, max_degree=1, normalization="integrl")
