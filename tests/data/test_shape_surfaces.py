import numpy as np
import pytest

from symjax_models.data import shape_surfaces as surfaces
from symjax_models.data.shape_surfaces import Piece, sample

PITCH = 0.2
# Surface -> its area and, where it is closed, its volume.
KNOWN = {
    "sphere": (surfaces.sphere(), 4 * np.pi, 4 / 3 * np.pi),
    "box": (surfaces.box(), 24.0, 8.0),
    "tetrahedron": (surfaces.tetrahedron(), 8 * np.sqrt(3), 8 / 3),
    "torus": (surfaces.torus(0.3), 4 * np.pi**2 * 0.3, 2 * np.pi**2 * 0.09),
    "tube": (surfaces.tube(), 4 * np.pi, None),
    "disc": (surfaces.disc(), np.pi, None),
    "cone": (surfaces.cone_side(), np.pi * np.sqrt(5), None),
    "helix": (
        surfaces.helix(turns=2.0, pitch=PITCH, tube_radius=0.2),
        2 * np.pi * 0.2 * 4 * np.pi * np.sqrt(1 + PITCH**2),
        None,
    ),
}
CYLINDER = (
    Piece(surfaces.tube()),
    Piece(surfaces.disc(), offset=np.eye(3)[2], part=1),
    Piece(surfaces.disc(), matrix=-np.eye(3), offset=-np.eye(3)[2], part=1),
)
SKEW = np.array([[1.3, 0.2, 0.0], [0.0, 0.7, 0.1], [0.3, 0.0, 1.1]])


@pytest.mark.parametrize("name", KNOWN)
def test_area_and_volume_are_those_of_the_body(name):
    surface, area, volume = KNOWN[name]
    points, normals, chances = surface.propose(np.random.default_rng(0), 100_000)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    assert chances.min() >= 0.0 and chances.max() <= 1.0
    np.testing.assert_allclose(surface.bound * chances.mean(), area, rtol=5e-3)
    if volume is not None:
        # Of the divergence theorem: inward normals would change the sign.
        flux = surface.bound * (chances * (points * normals).sum(axis=1)).mean() / 3
        np.testing.assert_allclose(flux, volume, rtol=2e-2)


@pytest.mark.parametrize("name", ["torus", "helix"])
def test_normals_of_tubes_are_orthogonal_to_their_surface(name):
    surface = KNOWN[name][0]
    points, normals, _ = sample(
        [Piece(surface)], num_points=6000, rng=np.random.default_rng(0), matrix=SKEW
    )
    for index in range(5):
        distance = np.linalg.norm(points - points[index], axis=1)
        near = np.argsort(distance)[1:8]
        slopes = (points[near] - points[index]) @ normals[index] / distance[near]
        assert np.abs(slopes).max() < 0.4 and np.abs(slopes).mean() < 0.15


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_scaled_bodies_are_sampled_by_their_own_area(mirror):
    """The volume of an affine image, by its points and outward normals; and its shares of area."""
    matrix = np.diag([mirror * 1.4, 0.6, 0.9]) @ SKEW
    points, normals, parts = sample(
        CYLINDER, num_points=100_000, rng=np.random.default_rng(1), matrix=matrix
    )
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    # The caps' area is known; the side's follows from the share of points.
    cap = 2 * np.pi * np.linalg.norm(np.cross(matrix[:, 0], matrix[:, 1]))
    angle = np.linspace(0, 2 * np.pi, 10_001)[:-1]
    ring = matrix @ np.stack([-np.sin(angle), np.cos(angle), 0 * angle])
    side = 2 * 2 * np.pi * np.linalg.norm(np.cross(ring.T, matrix[:, 2]), axis=1).mean()
    np.testing.assert_allclose(parts.mean(), cap / (cap + side), atol=5e-3)
    flux = (cap + side) * (points * normals).sum(axis=1).mean() / 3
    np.testing.assert_allclose(flux, 2 * np.pi * abs(np.linalg.det(matrix)), rtol=1e-2)


def test_control_unweighted_points_have_wrong_shares():
    matrix = np.diag([1.4, 1.4, 0.6])
    rng = np.random.default_rng(1)
    parts = sample(CYLINDER, num_points=20_000, rng=rng, matrix=matrix)[2]
    unscaled = sample(CYLINDER, num_points=20_000, rng=rng)[2]
    assert abs(parts.mean() - unscaled.mean()) > 0.2


def test_kept_points_and_numbers():
    upper = Piece(surfaces.sphere(), part=4, keep=lambda points: points[:, 2] > 0.0)
    points, _, parts = sample([upper], num_points=50, rng=np.random.default_rng(0))
    assert points.shape == (50, 3) and points[:, 2].min() > 0.0
    assert parts.dtype == np.int32 and set(parts.tolist()) == {4}


def test_same_generator_same_points():
    one, two = (
        sample(CYLINDER, num_points=9, rng=np.random.default_rng([1, 2]))[0] for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


def test_wrong_input_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="num_points of at least 1, got 0"):
        sample(CYLINDER, num_points=0, rng=rng)
    with pytest.raises(ValueError, match="flattens its piece"):
        sample(CYLINDER, num_points=4, rng=rng, matrix=np.diag([1.0, 1.0, 0.0]))
