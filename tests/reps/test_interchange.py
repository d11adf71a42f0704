"""Arrays of e3nn-jax and e3x: published values, symmetry, the way back, and the libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops.harmonics import solid_harmonics, spherical_harmonics
from symjax_models.reps.interchange import from_e3nn, from_e3x, to_e3nn, to_e3x

ORDERS = pytest.mark.parametrize("cartesian_order", [True, False], ids=["cartesian", "standard"])
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
RNG = np.random.default_rng(0)
POINT = np.array([0.48, -0.6, 0.64])

# The published harmonics at POINT, of e3x ("racah", degrees 2 and 3 in its Cartesian order) and the
# standard ones, which are orthonormal.
RACAH = {
    2: "-0.11223689 -0.49883063 0.53208601 -0.66510751 0.1144",
    3: "-0.32240053 -0.15710195 -0.16062037 -0.71386829 0.30804783 -0.38505979 -0.30464",
}
STANDARD = {
    2: "-0.31465395 -0.41953860 0.07216159 0.33563088 -0.07079714",
    3: "-0.11725346 -0.53279750 -0.28739040 -0.22736888 0.22991232 -0.11987944 -0.24062450",
    4: "0.09343677 -0.22512665 -0.50880885 0.03411816 -0.36136072 -0.02729453 -0.11448199 "
    "-0.46199903 -0.19712564",
}
# The published change of basis of degree 2 from e3x in Cartesian order, its columns.
DEGREE_TWO = np.zeros((5, 5))
DEGREE_TWO[[0, 1, 3], [2, 1, 3]] = 1
DEGREE_TWO[2, [0, 4]], DEGREE_TWO[4, [0, 4]] = [-0.8660254, -0.5], [-0.5, 0.8660254]


def act(x, g):
    """Transform the features of arrays of NumPy, `[B, D]`."""
    matrix = x.rep.rho(np.asarray(g, np.float64)).astype(x.blocks[0].dtype)
    return to_e3nn(x)[1] @ matrix.T


def orthogonal(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def block(array, l):
    return array[..., l * l : (l + 1) ** 2, :]


def numbers(text):
    return np.array(text.split(), float)


def test_chunks_of_one_irrep_are_gathered():
    array = np.arange(2 * 19.0).reshape(2, 19)
    x = from_e3nn("2x0e + 1o + 3x0e+0x2e+1x0e+ 2x1o+2x1e", np.pad(array, ((0, 0), (0, 2)))[:, :21])
    assert reps.format_irreps(x.rep) == "6x0e+3x1o+2x1e"
    np.testing.assert_array_equal(x["0e"][0, 0], [0, 1, 5, 6, 7, 8])
    np.testing.assert_array_equal(x["1o"][0].T, [[2, 3, 4], [9, 10, 11], [12, 13, 14]])
    np.testing.assert_array_equal(x["1e"][1].T, [[34, 35, 36], [37, 0, 0]])
    irreps, back = to_e3nn(x)
    assert irreps == "6x0e+3x1o+2x1e" and back.dtype == np.float64
    np.testing.assert_array_equal(back, x.flat)
    np.testing.assert_array_equal(to_e3nn(from_e3nn(irreps, back))[1], back)
    empty = from_e3nn("", np.zeros((3, 0)))
    assert empty.rep.dim == 0 and to_e3nn(empty)[0] == ""


@DTYPES
def test_arrays_of_e3nn_turn_as_their_chunks_do(dtype, tolerance):
    array, irreps = RNG.normal(size=(4, 10)).astype(dtype), "1x0e+1o+1x0e+2e"
    x = from_e3nn(irreps, array)
    for g in (orthogonal(0), -orthogonal(0)):
        moved = array.copy()
        moved[:, 1:4] = array[:, 1:4] @ g.T
        moved[:, 5:] = array[:, 5:] @ reps.rotation_irrep(groups.O(3), 2).rho(g).T
        np.testing.assert_allclose(to_e3nn(from_e3nn(irreps, moved))[1], act(x, g), atol=tolerance)
        # Read with the chunks in another order, they turn otherwise.
        wrong = [from_e3nn("2x0e+1o+2e", a) for a in (array, moved)]
        assert np.abs(to_e3nn(wrong[1])[1] - act(wrong[0], g)).max() > 0.1


def test_harmonics_of_e3x_are_the_published_ones():
    harmonics = solid_harmonics(POINT, max_degree=4, normalization="norm")
    x = from_e3nn(reps.format_irreps(reps.harmonic_irreps(4)), harmonics)
    cartesian, standard = (to_e3x(x, cartesian_order=order) for order in (True, False))
    assert cartesian.shape == (1, 25, 1) and cartesian.dtype == np.float64
    np.testing.assert_allclose(block(cartesian, 1)[0, :, 0], POINT, rtol=1e-15)
    np.testing.assert_allclose(block(standard, 1)[0, :, 0], np.roll(POINT, -1), rtol=1e-15)
    for l, text in RACAH.items():
        np.testing.assert_allclose(block(cartesian, l)[0, :, 0], numbers(text), atol=6e-9)
    for l, text in STANDARD.items():
        scale = np.sqrt((2 * l + 1) / (4 * np.pi))
        np.testing.assert_allclose(scale * block(standard, l)[0, :, 0], numbers(text), atol=6e-9)


def test_the_change_of_basis_is_the_published_one():
    x = from_e3x(np.eye(16)[None])
    np.testing.assert_allclose(x["2e"][:, 4:9], DEGREE_TWO, atol=5e-9)
    first = np.asarray(x["3o"][:, 9:])
    np.testing.assert_allclose(first[0, [0, 4]], [-0.25, 0.96824584], atol=6e-9)
    for column in first.T:
        entries = set(np.abs(column).round(8)) - {0.0}
        assert entries <= {0.25, 0.96824584, 0.79056942, 0.61237244, 1.0}
    np.testing.assert_allclose(first @ first.T, np.eye(7), atol=1e-14)
    np.testing.assert_array_equal(x["1o"][:, 1:4], np.eye(3))


@ORDERS
@DTYPES
@pytest.mark.parametrize("parities", [1, 2])
def test_there_and_back(parities, dtype, tolerance, cartesian_order):
    array = RNG.normal(size=(2, 3, parities, 9, 4)).astype(dtype)
    x = from_e3x(array, cartesian_order=cartesian_order)
    back = to_e3x(x, cartesian_order=cartesian_order)
    assert x.shape == (2, 3) and x.blocks[0].dtype == back.dtype == dtype
    expected = {1: "4x0e+4x1o+4x2e", 2: "4x0e+4x0o+4x1e+4x1o+4x2e+4x2o"}[parities]
    assert reps.format_irreps(x.rep) == expected
    np.testing.assert_allclose(back, array, atol=tolerance)


@DTYPES
def test_rotations_and_the_inversion(dtype, tolerance):
    # e3x's matrices are fitted to its harmonics, of which the published values are tested above.
    points, rotation = RNG.normal(size=(60, 3)), orthogonal(1)
    points /= np.linalg.norm(points, axis=-1, keepdims=True)
    rotation *= np.linalg.det(rotation)
    irreps = reps.format_irreps(reps.harmonic_irreps(3))

    def harmonics(r):
        array = solid_harmonics(r, max_degree=3, normalization="norm")
        return to_e3x(from_e3nn(irreps, array))[:, 0, :, 0]

    array = RNG.normal(size=(5, 2, 16, 2))
    matrix = np.linalg.lstsq(harmonics(points), harmonics(points @ rotation))[0]
    moved = np.einsum("npif,ij->npjf", array, matrix).astype(dtype)
    x = from_e3x(array.astype(dtype))
    expected = act(x, rotation.T)
    np.testing.assert_allclose(to_e3nn(from_e3x(moved))[1], expected, atol=10 * tolerance)
    inverted = from_e3x((np.array([1, -1])[:, None, None] * array).astype(dtype))
    np.testing.assert_allclose(to_e3nn(inverted)[1], act(x, -np.eye(3)), atol=tolerance)
    # In the wrong order of the components it is no symmetry.
    wrong = [from_e3x(a, cartesian_order=False) for a in (array.astype(dtype), moved)]
    assert np.abs(to_e3nn(wrong[1])[1] - act(wrong[0], rotation.T)).max() > 0.1


def test_irreps_that_are_missing_are_zero():
    x = from_e3nn("3x2e+3x0e", RNG.normal(size=(4, 18)))
    array = to_e3x(x)
    assert array.shape == (4, 1, 9, 3)
    np.testing.assert_array_equal(array[:, 0, 1:4], 0)
    np.testing.assert_allclose(from_e3x(array)["2e"], x["2e"], atol=1e-14)
    axial = from_e3nn("2x1e", RNG.normal(size=(4, 6)))
    array = to_e3x(axial)
    assert array.shape == (4, 2, 4, 2)
    np.testing.assert_array_equal(array[:, 0, 1:], axial["1e"])
    np.testing.assert_array_equal(array[:, 1], 0)


def test_arrays_of_jax_stay_so():
    array = RNG.normal(size=(2, 4, 3)).astype(np.float32)
    x = from_e3x(jnp.asarray(array))
    irreps, flat = to_e3nn(x)
    back = jax.jit(lambda flat: to_e3x(from_e3nn(irreps, flat)))(flat)
    assert all(isinstance(a, jax.Array) for a in (*x.blocks, flat, back))
    np.testing.assert_array_equal(flat, to_e3nn(from_e3x(array))[1])
    np.testing.assert_array_equal(back, array)
    whole = from_e3x(np.ones((1, 9, 1), int))
    assert whole.dtype == np.float32
    np.testing.assert_allclose(to_e3x(whole), 1, atol=1e-6)
    assert from_e3x(jnp.ones((1, 4, 1), jnp.bfloat16)).dtype == jnp.bfloat16


def test_bad_input():
    with pytest.raises(ValueError, match=r"an array of '2x1o' has shape \[..., 6\], got \(2, 5\)"):
        from_e3nn("2x1o", np.zeros((2, 5)))
    for shape in ((3, 9, 1), (2, 8, 1), (9, 1), (2, 0, 1)):
        with pytest.raises(ValueError, match=r"e3x have shape \[..., P, \(L\+1\)\^2, F\] with P"):
            from_e3x(np.zeros(shape))
    with pytest.raises(ValueError, match="same number of copies of every irrep, got 2x0e\\+1x1o"):
        to_e3x(from_e3nn("2x0e+1o", np.zeros(5)))
    with pytest.raises(ValueError, match="got no irreps"):
        to_e3x(from_e3nn("", np.zeros((3, 0))))
    proper = reps.RepArray(reps.vector(groups.SO(3)), [np.zeros((3, 1))])
    for convert in (to_e3x, to_e3nn):
        with pytest.raises(ValueError, match="knows irreps of O\\(3\\), got features of V of SO"):
            convert(proper)
    square = reps.RepArray(reps.vector(groups.O(3)) ** 2, [np.zeros((9, 1))])
    with pytest.raises(ValueError, match="decompose"):
        to_e3x(square)


def test_against_e3nn_jax():
    e3nn = pytest.importorskip("e3nn_jax")
    irreps = e3nn.Irreps("2x0e+1x1o+3x0e+1x1e+2x1o+1x2e")
    array = RNG.normal(size=(4, irreps.dim)).astype(np.float32)
    rotation = jnp.asarray(orthogonal(2) * np.linalg.det(orthogonal(2)), np.float32)
    theirs = e3nn.IrrepsArray(irreps, jnp.asarray(array)).transform_by_matrix(rotation)
    ours = from_e3nn(str(irreps), array).transform(rotation)
    np.testing.assert_allclose(
        from_e3nn(str(theirs.irreps), theirs.array).flat, ours.flat, atol=5e-6
    )
    assert str(e3nn.IrrepsArray(*to_e3nn(ours)).irreps) == reps.format_irreps(ours.rep)


def test_against_e3x():
    e3x = pytest.importorskip("e3x")
    r = RNG.normal(size=(20, 3)).astype(np.float32)
    theirs = e3x.so3.spherical_harmonics(r, max_degree=4, r_is_normalized=False)
    ours = spherical_harmonics(r, max_degree=4, normalization="norm")
    np.testing.assert_allclose(from_e3x(theirs[:, None, :, None]).flat, ours, atol=5e-6)
