"""Irreps of SO(3): published values, homomorphism, derivatives, accuracy, cost."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial.transform

from symjax_models.reps.rotation import generators, wigner_d, wigner_ds

# R_y(0.3) R_x(0.5) R_y(0.9)
ROTATION = np.array(
    [
        [0.39069604, 0.14167993, 0.90955121],
        [0.37554693, 0.87758256, -0.29801569],
        [-0.84042912, 0.45801271, 0.28966056],
    ]
)
DEGREE_2 = np.array(
    [
        [-0.65124409, 0.05987181, 0.11239487, 0.45762511, 0.59181344],
        [0.22514561, 0.39607549, 0.21535599, 0.75598344, -0.41778523],
        [-0.19384918, 0.57083793, 0.65522673, -0.45298910, -0.04522570],
        [0.35924220, -0.56554068, 0.69618737, 0.11770608, 0.22929718],
        [-0.59879723, -0.44028101, 0.16428713, 0.00380306, -0.64852894],
    ]
)
blocks_to_16 = jax.jit(functools.partial(wigner_ds, max_degree=16))
blocks_to_3 = jax.jit(functools.partial(wigner_ds, max_degree=3))


def draw(count, seed=0):
    return scipy.spatial.transform.Rotation.random(count, random_state=seed).as_matrix()


def test_published_values():
    np.testing.assert_allclose(wigner_d(ROTATION, degree=2), DEGREE_2, atol=2e-8)
    np.testing.assert_array_equal(wigner_d(ROTATION, degree=1), ROTATION)
    np.testing.assert_array_equal(wigner_d(ROTATION, degree=0), np.ones((1, 1)))


def test_rotations_about_the_polar_axis():
    angle, degree = 0.7, 5
    rotation = scipy.spatial.transform.Rotation.from_rotvec([0, angle, 0]).as_matrix()
    m = np.arange(-degree, degree + 1)
    expected = np.diag(np.cos(m * angle)) - np.sin(m * angle)[:, None] * np.eye(11)[::-1]
    np.testing.assert_allclose(wigner_d(rotation, degree=degree), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("degree", "published"), [(1, 1.55793916), (2, -0.13076477), (3, -1.63089793), (5, 1.19616451)]
)
def test_characters(degree, published):
    assert np.trace(wigner_d(ROTATION, degree=degree)) == pytest.approx(published, abs=1e-7)
    rotations = draw(20)
    angles = scipy.spatial.transform.Rotation.from_matrix(rotations).magnitude()
    expected = np.sin((degree + 0.5) * angles) / np.sin(angles / 2)
    found = np.trace(wigner_d(rotations, degree=degree), axis1=-2, axis2=-1)
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_homomorphism_and_orthogonality_in_double_precision():
    r, s = draw(4, seed=1), draw(4, seed=2)
    triples = zip(*(wigner_ds(x, max_degree=32) for x in (r, s, r @ s)), strict=True)
    for l, (d, e, product) in enumerate(triples):
        np.testing.assert_allclose(d @ e, product, atol=1e-12, err_msg=str(l))
        np.testing.assert_allclose(d @ d.mT - np.eye(2 * l + 1), 0, atol=1e-12, err_msg=str(l))


def test_transposing_one_factor_is_no_homomorphism():
    r, s = draw(8, seed=1), draw(8, seed=2)
    found = wigner_d(r, degree=3) @ wigner_d(s, degree=3).mT
    assert np.abs(found - wigner_d(r @ s, degree=3)).max() > 0.5


def test_homomorphism_in_single_precision_has_no_jump():
    r, s = (draw(100, seed).astype(np.float32) for seed in (1, 2))
    found = [blocks_to_16(x) for x in (r, s, r @ s)]
    exact = wigner_ds(r, max_degree=16)
    worst = []
    for d, e, product, reference in zip(*found, exact, strict=True):
        assert d.dtype == np.float32
        worst.append(np.abs(np.asarray(d) @ np.asarray(e) - product).max())
        np.testing.assert_allclose(d, reference, atol=1e-6)
    assert max(worst) < 2e-6
    assert max(worst[12:]) < 3 * max(worst[2:12])


def test_precision_follows_the_dtype():
    rotation = draw(20)
    with jax.enable_x64(True):
        double = blocks_to_3(jnp.asarray(rotation))[3]
        assert double.dtype == np.float64
        np.testing.assert_allclose(double, wigner_d(rotation, degree=3), atol=1e-14)
    half = blocks_to_3(jnp.asarray(rotation, jnp.bfloat16))[2]
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(half.astype(float), wigner_d(rotation, degree=2), atol=0.05)


@pytest.mark.parametrize("l", range(10))
def test_generators(l):
    x = generators(l)
    assert x.shape == (3, 2 * l + 1, 2 * l + 1) and not x.flags.writeable
    np.testing.assert_array_equal(x, -x.mT)
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.testing.assert_allclose(x[a] @ x[b] - x[b] @ x[a], x[c], atol=1e-13)
    np.testing.assert_allclose((x @ x).sum(axis=0), -l * (l + 1) * np.eye(2 * l + 1), atol=1e-12)


def test_generators_of_degree_one_rotate_vectors():
    x = generators(1)
    vector, axis = np.array([0.3, -1.2, 0.7]), np.array([0.5, 0.2, -0.9])
    np.testing.assert_allclose(np.tensordot(axis, x, 1) @ vector, np.cross(axis, vector))


@pytest.mark.parametrize("l", [1, 2, 5, 9])
def test_rotations_are_exponentials_of_generators(l):
    axis = np.array([0.5, 1.1, -0.8])
    algebra = np.tensordot(axis, generators(1), 1)
    expected = scipy.linalg.expm(np.tensordot(axis, generators(l), 1))
    np.testing.assert_allclose(wigner_d(scipy.linalg.expm(algebra), degree=l), expected, atol=1e-13)
    step = 1e-5
    ahead, behind = (
        wigner_d(scipy.linalg.expm(sign * step * generators(1)), degree=l) for sign in (1, -1)
    )
    np.testing.assert_allclose((ahead - behind) / (2 * step), generators(l), atol=1e-7)


@jax.jit
@jax.vmap
def velocities(rotation):
    """Return the blocks of a rotation and their changes under turns about x, y and z."""
    turn = jnp.asarray(generators(1), rotation.dtype) @ rotation
    return blocks_to_3(rotation), jax.vmap(lambda v: jax.jvp(blocks_to_3, (rotation,), (v,))[1])(
        turn
    )


def test_derivatives_at_the_identity_and_at_half_turns():
    special = [np.eye(3), np.diag([-1.0, 1.0, -1.0]), np.diag([1.0, -1.0, -1.0]), *draw(2)]
    blocks, changes = velocities(jnp.array(special, np.float32))
    for l, (d, change) in enumerate(zip(blocks, changes, strict=True)):
        expected = generators(l) @ np.asarray(d)[:, None]
        np.testing.assert_allclose(change, expected, atol=3e-6)


def test_second_derivatives_are_finite():
    second = jax.jit(jax.hessian(lambda r: jnp.sum(wigner_d(r, degree=2)[0])))(jnp.eye(3))
    assert np.isfinite(second).all() and np.abs(second).max() > 0.1


def test_reflected_rotations_act_as_on_harmonics():
    for l, (d, e) in enumerate(
        zip(*(wigner_ds(x, max_degree=4) for x in (ROTATION, -ROTATION)), strict=True)
    ):
        np.testing.assert_allclose(e, (-1) ** l * d, atol=1e-15)


def test_compiled_eager_batched_and_looped_agree():
    rotations = jnp.asarray(draw(6).reshape(2, 3, 3, 3), jnp.float32)
    compiled = blocks_to_3(rotations)
    eager = wigner_ds(rotations, max_degree=3)
    mapped = jax.vmap(jax.vmap(blocks_to_3))(rotations)
    for l in range(4):
        assert compiled[l].shape == (2, 3, 2 * l + 1, 2 * l + 1)
        np.testing.assert_allclose(compiled[l], eager[l], atol=5e-7)
        np.testing.assert_allclose(compiled[l], mapped[l], atol=5e-7)
        for index in np.ndindex(2, 3):
            single = wigner_d(np.asarray(rotations[index]), degree=l)
            np.testing.assert_allclose(compiled[l][index], single, atol=1e-6)


def test_programs_stay_small():
    def count(degree):
        jaxpr = jax.make_jaxpr(functools.partial(wigner_ds, max_degree=degree))(jnp.eye(3))
        return len(jaxpr.jaxpr.eqns)

    assert count(6) <= 120
    assert count(16) - count(15) <= 25


def test_lists_and_whole_numbers_are_taken():
    half_turn = [[-1, 0, 0], [0, 1, 0], [0, 0, -1]]
    expected = np.diag([1.0, -1.0, 1.0, -1.0, 1.0])
    found = wigner_d(half_turn, degree=2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert wigner_d(np.array(half_turn), degree=2).dtype == np.float64
    assert wigner_ds(np.zeros((0, 3, 3)), max_degree=2)[2].shape == (0, 5, 5)


def test_bad_input():
    with pytest.raises(ValueError, match=r"shape \[..., 3, 3\], got \(2, 2\)"):
        wigner_d(np.eye(2), degree=1)
    with pytest.raises(ValueError, match=r"shape \[..., 3, 3\], got \(3,\)"):
        wigner_d(jnp.ones(3), degree=0)
    with pytest.raises(ValueError, match="a degree is a whole number of at least 0, got -1"):
        wigner_d(np.eye(3), degree=-1)
    with pytest.raises(ValueError, match="a degree is a whole number of at least 0, got 1.5"):
        generators(1.5)
