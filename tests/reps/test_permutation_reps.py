"""Functions on a finite group and on cosets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps

CUBE = groups.Octahedral()


def turn(axis, angle):
    """Rotate about an axis."""
    axis = np.array(axis) / np.linalg.norm(axis)
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) + np.sin(angle) * -cross + (1 - np.cos(angle)) * cross @ cross


def cyclic(axis, folds):
    return groups.MatrixGroup([turn(axis, 2 * np.pi / folds)], name=f"C{folds}")


THINGS = {
    "vectors": reps.vector(CUBE),
    "faces": reps.quotient(CUBE, cyclic([0, 0, 1], 4)),
    "vertices": reps.quotient(CUBE, cyclic([1, 1, 1], 3)),
    "edges": reps.quotient(CUBE, cyclic([1, 1, 0], 2)),
    "regular": reps.regular(CUBE),
}


def test_counts_for_the_cube():
    wanted = [
        [1, 1, 1, 1, 3],
        [1, 3, 2, 3, 6],
        [1, 2, 4, 4, 8],
        [1, 3, 4, 7, 12],
        [3, 6, 8, 12, 24],
    ]
    things = list(THINGS.values())
    assert [rep.dim for rep in things] == [3, 6, 8, 12, 24]
    assert [[reps.dimension_of_maps(a, b) for b in things] for a in things] == wanted
    for i, j in ((0, 1), (1, 1), (1, 3), (2, 3)):
        assert reps.equivariant_basis(things[i], things[j]).size == wanted[i][j]
    invariants = [
        reps.dimension_of_maps(reps.scalar(CUBE), THINGS["edges"] ** k) for k in (1, 2, 3)
    ]
    assert invariants == [1, 7, 74]


@pytest.mark.parametrize(
    "group", [groups.S(3), groups.C(5), groups.A(4), groups.B(2), groups.Z(1)], ids=repr
)
def test_regular_permutes_the_group(group):
    rep = reps.regular(group)
    elements = group.elements
    matrices = rep.rho(elements)
    assert rep.dim == group.order and rep.is_orthogonal and rep.dual is rep
    for g, matrix in zip(elements, matrices, strict=True):
        for place, h in enumerate(elements):
            image = elements[matrix[:, place].argmax()] if rep.dim > 1 else elements[0]
            np.testing.assert_allclose(image, g @ h, atol=1e-12)
    assert (matrices.sum(axis=-1) == 1).all() and (matrices.sum(axis=-2) == 1).all()
    np.testing.assert_allclose(reps.character(rep, elements)[1:], 0, atol=0)


def test_faces_are_the_signed_axes():
    # A face is where the axis of its stabilizer points.
    faces = THINGS["faces"]
    elements = CUBE.elements
    matrices = faces.rho(elements)
    normals = np.stack([elements[matrices[:, face, 0] > 0.5][0][:, 2] for face in range(6)])
    for g, matrix in zip(elements, matrices, strict=True):
        np.testing.assert_allclose(matrix.T @ normals, normals @ g.T, atol=1e-12)
    wrong = np.roll(normals, 1, axis=0)
    assert np.abs(matrices[1].T @ wrong - wrong @ elements[1].T).max() > 0.5


def test_homomorphism_in_numpy_and_jax():
    rng = np.random.default_rng(0)
    g, h = CUBE.elements[rng.integers(0, 24, (2, 4, 5))]
    for rep in THINGS.values():
        np.testing.assert_allclose(rep.rho(g @ h), rep.rho(g) @ rep.rho(h), atol=1e-12)
        found = jax.jit(rep.rho)(jnp.asarray(g, np.float32))
        assert found.shape == (4, 5, rep.dim, rep.dim) and found.dtype == np.float32
        np.testing.assert_allclose(found, rep.rho(g), atol=1e-6)
    assert reps.regular(CUBE).drho(np.zeros((2, 3, 3))).shape == (2, 24, 24)


def test_characters_are_traces():
    for rep in THINGS.values():
        traces = np.trace(rep.rho(CUBE.elements), axis1=-2, axis2=-1)
        np.testing.assert_allclose(reps.character(rep, CUBE.elements), traces, atol=1e-12)


def test_quotients_that_are_simpler():
    group = groups.D(4)
    assert reps.quotient(group, group) == reps.scalar(group)
    one = groups.MatrixGroup([np.eye(2)])
    assert reps.quotient(group, one) == reps.regular(group)
    assert str(reps.regular(group)) == "regular"
    assert repr(reps.quotient(group, groups.C(4))) == "[G/C(4)] of D(4)"
    large = reps.quotient(groups.S(6), groups.A(6))
    assert large.dim == 2 and reps.dimension_of_maps(large, large) == 2


def test_what_is_no_subgroup_or_too_large_is_refused():
    with pytest.raises(ValueError, match="3 x 3 matrices, got C\\(2\\) of 2 x 2"):
        reps.quotient(CUBE, groups.C(2))
    with pytest.raises(ValueError, match="discrete generator 1 is not in the group"):
        reps.quotient(groups.C(4), groups.D(2))
    with pytest.raises(ValueError, match="at most 20000 elements to list, got SO\\(3\\)"):
        reps.regular(groups.SO(3))
    with pytest.raises(ValueError, match="table of at most"):
        reps.regular(groups.S(7))
